package tasks_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCloseEndsTasksAndWaits(t *testing.T) {
	t.Parallel()
	g := tasks.New()
	require.True(t, g.Begin())
	require.NoError(t, g.Context().Err())
	ended := false
	go func() {
		defer g.Done()
		<-g.Context().Done()
		ended = true
	}()
	require.NoError(t, g.Close(t.Context()))
	require.True(t, ended, "the task was waited for")
	require.False(t, g.Begin(), "nothing begins any more")
	require.NoError(t, g.Close(t.Context()), "closing again is no harm")
}

func TestCloseWaitsNoLongerThanAllowed(t *testing.T) {
	t.Parallel()
	g := tasks.New()
	require.True(t, g.Begin())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, g.Close(ctx), context.Canceled)
	g.Done()
	require.NoError(t, g.Close(t.Context()), "a later call waits on")
}

func TestBeginAndCloseAtOnce(t *testing.T) {
	t.Parallel()
	g := tasks.New()
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if g.Begin() {
				g.Done()
			}
		})
	}
	require.NoError(t, g.Close(t.Context()))
	callers.Wait()
	require.False(t, g.Begin())
}
