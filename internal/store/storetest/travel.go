package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// testTravel asks at the very instant of each recording, and a nanosecond before.
func testTravel(t *testing.T, h *harness) {
	ctx := t.Context()
	h.clock.Set(at(10))
	first := h.register(t, "a1")
	h.clock.Set(at(20)) // the store learns late of what happened at minutes 1 to 3
	h.approve(t, "a1", "d1")
	log, err := h.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	recorded := log[2].RecordedAt
	h.clock.Set(at(30))
	granted := policy.Extension{ID: "e1", AccountID: "a1", Until: at(50), GrantedAt: at(25)}
	require.NoError(t, h.PutExtension(ctx, granted, operator, "backlog"))
	h.clock.Set(at(40))
	moved := facts("a1")
	moved.Region = "US"
	second, _, err := h.PutAccount(ctx, store.PutAccount{Account: moved, Actor: operator, Reason: "moved"}, true)
	require.NoError(t, err)

	ask := func(at time.Time, basis store.Basis) store.Facts {
		t.Helper()
		got, err := h.FactsAt(ctx, "a1", at, basis)
		require.NoError(t, err)
		return got
	}
	_, err = h.FactsAt(ctx, "a1", first.RecordedAt.Add(-1), store.Did)
	require.ErrorIs(t, err, store.ErrNotFound, "not yet recorded")
	_, err = h.FactsAt(ctx, "nobody", at(59), store.Would)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.FactsAt(ctx, "a1", at(59), "could")
	require.ErrorIs(t, err, store.ErrInvalid)

	for _, c := range []struct {
		name       string
		at         time.Time
		basis      store.Basis
		region     string
		state      lifecycle.State
		seq        int64
		extensions int
	}{
		{"did, at registration", first.RecordedAt, store.Did, "CN", lifecycle.Unverified, 0, 0},
		{"did, before the log was recorded", recorded.Add(-1), store.Did, "CN", lifecycle.Unverified, 0, 0},
		{"did, when the log was recorded", recorded, store.Did, "CN", lifecycle.Approved, 3, 0},
		{"did, before the extension was recorded", at(30), store.Did, "CN", lifecycle.Approved, 3, 0},
		{"did, after it was", at(31), store.Did, "CN", lifecycle.Approved, 3, 1},
		{"did, before the correction", second.RecordedAt.Add(-1), store.Did, "CN", lifecycle.Approved, 3, 1},
		{"did, at the correction", second.RecordedAt, store.Did, "US", lifecycle.Approved, 3, 1},
		{"did, long after", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), store.Did, "US", lifecycle.Approved, 3, 1},
		{"would, before anything", at(1).Add(-1), store.Would, "US", lifecycle.Unverified, 0, 1},
		{"would, at the submit", at(1), store.Would, "US", lifecycle.Submitted, 1, 1},
		{"would, before the review", at(2).Add(-1), store.Would, "US", lifecycle.Submitted, 1, 1},
		{"would, at the review", at(2), store.Would, "US", lifecycle.UnderReview, 2, 1},
		{"would, before the approval", at(3).Add(-1), store.Would, "US", lifecycle.UnderReview, 2, 1},
		{"would, at the approval", at(3), store.Would, "US", lifecycle.Approved, 3, 1},
		{"would, long before", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), store.Would, "US", lifecycle.Unverified, 0, 1},
	} {
		got := ask(c.at, c.basis)
		require.Equal(t, c.region, got.Account.Region, c.name)
		require.Equal(t, c.state, got.Standing.State, c.name)
		require.Equal(t, c.seq, got.Seq, c.name)
		require.Len(t, got.Extensions, c.extensions, c.name)
	}
	same(t, at(3), ask(recorded, store.Did).Standing.Since)
	same(t, []policy.Extension{granted}, ask(at(1), store.Would).Extensions)
}

// testTravelIntoImportedPast: an entry may tell of an earlier instant than the one before it.
func testTravelIntoImportedPast(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	prompt := change(lifecycle.Prompt, 30)
	h.append(t, "a1", "login-1", prompt)
	h.append(t, "a1", "import-1", *imported(lifecycle.ImportVerified, "", 5))
	got, err := h.FactsAt(ctx, "a1", at(5), store.Would)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Verified, got.Standing.State, "by what is known now")
	require.EqualValues(t, 2, got.Seq)
	got, err = h.FactsAt(ctx, "a1", at(5).Add(-1), store.Would)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Unverified, got.Standing.State)

	h.register(t, "a2") // two workers' clocks differ: the review seems to precede the submission
	h.append(t, "a2", "c1", submit(6, "d"), change(lifecycle.BeginReview, 4))
	got, err = h.FactsAt(ctx, "a2", at(5), store.Would)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Unverified, got.Standing.State)
	got, err = h.FactsAt(ctx, "a2", at(6), store.Would)
	require.NoError(t, err)
	require.Equal(t, lifecycle.UnderReview, got.Standing.State)
}

// testClockBack: what was recorded by an instant stays a prefix of the log when the clock jumps.
func testClockBack(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.clock.Set(at(50))
	h.append(t, "a1", "c1", submit(1, "d"))
	h.clock.Set(at(10))
	h.append(t, "a1", "c2", change(lifecycle.BeginReview, 2))
	log, err := h.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	require.False(t, log[1].RecordedAt.Before(log[0].RecordedAt))
	moved := facts("a1")
	moved.Region = "US"
	h.clock.Set(at(0))
	first, err := h.Account(ctx, "a1")
	require.NoError(t, err)
	second, _, err := h.PutAccount(ctx, store.PutAccount{Account: moved}, true)
	require.NoError(t, err)
	require.False(t, second.RecordedAt.Before(first.RecordedAt))
}
