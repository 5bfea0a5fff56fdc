package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func reasoned(c lifecycle.Change, reason string) lifecycle.Change {
	c.Reason = reason
	return c
}

// course brings an account through a rejection and a failed attempt to verified.
func (h *harness) course(t *testing.T, id string) {
	t.Helper()
	h.register(t, id)
	h.append(t, id, "first", submit(0, "d-"+id), change(lifecycle.BeginReview, 10), reasoned(change(lifecycle.Reject, 40), "blurred"))
	h.append(t, id, "second", submit(60, "d-"+id), change(lifecycle.BeginReview, 61), change(lifecycle.Approve, 71))
	prompt := change(lifecycle.Prompt, 72)
	prompt.Detail.Prompt = &lifecycle.PromptNote{Number: 1, Level: "l", Policy: "p", Rule: "r"}
	h.append(t, id, "prompt", prompt)
	h.append(t, id, "try", issue(id, 1, 75), reasoned(result(lifecycle.Fail, id, 1, 80), "face_mismatch"))
	another := change(lifecycle.IssueQR, 92) // another code for the same attempt leaves no state
	another.Detail.Lease = &lifecycle.Lease{ID: id + "-lease-3", AttemptID: id + "-attempt-2", IssuedAt: at(92), ExpiresAt: at(102)}
	h.append(t, id, "again", issue(id, 2, 90), another, result(lifecycle.Pass, id, 2, 95))
}

// tallyAll counts in batches of a size until nothing is left.
func (h *harness) tallyAll(t *testing.T, batch int) (taken int) {
	t.Helper()
	for {
		n, err := h.TallyLog(t.Context(), batch)
		require.NoError(t, err)
		if n == 0 {
			return taken
		}
		require.LessOrEqual(t, n, batch)
		taken += n
	}
}

func testTally(t *testing.T, h *harness) {
	ctx := t.Context()
	none, behind, err := h.Tallied(ctx)
	require.NoError(t, err)
	require.Zero(t, none)
	require.False(t, behind)
	require.Zero(t, h.tallyAll(t, 1))

	h.course(t, "a1")
	_, behind, err = h.Tallied(ctx)
	require.NoError(t, err)
	require.True(t, behind)
	require.Equal(t, 12, h.tallyAll(t, 1), "a batch of one must look up when its account came into its state")
	h.clock.Set(at(200))
	h.course(t, "a2")
	require.Equal(t, 12, h.tallyAll(t, 1000))
	last, behind, err := h.Tallied(ctx)
	require.NoError(t, err)
	require.False(t, behind)
	require.WithinDuration(t, at(200), last, time.Second)

	got, err := h.Tally(ctx, at(0))
	require.NoError(t, err)
	require.Equal(t, map[lifecycle.Event]int64{
		lifecycle.Submit: 4, lifecycle.BeginReview: 4, lifecycle.Reject: 2, lifecycle.Approve: 2, lifecycle.Prompt: 2,
		lifecycle.IssueQR: 6, lifecycle.Fail: 2, lifecycle.Pass: 2,
	}, got.Events)
	require.Equal(t, map[lifecycle.Event]map[string]int64{
		lifecycle.Reject: {"blurred": 2}, lifecycle.Fail: {"face_mismatch": 2},
	}, got.Reasons)
	require.EqualValues(t, 4, got.Attempts)
	minutes := func(n int) int { return store.StayBin(time.Duration(n) * time.Minute) }
	require.Equal(t, map[lifecycle.State]map[int]int64{
		lifecycle.Submitted:   {minutes(10): 2, minutes(1): 2},
		lifecycle.UnderReview: {minutes(30): 2, minutes(10): 2},
		lifecycle.Rejected:    {minutes(20): 2},
		lifecycle.Approved:    {minutes(4): 2}, // a prompt between does not begin it anew
		lifecycle.QRIssued:    {minutes(5): 4},
		lifecycle.FaceFailed:  {minutes(10): 2},
	}, got.Stays)
	later, err := h.Tally(ctx, at(60))
	require.NoError(t, err)
	require.EqualValues(t, 2, later.Events[lifecycle.Submit], "of the hours from ten o'clock on")
	require.Empty(t, later.Events[lifecycle.Reject])

	h.clock.Set(at(0).Add(store.TallyFor + 2*time.Hour))
	h.register(t, "a3")
	h.append(t, "a3", "late", submit(5, "d")) // of an hour that is not kept any more
	require.Equal(t, 1, h.tallyAll(t, 10))
	got, err = h.Tally(ctx, at(0))
	require.NoError(t, err)
	require.Empty(t, got.Events)
	_, err = h.TallyLog(ctx, 0)
	require.ErrorIs(t, err, store.ErrInvalid)
}

