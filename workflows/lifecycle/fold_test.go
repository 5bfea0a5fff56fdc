package lifecycle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// eventful is a course on which every event happens and every field of the log is used.
func eventful(t testing.TB) *course {
	c := begin(t)
	actor := func(kind lifecycle.ActorKind) lifecycle.Actor {
		return lifecycle.Actor{Kind: kind, ID: string(kind) + "-7"}
	}
	prompt := &lifecycle.PromptNote{Level: "notice", LoginID: "login-1", Policy: "wishpost", PolicyVersion: 1, Rule: "existing-individuals"}
	provenance := &lifecycle.Provenance{At: beijing(t, "2019-05-01 00:00:00"), Method: "paper", Evidence: "old-1"}

	c.take(lifecycle.Change{Event: lifecycle.ImportApproved, Actor: actor(lifecycle.ActorImport), Detail: lifecycle.Detail{Provenance: provenance}})
	c.take(lifecycle.Change{Event: lifecycle.Prompt, Actor: actor(lifecycle.ActorSystem), Detail: lifecycle.Detail{Prompt: prompt}})
	c.after(time.Hour).take(lifecycle.Change{Event: lifecycle.Submit, Actor: actor(lifecycle.ActorMerchant), Detail: lifecycle.Detail{Identity: c.identity()}})
	c.take(lifecycle.Change{Event: lifecycle.BeginReview, Actor: actor(lifecycle.ActorSystem), Detail: lifecycle.Detail{Findings: []string{"name_unusual"}}})
	c.take(lifecycle.Change{Event: lifecycle.Reject, Actor: actor(lifecycle.ActorReviewer), Reason: "name_unreadable", Detail: lifecycle.Detail{NoteRef: "note-1"}})
	c.after(time.Hour).approved()
	order := c.order()
	order.Actor = actor(lifecycle.ActorMerchant)
	order.Detail.Abandoned = []string{"order-0"}
	order.Detail.Attempt.OrderNo, order.Detail.Attempt.ProviderRef = "order-1", "certify-1"
	order.Detail.Consent.EvidenceRef = "vault-consent"
	c.take(order)
	c.after(time.Minute).scan().after(10 * time.Minute).expire()
	c.take(lifecycle.Change{Event: lifecycle.Scan, Detail: lifecycle.Detail{LeaseID: order.Detail.Lease.ID}}) // too late: ignored
	c.take(c.again())
	evidence := &lifecycle.Evidence{Provider: "alipay", Code: "F", Digest: strings.Repeat("ab", 32), At: c.at, Returned: true}
	c.take(lifecycle.Change{
		Event: lifecycle.Fail, Actor: actor(lifecycle.ActorProvider), Reason: "face_not_passed",
		Detail: lifecycle.Detail{AttemptID: order.Detail.Attempt.ID, Evidence: evidence},
	})
	c.after(time.Minute).news(lifecycle.Fail, c.face()) // the last of the day: a lock follows
	c.after(time.Minute).take(lifecycle.Change{Event: lifecycle.Unlock, Actor: actor(lifecycle.ActorOperator), Reason: "support"})
	c.take(lifecycle.Change{Event: lifecycle.Correct, Actor: actor(lifecycle.ActorMerchant), Detail: lifecycle.Detail{Correction: lifecycle.CorrectionByPolicy, Identity: c.identity()}})
	c.event(lifecycle.BeginReview).event(lifecycle.Approve)
	c.after(time.Minute).news(lifecycle.Pass, c.face())
	c.after(time.Hour).event(lifecycle.WithdrawConsent).event(lifecycle.Revoke)
	c.take(lifecycle.Change{Event: lifecycle.ImportVerified, Actor: actor(lifecycle.ActorImport), Detail: lifecycle.Detail{Provenance: provenance}})
	c.event(lifecycle.Revoke).after(24 * time.Hour).approved()
	c.event(lifecycle.ChooseManual).event(lifecycle.CancelManual).event(lifecycle.ChooseManual).event(lifecycle.RejectManual)
	c.face()
	c.event(lifecycle.ChooseManual).event(lifecycle.ApproveManual).event(lifecycle.Prompt).is(lifecycle.Verified)

	since := beijing(t, "2020-12-04 00:00:00")
	c.take(lifecycle.Change{Event: lifecycle.Remind, Actor: actor(lifecycle.ActorSystem), Detail: lifecycle.Detail{Reminder: &lifecycle.Reminder{
		Milestone: "P3D", Level: "warning", Deadline: since, Policy: "wishpost", PolicyVersion: 1, Rule: "existing-individuals",
	}}})
	restricted := lifecycle.Restricted{
		Policy: "wishpost", PolicyVersion: 1, Rule: "existing-individuals", Since: since, Actions: []string{"create_label"}, Sweep: "sweep-1",
	}
	opened := c.take(lifecycle.Change{Event: lifecycle.Restrict, Actor: actor(lifecycle.ActorSystem), Detail: lifecycle.Detail{Restricted: &restricted}})
	lifted := restricted
	lifted.Opened = opened[0].Seq
	c.take(lifecycle.Change{Event: lifecycle.Lift, Actor: actor(lifecycle.ActorSystem), Reason: "verified", Detail: lifecycle.Detail{Restricted: &lifted}})
	return c.is(lifecycle.Verified)
}

