package sqlstore_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// toRestrict is about 30 % of the accounts.
func toRestrict(id string) bool { return strings.ContainsAny(id[len(id)-1:], "036") }

// third restricts about 30 % of the accounts.
func third(row store.EnforceRow) ([]lifecycle.Change, error) {
	if len(row.Open) > 0 || !toRestrict(row.Account.ID) {
		return nil, nil
	}
	return []lifecycle.Change{{
		Event: lifecycle.Restrict, At: minute(1), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "sweep"}, Reason: "enforced",
		Detail: lifecycle.Detail{Restricted: &lifecycle.Restricted{
			Policy: "wishpost-face-verification", PolicyVersion: 1, Rule: "existing-individuals", Since: minute(0),
			Actions: []string{"create_label"}, Sweep: "wishpost-face-verification.1.20201203T160000Z",
		}},
	}}, nil
}

func sweepAll(ctx context.Context, s *sqlstore.Store) (written int, longest time.Duration, err error) {
	after := ""
	for {
		begun := time.Now()
		got, err := s.Enforce(ctx, store.EnforcePage{After: after, Limit: 1000, Source: "wishpost-face-verification.1.20201203T160000Z"}, third)
		longest = max(longest, time.Since(begun))
		if err != nil || got.Accounts == 0 {
			return written, longest, err
		}
		written, after = written+len(got.Written), got.Last
	}
}

// BenchmarkEnforce measures P10: a sweep of 100,000 accounts that restricts 30 % of them, against the row changes
// themselves, value by value, through prepared statements in transactions of the same size.
func BenchmarkEnforce(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		swept, plain := populated(b), populated(b)
		b.StartTimer()
		begun := time.Now()
		written, longest, err := sweepAll(b.Context(), swept)
		require.NoError(b, err)
		took := time.Since(begun)
		b.StopTimer()
		changes := rowChanges(b, swept)
		begun = time.Now()
		replayChanges(b, plain.Writer(), changes)
		bare := time.Since(begun)
		b.ReportMetric(float64(written)/took.Seconds(), "entries/s")
		b.ReportMetric(float64(written)/bare.Seconds(), "plain-entries/s")
		b.ReportMetric(bare.Seconds()/took.Seconds(), "ratio")
		b.ReportMetric(longest.Seconds()*1000, "ms/longest-page")
		b.StartTimer()
	}
}

// rowChange is a statement and its values for one row.
type rowChange struct {
	statement string
	values    []any
}

// rowChanges reads what a sweep wrote, row by row, in the order of the log.
func rowChanges(b *testing.B, s *sqlstore.Store) [][]rowChange {
	b.Helper()
	tables := []rowChange{
		{`SELECT account_id, seq, change_id, event, at, recorded_at, body, hash FROM events`, nil},
		{`SELECT topic, account_id, seq, recorded_at FROM outbox`, nil},
		{`SELECT account_id, policy_name, rule_id, opened_seq, policy_version, since, opened_at, recorded_at, actions, sweep FROM restrictions`, nil},
		{`SELECT account_id, seq, fold FROM verifications`, nil},
		{`SELECT seq, since, turn_since, head_recorded_at, head_hash, account_id FROM accounts WHERE seq > 0`, nil},
	}
	writes := []string{
		`INSERT INTO events (account_id, seq, change_id, event, at, recorded_at, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		`INSERT INTO outbox (topic, account_id, seq, recorded_at) VALUES (?, ?, ?, ?)`,
		`INSERT INTO restrictions (account_id, policy_name, rule_id, opened_seq, policy_version, since, opened_at, recorded_at, actions, sweep) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		`INSERT INTO verifications (account_id, seq, fold) VALUES (?, ?, ?)`,
		`UPDATE accounts SET seq = ?, since = ?, turn_since = ?, head_recorded_at = ?, head_hash = ? WHERE account_id = ?`,
	}
	var all [][]rowChange
	for i, t := range tables {
		rows, err := s.Readers().Query(t.statement + ` ORDER BY account_id`)
		require.NoError(b, err)
		columns, err := rows.Columns()
		require.NoError(b, err)
		for n := 0; rows.Next(); n++ {
			values := make([]any, len(columns))
			to := make([]any, len(columns))
			for c := range values {
				to[c] = &values[c]
			}
			require.NoError(b, rows.Scan(to...))
			if n == len(all) {
				all = append(all, nil)
			}
			all[n] = append(all[n], rowChange{writes[i], values})
		}
		require.NoError(b, rows.Close())
	}
	return all
}

func replayChanges(b *testing.B, db *sql.DB, changes [][]rowChange) {
	b.Helper()
	for batch := range slices.Chunk(changes, 200) {
		tx, err := db.BeginTx(b.Context(), nil)
		require.NoError(b, err)
		prepared := map[string]*sql.Stmt{}
		for _, account := range batch {
			for _, c := range account {
				stmt := prepared[c.statement]
				if stmt == nil {
					stmt, err = tx.PrepareContext(b.Context(), c.statement)
					require.NoError(b, err)
					prepared[c.statement] = stmt
				}
				_, err := stmt.ExecContext(b.Context(), c.values...)
				require.NoError(b, err)
			}
		}
		require.NoError(b, tx.Commit())
	}
}
