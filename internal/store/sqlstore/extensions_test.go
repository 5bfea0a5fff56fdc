package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// TestExtensionsGrantedBeforeThereWereRequests: what one person granted under the older schema counts as before.
func TestExtensionsGrantedBeforeThereWereRequests(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := sqlstore.Open(ctx, sqlstore.Config{Path: filepath.Join(t.TempDir(), "verigate.db"), Now: func() time.Time { return minute(30) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.MigrateTo(ctx, 2))
	register(t, s, "a1")
	for id, granted := range map[string]any{"e1": minute(5).UnixNano(), "e2": nil} {
		_, err := s.Writer().ExecContext(ctx, `INSERT INTO extensions (extension_id, account_id, rule_id, until, granted_at, recorded_at,
			actor_kind, actor_id, reason) VALUES (?, 'a1', 'r', ?, ?, ?, 'operator', 'op-1', 'backlog')`,
			id, minute(50).UnixNano(), granted, minute(6).UnixNano())
		require.NoError(t, err)
	}
	_, err = s.Migrate(ctx)
	require.NoError(t, err)

	facts, err := s.Facts(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, facts.Extensions, 2)
	require.True(t, facts.Extensions[0].GrantedAt.Equal(minute(5)))
	require.True(t, facts.Extensions[1].GrantedAt.Equal(minute(6)), "it had no instant: its recording is one")
	e, err := s.Extension(ctx, "e1")
	require.NoError(t, err)
	operator := lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "op-1"}
	step := store.ExtensionStep{State: store.ExtensionRequested, At: minute(5), RecordedAt: minute(6), Actor: operator, Reason: "backlog"}
	approved := step
	approved.State = store.ExtensionApproved
	require.Equal(t, []store.ExtensionStep{step, approved}, e.Steps)
	did, err := s.FactsAt(ctx, "a1", minute(6).Add(-1), store.Did)
	require.ErrorIs(t, err, store.ErrNotFound, "%v", did) // the account itself was recorded at minute 30
	would, err := s.FactsAt(ctx, "a1", minute(10), store.Would)
	require.NoError(t, err)
	require.Len(t, would.Extensions, 2)
}

// TestFactsReadExtensionsByOneIndex: the gate's statement touches no row of an extension's table.
func TestFactsReadExtensionsByOneIndex(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	rows, err := s.Readers().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+sqlstore.FactsOfOne)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan = append(plan, detail)
	}
	require.NoError(t, rows.Err())
	require.Contains(t, plan, "SEARCH e USING COVERING INDEX extensions_account (account_id=?) LEFT-JOIN")
}
