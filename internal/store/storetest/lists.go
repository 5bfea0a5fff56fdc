package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// crowd is some accounts that change at random, and a list of them as it should be: read one by one, filtered and sorted.
type crowd struct {
	*harness
	ids      []string
	attempts map[string]*int
	changes  int
}

// testAccountLists walks through lists by random filters while accounts change, and wants what the crowd says.
func testAccountLists(t *testing.T, h *harness) {
	c := &crowd{harness: h, attempts: map[string]*int{}}
	for n := range 25 {
		c.add(t, n)
	}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(0, 4).Draw(rt, "changes") {
			c.change(rt)
		}
		for range 4 {
			c.walk(rt, drawAccountFilter(rt))
		}
	})
}

func (c *crowd) add(t *testing.T, n int) {
	t.Helper()
	id := fmt.Sprintf("%c%02d", "abc"[n%3], n)
	a := facts(id)
	a.RegisteredAt = at(n % 7) // several of one instant
	if n%4 == 0 {
		a.Kind = policy.KindEnterprise
	}
	a.Region = []string{"CN", "CN", "US", "DE", "FR"}[n%5]
	_, _, err := c.PutAccount(t.Context(), store.PutAccount{Account: a, Actor: operator}, false)
	require.NoError(t, err)
	c.ids = append(c.ids, id)
	c.attempts[id] = new(int)
}

// change changes one account, in whatever way fits it, and returns which.
func (c *crowd) change(rt *rapid.T) string {
	ctx := rt.Context()
	c.changes++
	id := rapid.SampledFrom(c.ids).Draw(rt, "account")
	switch rapid.IntRange(0, 9).Draw(rt, "kind of change") {
	case 0, 1:
		require.NoError(rt, c.enforce(ctx, id))
	case 2:
		e := store.ExtensionRequest{
			ID: fmt.Sprint("extension-", c.changes), AccountID: id, Until: at(rapid.IntRange(0, 59).Draw(rt, "until")), At: at(-60),
			Actor: operator, Approved: rapid.Bool().Draw(rt, "approved"),
		}
		_, err := c.RequestExtensions(ctx, []store.ExtensionRequest{e})
		require.NoError(rt, err)
	case 3:
		c.decide(rt, id)
	case 4:
		closing := store.Closing{AccountID: id, Actor: operator}
		if rapid.Bool().Draw(rt, "close") {
			closing.ClosedAt = at(rapid.IntRange(0, 59).Draw(rt, "closed at"))
		}
		_, _, err := c.CloseAccount(ctx, closing)
		require.NoError(rt, err)
	default:
		head, err := c.Head(ctx, id)
		require.NoError(rt, err)
		// What the log refuses changes nothing.
		_, _ = c.Append(ctx, lifecycle.Append{
			AccountID: id, ChangeID: fmt.Sprint("change-", c.changes), Head: lifecycle.AnyHead,
			Changes: []lifecycle.Change{draft(rt, id, head.State, c.attempts[id])},
		})
	}
	return id
}

// enforce restricts an account, by one of two rules, or lifts what restricts it.
func (c *crowd) enforce(ctx context.Context, id string) error {
	_, err := c.Enforce(ctx, store.EnforcePage{AccountIDs: []string{id}, Source: fmt.Sprint("sweep-", c.changes)}, func(row store.EnforceRow) ([]lifecycle.Change, error) {
		switch {
		case len(row.Open) == 0 && c.changes%2 == 0:
			return []lifecycle.Change{restrict("p", "r"), restrict("p", "q")}, nil
		case len(row.Open) == 0:
			return []lifecycle.Change{restrict("p", "r")}, nil
		default:
			return []lifecycle.Change{lift(row.Open[0], "verified")}, nil
		}
	})
	return err
}

func (c *crowd) decide(rt *rapid.T, id string) {
	all, err := c.Extensions(rt.Context(), store.ExtensionFilter{AccountID: id, Limit: 500})
	require.NoError(rt, err)
	if len(all) == 0 {
		return
	}
	e := rapid.SampledFrom(all).Draw(rt, "extension")
	to := rapid.SampledFrom([]store.ExtensionState{store.ExtensionApproved, store.ExtensionRejected, store.ExtensionRevoked}).Draw(rt, "verdict")
	if e.Recorded() == to.Before() {
		_, _, err = c.DecideExtension(rt.Context(), e.ID, verdict(to, -30))
		require.NoError(rt, err)
	}
}