// TestGoldenLog holds a stored log and its fold as JSON. If it fails, logs that are stored already would be read
// differently: a field was renamed, dropped or given another meaning. Only what was added may be added here.
func TestGoldenLog(t *testing.T) {
	t.Parallel()
	c := eventful(t)
	requireGolden(t, goldenDir+"log.golden.json", indented(t, c.log))
	requireGolden(t, goldenDir+"fold.golden.json", indented(t, c.v))
}

func indented(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(v))
	return b.String()
}

func TestTheGoldenLogHasEveryEventAndField(t *testing.T) {
	t.Parallel()
	c := eventful(t)
	var ignored bool
	seen := map[lifecycle.Event]bool{}
	for _, change := range c.log {
		seen[change.Event] = true
		ignored = ignored || change.Ignored
	}
	require.Len(t, seen, len(lifecycle.Events()))
	require.True(t, ignored)
	for _, field := range []string{
		"findings", "note_ref", "correction", "abandoned", "unlock_at", "provenance", "prompt", "evidence", "consent", "attempt",
		"lease", "lease_id", "attempt_id", "identity", "returned", "digest", "evidence_ref", "reason", "ignored", "method", "login_id",
		"reminder", "milestone", "restricted", "opened", "sweep",
	} {
		require.Contains(t, indented(t, c.log), fmt.Sprintf("%q", field))
	}
}

// TestTheLogSurvivesJSON: what the store keeps folds to what the workflow remembers.
func TestTheLogSurvivesJSON(t *testing.T) {
	t.Parallel()
	c := eventful(t)
	raw, err := json.Marshal(c.log)
	require.NoError(t, err)
	var log []lifecycle.Change
	require.NoError(t, json.Unmarshal(raw, &log))
	require.Empty(t, cmp.Diff(c.log, log))
	fold, err := lifecycle.New("a1").Fold(log...)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(c.v, fold))
	raw, err = json.Marshal(c.v)
	require.NoError(t, err)
	var v lifecycle.Verification
	require.NoError(t, json.Unmarshal(raw, &v))
	require.Empty(t, cmp.Diff(c.v, v))
}

// TestFoldingChangesNothingOfBefore: a fold shares no memory that a later one writes to.
func TestFoldingChangesNothingOfBefore(t *testing.T) {
	t.Parallel()
	c := eventful(t)
	v := lifecycle.New("a1")
	for _, change := range c.log {
		before, beforeChange := indented(t, v), indented(t, change)
		next, err := v.Fold(change)
		require.NoError(t, err)
		require.Equal(t, before, indented(t, v))
		require.Equal(t, beforeChange, indented(t, change))
		v = next
	}
}

// TestTwoFuturesOfOnePast: rehearsal and time travel fold different changes onto the same verification.
func TestTwoFuturesOfOnePast(t *testing.T) {
	t.Parallel()
	c := begin(t).approved()
	for range 20 {
		prompt := func(id string) lifecycle.Verification {
			v, _, err := c.v.Extend(lifecycle.Change{Event: lifecycle.Prompt, ChangeID: id, At: c.at})
			require.NoError(t, err)
			return v
		}
		left := prompt("left")
		kept := indented(t, left)
		right := prompt("right")
		require.Equal(t, kept, indented(t, left))
		require.True(t, right.Remembers("right"))
		c.event(lifecycle.Prompt)
	}
}

