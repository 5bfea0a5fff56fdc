package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
)

// TestProcessesTellEachOther: a listener hears what another process wrote without any poll, and only of its account.
func TestProcessesTellEachOther(t *testing.T) {
	t.Parallel()
	url := sqlstoretest.Postgres(t)
	never := func(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }
	s := sqlstoretest.OpenURL(t, url, sqlstoretest.WithTicks(never))
	other := sqlstoretest.OpenURL(t, url)
	register(t, other, "a1")
	register(t, other, "a2")

	news, err := s.Changed(t.Context(), "a1")
	require.NoError(t, err)
	returned, err := s.ReturnedChanged(t.Context(), "a1-attempt")
	require.NoError(t, err)
	quiet, err := s.Changed(t.Context(), "a2")
	require.NoError(t, err)
	course(t, other, "a1")
	require.True(t, next(t, news))
	require.True(t, next(t, returned))
	require.Empty(t, quiet)
}

// TestPollsMakeUpForABrokenConnection: what was written while nothing could be heard is found at the next tick, and after it
// is heard again.
func TestPollsMakeUpForABrokenConnection(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := sqlstoretest.Postgres(t)
	ticks := make(chan time.Time)
	s := sqlstoretest.OpenURL(t, url, sqlstoretest.WithTicks(
		func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }))
	other := sqlstoretest.OpenURL(t, url)
	register(t, other, "a1")
	news, err := s.Changed(ctx, "a1")
	require.NoError(t, err)
	listening := func() (n int) {
		err := other.Readers().QueryRowContext(ctx, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
			AND query = 'LISTEN verigate_changes'`).Scan(&n)
		require.NoError(t, err)
		return n
	}
	require.Eventually(t, func() bool { return listening() == 1 }, 20*time.Second, 5*time.Millisecond)
	_, err = other.Writer().ExecContext(ctx, `SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity
		WHERE datname = current_database() AND query = 'LISTEN verigate_changes'`)
	require.NoError(t, err)
	_, err = other.Append(ctx, prompt("a1", "c1"))
	require.NoError(t, err)
	require.Empty(t, news, "nobody could say it")

	tick(ctx, t, ticks)
	require.True(t, next(t, news))
	require.Equal(t, 1, listening(), "on one connection, however often it broke")
	_, err = other.Append(ctx, prompt("a1", "c2"))
	require.NoError(t, err)
	require.True(t, next(t, news), "heard, not polled")
}

// TestListenersShareOneConnection: however many listen, one connection hears for them, and none once they have gone.
func TestListenersShareOneConnection(t *testing.T) {
	t.Parallel()
	url := sqlstoretest.Postgres(t)
	s, other := sqlstoretest.OpenURL(t, url), sqlstoretest.OpenURL(t, url)
	register(t, s, "a1")
	listening := func() (n int) {
		err := other.Readers().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
			AND query = 'LISTEN verigate_changes'`).Scan(&n)
		require.NoError(t, err)
		return n
	}
	ctx, cancel := context.WithCancel(t.Context())
	for range 50 {
		_, err := s.Changed(ctx, "a1")
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return listening() == 1 }, 20*time.Second, 5*time.Millisecond)
	cancel()
	require.Eventually(t, func() bool { return listening() == 0 }, 20*time.Second, 5*time.Millisecond)
}

// tick is taken once, and ends when the poll has.
func tick(ctx context.Context, t *testing.T, ticks chan<- time.Time) {
	t.Helper()
	for range 2 {
		select {
		case ticks <- time.Time{}:
		case <-ctx.Done():
			require.NoError(t, ctx.Err())
		}
	}
}
