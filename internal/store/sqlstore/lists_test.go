package sqlstore_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TestListColumnsOfWhatWasThere: a database from before the lists says the same of its accounts as one that began with them.
func TestListColumnsOfWhatWasThere(t *testing.T) {
	t.Parallel()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "verigate.db"), Now: func() time.Time { return minute(9) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.MigrateTo(t.Context(), 7))
	register(t, s, "a1")
	register(t, s, "a2")
	for _, text := range []string{
		`UPDATE accounts SET head_recorded_at = 2000000000000000000 WHERE account_id = 'a1'`,
		`INSERT INTO restrictions (account_id, policy_name, rule_id, opened_seq, policy_version, opened_at, recorded_at, actions, sweep)
			VALUES ('a1', 'p', 'r', 1, 1, 1, 1, '[]', ''), ('a1', 'p', 'q', 2, 1, 1, 1, '[]', '')`,
		`INSERT INTO restrictions (account_id, policy_name, rule_id, opened_seq, policy_version, opened_at, recorded_at, actions, sweep, lifted_seq)
			VALUES ('a2', 'p', 'r', 1, 1, 1, 1, '[]', '', 2)`,
		`INSERT INTO extensions (extension_id, account_id, rule_id, until, batch_id, state, version, requested_at, requested_by)
			VALUES ('e1', 'a1', '', 70, '', 'approved', 2, 1, ''), ('e2', 'a1', '', 50, '', 'approved', 2, 1, ''),
			('e3', 'a1', '', 90, '', 'revoked', 3, 1, ''), ('e4', 'a2', '', 60, '', 'requested', 1, 1, '')`,
	} {
		_, err := s.Writer().ExecContext(t.Context(), text)
		require.NoError(t, err)
	}
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	rows, err := s.Readers().QueryContext(t.Context(), `SELECT account_id || ' ' || changed_at || ' ' || restricted || ' ' ||
		COALESCE(extended_until, '-') || ' ' || COALESCE(requested_until, '-') FROM accounts ORDER BY account_id`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var got []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		got = append(got, line)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"a1 2000000000000000000 2 70 -", fmt.Sprintf("a2 %d 0 - 60", minute(9).UnixNano())}, got)
}
