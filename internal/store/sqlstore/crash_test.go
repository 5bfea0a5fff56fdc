package sqlstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

// TestTornWriteAheadLog opens what a power loss leaves: the file, and the write-ahead log cut off anywhere after the last
// acknowledged append. What was acknowledged is there, the next append is there entirely or not at all.
func TestTornWriteAheadLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verigate.db")
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(path))
	register(t, s, "a1")
	var acknowledged []int // length of the write-ahead log after each append
	for n := range 6 {
		_, err := s.Append(t.Context(), prompt("a1", fmt.Sprint(n)))
		require.NoError(t, err)
		info, err := os.Stat(path + "-wal")
		require.NoError(t, err)
		acknowledged = append(acknowledged, int(info.Size()))
	}
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	wal, err := os.ReadFile(path + "-wal")
	require.NoError(t, err)
	require.Len(t, wal, acknowledged[5], "a checkpoint in between would make another test of this")

	rapid.Check(t, func(rt *rapid.T) {
		last := rapid.IntRange(0, 4).Draw(rt, "last acknowledged")
		cut := rapid.IntRange(acknowledged[last], acknowledged[last+1]).Draw(rt, "cut")
		dir, err := os.MkdirTemp(t.TempDir(), "torn")
		require.NoError(rt, err)
		torn := filepath.Join(dir, "verigate.db")
		require.NoError(rt, os.WriteFile(torn, file, 0o600))
		require.NoError(rt, os.WriteFile(torn+"-wal", wal[:cut], 0o600))

		again, err := sqlstore.Open(rt.Context(), sqlstore.Config{Path: torn, Now: time.Now})
		require.NoError(rt, err)
		defer func() { require.NoError(rt, again.Close()) }()
		require.NoError(rt, again.VerifyProjection(rt.Context(), "a1"))
		v, err := again.Head(rt.Context(), "a1")
		require.NoError(rt, err)
		if want := int64(last + 1); cut == acknowledged[last+1] {
			require.Equal(rt, want+1, v.Seq)
		} else {
			require.Equal(rt, want, v.Seq)
		}
		next, err := again.Append(rt.Context(), prompt("a1", "next"))
		require.NoError(rt, err)
		require.Equal(rt, v.Seq+1, next.Written[0].Seq)
	})
}

// TestFullDisk: an append that finds no room fails as a whole and retryably, what was acknowledged stays readable, and
// the same connection goes on once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	register(t, s, "a1")
	var pages int
	require.NoError(t, s.Writer().QueryRow("PRAGMA page_count").Scan(&pages))
	_, err := s.Writer().Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+4))
	require.NoError(t, err)

	acknowledged := 0
	for err == nil {
		_, err = s.Append(t.Context(), prompt("a1", fmt.Sprint(acknowledged)))
		if err == nil {
			acknowledged++
		}
		require.Less(t, acknowledged, 1000, "the disk never fills")
	}
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotContains(t, err.Error(), "INSERT")
	require.NotZero(t, acknowledged)
	v, err := s.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.EqualValues(t, acknowledged, v.Seq)
	_, _, err = s.PutAccount(t.Context(), bulky(), false)
	require.ErrorIs(t, err, store.ErrUnavailable)

	_, err = s.Writer().Exec("PRAGMA max_page_count = 1000000")
	require.NoError(t, err)
	got, err := s.Append(t.Context(), prompt("a1", fmt.Sprint(acknowledged)))
	require.NoError(t, err)
	require.EqualValues(t, acknowledged+1, got.Written[0].Seq)
	require.NoError(t, s.VerifyProjection(t.Context(), "a1"))
	var check string
	require.NoError(t, s.Readers().QueryRow("PRAGMA integrity_check").Scan(&check))
	require.Equal(t, "ok", check)
}
