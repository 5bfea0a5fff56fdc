package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func testClosing(t *testing.T, h *harness) {
	ctx := t.Context()
	_, _, err := h.CloseAccount(ctx, store.Closing{AccountID: "a1", ClosedAt: at(5)})
	require.ErrorIs(t, err, store.ErrNotFound)
	first := h.register(t, "a1")
	unchanged, result, err := h.CloseAccount(ctx, store.Closing{AccountID: "a1"})
	require.NoError(t, err)
	require.Equal(t, store.Unchanged, result, "it was open")
	same(t, first, unchanged)

	closed, result, err := h.CloseAccount(ctx, store.Closing{AccountID: "a1", ClosedAt: at(5), Actor: operator, Reason: "left"})
	require.NoError(t, err)
	require.Equal(t, store.Updated, result)
	require.Equal(t, 2, closed.Version)
	got, err := h.Account(ctx, "a1")
	require.NoError(t, err)
	same(t, closed, got)
	known, err := h.Facts(ctx, "a1")
	require.NoError(t, err)
	require.True(t, known.Account.Closed(at(5)))
	require.False(t, known.Account.Closed(at(5).Add(-1)))
	_, result, err = h.CloseAccount(ctx, store.Closing{AccountID: "a1", ClosedAt: at(5).UTC(), Actor: operator, Reason: "again"})
	require.NoError(t, err)
	require.Equal(t, store.Unchanged, result)

	opened, result, err := h.CloseAccount(ctx, store.Closing{AccountID: "a1", Actor: operator, Reason: "mistake"})
	require.NoError(t, err)
	require.Equal(t, store.Updated, result)
	require.True(t, opened.ClosedAt.IsZero())
	require.Equal(t, 3, opened.Version)
	_, _, err = h.CloseAccount(ctx, store.Closing{AccountID: "a1", ClosedAt: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorIs(t, err, store.ErrInvalid)

	did, err := h.FactsAt(ctx, "a1", closed.RecordedAt, store.Did)
	require.NoError(t, err)
	require.True(t, did.Account.ClosedAt.Equal(at(5)))
	did, err = h.FactsAt(ctx, "a1", opened.RecordedAt, store.Did)
	require.NoError(t, err)
	require.True(t, did.Account.ClosedAt.IsZero())
}

func testVersions(t *testing.T, h *harness) {
	ctx := t.Context()
	_, err := h.AccountVersions(ctx, "a1", 0, 10)
	require.ErrorIs(t, err, store.ErrNotFound)
	first := h.register(t, "a1")
	moved := facts("a1")
	moved.Region, moved.Kind = "US", policy.KindEnterprise
	changed, _, err := h.PutAccount(ctx, store.PutAccount{Account: moved, Actor: second, Reason: "typing_error"}, true)
	require.NoError(t, err)
	closed, _, err := h.CloseAccount(ctx, store.Closing{AccountID: "a1", ClosedAt: at(5), Actor: operator, Reason: "left"})
	require.NoError(t, err)

	all, err := h.AccountVersions(ctx, "a1", 0, 10)
	require.NoError(t, err)
	same(t, []store.AccountVersion{
		{Account: first, Actor: operator}, {Account: changed, Actor: second, Reason: "typing_error"},
		{Account: closed, Actor: operator, Reason: "left"},
	}, all)
	for i := range all {
		page, err := h.AccountVersions(ctx, "a1", i, 1)
		require.NoError(t, err)
		same(t, all[i:i+1], page)
	}
	for _, limit := range []int{0, 501} {
		_, err = h.AccountVersions(ctx, "a1", 0, limit)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}

// testClosedSteps: nothing leads a closed account forward; whatever ends or mends things, and news, is written.
func testClosedSteps(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	_, _, err := h.CloseAccount(ctx, store.Closing{AccountID: "a1", ClosedAt: at(10), Actor: operator, Reason: "left"})
	require.NoError(t, err)
	append1 := func(changeID string, c lifecycle.Change) (lifecycle.AppendResult, error) {
		return h.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: changeID, Head: lifecycle.AnyHead, Changes: []lifecycle.Change{c}})
	}
	for _, c := range []lifecycle.Change{
		submit(10, "d2"), change(lifecycle.ChooseManual, 10), issue("a1", 1, 10), change(lifecycle.Prompt, 10), change(lifecycle.Remind, 11),
	} {
		_, err := append1("late-"+string(c.Event), c)
		var refusal *lifecycle.Refusal
		require.ErrorAs(t, err, &refusal, c.Event)
		require.Equal(t, lifecycle.CodeAccountClosed, refusal.Code)
		require.Equal(t, lifecycle.Approved, refusal.State)
	}
	log, err := h.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	require.Len(t, log, 3)

	before, err := append1("qr", issue("a1", 1, 9))
	require.NoError(t, err, "it was open then")
	again, err := append1("qr", issue("a1", 1, 12))
	require.NoError(t, err, "the same change again is answered like the first time")
	require.Equal(t, lifecycle.Duplicate, again.Outcome)
	require.Equal(t, before.Written, again.Written)
	for _, c := range []lifecycle.Change{
		change(lifecycle.WithdrawConsent, 13), change(lifecycle.Revoke, 14),
	} {
		_, err := append1("end-"+string(c.Event), c)
		require.NoError(t, err, c.Event)
	}
	_, _, err = h.CloseAccount(ctx, store.Closing{AccountID: "a1", Actor: operator, Reason: "mistake"})
	require.NoError(t, err)
	_, err = append1("again", submit(15, "d1"))
	require.NoError(t, err)
}
