package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// restrictAll wants every account restricted by one rule, and verified ones lifted.
func restrictAll(row store.EnforceRow) ([]lifecycle.Change, error) {
	verified := row.Standing.State == lifecycle.Verified
	switch {
	case verified && len(row.Open) == 1:
		return []lifecycle.Change{lift(row.Open[0], "verified")}, nil
	case !verified && len(row.Open) == 0:
		return []lifecycle.Change{restrict("p", "r")}, nil
	default:
		return nil, nil
	}
}

func restrict(policyName, rule string) lifecycle.Change {
	c := change(lifecycle.Restrict, 10)
	c.Reason = "enforced"
	c.Detail.Restricted = &lifecycle.Restricted{
		Policy: policyName, PolicyVersion: 1, Rule: rule, Since: at(9), Actions: []string{"create_label"}, Sweep: "s1",
	}
	return c
}

func lift(open store.Restriction, reason string) lifecycle.Change {
	c := change(lifecycle.Lift, 20)
	c.Reason = reason
	c.Detail.Restricted = &lifecycle.Restricted{
		Policy: open.PolicyName, PolicyVersion: open.PolicyVersion, Rule: open.RuleID, Since: open.Since, Actions: open.Actions,
		Opened: open.OpenedSeq, Sweep: "s2",
	}
	return c
}

func testEnforce(t *testing.T, h *harness) {
	ctx := t.Context()
	for n := range 5 {
		h.register(t, fmt.Sprintf("a%d", n))
	}
	h.approve(t, "a2", "digest")

	page := store.EnforcePage{After: "a0", Last: "a3", Limit: 2, Source: "s1"}
	got, err := h.Enforce(ctx, page, restrictAll)
	require.NoError(t, err)
	require.Equal(t, 2, got.Accounts)
	require.Equal(t, "a2", got.Last)
	require.Len(t, got.Written, 2)
	page.After = got.Last
	got, err = h.Enforce(ctx, page, restrictAll)
	require.NoError(t, err)
	require.Equal(t, 1, got.Accounts, "last is in it")
	page.After = got.Last
	got, err = h.Enforce(ctx, page, restrictAll)
	require.NoError(t, err)
	require.Equal(t, store.EnforceResult{}, got)

	named, err := h.EnforceRows(ctx, store.EnforcePage{AccountIDs: []string{"a4", "a1"}})
	require.NoError(t, err)
	require.Equal(t, []string{"a1", "a4"}, []string{named[0].Account.ID, named[1].Account.ID})
	require.Equal(t, []int{1, 0}, []int{len(named[0].Open), len(named[1].Open)})
	for _, id := range []string{"a0", "a4"} {
		none, err := h.Restrictions(ctx, id)
		require.NoError(t, err)
		require.Empty(t, none, "outside of the page")
	}
	episodes, err := h.Restrictions(ctx, "a2")
	require.NoError(t, err)
	log, err := h.Events(ctx, "a2", 3, 10)
	require.NoError(t, err)
	require.Len(t, log, 1)
	require.Equal(t, lifecycle.Restrict, log[0].Event)
	require.Equal(t, lifecycle.Approved, log[0].From)
	require.Equal(t, "s1@4", log[0].ChangeID)
	want := store.Restriction{
		AccountID: "a2", PolicyName: "p", PolicyVersion: 1, RuleID: "r", Since: at(9), Actions: []string{"create_label"}, Sweep: "s1",
		OpenedSeq: 4, OpenedAt: at(10), RecordedAt: log[0].RecordedAt,
	}
	same(t, []store.Restriction{want}, episodes)
	require.True(t, episodes[0].Open())
	head, err := h.Head(ctx, "a2")
	require.NoError(t, err)
	facts, err := h.Facts(ctx, "a2")
	require.NoError(t, err)
	require.EqualValues(t, 4, facts.Seq)
	same(t, head.Standing(), facts.Standing)

	h.append(t, "a2", "verify", issue("a2", 1, 11), result(lifecycle.Pass, "a2", 1, 12))
	got, err = h.Enforce(ctx, store.EnforcePage{AccountIDs: []string{"a2"}, Source: "settle"}, restrictAll)
	require.NoError(t, err)
	require.Len(t, got.Written, 1)
	require.Equal(t, "a2", got.Last)
	episodes, err = h.Restrictions(ctx, "a2")
	require.NoError(t, err)
	want.LiftedSeq, want.LiftedAt, want.LiftReason = 7, at(20), "verified"
	same(t, []store.Restriction{want}, episodes)

	h.append(t, "a2", "revoke", change(lifecycle.Revoke, 30))
	_, err = h.Enforce(ctx, store.EnforcePage{AccountIDs: []string{"a2"}, Source: "settle"}, restrictAll)
	require.NoError(t, err)
	episodes, err = h.Restrictions(ctx, "a2")
	require.NoError(t, err)
	require.Len(t, episodes, 2, "a revocation opens a new episode")
	require.EqualValues(t, 9, episodes[1].OpenedSeq)
	require.True(t, episodes[1].Open())
}

