package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/internal/store"
)

// idleLimit bounds how long a transaction may hold its locks without a statement: a process that hangs must not stop the
// others.
const idleLimit = time.Minute

func openPostgres(ctx context.Context, c Config) (*Store, error) {
	conns, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: URL of the database cannot be read; write postgres://USER:PASSWORD@HOST:PORT/DATABASE", store.ErrInvalid)
	}
	s := &Store{now: c.Now, shift: c.Shift, dialect: newPostgresDialect()}
	s.snapshots = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	s.patience = 4 * c.StatementTimeout
	s.migrator = func() *sql.DB { return pool(conns, 0, 0, 2) } // one holds the lock, one works
	s.writer = pool(conns, c.StatementTimeout, c.BusyTimeout, c.Connections)
	s.readers = s.writer
	s.notifier = newNotifier(s)
	s.hub = newHub(s.poll, func(ctx context.Context) (<-chan []topic, error) { return s.listen(ctx, conns) },
		func() (<-chan time.Time, func()) { return c.Ticks(c.PollInterval) })
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// pool opens connections whose statements and waits for locks are bounded; 0 is without bound.
func pool(base *pgx.ConnConfig, statement, lock time.Duration, size int) *sql.DB {
	c := base.Copy()
	for name, d := range map[string]time.Duration{
		"statement_timeout": statement, "lock_timeout": lock, "idle_in_transaction_session_timeout": idleLimit,
	} {
		c.RuntimeParams[name] = strconv.FormatInt(d.Milliseconds(), 10)
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "verigate"
	}
	c.RuntimeParams["default_transaction_isolation"] = "read committed" // what the statements are written for
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

const (
	mostTries  = 5
	retryPause = 20 * time.Millisecond // after the first try, doubled after each, give or take half
)

// writeAmongOthers runs a writing transaction, again if another one was in its way.
func (s *Store) writeAmongOthers(ctx context.Context, do func(ctx context.Context, tx *transaction) error) error {
	return s.amongOthers(ctx, func(ctx context.Context, conn *sql.Conn) error { return (&transaction{s: s}).run(ctx, conn, do) })
}

// oneAmongOthers runs one writing statement, which is a transaction by itself.
func (s *Store) oneAmongOthers(ctx context.Context, query string, args ...any) (written int64, err error) {
	err = s.amongOthers(ctx, func(ctx context.Context, conn *sql.Conn) error {
		defer func() { _ = conn.Close() }() // gives it back to the pool
		result, err := conn.ExecContext(ctx, s.dialect.rebind(query), args...)
		if err == nil {
			written, err = result.RowsAffected()
		}
		return err
	})
	return written, err
}

// amongOthers runs do, which gives the connection back, again while another transaction was in its way.
func (s *Store) amongOthers(ctx context.Context, do func(ctx context.Context, conn *sql.Conn) error) error {
	s.writers.RLock()
	defer s.writers.RUnlock()
	wait := retryPause
	for try := 1; ; try++ {
		err := s.tryToWrite(ctx, do)
		if err == nil || try == mostTries || !s.passing(err) {
			return err
		}
		if pause.For(ctx, spread(wait)) != nil {
			return err
		}
		wait *= 2
	}
}

// spread keeps those who collided from doing so again.
func spread(d time.Duration) time.Duration {
	var b [1]byte
	_, _ = rand.Read(b[:]) // it never fails
	return d/2 + d*time.Duration(b[0])/256
}

func (s *Store) tryToWrite(ctx context.Context, do func(ctx context.Context, conn *sql.Conn) error) error {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience) // for a network that is silent
	defer cancel()
	return do(ctx, conn)
}

// errTaken is wrapped around the conflict of a transaction that, run again, will see what it collided with.
var errTaken = errors.New("sqlstore: taken by another transaction meanwhile")

// orAgain has the transaction run again if err says that a key was taken after the transaction had looked for it.
func (s *Store) orAgain(err error) error {
	if err != nil && s.turn == nil && s.dialect.classify(err) == conflict {
		return fmt.Errorf("%w: %w", errTaken, err)
	}
	return err
}

func (s *Store) passing(err error) bool {
	return errors.Is(err, errTaken) || !ours(err) && s.dialect.classify(err) == again
}

// closePostgres waits for the running transactions and closes the pool.
func (s *Store) closePostgres() error {
	s.writers.Lock()
	defer s.writers.Unlock()
	s.notifier.close()
	return s.writer.Close()
}

// serverNow is the server's clock, which all processes share, shifted.
func (s *Store) serverNow(ctx context.Context, q querier) (time.Time, error) {
	var micros int64
	err := row(ctx, q, `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`, nil, &micros)
	return time.UnixMicro(micros).Add(s.shift).UTC(), err
}
