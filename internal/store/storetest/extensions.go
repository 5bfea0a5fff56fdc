package storetest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

var second = lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "op-2"}

// asked is a request by the suite's operator for a1.
func asked(id string, minute int) store.ExtensionRequest {
	return store.ExtensionRequest{
		ID: id, AccountID: "a1", RuleID: "r", Until: at(50), At: at(minute), Actor: operator, Reason: "backlog",
	}
}

func (h *harness) request(t *testing.T, requests ...store.ExtensionRequest) []store.ExtensionOutcome {
	t.Helper()
	outcomes, err := h.RequestExtensions(t.Context(), requests)
	require.NoError(t, err)
	require.Len(t, outcomes, len(requests))
	return outcomes
}

func verdict(to store.ExtensionState, minute int) store.ExtensionVerdict {
	return store.ExtensionVerdict{To: to, At: at(minute), Actor: second, Reason: "seen"}
}

// counting returns the extensions that the gate sees, by its three ways to read them.
func (h *harness) counting(t *testing.T, id string) []policy.Extension {
	t.Helper()
	ctx := t.Context()
	one, err := h.Facts(ctx, id)
	require.NoError(t, err)
	many, err := h.FactsOf(ctx, []string{id})
	require.NoError(t, err)
	same(t, one, many[0])
	page, err := h.FactsAfter(ctx, "", id, 10_000)
	require.NoError(t, err)
	same(t, one, page[len(page)-1])
	return one.Extensions
}

func states(e store.Extension) []store.ExtensionState {
	var all []store.ExtensionState
	for _, step := range e.Steps {
		all = append(all, step.State)
	}
	return all
}

func testExtensions(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	first := h.request(t, asked("e1", 4))[0]
	require.NoError(t, first.Err)
	require.True(t, first.Created)
	require.Equal(t, store.ExtensionRequested, first.Extension.Recorded())
	require.Empty(t, h.counting(t, "a1"), "nothing counts before its approval")
	kept, err := h.Extension(ctx, "e1")
	require.NoError(t, err)
	same(t, first.Extension, kept)
	require.False(t, kept.Steps[0].RecordedAt.IsZero())
	require.Equal(t, "backlog", kept.Steps[0].Reason)
	require.Equal(t, operator, kept.Steps[0].Actor)

	again := h.request(t, asked("e1", 9))[0]
	require.NoError(t, again.Err)
	require.False(t, again.Created)
	same(t, first.Extension, again.Extension)

	for name, differs := range map[string]func(*store.ExtensionRequest){
		"until": func(r *store.ExtensionRequest) { r.Until = at(51) },
		"rule":  func(r *store.ExtensionRequest) { r.RuleID = "" },
		"batch": func(r *store.ExtensionRequest) { r.BatchID = "b" },
	} {
		other := asked("e1", 4)
		differs(&other)
		require.ErrorIs(t, h.request(t, other)[0].Err, store.ErrConflict, name)
	}
	h.register(t, "closed")
	_, _, err = h.CloseAccount(ctx, store.Closing{AccountID: "closed", ClosedAt: at(4), Actor: operator, Reason: "left"})
	require.NoError(t, err)
	nobody, closed, noID, noEnd, noClock := asked("e2", 4), asked("e2", 4), asked("", 4), asked("e2", 4), asked("e2", 4)
	nobody.AccountID, closed.AccountID, noEnd.Until, noClock.At = "nobody", "closed", time.Time{}, time.Time{}
	outcomes := h.request(t, nobody, closed, noID, noEnd, noClock, asked("e3", 5))
	require.ErrorIs(t, outcomes[0].Err, store.ErrNotFound)
	require.ErrorIs(t, outcomes[1].Err, store.ErrClosed)
	for _, o := range outcomes[2:5] {
		require.ErrorIs(t, o.Err, store.ErrInvalid)
	}
	require.NoError(t, outcomes[5].Err, "a bad one does not keep the others")
	_, err = h.Extension(ctx, "e2")
	require.ErrorIs(t, err, store.ErrNotFound)

	granted := policy.Extension{ID: "e4", AccountID: "a1", Until: at(40), GrantedAt: at(6)}
	require.NoError(t, h.PutExtension(ctx, granted, operator, "backlog"))
	require.NoError(t, h.PutExtension(ctx, granted, operator, "backlog"), "the same again")
	later := granted
	later.GrantedAt = at(7)
	require.ErrorIs(t, h.PutExtension(ctx, later, operator, "backlog"), store.ErrConflict)
	same(t, []policy.Extension{granted}, h.counting(t, "a1"))
}

