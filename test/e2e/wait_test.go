package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// patience bounds waiting for what the program does by itself: only what never happens takes that long.
	patience = 3 * time.Minute
	// pace is how often something is looked at that gives no notice.
	pace = 20 * time.Millisecond
)

// eventually looks until done says so. It is the one place that waits by looking.
func eventually(t testing.TB, within time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	again := time.NewTicker(pace)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-deadline.C:
			require.FailNow(t, "did not happen in time", what)
		case <-t.Context().Done():
			require.FailNow(t, "test ended while waiting", what)
		}
	}
}

// bounded is a context that ends with the test or when patience is over.
func bounded(t testing.TB, within time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	return ctx
}
