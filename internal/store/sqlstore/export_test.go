package sqlstore

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"
)

// Writer gives tests the writing connection, to break things on it.
func (s *Store) Writer() *sql.DB { return s.writer }

// Readers gives tests the reading pool.
func (s *Store) Readers() *sql.DB { return s.readers }

// CountPolls has the statements that look for what other processes wrote counted. Call it before anybody listens.
func (s *Store) CountPolls() *atomic.Int64 {
	var polls atomic.Int64
	poll := s.hub.poll
	s.hub.poll = func(ctx context.Context, after *cursor) (cursor, []topic, error) {
		polls.Add(1)
		return poll(ctx, after)
	}
	return &polls
}

// OpenWith opens a connection with one pragma set to another value than is required of it.
func OpenWith(ctx context.Context, path, name, value string) error {
	required := requiredPragmas(time.Second, true)
	set := requiredPragmas(time.Second, true)
	for i := range set {
		if set[i].name == name {
			set[i].set = value
		}
	}
	c, err := newConnector(path, time.Second, set, required, false)
	if err != nil {
		return err
	}
	db := sql.OpenDB(c)
	defer func() { _ = db.Close() }()
	return db.PingContext(ctx)
}

// MigrateTo applies the steps of the schema up to one.
func (s *Store) MigrateTo(ctx context.Context, version int64) error { return s.migrateTo(ctx, version) }

// FactsOfOne is the statement of Facts, for an account named a1.
const FactsOfOne = factsQuery + `a.account_id = 'a1' ORDER BY e.granted_at, e.extension_id`

// Tamper writes to the database as somebody would who can, past what keeps the program from it.
func (s *Store) Tamper(ctx context.Context, statement string) (rows int64, err error) {
	guards := []string{`PRAGMA foreign_keys = OFF`, `DROP TRIGGER IF EXISTS audit_unchanged`, `DROP TRIGGER IF EXISTS audit_undeleted`}
	if s.turn == nil {
		guards = []string{`SET session_replication_role = replica`}
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	for _, guard := range guards {
		if _, err := conn.ExecContext(ctx, guard); err != nil {
			return 0, err
		}
	}
	result, err := conn.ExecContext(ctx, statement)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