func testVerdicts(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.request(t, asked("e1", 4), asked("e2", 5))
	_, _, err := h.DecideExtension(ctx, "nothing", verdict(store.ExtensionApproved, 6))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = h.DecideExtension(ctx, "e1", verdict(store.ExtensionLapsed, 6))
	require.ErrorIs(t, err, store.ErrInvalid)

	own := verdict(store.ExtensionApproved, 6)
	own.Actor = operator
	for _, to := range []store.ExtensionState{store.ExtensionApproved, store.ExtensionRejected, store.ExtensionRevoked} {
		own.To = to
		_, _, err = h.DecideExtension(ctx, "e1", own)
		require.ErrorIs(t, err, store.ErrSameActor, to)
	}
	_, _, err = h.DecideExtension(ctx, "e1", verdict(store.ExtensionRevoked, 6))
	require.ErrorIs(t, err, store.ErrDecided, "not approved yet")
	late, _, err := h.DecideExtension(ctx, "e1", verdict(store.ExtensionApproved, 50))
	require.ErrorIs(t, err, store.ErrDecided, "it has lapsed")
	require.Equal(t, store.ExtensionLapsed, late.StateAt(at(50)))
	require.Equal(t, store.ExtensionRequested, late.StateAt(at(50).Add(-1)))

	e, decided, err := h.DecideExtension(ctx, "e1", verdict(store.ExtensionApproved, 6))
	require.NoError(t, err)
	require.True(t, decided)
	require.Equal(t, []store.ExtensionState{store.ExtensionRequested, store.ExtensionApproved}, states(e))
	same(t, []policy.Extension{{ID: "e1", AccountID: "a1", RuleID: "r", Until: at(50), GrantedAt: at(6)}}, h.counting(t, "a1"))
	again, decided, err := h.DecideExtension(ctx, "e1", verdict(store.ExtensionApproved, 8))
	require.NoError(t, err)
	require.False(t, decided, "the same verdict again")
	same(t, e, again)
	third := verdict(store.ExtensionApproved, 8)
	third.Actor.ID = "op-3"
	_, _, err = h.DecideExtension(ctx, "e1", third)
	require.ErrorIs(t, err, store.ErrDecided, "another person comes too late")
	_, _, err = h.DecideExtension(ctx, "e1", verdict(store.ExtensionRejected, 8))
	require.ErrorIs(t, err, store.ErrDecided)

	e, _, err = h.DecideExtension(ctx, "e1", verdict(store.ExtensionRevoked, 20))
	require.NoError(t, err)
	require.Equal(t, store.ExtensionRevoked, e.StateAt(at(59)))
	same(t, []policy.Extension{{ID: "e1", AccountID: "a1", RuleID: "r", Until: at(20), GrantedAt: at(6)}}, h.counting(t, "a1"))
	kept, err := h.Extension(ctx, "e1")
	require.NoError(t, err)
	require.True(t, kept.Until.Equal(at(50)), "what was asked for stays on record")
	require.Equal(t, []store.ExtensionState{store.ExtensionRequested, store.ExtensionApproved, store.ExtensionRevoked}, states(kept))

	_, _, err = h.DecideExtension(ctx, "e2", verdict(store.ExtensionRejected, 7))
	require.NoError(t, err)
	_, _, err = h.DecideExtension(ctx, "e2", verdict(store.ExtensionApproved, 8))
	require.ErrorIs(t, err, store.ErrDecided)
	require.Len(t, h.counting(t, "a1"), 1)

	h.request(t, asked("e3", 9))
	alone := verdict(store.ExtensionApproved, 3) // by a clock that is behind
	alone.Actor, alone.Alone = operator, true
	e, _, err = h.DecideExtension(ctx, "e3", alone)
	require.NoError(t, err)
	require.True(t, e.When(store.ExtensionApproved).Equal(at(9)), "not before its request")
}

