package sqlstore_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
)

// TestDeletionIsFinished: a deletion that could not be scrubbed says so, and the same call again goes on.
func TestDeletionIsFinished(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "verigate.db")
	records := sqlstoretest.Open(t, sqlstoretest.WithPath(path)).VaultRecords()
	record := vault.Record{AccountID: "a1", Ref: "text-canary", Kind: vault.KindText, Sealed: []byte("sealed")}
	require.NoError(t, records.PutRecord(ctx, record))
	require.Error(t, records.PutRecord(ctx, record), "a reference is used once")

	other := sqlstoretest.Open(t, sqlstoretest.WithPath(path))
	reading, err := other.Readers().BeginTx(ctx, nil)
	require.NoError(t, err)
	var n int
	require.NoError(t, reading.QueryRow("SELECT COUNT(*) FROM vault_records").Scan(&n))
	require.Equal(t, 1, n)
	bounded, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, records.DeleteRecord(bounded, "a1", record.Ref), vault.ErrUnavailable, "a reader still sees the old page")
	require.Contains(t, contents(t, dir), record.Ref)
	_, err = records.Record(ctx, "a1", record.Ref)
	require.ErrorIs(t, err, vault.ErrNotFound, "deleted it is")

	require.NoError(t, reading.Rollback())
	require.NoError(t, records.DeleteRecord(ctx, "a1", record.Ref))
	require.NotContains(t, contents(t, dir), record.Ref)
}

// TestDeletionIsFinishedByTheNextProcess opens what a process leaves that died between a deletion and its scrubbing.
func TestDeletionIsFinishedByTheNextProcess(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "verigate.db")
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(path))
	require.NoError(t, s.VaultRecords().PutRecord(ctx, vault.Record{AccountID: "a1", Ref: "text-canary", Kind: vault.KindText, Sealed: []byte("sealed")}))
	_, err := s.Writer().ExecContext(ctx, "DELETE FROM vault_records")
	require.NoError(t, err)
	left := t.TempDir()
	for _, name := range []string{"verigate.db", "verigate.db-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(left, name), content, 0o600))
	}
	require.Contains(t, contents(t, left), "text-canary")
	sqlstoretest.Open(t, sqlstoretest.WithPath(filepath.Join(left, "verigate.db")))
	require.NotContains(t, contents(t, left), "text-canary")
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}
