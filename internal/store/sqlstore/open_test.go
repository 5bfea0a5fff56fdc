package sqlstore_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

func TestPragmasAreInForce(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1", "busy_timeout": "5000", "temp_store": "2",
	} {
		var writer, reader string
		require.NoError(t, s.Writer().QueryRow("PRAGMA "+name).Scan(&writer))
		require.NoError(t, s.Readers().QueryRow("PRAGMA "+name).Scan(&reader))
		require.Equal(t, want, writer, name)
		require.Equal(t, want, reader, name)
	}
	_, err := s.Readers().Exec("DELETE FROM accounts")
	require.Error(t, err, "readers only read")
}

func TestOpenRefusesWeakerPragmas(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"journal_mode": "delete", "synchronous": "normal", "foreign_keys": "off", "secure_delete": "off",
		"busy_timeout": "0", "temp_store": "file", "query_only": "off",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := sqlstore.OpenWith(t.Context(), filepath.Join(t.TempDir(), "verigate.db"), name, value)
			require.ErrorIs(t, err, sqlstore.ErrPragma)
			require.ErrorContains(t, err, name)
		})
	}
	require.NoError(t, sqlstore.OpenWith(t.Context(), filepath.Join(t.TempDir(), "verigate.db"), "", ""))
}

func TestOpenFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := sqlstore.Open(t.Context(), sqlstore.Config{Now: time.Now})
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(dir, "x.db")})
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(dir, "no", "x.db"), Now: time.Now})
	require.ErrorIs(t, err, fs.ErrNotExist)
	noise := filepath.Join(dir, "noise.db")
	require.NoError(t, os.WriteFile(noise, []byte("this is no database, however long one looks at it"), 0o600))
	_, err = sqlstore.Open(t.Context(), sqlstore.Config{Path: noise, Now: time.Now})
	require.ErrorIs(t, err, store.ErrUnavailable)
}

func TestFileIsTheOwnersOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "with space?&#%.db") // and its name is no part of a query
	sqlstoretest.Open(t, sqlstoretest.WithPath(path))
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), file)
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verigate.db")
	other := sqlstoretest.Open(t, sqlstoretest.WithPath(path))
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path, Now: time.Now, BusyTimeout: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	register(t, s, "a1")

	tx, err := other.Writer().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = s.Append(t.Context(), prompt("a1", "c1"))
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = s.Facts(t.Context(), "a1")
	require.NoError(t, err, "readers go on")
	require.NoError(t, tx.Rollback())
	_, err = s.Append(t.Context(), prompt("a1", "c1"))
	require.NoError(t, err)
}

func TestWaitingWriterGivesUp(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	register(t, s, "a1")
	conn, err := s.Writer().Conn(t.Context())
	require.NoError(t, err)
	waiting := make(chan error, 2) // one for the turn and one for the connection, in either order
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for _, changeID := range []string{"c1", "c2"} {
		go func() {
			_, err := s.Append(ctx, prompt("a1", changeID))
			waiting <- err
		}()
	}
	require.ErrorIs(t, <-waiting, context.DeadlineExceeded)
	require.ErrorIs(t, <-waiting, store.ErrUnavailable)
	require.NoError(t, conn.Close())
	got, err := s.Append(t.Context(), prompt("a1", "c1"))
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Written[0].Seq, "who gave up wrote nothing")
}
