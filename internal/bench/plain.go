package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
)

// rowChange is one row that an entry writes: how to read it, after an account and in the order of accounts, and how to
// write it with the same values.
type rowChange struct{ read, write string }

// restrictions is what the first entry of each account wrote.
func restrictions() []rowChange {
	return append(entries(1), rowChange{
		`SELECT account_id, policy_name, rule_id, opened_seq, policy_version, since, opened_at, recorded_at, actions, sweep FROM restrictions
			WHERE opened_seq = 1`,
		`INSERT INTO restrictions (account_id, policy_name, rule_id, opened_seq, policy_version, since, opened_at, recorded_at, actions, sweep)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	}, rowChange{
		`SELECT account_id, seq, fold FROM verifications WHERE seq = 1`,
		`INSERT INTO verifications (account_id, seq, fold) VALUES (?, ?, ?)`,
	})
}

// lifts is what the second one did.
func lifts() []rowChange {
	return append(entries(2), rowChange{
		`SELECT lifted_seq, lifted_at, lift_reason, account_id, policy_name, rule_id, opened_seq FROM restrictions WHERE lifted_seq = 2`,
		`UPDATE restrictions SET lifted_seq = ?, lifted_at = ?, lift_reason = ?
			WHERE account_id = ? AND policy_name = ? AND rule_id = ? AND opened_seq = ?`,
	}, rowChange{
		`SELECT seq, fold, account_id FROM verifications WHERE seq = 2`,
		`UPDATE verifications SET seq = ?, fold = ? WHERE account_id = ?`,
	})
}

// entries is what every entry of a number writes.
func entries(seq int) []rowChange {
	return []rowChange{
		{
			fmt.Sprintf(`SELECT account_id, seq, change_id, event, at, recorded_at, body, hash FROM events WHERE seq = %d`, seq),
			`INSERT INTO events (account_id, seq, change_id, event, at, recorded_at, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		},
		{
			fmt.Sprintf(`SELECT topic, account_id, seq, recorded_at FROM outbox WHERE topic = 'change' AND seq = %d`, seq),
			`INSERT INTO outbox (topic, account_id, seq, recorded_at) VALUES (?, ?, ?, ?)`,
		},
		{
			fmt.Sprintf(`SELECT seq, since, turn_since, head_recorded_at, head_hash, restricted, account_id FROM accounts WHERE seq = %d`, seq),
			`UPDATE accounts SET seq = ?, since = ?, turn_since = ?, head_recorded_at = ?, head_hash = ?, restricted = ? WHERE account_id = ?`,
		},
	}
}

func (s *scene) plainRestrict(ctx context.Context) (sample, error) {
	return s.replay(ctx, restrictions())
}

func (s *scene) plainLift(ctx context.Context) (sample, error) { return s.replay(ctx, lifts()) }

// replay writes in the baseline's database what the sweep before wrote in its own, in transactions of the same size.
// Only the writing is timed; what is written is read in between, so that memory stays small.
func (s *scene) replay(ctx context.Context, changes []rowChange) (sample, error) {
	debug.FreeOSMemory()
	resident := watchResident(ctx)
	got := sample{allocs: -1}
	const batch = sweepPage / ten * coveredOfTen
	for got.operations < s.covered() {
		after, values := "", make([][][]any, len(changes))
		if got.operations > 0 {
			after = nthCovered(got.operations - 1)
		}
		for i, change := range changes {
			var err error
			if values[i], err = readRows(ctx, s.db, change.read+` AND account_id > ? ORDER BY account_id LIMIT ?`, after, batch); err != nil {
				return got, err
			}
			if len(values[i]) != min(batch, s.covered()-got.operations) {
				return got, fmt.Errorf("%d rows instead of the sweep's by %s", len(values[i]), change.read)
			}
		}
		begun, used := s.Now(), processorTime()
		if err := writeRows(ctx, s.plain, changes, values); err != nil {
			return got, err
		}
		took := s.Now().Sub(begun)
		got.cpu += processorTime() - used // in hundredths of a second, which even out
		got.operations, got.took, got.each = got.operations+len(values[0]), got.took+took, append(got.each, took)
	}
	got.resident = resident()
	return got, nil
}

// readRows returns the values of some rows.
func readRows(ctx context.Context, db *plainDB, query string, args ...any) ([][]any, error) {
	var all [][]any
	err := stream(ctx, db, func(row []any) { all = append(all, append([]any{}, row...)) }, query, args...)
	return all, err
}

// stream visits rows; their values are only good until visit returns.
func stream(ctx context.Context, db *plainDB, visit func(row []any), query string, args ...any) (err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, to := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		to[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		visit(values)
	}
	return rows.Err()
}

// writeRows is one transaction with a prepared statement for each kind of row, account by account.
func writeRows(ctx context.Context, db *plainDB, changes []rowChange, values [][][]any) error {
	tx, err := db.BeginTx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	statements := make([]*sql.Stmt, len(changes))
	for i, change := range changes {
		if statements[i], err = tx.PrepareContext(ctx, change.write); err != nil {
			return err
		}
	}
	for account := range values[0] {
		for i, statement := range statements {
			if _, err := statement.ExecContext(ctx, values[i][account]...); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// selectFacts streams what a preview reads.
func (s *scene) selectFacts(ctx context.Context) (sample, error) {
	return s.timed(ctx, s.accounts, func() error { return s.streamFacts(ctx) })
}

// selectReport streams what a report reads.
func (s *scene) selectReport(ctx context.Context) (sample, error) {
	return s.timed(ctx, s.accounts, func() error {
		seen := 0
		err := stream(ctx, s.db, func([]any) { seen++ },
			`SELECT recorded_at, body FROM events WHERE event IN ('restrict', 'lift') ORDER BY account_id, seq`)
		if err == nil && seen != s.sweeps*s.covered() {
			err = fmt.Errorf("%d entries instead of %d", seen, s.sweeps*s.covered())
		}
		return errors.Join(err, s.streamFacts(ctx))
	})
}

func (s *scene) streamFacts(ctx context.Context) error {
	seen := 0
	err := stream(ctx, s.db, func([]any) { seen++ }, `SELECT a.account_id, a.kind, a.region, a.registered_at, a.closed_at, a.seq, a.state, a.since, a.turn_since,
		a.verified_at, e.extension_id, e.rule_id, e.until, e.granted_at FROM accounts a LEFT JOIN extensions e ON e.account_id = a.account_id`)
	if err == nil && seen != s.accounts {
		err = fmt.Errorf("%d accounts instead of %d", seen, s.accounts)
	}
	return err
}