func drawAccountFilter(rt *rapid.T) store.AccountFilter {
	f := store.AccountFilter{Now: at(30), Sort: rapid.SampledFrom(append(store.AccountSorts(), "")).Draw(rt, "sort"), Limit: rapid.IntRange(1, 9).Draw(rt, "limit")}
	one := func(name string) bool { return rapid.IntRange(0, 3).Draw(rt, name) == 0 }
	if one("by state") {
		f.States = rapid.SliceOfNDistinct(rapid.SampledFrom(lifecycle.States()), 1, 4, rapid.ID).Draw(rt, "states")
	}
	if one("by turn") {
		f.Turn = rapid.SampledFrom([]lifecycle.Turn{lifecycle.TurnMerchant, lifecycle.TurnOperator, lifecycle.TurnNone}).Draw(rt, "turn")
	}
	for range rapid.IntRange(0, 2).Draw(rt, "cohorts") {
		f.Cohorts = append(f.Cohorts, policy.Cohort{
			Kinds:      rapid.SliceOfN(rapid.SampledFrom(policy.Kinds()), 0, 2).Draw(rt, "kinds"),
			Regions:    rapid.SliceOfN(rapid.SampledFrom([]string{"CN", "US", "DE", "XX"}), 0, 3).Draw(rt, "regions"),
			Registered: drawInterval(rt, "registered", at(0), time.Minute),
		})
	}
	if one("by change") {
		f.Changed = drawInterval(rt, "changed", at(0), 20*time.Millisecond)
	}
	if one("by restriction") {
		f.Restricted = new(rapid.Bool().Draw(rt, "restricted"))
		if *f.Restricted {
			f.Rule = rapid.SampledFrom([]string{"", "r", "q", "other"}).Draw(rt, "rule")
		}
	}
	if one("by closing") {
		f.Closed = new(rapid.Bool().Draw(rt, "closed"))
	}
	if one("by extension") {
		f.Extension = rapid.SampledFrom(store.ListExtensions()).Draw(rt, "extension")
		f.EndsBefore = rapid.SampledFrom([]time.Time{{}, at(45)}).Draw(rt, "ends before")
	}
	f.Prefix = rapid.SampledFrom([]string{"", "", "a", "b0", "z"}).Draw(rt, "prefix")
	return f
}

func drawInterval(rt *rapid.T, name string, from time.Time, unit time.Duration) policy.Interval {
	end := func(which string) time.Time {
		n := rapid.IntRange(-1, 8).Draw(rt, name+" "+which)
		if n < 0 {
			return time.Time{}
		}
		return from.Add(time.Duration(n) * unit)
	}
	return policy.Interval{From: end("from"), Before: end("before")}
}

// walk reads every page. Accounts may change between them.
func (c *crowd) walk(rt *rapid.T, f store.AccountFilter) {
	want := c.list(rt, f)
	changed, seen := map[string]bool{}, map[string]bool{}
	got := []string{}
	for {
		page, err := c.ListAccounts(rt.Context(), f)
		require.NoError(rt, err)
		require.LessOrEqual(rt, len(page), f.Limit)
		for _, a := range page {
			require.False(rt, seen[a.Account.ID], "%s comes twice", a.Account.ID)
			seen[a.Account.ID] = true
			if !changed[a.Account.ID] {
				got = append(got, a.Account.ID)
			}
			same(rt, c.read(rt, a.Account.ID), a)
		}
		if len(page) < f.Limit {
			break
		}
		f.After = page[len(page)-1].Place(f.Sort)
		if rapid.IntRange(0, 2).Draw(rt, "meanwhile") == 0 {
			changed[c.change(rt)] = true
		}
	}
	untouched := func(ids []string) []string {
		return slices.DeleteFunc(ids, func(id string) bool { return changed[id] })
	}
	require.Equal(rt, untouched(want), untouched(got))
}

