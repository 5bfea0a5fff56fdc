package sqlstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// planOf explains the statement of a list.
func planOf(t *testing.T, s *sqlstore.Store, f store.AccountFilter) (plan []string, query string) {
	t.Helper()
	query, args, err := s.ListStatement(t.Context(), f)
	require.NoError(t, err)
	rows, err := s.Readers().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan = append(plan, detail)
	}
	require.NoError(t, rows.Err())
	return plan, query
}

func yes() *bool { v := true; return &v }

func no() *bool { v := false; return &v }

// listFilters are every filter by itself and the pairs that people ask for, with the index that each is read from.
// %s is the ending that an order adds.
func listFilters() map[string]struct {
	store.AccountFilter
	index string
} {
	type filter = struct {
		store.AccountFilter
		index string
	}
	locked := []lifecycle.State{lifecycle.Locked}
	cohort := policy.Cohort{
		Kinds: []policy.Kind{policy.KindIndividual}, Regions: []string{"CN"}, Registered: policy.Interval{Before: minute(50)},
	}
	only := func(c policy.Cohort) []policy.Cohort { return []policy.Cohort{c} }
	f := func(index string, f store.AccountFilter) filter {
		f.Now, f.Limit = minute(10), 100
		return filter{f, index}
	}
	return map[string]filter{
		"none":                     f("", store.AccountFilter{}),
		"prefix":                   f("", store.AccountFilter{Prefix: "a"}),
		"a state":                  f("state", store.AccountFilter{States: locked}),
		"several states":           f("state", store.AccountFilter{States: []lifecycle.State{lifecycle.Locked, lifecycle.Rejected}}),
		"turn":                     f("state", store.AccountFilter{Turn: lifecycle.TurnOperator}),
		"kind":                     f("cohort", store.AccountFilter{Cohorts: only(policy.Cohort{Kinds: cohort.Kinds})}),
		"region":                   f("cohort", store.AccountFilter{Cohorts: only(policy.Cohort{Regions: cohort.Regions})}),
		"rule":                     f("cohort", store.AccountFilter{Cohorts: only(cohort)}),
		"registered":               f("", store.AccountFilter{Cohorts: only(policy.Cohort{Registered: cohort.Registered})}),
		"changed":                  f("", store.AccountFilter{Changed: policy.Interval{From: minute(1)}}),
		"restricted":               f("restricted", store.AccountFilter{Restricted: yes()}),
		"restricted by a rule":     f("restricted", store.AccountFilter{Restricted: yes(), Rule: "r"}),
		"not restricted":           f("", store.AccountFilter{Restricted: no()}),
		"extended":                 f("extended", store.AccountFilter{Extension: store.ExtensionRunning}),
		"extended, ending":         f("extended", store.AccountFilter{Extension: store.ExtensionRunning, EndsBefore: minute(50)}),
		"extension requested":      f("requested", store.AccountFilter{Extension: store.ExtensionAsked}),
		"closed":                   f("closed", store.AccountFilter{Closed: yes()}),
		"open":                     f("", store.AccountFilter{Closed: no()}),
		"state and rule":           f("state", store.AccountFilter{States: locked, Cohorts: only(cohort)}),
		"state and changed":        f("state", store.AccountFilter{States: locked, Changed: policy.Interval{From: minute(1), Before: minute(9)}}),
		"state and prefix":         f("state", store.AccountFilter{States: locked, Prefix: "a"}),
		"turn and rule":            f("state", store.AccountFilter{Turn: lifecycle.TurnOperator, Cohorts: only(cohort)}),
		"state and restricted":     f("restricted", store.AccountFilter{States: locked, Restricted: yes()}),
		"rule and restricted":      f("restricted", store.AccountFilter{Cohorts: only(cohort), Restricted: yes()}),
		"rule and changed":         f("cohort", store.AccountFilter{Cohorts: only(cohort), Changed: policy.Interval{From: minute(1)}}),
		"restricted and extended":  f("extended", store.AccountFilter{Restricted: yes(), Extension: store.ExtensionRunning}),
		"state and not restricted": f("state", store.AccountFilter{States: locked, Restricted: no()}),
		"state and open":           f("state", store.AccountFilter{States: locked, Closed: no()}),
	}
}

// TestListsReadOneIndexInOrder: whatever the filter and the order, a page is read from the index that has both, from the
// place where it begins; nothing is sorted and nothing is skipped.
func TestListsReadOneIndexInOrder(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	register(t, s, "a1")
	for name, f := range listFilters() {
		for _, sort := range store.AccountSorts() {
			for _, after := range []store.ListPlace{{}, {At: minute(5), ID: "a0"}} {
				t.Run(fmt.Sprintf("%s/%s/%t", name, sort, after.ID != ""), func(t *testing.T) {
					t.Parallel()
					f := f
					f.Sort, f.After = sort, after
					plan, query := planOf(t, s, f.AccountFilter)
					checkPlan(t, wantIndex(f.index, sort), plan, query)
				})
			}
		}
	}
}

// wantIndex is the index that has an order, empty for the accounts by id.
func wantIndex(index string, sort store.AccountSort) string {
	if sort == store.SortAccountID {
		if index == "" {
			return ""
		}
		return "accounts_" + index
	}
	if index == "" {
		index = "state" // every state, merged
	}
	return "accounts_" + index + "_" + string(sort)
}

func checkPlan(t *testing.T, index string, plan []string, query string) {
	t.Helper()
	whole := strings.Join(plan, "\n") + "\n" + query
	require.NotContains(t, whole, "TEMP B-TREE")
	require.NotContains(t, whole, "OFFSET")
	read := 0
	for _, line := range plan {
		if !strings.Contains(line, " accounts") {
			continue
		}
		read++
		if index == "" {
			require.Contains(t, line, "accounts", whole)
			require.NotContains(t, line, "INDEX", whole)
			continue
		}
		require.Regexp(t, `INDEX `+index+`( |$)`, line, whole)
	}
	require.Positive(t, read, whole)
}