func TestBrokenLogs(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func([]lifecycle.Change) []lifecycle.Change{
		"a gap":               func(log []lifecycle.Change) []lifecycle.Change { return append(log[:3:3], log[4:]...) },
		"a gap in standing":   func(log []lifecycle.Change) []lifecycle.Change { return append(log[:1:1], log[2:]...) },
		"a prompt twice":      func(log []lifecycle.Change) []lifecycle.Change { return append(log[:2:2], log[1:]...) },
		"an entry twice":      func(log []lifecycle.Change) []lifecycle.Change { return append(log[:3:3], log[2:]...) },
		"another order":       func(log []lifecycle.Change) []lifecycle.Change { log[2], log[3] = log[3], log[2]; return log },
		"a foreign entry":     func(log []lifecycle.Change) []lifecycle.Change { log[2].AccountID = "a2"; return log },
		"another beginning":   func(log []lifecycle.Change) []lifecycle.Change { log[2].From = lifecycle.Rejected; return log },
		"another end":         func(log []lifecycle.Change) []lifecycle.Change { log[2].To = lifecycle.Verified; return log },
		"an unknown event":    func(log []lifecycle.Change) []lifecycle.Change { log[2].Event = "x"; return log },
		"an ignored move":     func(log []lifecycle.Change) []lifecycle.Change { log[2].Ignored = true; return log },
		"a QR without lease":  func(log []lifecycle.Change) []lifecycle.Change { return withoutLease(log) },
		"a step not in table": func(log []lifecycle.Change) []lifecycle.Change { log[2].Event = lifecycle.Approve; return log },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lifecycle.New("a1").Fold(breakIt(eventful(t).log)...)
			require.ErrorIs(t, err, lifecycle.ErrBrokenLog)
			require.NotContains(t, err.Error(), "a1")
		})
	}
	v := begin(t).approved().v
	after, err := v.Apply(lifecycle.Change{AccountID: "a1", Seq: v.Seq + 2, From: v.State, To: v.State})
	require.ErrorIs(t, err, lifecycle.ErrBrokenLog)
	require.Equal(t, v, after, "unchanged")
}

func withoutLease(log []lifecycle.Change) []lifecycle.Change {
	for i := range log {
		log[i].Detail.Lease = nil
	}
	return log
}

func TestExtendRefusesWhatCannotBeFolded(t *testing.T) {
	t.Parallel()
	c := begin(t)
	submit := lifecycle.Change{Event: lifecycle.Submit, At: c.at, Detail: lifecycle.Detail{Identity: c.identity()}}
	v, log, err := c.v.Extend(submit, lifecycle.Change{Event: lifecycle.BeginReview, At: c.at})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2}, []int64{log[0].Seq, log[1].Seq})
	require.Equal(t, lifecycle.UnderReview, v.State)
	for _, second := range []lifecycle.Change{{Event: lifecycle.Approve}, {Event: lifecycle.Pass}, {Event: "x"}, {Event: lifecycle.IssueQR}} {
		_, log, err := c.v.Extend(submit, second)
		require.ErrorIs(t, err, lifecycle.ErrBrokenLog)
		require.Empty(t, log, "all or none")
	}
	_, _, err = begin(t).approved().v.Extend(lifecycle.Change{Event: lifecycle.IssueQR})
	require.ErrorIs(t, err, lifecycle.ErrBrokenLog, "a QR without a lease")
	_, log, err = c.v.Extend(lifecycle.Change{Event: lifecycle.Pass, Ignored: true})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Unverified, log[0].To)
}

func TestPromptsAreNumberedByTheLog(t *testing.T) {
	t.Parallel()
	c := begin(t)
	note := &lifecycle.PromptNote{Number: 99, Level: "notice"}
	for n := 1; n <= 3; n++ {
		log := c.take(lifecycle.Change{Event: lifecycle.Prompt, Detail: lifecycle.Detail{Prompt: note}})
		require.Equal(t, n, log[0].Detail.Prompt.Number)
		require.Equal(t, n, c.v.Prompts)
	}
	require.Equal(t, 99, note.Number, "the caller's note is not written to")
}

func TestRemembers(t *testing.T) {
	t.Parallel()
	c := begin(t)
	require.False(t, c.v.Remembers(""))
	for i := range 20 {
		c.take(lifecycle.Change{Event: lifecycle.Prompt, ChangeID: fmt.Sprintf("p%d", i)})
		c.take(lifecycle.Change{Event: lifecycle.Prompt, ChangeID: fmt.Sprintf("p%d", i)})
		require.True(t, c.v.Remembers(fmt.Sprintf("p%d", i)))
	}
	require.Len(t, c.v.Recent, 16)
	require.False(t, c.v.Remembers("p3"))
	require.True(t, c.v.Remembers("p4"))
	require.False(t, c.v.Remembers(""))
}
