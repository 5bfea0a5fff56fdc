package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/policy"
)

func TestCopyIsApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(from))
	put := func(s *sqlstore.Store, id string) {
		_, _, err := s.PutAccount(t.Context(), store.PutAccount{Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: minute(0)}}, false)
		require.NoError(t, err)
	}
	put(s, "a1")
	require.NoError(t, s.PutKey(t.Context(), store.Key{ID: "k", Hash: make([]byte, 32), CreatedAt: minute(0)}))
	_, err := s.Writer().ExecContext(t.Context(), `INSERT INTO vault_records VALUES ('a1', 'r', 'text', x'00', 0, '')`)
	require.NoError(t, err)
	tx, err := s.Writer().Begin() // somebody writes meanwhile
	require.NoError(t, err)
	require.NoError(t, sqlstore.Copy(t.Context(), from, to, time.Second))
	require.NoError(t, tx.Rollback())

	c := sqlstoretest.Open(t, sqlstoretest.WithPath(to))
	put(c, "a2")
	for s, want := range map[*sqlstore.Store]int{s: 1, c: 2} {
		n, err := s.Population(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	keys, err := c.AllKeys(t.Context())
	require.NoError(t, err)
	require.Empty(t, keys)
	var records int
	require.NoError(t, c.Readers().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM vault_records`).Scan(&records))
	require.Zero(t, records, "nobody's information leaves the vault")
	keys, err = s.AllKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 1)

	require.Error(t, sqlstore.Copy(t.Context(), from, to, time.Second), "nothing is overwritten")
	require.ErrorIs(t, sqlstore.Copy(t.Context(), filepath.Join(dir, "none.db"), filepath.Join(dir, "c.db"), time.Second), store.ErrInvalid)
	require.NoFileExists(t, filepath.Join(dir, "none.db"))
	require.NoFileExists(t, filepath.Join(dir, "c.db"))
}

func TestVolatileStoresDoNotWaitForTheDisk(t *testing.T) {
	t.Parallel()
	for want, options := range map[[3]int][]sqlstoretest.Option{
		{2, -2000, 1000}: nil, {0, -32768, 4096}: {sqlstoretest.WithVolatile()},
	} {
		s := sqlstoretest.Open(t, options...)
		var got [3]int
		for i, name := range []string{"synchronous", "cache_size", "wal_autocheckpoint"} {
			require.NoError(t, s.Writer().QueryRowContext(t.Context(), `PRAGMA `+name).Scan(&got[i]))
		}
		require.Equal(t, want, got)
	}
}
