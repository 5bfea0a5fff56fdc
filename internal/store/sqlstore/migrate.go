package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/verigate/verigate/internal/store"
)

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero while it is pending
}

// Migrate brings the schema up to date and returns the versions that it applied. It is safe to call at every start,
// also by several processes. It fails with ErrTogether where keys and data would meet.
func (s *Store) Migrate(ctx context.Context) ([]int64, error) {
	if err := s.apart(ctx); err != nil {
		return nil, err
	}
	provider, done, err := s.provider()
	if err != nil {
		return nil, err
	}
	defer done()
	var applied []int64
	for {
		results, err := provider.Up(ctx)
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		for _, r := range results {
			applied = append(applied, r.Source.Version)
		}
		if err == nil {
			return applied, nil
		}
		if partial == nil || !overtaken(ctx, provider, partial.Failed.Source.Version) {
			return nil, s.migrationFault(ctx, err)
		}
	}
}

// overtaken tells whether another process applied a step between this one's look at what is pending and its try. The
// other may still be at the steps after it, so the caller looks again.
func overtaken(ctx context.Context, provider *goose.Provider, step int64) bool {
	version, err := provider.GetDBVersion(ctx)
	return err == nil && version >= step
}

// Migrations lists every step of the schema, oldest first, with the instant it was applied.
func (s *Store) Migrations(ctx context.Context) ([]Migration, error) {
	if err := s.apart(ctx); err != nil {
		return nil, err
	}
	provider, done, err := s.provider()
	if err != nil {
		return nil, err
	}
	defer done()
	status, err := provider.Status(ctx)
	if err != nil {
		return nil, s.migrationFault(ctx, err)
	}
	var all []Migration
	for _, m := range status {
		all = append(all, Migration{Version: m.Source.Version, Name: m.Source.Path, AppliedAt: m.AppliedAt})
	}
	return all, nil
}

// ErrTogether means that data and the keys that seal it would lie in one database.
var ErrTogether = errors.New("data and data keys must lie in two databases, or whoever has a copy of the one has the keys with it")

// apart fails with ErrTogether if the tables of the other schema are here. It is asked again at every start: two names may
// lead to one database.
func (s *Store) apart(ctx context.Context) error {
	other := map[schema]string{dataSchema: "data_keys", keySchema: "accounts"}[s.schema]
	there := 0
	err := row(ctx, reader{s}, s.dialect.tables(), []any{other}, &there)
	if err != nil {
		return s.fault(ctx, "look for tables", err)
	}
	if there > 0 {
		return fmt.Errorf("sqlstore: the table %s is there: %w", other, ErrTogether)
	}
	return nil
}

// provider is goose without its globals. done ends what it needs beside the store. On PostgreSQL one process migrates at a
// time, the others wait for it.
func (s *Store) provider() (_ *goose.Provider, done func(), err error) {
	dialect, files, err := s.dialect.migrations(s.schema)
	if err != nil {
		return nil, nil, fmt.Errorf("sqlstore: migrations: %w", err)
	}
	db, done := s.writer, func() {}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.migrator != nil {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrationPatience))
		if err != nil {
			return nil, nil, fmt.Errorf("sqlstore: migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
		db = s.migrator()
		done = func() { _ = db.Close() }
	}
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("sqlstore: migrations: %w", err)
	}
	return provider, done, nil
}

// migrationPatience is for how many seconds a process waits for another one that migrates.
const migrationPatience = 600

// migrationFault keeps the text of an error, unlike fault: it is about the schema, and an operator needs it.
func (s *Store) migrationFault(ctx context.Context, err error) error {
	if mapped := s.fault(ctx, "migrate", err); errors.Is(mapped, store.ErrUnavailable) {
		return mapped
	}
	return fmt.Errorf("sqlstore: migrate: %w", err)
}
