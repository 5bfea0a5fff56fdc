package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

// TestChangedByAnotherProcess: a listener hears at the next tick what another process wrote, and only of its account.
func TestChangedByAnotherProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verigate.db")
	ticks := make(chan time.Time)
	s := sqlstoretest.Open(t, sqlstoretest.WithPath(path), sqlstoretest.WithTicks(
		func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }))
	other := sqlstoretest.Open(t, sqlstoretest.WithPath(path))
	register(t, other, "a1")
	register(t, other, "a2")
	course(t, other, "a2")

	news, err := s.Changed(t.Context(), "a1")
	require.NoError(t, err)
	quiet, err := s.Changed(t.Context(), "a2")
	require.NoError(t, err)
	returned, err := s.ReturnedChanged(t.Context(), "a1-attempt")
	require.NoError(t, err)
	tick := func() { // the second tick is taken only after the first poll has ended
		ticks <- time.Time{}
		ticks <- time.Time{}
	}
	tick()
	require.Empty(t, news, "nothing was written since")
	course(t, other, "a1")
	tick()
	require.Len(t, news, 1)
	require.Len(t, returned, 1)
	require.Empty(t, quiet)
	require.True(t, next(t, news))
	tick()
	require.Empty(t, news, "heard once")
}

// TestPollingCosts: one goroutine polls for all listeners, and none once they have gone.
func TestPollingCosts(t *testing.T) {
	t.Parallel()
	var running, started atomic.Int32
	ended := make(chan struct{}, 1)
	s := sqlstoretest.Open(t, sqlstoretest.WithTicks(func(time.Duration) (<-chan time.Time, func()) {
		running.Add(1)
		started.Add(1)
		return make(chan time.Time), func() { running.Add(-1); ended <- struct{}{} }
	}))
	register(t, s, "a1")
	require.Zero(t, started.Load(), "nobody listens")
	for round := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		var all []<-chan struct{}
		for range 50 {
			news, err := s.Changed(ctx, "a1")
			require.NoError(t, err)
			all = append(all, news)
		}
		_, err := s.Append(t.Context(), prompt("a1", string(rune('a'+round))))
		require.NoError(t, err)
		for _, news := range all {
			require.True(t, next(t, news))
		}
		cancel()
		for _, news := range all {
			require.False(t, next(t, news))
		}
		require.True(t, next(t, ended))
		require.EqualValues(t, round+1, started.Load())
		require.Zero(t, running.Load())
	}
}

// TestTenThousandPagesPollAsOneDoes: the statements of thirty ticks are the same number, however many listen. PostgreSQL's
// other processes tell what they wrote, so there every tenth tick looks.
func TestTenThousandPagesPollAsOneDoes(t *testing.T) {
	t.Parallel()
	const ticks = 30
	for name, c := range map[string]struct {
		open  func(testing.TB, ...sqlstoretest.Option) *sqlstore.Store
		polls int64 // with the one that says where to begin, and where there is something to hear, one after the ear is open
	}{
		"SQLite":     {sqlstoretest.Open, 1 + ticks},
		"PostgreSQL": {sqlstoretest.OpenPostgres, 1 + 1 + ticks/10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tick, ended := make(chan time.Time), make(chan struct{}, 1)
			s := c.open(t, sqlstoretest.WithTicks(func(time.Duration) (<-chan time.Time, func()) {
				return tick, func() { ended <- struct{}{} }
			}))
			polls := s.CountPolls()
			for _, pages := range []int{1, 1000, 10_000} {
				polls.Store(0)
				ctx, cancel := context.WithCancel(t.Context())
				for n := range pages {
					_, err := s.Changed(ctx, fmt.Sprint("a", n))
					require.NoError(t, err)
				}
				for range ticks {
					tick <- time.Time{}
				}
				cancel()
				require.True(t, next(t, ended))
				require.Equal(t, c.polls, polls.Load(), "%d pages", pages)
			}
		})
	}
}

// next waits for the next value of a channel and reports whether there was one.
func next(t *testing.T, c <-chan struct{}) bool {
	t.Helper()
	select {
	case _, open := <-c:
		return open
	case <-time.After(20 * time.Second):
		require.Fail(t, "waited in vain")
		return false
	}
}
