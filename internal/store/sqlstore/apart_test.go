package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

// TestKeysAndDataDoNotMeet in either order, whatever their two names are.
func TestKeysAndDataDoNotMeet(t *testing.T) {
	t.Parallel()
	for name, places := range map[string]func(t *testing.T) sqlstore.Config{
		"sqlite": func(t *testing.T) sqlstore.Config {
			t.Helper()
			return sqlstore.Config{Path: filepath.Join(t.TempDir(), "v.db"), Now: time.Now}
		},
		"postgres": func(t *testing.T) sqlstore.Config {
			t.Helper()
			return sqlstore.Config{URL: pgtest.Database(t, pgtest.Kind{Name: "bare"})}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := places(t)
			keys, err := sqlstore.OpenKeys(t.Context(), c)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, keys.Close()) })
			s, err := sqlstore.Open(t.Context(), c)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			_, err = s.Migrate(t.Context())
			require.ErrorIs(t, err, sqlstore.ErrTogether)
			_, err = s.Migrations(t.Context())
			require.ErrorIs(t, err, sqlstore.ErrTogether)
			_, err = keys.Migrate(t.Context())
			require.NoError(t, err, "what was there first goes on")

			c = places(t)
			if name == "postgres" {
				c.URL = sqlstoretest.Postgres(t)
			} else {
				sqlstoretest.Open(t, sqlstoretest.WithPath(c.Path))
			}
			_, err = sqlstore.OpenKeys(t.Context(), c)
			require.ErrorIs(t, err, sqlstore.ErrTogether)
		})
	}
}