func testEnforceRefusals(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	_, err := h.Enforce(ctx, store.EnforcePage{AccountIDs: []string{"nobody"}, Source: "s"}, restrictAll)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.EnforceRows(ctx, store.EnforcePage{AccountIDs: []string{"nobody"}})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.EnforceRows(ctx, store.EnforcePage{AccountIDs: []string{"a1", "nobody"}})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.Restrictions(ctx, "nobody")
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, p := range []store.EnforcePage{{Limit: 1}, {Source: "s"}, {Source: "s", Limit: 10_001}} {
		_, err = h.Enforce(ctx, p, restrictAll)
		require.ErrorIs(t, err, store.ErrInvalid, "%+v", p)
	}
	lost := errors.New("lost")
	_, err = h.Enforce(ctx, store.EnforcePage{AccountIDs: []string{"a1"}, Source: "s"}, func(store.EnforceRow) ([]lifecycle.Change, error) { return nil, lost })
	require.ErrorIs(t, err, lost)
	_, err = h.Enforce(ctx, store.EnforcePage{AccountIDs: []string{"a1"}, Source: "s"}, func(store.EnforceRow) ([]lifecycle.Change, error) {
		return []lifecycle.Change{change(lifecycle.Prompt, 1)}, nil
	})
	require.ErrorIs(t, err, store.ErrInvalid, "a judge restricts and lifts, nothing else")

	write := func(changeID string, drafts ...lifecycle.Change) error {
		_, err := h.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: changeID, Head: lifecycle.AnyHead, Changes: drafts})
		return err
	}
	require.ErrorIs(t, write("c1", change(lifecycle.Restrict, 1)), store.ErrInvalid)
	require.NoError(t, write("c2", restrict("p", "r"), restrict("p", "other")))
	require.ErrorIs(t, write("c3", restrict("p", "r")), store.ErrConflict, "open already")
	open, err := h.Restrictions(ctx, "a1")
	require.NoError(t, err)
	require.NoError(t, write("c4", lift(open[0], "verified")))
	require.ErrorIs(t, write("c5", lift(open[0], "verified")), store.ErrConflict, "lifted already")
	log, err := h.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	require.Len(t, log, 3, "what was refused left nothing")
}

