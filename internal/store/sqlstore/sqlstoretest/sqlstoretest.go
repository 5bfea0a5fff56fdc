// Package sqlstoretest opens migrated stores in a test's own folder.
package sqlstoretest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
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
