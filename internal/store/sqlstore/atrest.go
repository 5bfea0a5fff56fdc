package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// atRest is a snapshot after which no position will be written that is smaller than one that it sees. Where one
// transaction writes at a time that is so of every snapshot.
func (s *Store) atRest(ctx context.Context, op string, do func(q querier) error) error {
	if s.turn != nil {
		return s.snapshot(ctx, op, do)
	}
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return s.fault(ctx, op, err)
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool
	return s.fault(ctx, op, s.restingOn(ctx, conn, do))
}

const quietLock = `(CAST(1986359903 AS BIGINT) << 32) | CAST(CAST('events_position' AS regclass) AS oid)::BIGINT`

// restingOn begins the snapshot while nobody can have drawn a position who has not committed: see next_position in the
// schema. Writers wait for it as long as that takes.
func (s *Store) restingOn(ctx context.Context, conn *sql.Conn, do func(q querier) error) error {
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(`+quietLock+`)`); err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, s.snapshots)
	if err == nil {
		defer func() { _ = tx.Rollback() }()                                     // nothing was written
		_, err = tx.ExecContext(ctx, `SELECT pg_advisory_unlock(`+quietLock+`)`) // its first statement: the snapshot is taken
		if err != nil {
			_ = tx.Rollback() // a connection with a transaction cannot be given up
		}
	}
	if err != nil {
		return errors.Join(err, conn.Raw(func(any) error { return driver.ErrBadConn })) // the lock ends with the connection
	}
	return do(&transaction{s: s, tx: tx})
}