// testEnforceTwice: sweeps that run at once, beside writers who verify accounts, write every entry once.
func testEnforceTwice(t *testing.T, h *harness) {
	const accounts, sweepers = 40, 4
	for n := range accounts {
		id := fmt.Sprintf("a%02d", n)
		h.register(t, id)
		h.approve(t, id, id)
	}
	sweep := func() error {
		for after := ""; ; {
			got, err := h.Enforce(t.Context(), store.EnforcePage{After: after, Limit: 7, Source: "s1"}, restrictAll)
			if err != nil || got.Accounts == 0 {
				return err
			}
			after = got.Last
		}
	}
	var group errgroup.Group
	for range sweepers {
		group.Go(func() error { return errors.Join(sweep(), sweep()) })
	}
	group.Go(func() error {
		for n := 0; n < accounts; n += 2 {
			id := fmt.Sprintf("a%02d", n)
			_, err := h.Append(t.Context(), lifecycle.Append{
				AccountID: id, ChangeID: "verify", Head: lifecycle.AnyHead,
				Changes: []lifecycle.Change{issue(id, 1, 11), result(lifecycle.Pass, id, 1, 12)},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, group.Wait())
	require.NoError(t, sweep())
	for n := range accounts {
		id := fmt.Sprintf("a%02d", n)
		log, err := h.Events(t.Context(), id, 0, 1000)
		require.NoError(t, err)
		open := false
		for i, e := range log {
			require.EqualValues(t, i+1, e.Seq)
			switch e.Event {
			case lifecycle.Restrict:
				require.False(t, open, "%s is restricted twice", id)
				open = true
			case lifecycle.Lift:
				require.True(t, open, "%s is lifted twice", id)
				open = false
			default:
			}
		}
		require.Equal(t, n%2 == 1, open, id)
	}
}

func testRestrictionLists(t *testing.T, h *harness) {
	ctx := t.Context()
	for n := range 6 {
		h.register(t, fmt.Sprintf("a%d", n))
	}
	two := func(row store.EnforceRow) ([]lifecycle.Change, error) {
		return []lifecycle.Change{restrict("p", "r"), restrict("q", "s")}, nil
	}
	_, err := h.Enforce(ctx, store.EnforcePage{Last: "a3", Limit: 10, Source: "s1"}, two)
	require.NoError(t, err)
	_, err = h.Enforce(ctx, store.EnforcePage{AccountIDs: []string{"a1"}, Source: "s1"}, func(row store.EnforceRow) ([]lifecycle.Change, error) {
		return []lifecycle.Change{lift(row.Open[0], "verified")}, nil
	})
	require.NoError(t, err)

	list := func(f store.RestrictionFilter) (seen []string) {
		for {
			page, err := h.OpenRestrictions(ctx, f)
			require.NoError(t, err)
			for _, r := range page {
				require.True(t, r.Open())
				seen = append(seen, r.PolicyName+r.RuleID+r.AccountID)
				f.AfterPolicy, f.AfterRule, f.AfterAccount = r.PolicyName, r.RuleID, r.AccountID
			}
			if len(page) < f.Limit {
				return seen
			}
		}
	}
	p, q := []string{"pra0", "pra2", "pra3"}, []string{"qsa0", "qsa1", "qsa2", "qsa3"}
	for _, limit := range []int{1, 2, 3, 100} {
		require.Equal(t, append(append([]string{}, p...), q...), list(store.RestrictionFilter{Limit: limit}))
		require.Equal(t, p, list(store.RestrictionFilter{PolicyName: "p", Limit: limit}))
		require.Equal(t, q, list(store.RestrictionFilter{RuleID: "s", Limit: limit}))
	}
	for _, limit := range []int{0, 501} {
		_, err = h.OpenRestrictions(ctx, store.RestrictionFilter{Limit: limit})
		require.ErrorIs(t, err, store.ErrInvalid)
	}

	verifications := func(f store.Filter) (ids []string) {
		f.Limit = 10
		page, err := h.Verifications(ctx, f)
		require.NoError(t, err)
		for _, v := range page {
			ids = append(ids, v.AccountID)
		}
		return ids
	}
	require.Equal(t, []string{"a0", "a1", "a2", "a3"}, verifications(store.Filter{Restricted: true}))
	require.Equal(t, []string{"a0", "a2", "a3"}, verifications(store.Filter{Rule: "r"}))
	require.Equal(t, []string{"a2", "a3"}, verifications(store.Filter{Rule: "r", After: "a0", State: lifecycle.Unverified}))
	require.Empty(t, verifications(store.Filter{Restricted: true, State: lifecycle.Verified}))
}

func testSweeps(t *testing.T, h *harness) {
	ctx := t.Context()
	first := store.Sweep{
		ID: "s1", PolicyName: "p", PolicyVersion: 2, Instant: at(5), Actor: operator, Reason: "by_hand", Total: 3, StartedAt: at(6),
	}
	want := first
	want.State = contract.SweepRunning
	got, err := h.BeginSweep(ctx, first)
	require.NoError(t, err)
	same(t, want, got)
	again := first
	again.Reason, again.Total = "other", 9
	got, err = h.BeginSweep(ctx, again)
	require.NoError(t, err)
	same(t, want, got)

	for n := range 3 {
		h.register(t, fmt.Sprintf("a%d", n))
	}
	population, err := h.Population(ctx)
	require.NoError(t, err)
	require.Equal(t, 3, population)
	_, err = h.Enforce(ctx, store.EnforcePage{Limit: 10, Source: "s1"}, restrictAll)
	require.NoError(t, err)
	counts := []contract.SweepCount{{RuleID: "r", State: lifecycle.Unverified, Restricted: 3}}
	got, err = h.SaveSweep(ctx, store.SweepProgress{ID: "s1", State: contract.SweepPaused, Done: 3, Counts: counts, At: at(7)})
	require.NoError(t, err)
	want.State, want.Done, want.Restricted, want.Counts = contract.SweepPaused, 3, 3, counts
	same(t, want, got)
	got, err = h.SaveSweep(ctx, store.SweepProgress{ID: "s1", State: contract.SweepDone, Done: 2, Counts: counts, At: at(8)})
	require.NoError(t, err)
	want.State, want.EndedAt = contract.SweepDone, at(8)
	same(t, want, got)
	got, err = h.SaveSweep(ctx, store.SweepProgress{ID: "s1", State: contract.SweepRunning, Done: 9, At: at(9)})
	require.NoError(t, err)
	same(t, want, got)

	_, err = h.BeginSweep(ctx, store.Sweep{ID: "s2", PolicyName: "p", PolicyVersion: 2, Instant: at(5), DryRun: true, StartedAt: at(6)})
	require.NoError(t, err)
	got, err = h.SaveSweep(ctx, store.SweepProgress{ID: "s2", State: contract.SweepDone, Done: 3, Counts: []contract.SweepCount{
		{RuleID: "r", State: lifecycle.Unverified, Restricted: 2}, {RuleID: "r", State: lifecycle.Verified, Lifted: 1},
	}, At: at(8)})
	require.NoError(t, err)
	require.True(t, got.DryRun)
	require.Equal(t, []int{2, 1}, []int{got.Restricted, got.Lifted}, "a dry run is counted from its counts")

	page, err := h.Sweeps(ctx, "", 1)
	require.NoError(t, err)
	same(t, []store.Sweep{got}, page)
	page, err = h.Sweeps(ctx, "s2", 10)
	require.NoError(t, err)
	same(t, []store.Sweep{want}, page)
	read, err := h.Sweep(ctx, "s1")
	require.NoError(t, err)
	same(t, want, read)
	_, err = h.Sweep(ctx, "nothing")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.SaveSweep(ctx, store.SweepProgress{ID: "nothing", State: contract.SweepDone, At: at(9)})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.BeginSweep(ctx, store.Sweep{ID: "s3"})
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = h.Sweeps(ctx, "", 501)
	require.ErrorIs(t, err, store.ErrInvalid)
}
