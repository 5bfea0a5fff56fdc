package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
)

// TestWhatWasPublishedBeforeProposalsStays: a database from before rulings keeps its policies in force and its blocks.
func TestWhatWasPublishedBeforeProposalsStays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := sqlstore.Open(ctx, sqlstore.Config{Path: filepath.Join(t.TempDir(), "verigate.db"), Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.MigrateTo(ctx, 2))
	register(t, s, "a1")
	for _, statement := range []string{
		`INSERT INTO policies (name, version, text, digest, effective_from, recorded_at, author, note) VALUES
			('p', 1, 'one', 'd1', 100, 50, 'k1', 'first'), ('p', 2, 'two', 'd2', 300, 200, 'k2', 'second')`,
		`INSERT INTO blocks (account_id, action, policy_name, policy_version, rule_id, reason, since, at, receipt, observed, repeats) VALUES
			('a1', 'pay', 'p', 1, 'r', 'enforced', 100, 150, 'x', 0, 7), ('a1', 'pay', 'p', 2, 'r', 'enforced', 300, 350, 'y', 1, 9)`,
	} {
		_, err := s.Writer().ExecContext(ctx, statement)
		require.NoError(t, err)
	}

	_, err = s.Migrate(ctx)
	require.NoError(t, err)
	published, err := s.Policies(ctx)
	require.NoError(t, err)
	at := func(ns int64) time.Time { return time.Unix(0, ns).UTC() }
	require.Equal(t, []store.PublishedPolicy{
		{Name: "p", Version: 1, Text: []byte("one"), Digest: "d1", EffectiveFrom: at(100), RecordedAt: at(50), Author: "k1", Note: "first"},
		{Name: "p", Version: 2, Text: []byte("two"), Digest: "d2", EffectiveFrom: at(300), RecordedAt: at(200), Author: "k2", Note: "second"},
	}, published)
	revision, err := s.PoliciesRevision(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(2), revision)
	blocks, err := s.Blocks(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, blocks, 2)
	require.Equal(t, []int{7, 9}, []int{blocks[0].Repeats, blocks[1].Repeats})
	require.Equal(t, []bool{false, true}, []bool{blocks[0].Observed, blocks[1].Observed})
}
