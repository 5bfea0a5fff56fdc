package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
)

func (h *harness) revision(t *testing.T) int64 {
	t.Helper()
	r, err := h.PoliciesRevision(t.Context())
	require.NoError(t, err)
	return r
}

// moves checks that a write is refused at another revision and moves it on at the present one.
func (h *harness) moves(t *testing.T, write func(revision int64) error) {
	t.Helper()
	before := h.revision(t)
	require.ErrorIs(t, write(before-1), store.ErrMoved)
	require.ErrorIs(t, write(before+1), store.ErrMoved)
	require.Equal(t, before, h.revision(t))
	require.NoError(t, write(before))
	require.Greater(t, h.revision(t), before)
}

func testProposals(t *testing.T, h *harness) {
	ctx := t.Context()
	p := store.PublishedPolicy{Name: "p", Version: 1, Text: []byte("one"), EffectiveFrom: at(30), Author: "author", Note: "first"}
	propose := func(p store.PublishedPolicy) {
		t.Helper()
		h.moves(t, func(r int64) error { return h.ProposePolicy(ctx, p, r) })
	}
	rule := func(r store.PolicyRuling) {
		t.Helper()
		h.moves(t, func(revision int64) error { return h.RulePolicy(ctx, r, revision) })
	}
	propose(p)
	require.ErrorIs(t, h.ProposePolicy(ctx, p, h.revision(t)), store.ErrConflict, "the number is taken")
	require.ErrorIs(t, h.ProposePolicy(ctx, store.PublishedPolicy{Name: "p"}, h.revision(t)), store.ErrInvalid)
	h.sees(t)

	rule(store.PolicyRuling{Name: "p", Version: 1, Ruling: store.Approved, EffectiveFrom: p.EffectiveFrom, Actor: "second", Reason: "read it"})
	h.sees(t, at(30))
	again := store.PolicyRuling{Name: "p", Version: 1, Ruling: store.Approved, EffectiveFrom: at(40), Actor: "third"}
	require.ErrorIs(t, h.RulePolicy(ctx, again, h.revision(t)), store.ErrConflict, "the first approval stays")
	again.Version = 9
	require.ErrorIs(t, h.RulePolicy(ctx, again, h.revision(t)), store.ErrNotFound)

	// Approved too late, so in force from the approval and not before.
	second := p
	second.Version, second.EffectiveFrom = 2, at(31)
	propose(second)
	h.clock.Set(at(45))
	rule(store.PolicyRuling{Name: "p", Version: 2, Ruling: store.Approved, EffectiveFrom: second.EffectiveFrom, Actor: "second"})
	seen := h.sees(t, at(30), time.Time{})
	require.True(t, seen[1].EffectiveFrom.After(at(45)))
	require.True(t, seen[1].EffectiveFrom.Equal(seen[1].RecordedAt), "from its approval on, and the gate did know it then")

	third := p
	third.Version, third.EffectiveFrom = 3, at(59)
	propose(third)
	rule(store.PolicyRuling{Name: "p", Version: 3, Ruling: store.Approved, EffectiveFrom: third.EffectiveFrom, Actor: "second"})
	rule(store.PolicyRuling{Name: "p", Version: 3, Ruling: store.Withdrawn, Actor: "author", Reason: "a slip"})
	other := store.PublishedPolicy{Name: "o", Version: 1, Text: []byte("other"), EffectiveFrom: at(59), Author: "author"}
	propose(other)
	rule(store.PolicyRuling{Name: "o", Version: 1, Ruling: store.Rejected, Actor: "second", Reason: "too soon"})
	h.sees(t, at(30), time.Time{})

	all, err := h.PolicyVersions(ctx)
	require.NoError(t, err)
	require.Len(t, all, 4)
	require.Equal(t, "o", all[0].Name)
	_, rejected := all[0].Ruled(store.Rejected)
	require.True(t, rejected)
	require.Equal(t, []byte("one"), all[1].Text)
	require.True(t, all[2].EffectiveFrom.Equal(at(31)), "as it was proposed")
	require.Len(t, all[3].Rulings, 2)
	withdrawn, ok := all[3].Ruled(store.Withdrawn)
	require.True(t, ok)
	require.Equal(t, "author: a slip", withdrawn.Actor+": "+withdrawn.Reason)
	require.True(t, all[3].RecordedAt.Before(all[3].Rulings[0].RecordedAt))
	_, ok = all[3].Ruled(store.Rejected)
	require.False(t, ok)
}

// sees checks what the gate would be told, by instant from which it is in force; a zero instant is not compared.
func (h *harness) sees(t *testing.T, from ...time.Time) []store.PublishedPolicy {
	t.Helper()
	all, err := h.Policies(t.Context())
	require.NoError(t, err)
	require.Len(t, all, len(from))
	for i, want := range from {
		require.True(t, want.IsZero() || all[i].EffectiveFrom.Equal(want), "%d: %s", i, all[i].EffectiveFrom)
	}
	return all
}

