package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

// TestCopyOfPostgreSQLIsApart: logs and their hashes are as they were, secrets stay, and the copy goes on by itself.
func TestCopyOfPostgreSQLIsApart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url, to := sqlstoretest.Postgres(t), filepath.Join(t.TempDir(), "b.db")
	s := sqlstoretest.OpenURL(t, url)
	register(t, s, "a1")
	_, err := s.Append(ctx, prompt("a1", "c1"))
	require.NoError(t, err)
	_, err = s.AppendAudit(ctx, store.AuditEntry{Actor: "op", Action: "test", Outcome: store.OutcomeOK})
	require.NoError(t, err)
	require.NoError(t, s.PutKey(ctx, store.Key{ID: "k", Hash: make([]byte, 32), CreatedAt: minute(0)}))
	_, err = s.Writer().ExecContext(ctx, `INSERT INTO vault_records VALUES ('a1', 'r', 'text', '\x00', 0, '')`)
	require.NoError(t, err)
	require.NoError(t, sqlstore.CopyURL(ctx, url, to, time.Second))

	c := sqlstoretest.Open(t, sqlstoretest.WithPath(to))
	want, err := s.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	got, err := c.Events(ctx, "a1", 0, 10)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, c.VerifyProjection(ctx, "a1"))
	logs, err := c.CheckLogs(ctx, "", 10)
	require.NoError(t, err)
	require.Empty(t, logs.Faults)
	audit, err := c.CheckAudit(ctx, store.ChainLink{}, 10)
	require.NoError(t, err)
	require.Nil(t, audit.Fault)
	require.Len(t, audit.Links, 1)
	for _, table := range []string{"api_keys", "vault_records"} {
		rows := 1
		require.NoError(t, c.Readers().QueryRowContext(ctx, `SELECT COUNT(*) FROM `+table).Scan(&rows))
		require.Zero(t, rows, table)
	}
	register(t, c, "a2")
	_, err = c.Append(ctx, prompt("a1", "c2"))
	require.NoError(t, err)
	n, err := s.Population(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)

	require.Error(t, sqlstore.CopyURL(ctx, url, to, time.Second), "nothing is overwritten")
	require.ErrorIs(t, sqlstore.CopyURL(ctx, "no url", filepath.Join(t.TempDir(), "c.db"), time.Second), store.ErrInvalid)
}
