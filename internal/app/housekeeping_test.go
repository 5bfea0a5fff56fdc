package app

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/fixturetest"
)

// TestACheckpointIsTakenOnceADay: it stands in the program's log too.
func TestACheckpointIsTakenOnceADay(t *testing.T) {
	t.Parallel()
	a := withoutEngine(t)
	defer func() { require.NoError(t, a.Stop(context.WithoutCancel(t.Context()))) }()
	var out fixturetest.Buffer
	a.log = slog.New(slog.NewTextHandler(&out, nil))
	require.NoError(t, a.checkpoint(t.Context()))
	require.NoError(t, a.checkpoint(t.Context()))
	all, err := a.store.Checkpoints(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, 1, strings.Count(out.String(), "checkpoint of the logs"))
	require.Contains(t, out.String(), base64.RawURLEncoding.EncodeToString(all[0].Signature))
}

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
	require.NoError(t, a.tidy(t.Context()))
	for key, want := range map[string]bool{"old": true, "young": false} {
		_, claimed, err := a.store.BeginRequest(t.Context(), key, "hash", now)
		require.NoError(t, err)
		require.Equal(t, want, claimed, key)
	}
}