// testRulers: of many who decide on the same state, one writes, and the others are told to read again.
func testRulers(t *testing.T, h *harness) {
	ctx := t.Context()
	require.NoError(t, h.ProposePolicy(ctx, store.PublishedPolicy{Name: "p", Version: 1, Text: []byte("x"), EffectiveFrom: at(5)}, h.revision(t)))
	revision := h.revision(t)
	refused := make([]bool, 8)
	group, gctx := errgroup.WithContext(ctx)
	for i := range refused {
		ruling := store.PolicyRuling{Name: "p", Version: 1, Ruling: store.Approved, EffectiveFrom: at(5)}
		if i%2 == 0 {
			ruling.Ruling = store.Rejected
		}
		group.Go(func() error {
			err := h.RulePolicy(gctx, ruling, revision)
			refused[i] = errors.Is(err, store.ErrMoved)
			if refused[i] {
				return nil
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	written := 0
	for _, r := range refused {
		if !r {
			written++
		}
	}
	require.Equal(t, 1, written)
	require.Equal(t, revision+1, h.revision(t))
}

func testBrakes(t *testing.T, h *harness) {
	ctx := t.Context()
	require.ErrorIs(t, h.PutBrake(ctx, store.Brake{}, h.revision(t)), store.ErrInvalid)
	want := []store.Brake{
		{Name: "p", Actor: "op-1", Reason: "wrong cohort"},
		{Name: "p", RuleID: "r", Actor: "op-2", Reason: "this one above all"},
		{Name: "p", Released: true, Actor: "op-1", Reason: "mended"},
	}
	h.register(t, "a1")
	for _, b := range want {
		h.moves(t, func(r int64) error { return h.PutBrake(ctx, b, r) })
	}
	f, err := h.Facts(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, h.revision(t), f.PoliciesRevision, "the gate is told with the facts")
	got, err := h.Brakes(ctx)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range want {
		require.False(t, got[i].RecordedAt.IsZero())
		require.True(t, got[i].EffectiveAt.Equal(got[i].RecordedAt))
		require.True(t, i == 0 || got[i-1].RecordedAt.Before(got[i].RecordedAt))
		want[i].EffectiveAt, want[i].RecordedAt = got[i].EffectiveAt, got[i].RecordedAt
	}
	same(t, want, got)
}

func testObserved(t *testing.T, h *harness) {
	ctx := t.Context()
	record := func(account, action, rule string, version, minute int, observed bool) store.Block {
		t.Helper()
		b := store.Block{
			AccountID: account, Action: action, PolicyName: "p", PolicyVersion: version, RuleID: rule, Reason: "enforced",
			Since: at(0), At: at(minute), Receipt: "receipt", Observed: observed,
		}
		first, err := h.RecordBlock(ctx, b)
		require.NoError(t, err)
		require.True(t, first, "what was observed and what was blocked are two things")
		return b
	}
	for _, id := range []string{"a1", "a2", "a3"} {
		h.register(t, id)
	}
	record("a1", "pay", "r", 1, 1, false)
	want := []store.Block{
		record("a1", "pay", "r", 1, 2, true), record("a1", "pay", "s", 2, 3, true), record("a1", "post", "r", 1, 4, true),
		record("a3", "pay", "r", 1, 5, true),
	}
	elsewhere := want[0]
	elsewhere.PolicyName = "q"
	_, err := h.RecordBlock(ctx, elsewhere)
	require.NoError(t, err)
	require.NoError(t, h.CountBlocks(ctx, map[store.BlockKey]int{want[0].Key(): 3, want[3].Key(): 1}))

	rules, err := h.ObservedRules(ctx, "p")
	require.NoError(t, err)
	same(t, []store.ObservedRule{
		{Version: 1, RuleID: "r", Action: "pay", Accounts: 2, Decisions: 6, First: at(2), Last: at(5)},
		{Version: 1, RuleID: "r", Action: "post", Accounts: 1, Decisions: 1, First: at(4), Last: at(4)},
		{Version: 2, RuleID: "s", Action: "pay", Accounts: 1, Decisions: 1, First: at(3), Last: at(3)},
	}, rules)

	var got []store.Block
	filter := store.ObservedFilter{Name: "p", Limit: 1}
	for {
		page, err := h.Observed(ctx, filter)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		b := page[0].Block
		got = append(got, b)
		filter.After = store.ObservedPlace{AccountID: b.AccountID, Action: b.Action, Version: b.PolicyVersion, RuleID: b.RuleID}
	}
	same(t, want, got)
	page, err := h.Observed(ctx, store.ObservedFilter{Name: "p", Version: 1, RuleID: "r", Limit: 10})
	require.NoError(t, err)
	same(t, []store.CountedBlock{{Block: want[0], Repeats: 3}, {Block: want[2]}, {Block: want[3], Repeats: 1}}, page)
	_, err = h.Observed(ctx, store.ObservedFilter{Name: "p"})
	require.ErrorIs(t, err, store.ErrInvalid)

	blocks, err := h.Blocks(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, blocks, 5)
	require.False(t, blocks[0].Observed)
	require.Zero(t, blocks[0].Repeats, "repeats of an observed one are not the blocked one's")
}
