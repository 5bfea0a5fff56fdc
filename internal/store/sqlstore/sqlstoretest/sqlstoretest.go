// Package sqlstoretest opens migrated stores in a test's own folder.
package sqlstoretest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
)

// Option changes how a store is opened.
type Option func(*sqlstore.Config)

// WithNow sets the store's clock. The default is the system's.
func WithNow(now func() time.Time) Option { return func(c *sqlstore.Config) { c.Now = now } }

// WithPath sets the database file, for a store that is opened again or by two at a time.
func WithPath(path string) Option { return func(c *sqlstore.Config) { c.Path = path } }

// WithVolatile opens a store whose commits do not wait for the disk.
func WithVolatile() Option { return func(c *sqlstore.Config) { c.Volatile = true } }

// WithTicks sets the instants at which the store looks for what other processes wrote.
func WithTicks(ticks func(time.Duration) (<-chan time.Time, func())) Option {
	return func(c *sqlstore.Config) { c.Ticks = ticks }
}

// OpenPostgres opens a migrated store in a PostgreSQL database of its own, both gone when the test ends. The tests' TestMain
// has to call pgtest.Main.
func OpenPostgres(t testing.TB, options ...Option) *sqlstore.Store {
	t.Helper()
	return OpenURL(t, Postgres(t), options...)
}

// Postgres returns the URL of a new database with the present schema.
func Postgres(t testing.TB) string {
	t.Helper()
	return pgtest.Database(t, pgtest.Kind{Name: "data", Empty: empty, Prepare: func(ctx context.Context, url string) error {
		s, err := sqlstore.Open(ctx, sqlstore.Config{URL: url})
		if err != nil {
			return err
		}
		_, err = s.Migrate(ctx)
		return errors.Join(err, s.Close())
	}})
}

// empty leaves nothing but the rows that the schema begins with.
const empty = `
DO $$
DECLARE name text;
BEGIN
	SET LOCAL session_replication_role = replica; -- past triggers and references
	FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^(events_[0-9]+|goose_db_version)$' LOOP
		EXECUTE format('DELETE FROM %I', name);
	END LOOP;
	FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND sequencename !~ '^goose' LOOP
		PERFORM setval(name::regclass, 1, false);
	END LOOP;
	INSERT INTO policies_revision (revision) VALUES (0);
	INSERT INTO audit_head (one, audit_id) VALUES (1, 0);
	INSERT INTO tally_position (position, recorded_at) VALUES (NULL, NULL);
END $$`

// OpenURL opens a store on a PostgreSQL database that has the schema, closed when the test ends. Without WithNow the clock
// is the server's.
func OpenURL(t testing.TB, url string, options ...Option) *sqlstore.Store {
	t.Helper()
	config := sqlstore.Config{URL: url}
	for _, o := range options {
		o(&config)
	}
	s, err := sqlstore.Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// Open opens a migrated store, closed when the test ends.
func Open(t testing.TB, options ...Option) *sqlstore.Store {
	t.Helper()
	config := sqlstore.Config{Path: filepath.Join(t.TempDir(), "verigate.db"), Now: time.Now}
	for _, o := range options {
		o(&config)
	}
	s, err := sqlstore.Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	return s
}
