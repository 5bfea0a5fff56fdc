package sqlstore_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// crowd is a population as there are: most accounts are in one state, of one kind and of one region, and few are restricted,
// extended or closed.
const crowd = `
INSERT INTO accounts (account_id, kind, region, registered_at, closed_at, version, recorded_at, seq, state, turn, restricted, extended_until, requested_until)
SELECT 'a' || lpad(n::text, 6, '0'), CASE WHEN n %% 10 = 0 THEN 'enterprise' ELSE 'individual' END,
	(ARRAY['CN', 'CN', 'CN', 'CN', 'CN', 'CN', 'CN', 'HK', 'US'])[1 + n * 7 %% 9], %[1]d + n * 7919 %% 100 * %[2]d, CASE WHEN n %% 101 = 0 THEN %[1]d END, 1,
	%[1]d + n * 104729 %% 20 * %[2]d, 0, CASE WHEN n %% 5 > 0 THEN '%[3]s' ELSE (ARRAY[%[4]s])[1 + n / 5 %% %[5]d] END, 'merchant',
	CASE WHEN n %% 103 = 0 THEN 1 ELSE 0 END, CASE WHEN n %% 107 = 0 THEN %[1]d + n %% 100 * %[2]d END, CASE WHEN n %% 211 = 0 THEN %[1]d + n %% 100 * %[2]d END
FROM generate_series(1, %[6]d) AS n`

// crowded fills a store and returns how many accounts it has.
func crowded(t *testing.T, s *sqlstore.Store) (accounts int) {
	t.Helper()
	accounts = 20_000
	var states []string
	for _, state := range lifecycle.States() {
		states = append(states, "'"+string(state)+"'")
	}
	step := minute(1).Sub(minute(0)).Nanoseconds()
	for _, statement := range []string{
		fmt.Sprintf(crowd, minute(0).UnixNano(), step, lifecycle.Unverified, strings.Join(states, ", "), len(states), accounts),
		`INSERT INTO restrictions (account_id, policy_name, rule_id, opened_seq, policy_version, opened_at, recorded_at, actions, sweep)
			SELECT account_id, 'p', 'r', 1, 1, 1, 1, '[]', '' FROM accounts WHERE restricted > 0`,
		`VACUUM (ANALYZE) accounts, restrictions`,
	} {
		_, err := s.Writer().ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	return accounts
}

// TestListsReadAnIndexOnPostgreSQL: at a size at which the planner has a choice, a page of a hundred is never read from the
// whole table, and no step reads more than a twentieth of it.
func TestListsReadAnIndexOnPostgreSQL(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.OpenPostgres(t)
	accounts := crowded(t, s)
	for name, f := range listFilters() {
		for _, sort := range store.AccountSorts() {
			for _, after := range []store.ListPlace{{}, {At: minute(5), ID: "a005000"}} {
				f := f
				f.Sort, f.After = sort, after
				plan, text := postgresPlan(t, s, f.AccountFilter)
				read := false
				plan.each(func(n planNode) {
					if n.Relation != "accounts" {
						return
					}
					read = true
					require.Regexp(t, `^(Index|Bitmap Heap)`, n.Type, "%s by %s: %s", name, sort, text)
					require.LessOrEqual(t, n.Loops*(n.Rows+n.Removed), accounts/20, "%s by %s: %s", name, sort, text)
				})
				require.True(t, read, "%s by %s: %s", name, sort, text)
			}
		}
	}
}

// TestListsArePlannedForTheirValues, also when the same list was read often.
func TestListsArePlannedForTheirValues(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.OpenURL(t, sqlstoretest.Postgres(t), func(c *sqlstore.Config) { c.Connections = 1 }) // whose statements are looked at
	register(t, s, "a1")
	for range 20 {
		page, err := s.ListAccounts(t.Context(), store.AccountFilter{States: []lifecycle.State{lifecycle.Unverified}, Prefix: "a", Limit: 10})
		require.NoError(t, err)
		require.Len(t, page, 1)
	}
	var custom, generic int
	require.NoError(t, s.Readers().QueryRowContext(t.Context(), `SELECT SUM(custom_plans), SUM(generic_plans) FROM pg_prepared_statements
		WHERE statement LIKE 'SELECT account_id FROM accounts WHERE%'`).Scan(&custom, &generic))
	require.Equal(t, []int{20, 0}, []int{custom, generic})
}

// planNode is one step of a plan.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Rows     int        `json:"Actual Rows"`
	Removed  int        `json:"Rows Removed by Filter"`
	Loops    int        `json:"Actual Loops"`
	Plans    []planNode `json:"Plans"`
}

func (n planNode) each(do func(planNode)) {
	do(n)
	for _, below := range n.Plans {
		below.each(do)
	}
}

// postgresPlan runs the statement of a list and tells how that went.
func postgresPlan(t *testing.T, s *sqlstore.Store, f store.AccountFilter) (planNode, string) {
	t.Helper()
	query, args, err := s.ListStatement(t.Context(), f)
	require.NoError(t, err)
	var text string
	require.NoError(t, s.Readers().QueryRowContext(t.Context(), `EXPLAIN (ANALYZE, FORMAT JSON) `+query, args...).Scan(&text))
	var plans []struct{ Plan planNode }
	require.NoError(t, json.Unmarshal([]byte(text), &plans))
	require.Len(t, plans, 1)
	return plans[0].Plan, text
}
