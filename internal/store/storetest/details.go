package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func testEntries(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	h.approve(t, "a1", "d1")
	h.approve(t, "a2", "d2")
	h.append(t, "a1", "prompt", prompted(4), prompted(5))
	read := func(f store.EntryFilter) (seqs []int64) {
		page, err := h.Entries(ctx, "a1", f)
		require.NoError(t, err)
		for _, e := range page {
			require.Equal(t, "a1", e.AccountID)
			require.False(t, e.RecordedAt.IsZero())
			seqs = append(seqs, e.Seq)
		}
		return seqs
	}
	require.Equal(t, []int64{1, 2, 3, 4, 5}, read(store.EntryFilter{Limit: 1000}))
	require.Equal(t, []int64{3, 4}, read(store.EntryFilter{Beyond: 2, Limit: 2}))
	require.Equal(t, []int64{5, 4}, read(store.EntryFilter{Newest: true, Limit: 2}))
	require.Equal(t, []int64{3, 2, 1}, read(store.EntryFilter{Newest: true, Beyond: 4, Limit: 9}))
	only := []lifecycle.Event{lifecycle.Submit, lifecycle.Approve}
	require.Equal(t, []int64{1, 3}, read(store.EntryFilter{Events: only, Limit: 9}))
	require.Equal(t, []int64{1}, read(store.EntryFilter{Events: only, Newest: true, Beyond: 3, Limit: 9}))
	require.Empty(t, read(store.EntryFilter{Beyond: 5, Limit: 9}))
	for _, limit := range []int{0, 1001} {
		_, err := h.Entries(ctx, "a1", store.EntryFilter{Limit: limit})
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	none, err := h.Entries(ctx, "nobody", store.EntryFilter{Limit: 1})
	require.NoError(t, err)
	require.Empty(t, none)
}

func prompted(minute int) lifecycle.Change {
	c := change(lifecycle.Prompt, minute)
	c.Detail.Prompt = &lifecycle.PromptNote{Level: "notice", Policy: "p", PolicyVersion: 1, Rule: "r"}
	return c
}

func testAttemptsAndConsents(t *testing.T, h *harness) {
	ctx := t.Context()
	for _, id := range []string{"a1", "a2"} {
		h.register(t, id)
		h.approve(t, id, "d-"+id)
		h.append(t, id, "start", issue(id, 1, 4))
	}
	again := issue("a1", 1, 6) // another code for the attempt that lives
	again.Detail.Attempt, again.Detail.Consent, again.Detail.Lease.ID = nil, nil, "a1-lease-1b"
	scan := change(lifecycle.Scan, 7)
	scan.Detail.LeaseID = "a1-lease-1b"
	h.append(t, "a1", "again", again, scan)
	require.NoError(t, h.MarkReturned(ctx, "a1-attempt-1", at(8)))
	h.append(t, "a1", "failed", result(lifecycle.Fail, "a1", 1, 9))
	h.append(t, "a1", "second", issue("a1", 2, 10))

	attempts, err := h.AttemptsOf(ctx, "a1")
	require.NoError(t, err)
	v, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	first, second := issue("a1", 1, 4).Detail, issue("a1", 2, 10).Detail
	code := *again.Detail.Lease
	code.ScannedAt = at(7)
	same(t, []store.AttemptRecord{
		{Attempt: v.Attempts[0], Leases: []lifecycle.Lease{*first.Lease, code}, ReturnedAt: at(8)},
		{Attempt: *second.Attempt, Leases: []lifecycle.Lease{*second.Lease}},
	}, attempts)
	require.Equal(t, lifecycle.AttemptFailed, attempts[0].Result)

	consents, err := h.ConsentsOf(ctx, "a1")
	require.NoError(t, err)
	same(t, []store.ConsentRecord{{Consent: *first.Consent}}, consents)
	h.append(t, "a1", "withdrawn", change(lifecycle.WithdrawConsent, 11))
	consents, err = h.ConsentsOf(ctx, "a1")
	require.NoError(t, err)
	same(t, []store.ConsentRecord{{Consent: *first.Consent, EndedAt: at(11), EndedVia: store.EndedByAPI}}, consents)
	others, err := h.ConsentsOf(ctx, "a2")
	require.NoError(t, err)
	require.Len(t, others, 1)
	require.True(t, others[0].EndedAt.IsZero(), "of another account")

	attempts, err = h.AttemptsOf(ctx, "nobody")
	require.NoError(t, err)
	require.Empty(t, attempts)
}
