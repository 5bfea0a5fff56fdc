package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func testAppend(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	a := lifecycle.Append{AccountID: "a1", ChangeID: "c1", Changes: []lifecycle.Change{submit(1, "d1"), change(lifecycle.BeginReview, 2)}}
	a.Changes[0].AccountID, a.Changes[0].Seq, a.Changes[0].ChangeID = "another", 77, "another" // stamped by the store
	got, err := h.Append(ctx, a)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Appended, got.Outcome)
	require.Equal(t, got.Written, got.Log)
	require.Len(t, got.Written, 2)
	for i, c := range got.Written {
		require.Equal(t, "a1", c.AccountID)
		require.EqualValues(t, i+1, c.Seq)
		require.Equal(t, "c1", c.ChangeID)
	}
	require.Equal(t, lifecycle.Submitted, got.Written[1].From)
	require.Equal(t, lifecycle.UnderReview, got.Written[1].To)

	again, err := h.Append(ctx, a)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Duplicate, again.Outcome)
	require.Equal(t, got.Written, again.Written, "the first result, to the letter")
	again, err = h.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: "c1", Head: 1, Known: 1, Changes: []lifecycle.Change{change(lifecycle.Approve, 3)}})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Duplicate, again.Outcome, "whatever it holds and wherever the head is")
	require.Equal(t, got.Written[1:], again.Log)

	stale := lifecycle.Append{AccountID: "a1", ChangeID: "c2", Head: 1, Known: 1, Changes: []lifecycle.Change{change(lifecycle.Approve, 3)}}
	moved, err := h.Append(ctx, stale)
	require.NoError(t, err)
	require.Equal(t, lifecycle.HeadMoved, moved.Outcome)
	require.Empty(t, moved.Written)
	require.Equal(t, got.Written[1:], moved.Log)
	_, err = h.Written(ctx, "a1", "c2")
	require.ErrorIs(t, err, store.ErrNotFound, "nothing was written")

	stale.Head = lifecycle.AnyHead
	anyHead, err := h.Append(ctx, stale)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Appended, anyHead.Outcome)
	require.Len(t, anyHead.Log, 2, "everything after what the caller knows")
	written, err := h.Written(ctx, "a1", "c2")
	require.NoError(t, err)
	require.Equal(t, anyHead.Written, written)

	v, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	folded, err := lifecycle.New("a1").Fold(append(got.Written, anyHead.Written...)...)
	require.NoError(t, err)
	same(t, folded, v)
	page, err := h.Events(ctx, "a1", 1, 1)
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, got.Written[1], page[0].Change)
	require.False(t, page[0].RecordedAt.IsZero())
	_, err = h.Events(ctx, "a1", 0, 0)
	require.ErrorIs(t, err, store.ErrInvalid)
}

func testRefusedAppends(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.append(t, "a1", "c0", submit(1, "d1"))
	noLease := change(lifecycle.IssueQR, 4)
	for name, c := range map[string]struct {
		append lifecycle.Append
		want   error
	}{
		"unknown account": {lifecycle.Append{AccountID: "nobody", ChangeID: "c1", Changes: []lifecycle.Change{submit(1, "d")}}, store.ErrNotFound},
		"no change id":    {lifecycle.Append{AccountID: "a1", Head: 1, Changes: []lifecycle.Change{change(lifecycle.BeginReview, 2)}}, store.ErrInvalid},
		"no changes":      {lifecycle.Append{AccountID: "a1", ChangeID: "c1", Head: 1}, store.ErrInvalid},
		"no instant":      {lifecycle.Append{AccountID: "a1", ChangeID: "c1", Head: 1, Changes: []lifecycle.Change{{Event: lifecycle.BeginReview}}}, store.ErrInvalid},
		"no lease":        {lifecycle.Append{AccountID: "a1", ChangeID: "c1", Head: 1, Changes: []lifecycle.Change{noLease}}, store.ErrInvalid},
		"not in the table": {lifecycle.Append{AccountID: "a1", ChangeID: "c1", Head: lifecycle.AnyHead,
			Changes: []lifecycle.Change{change(lifecycle.Approve, 2)}}, lifecycle.ErrBrokenLog},
		"second of two": {lifecycle.Append{AccountID: "a1", ChangeID: "c1", Head: 1,
			Changes: []lifecycle.Change{change(lifecycle.BeginReview, 2), change(lifecycle.Unlock, 2)}}, lifecycle.ErrBrokenLog},
	} {
		_, err := h.Append(ctx, c.append)
		require.ErrorIs(t, err, c.want, name)
	}
	log, err := h.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	require.Len(t, log, 1, "all of an append or nothing")
	v, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	require.EqualValues(t, 1, v.Seq)
}

