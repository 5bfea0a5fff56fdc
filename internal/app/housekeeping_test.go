package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTidyForgetsOnlyOldAnswers: an answer is kept for its promised day and not forever.
func TestTidyForgetsOnlyOldAnswers(t *testing.T) {
	t.Parallel()
	a := withoutEngine(t)
	defer func() { require.NoError(t, a.Stop(context.WithoutCancel(t.Context()))) }()
	now := a.clock.Now()
	for key, at := range map[string]time.Time{"old": now.Add(-keepAnswers - time.Minute), "young": now.Add(-keepAnswers + time.Minute)} {
		_, claimed, err := a.store.BeginRequest(t.Context(), key, "hash", at)
		require.NoError(t, err)
		require.True(t, claimed)
	}
	a.tidy(t.Context())
	for key, want := range map[string]bool{"old": true, "young": false} {
		_, claimed, err := a.store.BeginRequest(t.Context(), key, "hash", now)
		require.NoError(t, err)
		require.Equal(t, want, claimed, key)
	}
}
