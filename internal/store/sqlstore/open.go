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
	// Now is the store's clock. Required.
	Now func() time.Time
	// Readers is the number of reading connections. Default 8.
	Readers int
	// BusyTimeout bounds the wait for another process's lock. Default 5 s.
	BusyTimeout time.Duration
	// PollInterval is how often one statement looks for what other processes wrote, while somebody listens.
	// Default 500 ms.
	PollInterval time.Duration
	// Volatile is for copies that may be lost with the machine and that one program works through: a commit does not wait
	// for the disk, and the writer keeps more in memory.
	Volatile bool
	// Ticks gives the instants of polling and a function that ends them. Default time.NewTicker.
	Ticks func(interval time.Duration) (ticks <-chan time.Time, stop func())
}

func (c Config) withDefaults() (Config, error) {
	if c.Path == "" {
		return c, fmt.Errorf("%w: Path is empty; name the database file", store.ErrInvalid)
	}
	if c.Now == nil {
		return c, fmt.Errorf("%w: Now is missing; give a clock", store.ErrInvalid)
	}
	if c.Readers <= 0 {
		c.Readers = 8
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

// Store is a store.Store on SQLite. Its methods may be called from many goroutines.
type Store struct {
	now     func() time.Time
	dialect dialect
	schema  schema
	writer  *sql.DB       // one connection
	readers *sql.DB       // query_only
	turn    chan struct{} // held by the writing transaction
	writing *statements
	reading *statements
	hub     *hub
	closed  atomic.Bool

	scrubs    atomic.Bool // something deleted may still be in the write-ahead log
	scrubbing sync.Mutex
}

var _ store.Store = (*Store)(nil)

// Open opens the database and asserts its pragmas (ErrPragma). It does not migrate: see Migrate.
func Open(ctx context.Context, c Config) (*Store, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
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
	s.hub = newHub(s.poll, func() (<-chan time.Time, func()) { return c.Ticks(c.PollInterval) })
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
func (s *Store) Now(context.Context) (time.Time, error) { return s.now(), nil }

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
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return errors.Join(s.readers.Close(), s.writer.Close())
}