func testDetails(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	h.append(t, "a1", "start", issue("a1", 1, 4))
	_, _, err := h.Lease(ctx, "nothing")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = h.Attempt(ctx, "nothing")
	require.ErrorIs(t, err, store.ErrNotFound)

	scan := change(lifecycle.Scan, 5)
	scan.Detail.LeaseID = "a1-lease-1"
	h.append(t, "a1", "scan", scan)
	account, lease, err := h.Lease(ctx, "a1-lease-1")
	require.NoError(t, err)
	require.Equal(t, "a1", account)
	require.True(t, lease.ScannedAt.Equal(at(5)))
	require.True(t, lease.ExpiresAt.Equal(at(14)))

	h.append(t, "a1", "fail", result(lifecycle.Fail, "a1", 1, 6))
	_, failed, err := h.Attempt(ctx, "a1-attempt-1")
	require.NoError(t, err)
	require.Equal(t, lifecycle.AttemptFailed, failed.Result)
	require.True(t, failed.ResultAt.Equal(at(6)))
	h.append(t, "a1", "start-2", issue("a1", 2, 7))
	late := result(lifecycle.Fail, "a1", 2, 8)
	late.Ignored = true
	h.append(t, "a1", "ignored", late)
	_, second, err := h.Attempt(ctx, "a1-attempt-2")
	require.NoError(t, err)
	require.Empty(t, second.Result, "ignored news changes nothing")
	h.append(t, "a1", "pass", result(lifecycle.Pass, "a1", 1, 9)) // late, of the older attempt
	account, attempt, err := h.Attempt(ctx, "a1-attempt-1")
	require.NoError(t, err)
	require.Equal(t, "a1", account)
	require.Equal(t, lifecycle.AttemptPassed, attempt.Result)
	v, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	same(t, *v.Attempt("a1-attempt-1"), attempt)

	h.register(t, "a2")
	h.approve(t, "a2", "d2")
	stolen := issue("a1", 1, 10)
	_, err = h.Append(ctx, lifecycle.Append{AccountID: "a2", ChangeID: "x", Head: 3, Changes: []lifecycle.Change{stolen}})
	require.ErrorIs(t, err, store.ErrConflict, "an attempt belongs to one account")
	v, err = h.Head(ctx, "a2")
	require.NoError(t, err)
	require.EqualValues(t, 3, v.Seq)
}

