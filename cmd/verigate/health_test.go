package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHealth: a container's check needs no key; whatever is not well is said and gives 1.
func TestHealth(t *testing.T) {
	t.Parallel()
	var degraded atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/readyz":
			_, _ = io.WriteString(w, `{"status":"ok"}`)
		case degraded.Load():
			_, _ = io.WriteString(w, `{"status":"degraded","parts":["engine","worker"]}`)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"status":503,"code":"engine_unavailable","detail":"The engine does not answer."}`)
		}
	}))
	code, out, errs := call(t, server.URL, "", "health", "--alive")
	require.Zero(t, code, errs)
	require.Equal(t, "ok\n", out)
	code, _, errs = call(t, server.URL, "", "health")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "The engine does not answer.")
	degraded.Store(true)
	code, out, errs = call(t, server.URL, "", "health")
	require.Zero(t, code, errs)
	require.Equal(t, "degraded engine worker\n", out)
	server.Close()
	code, _, errs = call(t, server.URL, "", "health", "--alive")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "no answer")
	code, _, _ = call(t, "::", "", "health")
	require.Equal(t, exitUsage, code)
}