// testOneVerdict: many deciders at once, of one person and of several; one approval is written.
func testOneVerdict(t *testing.T, h *harness) {
	h.register(t, "a1")
	h.request(t, asked("e1", 4), asked("e2", 4))
	for id, people := range map[string]int{"e1": 1, "e2": 4} {
		var decided, refused atomic.Int64
		group, ctx := errgroup.WithContext(t.Context())
		for i := range writers {
			group.Go(func() error {
				v := verdict(store.ExtensionApproved, 5+i)
				v.Actor.ID = fmt.Sprintf("op-%d", 2+i%people)
				_, done, err := h.DecideExtension(ctx, id, v)
				switch {
				case err == nil && done:
					decided.Add(1)
				case err != nil:
					refused.Add(1)
					require.ErrorIs(t, err, store.ErrDecided)
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
		require.EqualValues(t, 1, decided.Load(), id)
		require.EqualValues(t, writers-writers/people, refused.Load(), id)
		e, err := h.Extension(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, e.Steps, 2)
	}
	require.Len(t, h.counting(t, "a1"), 2)
}

func testBatches(t *testing.T, h *harness) {
	ctx := t.Context()
	const size = 603 // more than one transaction takes
	var puts []store.PutAccount
	var requests []store.ExtensionRequest
	for i := range size {
		id := fmt.Sprintf("a%04d", i)
		puts = append(puts, store.PutAccount{Account: facts(id), Actor: operator})
		r := asked("e"+id, 4)
		r.AccountID, r.BatchID = id, "flood"
		requests = append(requests, r)
	}
	_, err := h.PutAccounts(ctx, puts, false)
	require.NoError(t, err)
	requests[0].Until = at(5) // lapses before the verdict
	for _, o := range h.request(t, requests...) {
		require.NoError(t, o.Err)
	}
	approve := verdict(store.ExtensionApproved, 10)
	for _, batch := range []string{"", "drought"} {
		_, err := h.DecideBatch(ctx, batch, store.AnyCount, approve)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	own := approve
	own.Actor = operator
	_, err = h.DecideBatch(ctx, "flood", store.AnyCount, own)
	require.ErrorIs(t, err, store.ErrSameActor)
	_, err = h.DecideBatch(ctx, "flood", size, approve)
	require.ErrorIs(t, err, store.ErrConflict, "one of them has lapsed")
	require.Empty(t, h.counting(t, "a0001"))

	results := make([]store.BatchVerdict, 4)
	group, gctx := errgroup.WithContext(ctx)
	for i := range results {
		group.Go(func() (err error) {
			results[i], err = h.DecideBatch(gctx, "flood", store.AnyCount, approve)
			return err
		})
	}
	require.NoError(t, group.Wait())
	var accounts []string
	for _, r := range results {
		accounts = append(accounts, r.Accounts...)
		require.Equal(t, size, len(r.Accounts)+r.Left)
	}
	slices.Sort(accounts)
	require.Len(t, slices.Compact(accounts), size-1)
	require.Len(t, accounts, size-1, "each one time, however many decide")
	require.Len(t, h.counting(t, "a0602"), 1)
	require.Empty(t, h.counting(t, "a0000"))
	e, err := h.Extension(ctx, "ea0550")
	require.NoError(t, err)
	require.Len(t, e.Steps, 2)

	gone, err := h.DecideBatch(ctx, "flood", size-1, verdict(store.ExtensionRevoked, 20))
	require.NoError(t, err)
	require.Len(t, gone.Accounts, size-1)
	require.Equal(t, 1, gone.Left)
}

func testListedExtensions(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	for i := range 6 {
		r := asked(fmt.Sprintf("e%d", i), 10+i/2) // in pairs of one instant
		r.Until = at(30 + i)
		if i%2 == 1 {
			r.AccountID, r.RuleID, r.BatchID = "a2", "s", "b"
		}
		h.request(t, r)
	}
	for id, to := range map[string]store.ExtensionState{"e0": store.ExtensionApproved, "e1": store.ExtensionApproved, "e2": store.ExtensionRejected} {
		_, _, err := h.DecideExtension(ctx, id, verdict(to, 20))
		require.NoError(t, err)
	}
	_, _, err := h.DecideExtension(ctx, "e1", verdict(store.ExtensionRevoked, 21))
	require.NoError(t, err)

	list := func(f store.ExtensionFilter) []string {
		t.Helper()
		var ids []string
		for {
			page, err := h.Extensions(ctx, f)
			require.NoError(t, err)
			for _, e := range page {
				ids = append(ids, e.ID)
				whole, err := h.Extension(ctx, e.ID)
				require.NoError(t, err)
				same(t, whole, e)
				if f.State != "" {
					require.Equal(t, f.State, e.StateAt(f.Now))
				}
			}
			if len(page) < f.Limit {
				return ids
			}
			last := page[len(page)-1]
			f.After = store.ExtensionPlace{RequestedAt: last.When(store.ExtensionRequested), ID: last.ID}
		}
	}
	for _, c := range []struct {
		want []string
		f    store.ExtensionFilter
	}{
		{[]string{"e0", "e1", "e2", "e3", "e4", "e5"}, store.ExtensionFilter{}},
		{[]string{"e0", "e2", "e4"}, store.ExtensionFilter{AccountID: "a1"}},
		{[]string{"e1", "e3", "e5"}, store.ExtensionFilter{RuleID: "s"}},
		{[]string{"e1", "e3", "e5"}, store.ExtensionFilter{BatchID: "b", AccountID: "a2"}},
		{[]string{"e3", "e4", "e5"}, store.ExtensionFilter{State: store.ExtensionRequested, Now: at(25)}},
		{[]string{"e4", "e5"}, store.ExtensionFilter{State: store.ExtensionRequested, Now: at(33)}},
		{[]string{"e0"}, store.ExtensionFilter{State: store.ExtensionApproved, Now: at(30).Add(-1)}},
		{nil, store.ExtensionFilter{State: store.ExtensionApproved, Now: at(30)}},
		{[]string{"e0", "e3"}, store.ExtensionFilter{State: store.ExtensionLapsed, Now: at(33)}},
		{[]string{"e1"}, store.ExtensionFilter{State: store.ExtensionRevoked, Now: at(59)}},
		{[]string{"e2"}, store.ExtensionFilter{State: store.ExtensionRejected, Now: at(59)}},
		{nil, store.ExtensionFilter{AccountID: "nobody"}},
	} {
		for _, limit := range []int{1, 3, 500} {
			c.f.Limit = limit
			require.Equal(t, c.want, list(c.f), "%+v", c.f)
		}
	}
	for _, bad := range []store.ExtensionFilter{{}, {Limit: 501}, {Limit: 1, State: store.ExtensionLapsed}, {Limit: 1, State: "asleep", Now: at(1)}} {
		_, err := h.Extensions(ctx, bad)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}

// testRevokedTravel asks around each step of an extension what was known of it.
func testRevokedTravel(t *testing.T, h *harness) {
	ctx := t.Context()
	h.clock.Set(at(1))
	h.register(t, "a1")
	h.clock.Set(at(10))
	h.request(t, asked("e1", 4)) // each step is recorded later than it happened
	h.clock.Set(at(20))
	_, _, err := h.DecideExtension(ctx, "e1", verdict(store.ExtensionApproved, 15))
	require.NoError(t, err)
	h.clock.Set(at(30))
	e, _, err := h.DecideExtension(ctx, "e1", verdict(store.ExtensionRevoked, 25))
	require.NoError(t, err)
	approved, revoked := e.Steps[1].RecordedAt, e.Steps[2].RecordedAt
	whole := []policy.Extension{{ID: "e1", AccountID: "a1", RuleID: "r", Until: at(50), GrantedAt: at(15)}}
	cut := []policy.Extension{{ID: "e1", AccountID: "a1", RuleID: "r", Until: at(25), GrantedAt: at(15)}}
	for name, c := range map[string]struct {
		at    time.Time
		basis store.Basis
		want  []policy.Extension
	}{
		"did, requested":                    {at(12), store.Did, nil},
		"did, before its approval":          {approved.Add(-1), store.Did, nil},
		"did, at its approval":              {approved, store.Did, whole},
		"did, before its revocation":        {revoked.Add(-1), store.Did, whole},
		"did, at its revocation":            {revoked, store.Did, cut},
		"would, before all":                 {at(2), store.Would, cut},
		"would, while it counted":           {at(20), store.Would, cut},
		"would, after it had been taken up": {at(55), store.Would, cut},
	} {
		got, err := h.FactsAt(ctx, "a1", c.at, c.basis)
		require.NoError(t, err)
		require.Len(t, got.Extensions, len(c.want), name)
		same(t, c.want, got.Extensions)
	}
}
