package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func testContacts(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	_, err := h.Contact(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.PutContact(ctx, "nobody", "ref")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.PutContact(ctx, "a1", "")
	require.ErrorIs(t, err, store.ErrInvalid)
	for _, step := range []struct{ ref, replaced string }{{"ref-1", ""}, {"ref-2", "ref-1"}, {"ref-2", "ref-2"}} {
		replaced, err := h.PutContact(ctx, "a1", step.ref)
		require.NoError(t, err)
		require.Equal(t, step.replaced, replaced)
		ref, err := h.Contact(ctx, "a1")
		require.NoError(t, err)
		require.Equal(t, step.ref, ref)
	}
	h.register(t, "a2")
	refs, err := h.Contacts(ctx, []string{"a2", "nobody", "a1"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a1": "ref-2"}, refs)
	refs, err = h.Contacts(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, refs)
	for range 2 {
		require.NoError(t, h.DeleteContact(ctx, "a1"))
		_, err = h.Contact(ctx, "a1")
		require.ErrorIs(t, err, store.ErrNotFound)
	}
}

func remind(minute int, policyName, milestone string) lifecycle.Change {
	c := change(lifecycle.Remind, minute)
	c.Actor = lifecycle.Actor{Kind: lifecycle.ActorSystem}
	c.Detail.Reminder = &lifecycle.Reminder{
		Milestone: milestone, Level: "warning", Deadline: at(24 * 60), Policy: policyName, PolicyVersion: 1, Rule: "r1",
	}
	return c
}

func testNotices(t *testing.T, h *harness) {
	ctx := t.Context()
	for _, id := range []string{"a1", "a2", "a3"} {
		h.register(t, id)
	}
	h.append(t, "a1", "remind/P7D", remind(1, "p", "P7D"))
	h.append(t, "a2", "remind/P7D", remind(2, "p", "P7D"))
	h.append(t, "a2", "remind/P3D", remind(5, "p", "P3D"))
	h.append(t, "a3", "remind/P7D", remind(1, "other", "P7D"))

	reminded, err := h.Reminded(ctx, "remind/P3D", []string{"a1", "a2", "a3", "nobody"})
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"a2": true}, reminded)
	reminded, err = h.Reminded(ctx, "remind/P3D", nil)
	require.NoError(t, err)
	require.Empty(t, reminded)

	open, err := h.OpenNotices(ctx, "p", at(4), 10)
	require.NoError(t, err)
	require.Len(t, open, 2, "one belongs to another policy, the time of another has not come")
	same(t, store.Notice{
		ID: open[0].ID, AccountID: "a1", Seq: 1, Channel: store.ChannelSMS, Policy: "p", Rule: "r1", Milestone: "P7D", Deadline: at(24 * 60),
		NoticeOutcome: store.NoticeOutcome{State: store.NoticePending, NextAt: at(1)}, CreatedAt: at(1), ChangedAt: at(1),
	}, open[0])
	require.Equal(t, "a2", open[1].AccountID)
	limited, err := h.OpenNotices(ctx, "p", at(9), 1)
	require.NoError(t, err)
	require.Equal(t, open[:1], limited, "the longest waiting first")
	for _, limit := range []int{0, 1001} {
		_, err = h.OpenNotices(ctx, "p", at(9), limit)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	of, err := h.OpenNoticesOf(ctx, []string{"a2", "a1", "nobody"})
	require.NoError(t, err)
	require.Equal(t, []string{"a1 P7D", "a2 P7D", "a2 P3D"}, milestones(of))
	testAttempts(t, h, open[0])
	of, err = h.OpenNoticesOf(ctx, []string{"a1", "a2"})
	require.NoError(t, err)
	require.Equal(t, []string{"a2 P7D", "a2 P3D"}, milestones(of), "what was sent is settled")
	of, err = h.OpenNoticesOf(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, of)

	all, err := h.NoticesOf(ctx, "a2")
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, []string{"P7D", "P3D"}, []string{all[0].Milestone, all[1].Milestone})
	require.NotEqual(t, all[0].ID, all[1].ID)
	_, err = h.Notice(ctx, "nothing")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func milestones(all []store.Notice) (names []string) {
	for _, n := range all {
		names = append(names, n.AccountID+" "+n.Milestone)
	}
	return names
}

// testAttempts sends one notice: an attempt that is lost, one that is taken, and the report of its arrival.
func testAttempts(t *testing.T, h *harness, n store.Notice) {
	ctx := t.Context()
	begin := func(attempts, minute int, want bool) {
		got, err := h.BeginNotices(ctx, []store.NoticeTry{{ID: "nothing"}, {ID: n.ID, Attempts: attempts}}, at(minute), at(minute+10))
		require.NoError(t, err)
		require.Equal(t, []bool{false, want}, got)
	}
	settle := func(attempts int, o store.NoticeOutcome, want bool) {
		got, err := h.SettleNotices(ctx, []store.NoticeTry{{ID: n.ID, Attempts: attempts, NoticeOutcome: o}, {ID: "nothing"}}, at(30))
		require.NoError(t, err)
		require.Equal(t, []bool{want, false}, got)
	}
	report := func(o store.NoticeOutcome, want bool) {
		got, err := h.ReportNotice(ctx, n.ID, o, at(40))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	delivered := store.NoticeOutcome{State: store.NoticeDelivered, Code: "DELIVERED"}
	report(delivered, false)
	begin(1, 3, false)
	begin(0, 3, true)
	begin(0, 3, false)
	got, err := h.Notice(ctx, n.ID)
	require.NoError(t, err)
	require.Equal(t, store.NoticeSending, got.State)
	require.Equal(t, 1, got.Attempts)
	same(t, at(3), got.AttemptedAt)
	same(t, at(13), got.NextAt)
	begin(1, 14, true)
	settle(1, store.NoticeOutcome{State: store.NoticePending, NextAt: at(50)}, false) // the first attempt's answer comes late
	settle(2, store.NoticeOutcome{State: store.NoticeSent, ProviderID: "m1"}, true)
	settle(2, store.NoticeOutcome{State: store.NoticePending, NextAt: at(50)}, false)
	begin(2, 15, false)
	open, err := h.OpenNotices(ctx, "p", at(59), 10)
	require.NoError(t, err)
	for _, o := range open {
		require.NotEqual(t, n.ID, o.ID, "what was sent is not sent again")
	}
	_, err = h.ReportNotice(ctx, n.ID, store.NoticeOutcome{State: store.NoticeSent}, at(40))
	require.ErrorIs(t, err, store.ErrInvalid)
	report(delivered, true)
	report(store.NoticeOutcome{State: store.NoticeFailed}, false)
	got, err = h.again().Notice(ctx, n.ID)
	require.NoError(t, err)
	require.Equal(t, []any{store.NoticeDelivered, "DELIVERED", "m1", 2}, []any{got.State, got.Code, got.ProviderID, got.Attempts})
	require.Zero(t, got.NextAt)
	same(t, at(40), got.ChangedAt)
}

func testOneSends(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.append(t, "a1", "remind", remind(1, "p", "P7D"))
	all, err := h.NoticesOf(ctx, "a1")
	require.NoError(t, err)
	var claims atomic.Int32
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			mine, err := h.BeginNotices(ctx, []store.NoticeTry{{ID: all[0].ID}}, at(2), at(12))
			if err == nil && mine[0] {
				claims.Add(1)
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, int32(1), claims.Load())
}

func testPrompts(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	prompt := func(id string, minute int, level string) {
		c := change(lifecycle.Prompt, minute)
		c.Detail.Prompt = &lifecycle.PromptNote{Level: level, Policy: "p", PolicyVersion: 2, Rule: "r1"}
		h.append(t, id, "login-"+level+id, c)
	}
	prompt("a1", 1, "notice")
	h.append(t, "a1", "submit", submit(2, "digest"))
	prompt("a1", 3, "warning")
	prompt("a1", 4, "final")
	prompt("a2", 1, "notice")

	put := func(id string, number int, event store.PromptEvent, minute int, want bool) {
		first, err := h.PutPromptEvent(ctx, id, number, event, at(minute))
		require.NoError(t, err)
		require.Equal(t, want, first)
	}
	put("a1", 2, store.PromptShown, 5, true)
	put("a1", 2, store.PromptShown, 6, false)
	put("a1", 2, store.PromptActed, 7, true)
	put("a1", 3, store.PromptDismissed, 8, true)
	put("a2", 1, store.PromptShown, 9, true)
	for _, number := range []int{-1, 0, 4} {
		_, err := h.PutPromptEvent(ctx, "a1", number, store.PromptShown, at(5))
		require.ErrorIs(t, err, store.ErrNotFound, "%d", number)
	}
	_, err := h.PutPromptEvent(ctx, "nobody", 1, store.PromptShown, at(5))
	require.ErrorIs(t, err, store.ErrNotFound)

	all, err := h.Prompts(ctx, "a1", 0, 10)
	require.NoError(t, err)
	one := func(number, minute int, level string) store.Prompt {
		return store.Prompt{Number: number, At: at(minute), Level: level, Policy: "p", Version: 2, Rule: "r1"}
	}
	want := []store.Prompt{one(1, 1, "notice"), one(2, 3, "warning"), one(3, 4, "final")}
	want[1].Events = map[store.PromptEvent]time.Time{store.PromptShown: at(5), store.PromptActed: at(7)}
	want[2].Events = map[store.PromptEvent]time.Time{store.PromptDismissed: at(8)}
	same(t, want, all)
	page, err := h.Prompts(ctx, "a1", 1, 1)
	require.NoError(t, err)
	same(t, want[1:2], page)
	page, err = h.Prompts(ctx, "nobody", 0, 10)
	require.NoError(t, err)
	require.Empty(t, page)
	for _, bad := range [][2]int{{-1, 10}, {0, 0}, {0, 501}} {
		_, err = h.Prompts(ctx, "a1", bad[0], bad[1])
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}