func testLists(t *testing.T, h *harness) {
	ctx := t.Context()
	for n := range 7 {
		id := fmt.Sprintf("a%d", n)
		h.register(t, id)
		if n%2 == 0 {
			h.approve(t, id, "d")
		}
	}
	h.append(t, "a1", "submit", submit(1, "d"))
	for name, c := range map[string]struct {
		filter store.Filter
		want   []string
	}{
		"all":           {store.Filter{Limit: 500}, []string{"a0", "a1", "a2", "a3", "a4", "a5", "a6"}},
		"approved":      {store.Filter{State: lifecycle.Approved, Limit: 10}, []string{"a0", "a2", "a4", "a6"}},
		"never touched": {store.Filter{State: lifecycle.Unverified, Limit: 10}, []string{"a3", "a5"}},
		"second page":   {store.Filter{State: lifecycle.Approved, After: "a2", Limit: 1}, []string{"a4"}},
		"past the end":  {store.Filter{After: "a6", Limit: 1}, nil},
	} {
		page, err := h.Verifications(ctx, c.filter)
		require.NoError(t, err, name)
		var ids []string
		for _, v := range page {
			ids = append(ids, v.AccountID)
			require.True(t, v.State.Valid())
		}
		require.Equal(t, c.want, ids, name)
	}
	for _, limit := range []int{0, 501} {
		_, err := h.Verifications(ctx, store.Filter{Limit: limit})
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}

func testElsewhere(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	elsewhere := func(id, digest string) bool {
		t.Helper()
		found, err := h.VerifiedElsewhere(ctx, id, digest)
		require.NoError(t, err)
		return found
	}
	h.append(t, "a1", "c1", submit(1, "d1"))
	require.False(t, elsewhere("a2", "d1"), "submitted is not accepted")
	h.append(t, "a1", "c2", change(lifecycle.BeginReview, 2), change(lifecycle.Approve, 3))
	require.True(t, elsewhere("a2", "d1"))
	require.False(t, elsewhere("a1", "d1"), "not elsewhere")
	require.False(t, elsewhere("a2", "d2"))
	require.False(t, elsewhere("a2", ""))
	h.append(t, "a1", "c3", issue("a1", 1, 4), result(lifecycle.Pass, "a1", 1, 5))
	require.True(t, elsewhere("a2", "d1"))
	h.append(t, "a1", "c4", change(lifecycle.Revoke, 6))
	require.False(t, elsewhere("a2", "d1"))
}

func testRestart(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	h.append(t, "a1", "start", issue("a1", 1, 4))
	before, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	require.NoError(t, h.Close())

	again := h.again()
	after, err := again.Head(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, before, after)
	got, err := again.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: "start", Changes: []lifecycle.Change{issue("a1", 1, 4)}})
	require.NoError(t, err)
	require.Equal(t, lifecycle.Duplicate, got.Outcome, "a re-sent command finds its first result")
	got, err = again.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: "pass", Head: 4, Known: 4,
		Changes: []lifecycle.Change{result(lifecycle.Pass, "a1", 1, 5)}})
	require.NoError(t, err)
	require.EqualValues(t, 5, got.Written[0].Seq)
}

func testChanged(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	first, err := h.Changed(ctx, "a1")
	require.NoError(t, err)
	second, err := h.Changed(ctx, "a1")
	require.NoError(t, err)
	other, err := h.Changed(ctx, "a2")
	require.NoError(t, err)
	h.append(t, "a1", "c1", submit(1, "d"))
	h.append(t, "a1", "c2", change(lifecycle.BeginReview, 2))
	receive(t, first)
	receive(t, second)
	select {
	case <-other:
		require.Fail(t, "news of another account")
	default:
	}
	ended, end := h.subscribeUntil(t, "a1")
	end()
	closes(t, ended)
	require.NoError(t, h.Close())
	closes(t, first)
}

func (h *harness) subscribeUntil(t *testing.T, id string) (<-chan struct{}, func()) {
	t.Helper()
	ctx, end := contextOf(t)
	news, err := h.Changed(ctx, id)
	require.NoError(t, err)
	return news, end
}

const patience = 20 * time.Second

func receive(t *testing.T, news <-chan struct{}) {
	t.Helper()
	select {
	case _, open := <-news:
		require.True(t, open)
	case <-time.After(patience):
		require.Fail(t, "no news")
	}
}

// closes waits for the end of a subscription, past news that were still in it.
func closes(t *testing.T, news <-chan struct{}) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, open := <-news:
			if !open {
				return
			}
		case <-deadline:
			require.Fail(t, "still open")
			return
		}
	}
}
