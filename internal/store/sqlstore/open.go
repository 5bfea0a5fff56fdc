package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// Config says where the database is and what surrounds it.
type Config struct {
	// Path of the SQLite file. It is created, readable by its owner only, if it is not there; its folder is not.
	Path string
	// URL of the PostgreSQL database, in place of Path. It may hold a password: no error shows it.
	URL string
	// Now is the store's clock. Required for SQLite. Without one PostgreSQL's clock is the server's, shifted by Shift.
	Now   func() time.Time
	Shift time.Duration
	// Readers is the number of reading connections to SQLite. Default 8.
	Readers int
	// Connections bounds the connections to PostgreSQL, without the one that listens. Default 10.
	Connections int
	// StatementTimeout bounds every statement of PostgreSQL but those of migrations. Default 30 s.
	StatementTimeout time.Duration
	// BusyTimeout bounds the wait for a lock that another process holds. Default 5 s.
	BusyTimeout time.Duration
	// PollInterval is how often one statement looks for what other processes wrote, while somebody listens and nobody
	// tells. Default 500 ms.
	PollInterval time.Duration
	// Volatile is for copies that may be lost with the machine and that one program works through: a commit does not wait
	// for the disk, and the writer keeps more in memory.
	Volatile bool
	// Ticks gives the instants of polling and a function that ends them. Default time.NewTicker.
	Ticks func(interval time.Duration) (ticks <-chan time.Time, stop func())
}

func (c Config) withDefaults() (Config, error) {
	if (c.Path == "") == (c.URL == "") {
		return c, fmt.Errorf("%w: Path or URL must say where the database is, and not both", store.ErrInvalid)
	}
	if c.Now == nil && c.URL == "" {
		return c, fmt.Errorf("%w: Now is missing; give a clock", store.ErrInvalid)
	}
	if c.Readers <= 0 {
		c.Readers = 8
	}
	if c.Connections <= 0 {
		c.Connections = 10
	}
	if c.StatementTimeout <= 0 {
		c.StatementTimeout = 30 * time.Second
	}
	if c.BusyTimeout <= 0 {
		c.BusyTimeout = 5 * time.Second
	}
	if c.PollInterval <= 0 {
		c.PollInterval = 500 * time.Millisecond
	}
	if c.Ticks == nil {
		c.Ticks = func(interval time.Duration) (<-chan time.Time, func()) {
			ticker := time.NewTicker(interval)
			return ticker.C, ticker.Stop
		}
	}
	return c, nil
}

// Store is a store.Store on SQLite or PostgreSQL. Its methods may be called from many goroutines.
type Store struct {
	now     func() time.Time // nil: the server's clock, shifted
	shift   time.Duration
	dialect dialect
	schema  schema
	writer  *sql.DB // of SQLite: one connection
	readers *sql.DB // of SQLite: query_only; of PostgreSQL: the same as writer
	hub     *hub
	closed  atomic.Bool

	// SQLite has one writing transaction at a time, and statements that are prepared once for each pool.
	turn    chan struct{} // held by the writing transaction
	writing *statements
	reading *statements

	// PostgreSQL has many.
	snapshots *sql.TxOptions
	writers   sync.RWMutex // held to read by each writing transaction, to write by Close
	patience  time.Duration
	migrator  func() *sql.DB // opens a pool whose statements have no bound of time
	notifier  *notifier

	scrubs    atomic.Bool // something deleted may still be in the write-ahead log
	scrubbing sync.Mutex
}

var _ store.Store = (*Store)(nil)

// Open opens the database. It does not migrate: see Migrate. Of SQLite it asserts the pragmas (ErrPragma).
func Open(ctx context.Context, c Config) (*Store, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if c.URL != "" {
		return openPostgres(ctx, c)
	}
	file, err := os.OpenFile(c.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: open the database file: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("sqlstore: open the database file: %w", err)
	}
	s := &Store{now: c.Now, dialect: sqliteDialect{}, turn: make(chan struct{}, 1)}
	pragmas := requiredPragmas(c.BusyTimeout, false)
	if c.Volatile {
		pragmas = append(slices.DeleteFunc(pragmas, func(p pragma) bool { return p.name == "synchronous" }), volatilePragmas()...)
	}
	if s.writer, err = openPool(c.Path, c.BusyTimeout, pragmas, 1, true); err != nil {
		return nil, err
	}
	if s.readers, err = openPool(c.Path, c.BusyTimeout, requiredPragmas(c.BusyTimeout, true), c.Readers, false); err != nil {
		return nil, errors.Join(err, s.writer.Close())
	}
	s.writing, s.reading = newStatements(s.writer), newStatements(s.readers)
	s.hub = newHub(s.poll, nil, func() (<-chan time.Time, func()) { return c.Ticks(c.PollInterval) })
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	// A process that died may have left its deletions unscrubbed. If another process is reading now, the next deletion
	// does it.
	s.scrubs.Store(true)
	_ = s.scrub(ctx)
	return s, nil
}

func openPool(path string, busy time.Duration, pragmas []pragma, size int, immediate bool) (*sql.DB, error) {
	conns, err := newConnector(path, busy, pragmas, pragmas, immediate)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: open: %w", err)
	}
	db := sql.OpenDB(conns)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// Now returns the store's clock. SQLite has none of its own, so it is the process's.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if s.now != nil {
		return s.now(), nil
	}
	at, err := s.serverNow(ctx, reader{s})
	return at, s.fault(ctx, "read the clock", err)
}

// Ping reports whether the database can be written to and read from.
func (s *Store) Ping(ctx context.Context) error {
	for _, db := range []*sql.DB{s.writer, s.readers} {
		if err := db.PingContext(ctx); err != nil {
			return s.fault(ctx, "ping", err)
		}
	}
	return nil
}

// Close ends every subscription, waits for the running transaction and closes the database. Later calls of any
// method answer ErrUnavailable.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.hub.close()
	if s.turn == nil {
		return s.closePostgres()
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return errors.Join(s.readers.Close(), s.writer.Close())
}