// testTallyOnce has several count the same log at once.
func testTallyOnce(t *testing.T, h *harness) {
	for n := range 6 {
		h.course(t, fmt.Sprintf("a%d", n))
	}
	other := h.again()
	group, ctx := errgroup.WithContext(t.Context())
	for _, s := range []store.Store{h.Store, other, h.Store, other} {
		group.Go(func() error {
			for {
				if _, err := s.TallyLog(ctx, 7); err != nil {
					return err
				}
				if _, behind, err := s.Tallied(ctx); err != nil || !behind {
					return err
				}
			}
		})
	}
	require.NoError(t, group.Wait())
	got, err := h.Tally(t.Context(), at(0))
	require.NoError(t, err)
	require.EqualValues(t, 12, got.Events[lifecycle.Submit])
	require.EqualValues(t, 6, got.Events[lifecycle.Pass])
	var stays int64
	for _, bins := range got.Stays {
		for _, n := range bins {
			stays += n
		}
	}
	require.EqualValues(t, 6*9, stays)
}

func testFigures(t *testing.T, h *harness) {
	ctx := t.Context()
	for _, id := range []string{"a1", "a2", "a3"} {
		h.register(t, id)
	}
	_, err := h.Enforce(ctx, store.EnforcePage{Limit: 10, Source: "s1"}, restrictAll)
	require.NoError(t, err)
	h.approve(t, "a3", "digest")
	h.append(t, "a3", "face", issue("a3", 1, 4), result(lifecycle.Pass, "a3", 1, 5))
	_, err = h.Enforce(ctx, store.EnforcePage{Limit: 10, Source: "s2"}, restrictAll)
	require.NoError(t, err)
	open, err := h.OpenByRule(ctx)
	require.NoError(t, err)
	require.Equal(t, []store.RuleCount{{Policy: "p", Rule: "r", Accounts: 2}}, open)

	for i, b := range []store.Block{
		{AccountID: "a1", Action: "create_label", RuleID: "r", At: at(5)}, {AccountID: "a1", Action: "create_label", RuleID: "q", At: at(6)},
		{AccountID: "a2", Action: "create_label", RuleID: "r", At: at(7)}, {AccountID: "a2", Action: "login", RuleID: "r", At: at(8)},
		{AccountID: "a1", Action: "login", RuleID: "r", At: at(4)}, {AccountID: "a3", Action: "login", RuleID: "r", At: at(9), Observed: true},
	} {
		b.PolicyName, b.PolicyVersion, b.Reason, b.Receipt = "p", 1, "enforced", fmt.Sprintf("receipt-%d", i)
		_, err := h.RecordBlock(ctx, b)
		require.NoError(t, err)
	}
	blocked, err := h.BlockedSince(ctx, at(5))
	require.NoError(t, err)
	require.Equal(t, []store.BlockedCount{{Action: "create_label", Refusals: 3, Accounts: 2}, {Action: "login", Refusals: 1, Accounts: 1}}, blocked)

	empty, err := h.Outstanding(ctx, at(0))
	require.NoError(t, err)
	require.Zero(t, empty)
	h.webhook(t, "w1")
	require.Positive(t, h.fanOut(t, 10))
	for n, claimed := range h.claim(t, "w1", "t", 10) {
		switch n {
		case 0:
			h.record(t, delivered(claimed, "t", 11))
		default:
			failed := delivered(claimed, "t", 12)
			failed.State, failed.Status, failed.Fault = store.DeliveryFailed, 500, "status"
			h.record(t, failed)
		}
	}
	got, err := h.Outstanding(ctx, at(11))
	require.NoError(t, err)
	require.EqualValues(t, 2, got.WebhooksFailed)
	require.True(t, at(10).Equal(got.OldestPending), "%v", got.OldestPending)
	later, err := h.Outstanding(ctx, at(13))
	require.NoError(t, err)
	require.Zero(t, later.WebhooksFailed)

	remind := func(id, milestone string) {
		c := change(lifecycle.Remind, 20)
		c.Detail.Reminder = &lifecycle.Reminder{Number: 1, Milestone: milestone, Deadline: at(60), Policy: "p", PolicyVersion: 1, Rule: "r"}
		h.append(t, id, "remind-"+milestone, c)
	}
	remind("a1", "P3D")
	remind("a2", "P3D")
	open2, err := h.OpenNotices(ctx, "p", at(100), 10)
	require.NoError(t, err)
	require.Len(t, open2, 2)
	_, err = h.SettleNotices(ctx, []store.NoticeTry{{ID: open2[0].ID, Attempts: open2[0].Attempts, NoticeOutcome: store.NoticeOutcome{State: store.NoticeFailed, Code: "x"}}}, at(30))
	require.NoError(t, err)
	got, err = h.Outstanding(ctx, at(30))
	require.NoError(t, err)
	require.EqualValues(t, 1, got.NoticesWaiting)
	require.EqualValues(t, 1, got.NoticesFailed)
	got, err = h.Outstanding(ctx, at(31))
	require.NoError(t, err)
	require.Zero(t, got.NoticesFailed)
}