// list is the list as it should be.
func (c *crowd) list(rt *rapid.T, f store.AccountFilter) []string {
	var all []store.ListedAccount
	for _, id := range c.ids {
		if a := c.read(rt, id); matches(f, a) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b store.ListedAccount) int {
		p, q := a.Place(f.Sort), b.Place(f.Sort)
		if p.At.IsZero() {
			return cmp.Compare(p.ID, q.ID)
		}
		return cmp.Or(q.At.Compare(p.At), cmp.Compare(q.ID, p.ID))
	})
	ids := []string{}
	for _, a := range all {
		ids = append(ids, a.Account.ID)
	}
	return ids
}

// read puts an account together from what the store says of it elsewhere.
func (c *crowd) read(rt *rapid.T, id string) store.ListedAccount {
	ctx := rt.Context()
	var a store.ListedAccount
	var err error
	a.Facts, err = c.Facts(ctx, id)
	require.NoError(rt, err)
	a.Verification, err = c.Head(ctx, id)
	require.NoError(rt, err)
	recorded, err := c.Account(ctx, id)
	require.NoError(rt, err)
	a.ChangedAt = recorded.RecordedAt
	last, err := c.Events(ctx, id, a.Seq-1, 1)
	require.NoError(rt, err)
	if len(last) > 0 && last[0].RecordedAt.After(a.ChangedAt) {
		a.ChangedAt = last[0].RecordedAt
	}
	episodes, err := c.Restrictions(ctx, id)
	require.NoError(rt, err)
	for _, e := range episodes {
		if e.LiftedSeq == 0 {
			a.RestrictedBy = append(a.RestrictedBy, e.RuleID)
		}
	}
	slices.Sort(a.RestrictedBy)
	extensions, err := c.Extensions(ctx, store.ExtensionFilter{AccountID: id, Limit: 500})
	require.NoError(rt, err)
	for _, e := range extensions {
		for state, until := range map[store.ExtensionState]*time.Time{store.ExtensionApproved: &a.ExtendedUntil, store.ExtensionRequested: &a.RequestedUntil} {
			if e.Recorded() == state && e.Until.After(*until) {
				*until = e.Until
			}
		}
	}
	return a
}

func matches(f store.AccountFilter, a store.ListedAccount) bool {
	if len(f.States) > 0 && !slices.Contains(f.States, a.Standing.State) || f.Turn != "" && a.Standing.State.Turn() != f.Turn {
		return false
	}
	for _, cohort := range f.Cohorts {
		if !cohort.Covers(a.Account) {
			return false
		}
	}
	if f.Restricted != nil && *f.Restricted != (len(a.RestrictedBy) > 0) || f.Rule != "" && !slices.Contains(a.RestrictedBy, f.Rule) {
		return false
	}
	if f.Closed != nil && *f.Closed != a.Account.Closed(f.Now) {
		return false
	}
	if f.Extension != "" {
		until := a.ExtendedUntil
		if f.Extension == store.ExtensionAsked {
			until = a.RequestedUntil
		}
		if !until.After(f.Now) || !f.EndsBefore.IsZero() && !until.Before(f.EndsBefore) {
			return false
		}
	}
	return f.Changed.Contains(a.ChangedAt) && strings.HasPrefix(a.Account.ID, f.Prefix)
}

func testListRefusals(t *testing.T, h *harness) {
	for name, f := range map[string]store.AccountFilter{
		"no limit":          {},
		"too many":          {Limit: 501},
		"no clock":          {Limit: 1, Closed: new(true)},
		"rule of nothing":   {Limit: 1, Rule: "r"},
		"rule of none":      {Limit: 1, Rule: "r", Restricted: new(false)},
		"end of nothing":    {Limit: 1, EndsBefore: at(1)},
		"unknown order":     {Limit: 1, Sort: "height"},
		"unknown extension": {Limit: 1, Extension: "lapsed", Now: at(1)},
	} {
		_, err := h.ListAccounts(t.Context(), f)
		require.ErrorIs(t, err, store.ErrInvalid, name)
	}
}
