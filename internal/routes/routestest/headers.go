// Package routestest checks what every answer of every address has in common.
package routestest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/routes"
)

// Headers checks an answer: nothing sniffs its type, frames it, keeps it, tells its address to others, or reads it from
// another site. Files that hold nothing of anybody may be kept and read.
func Headers(t testing.TB, route string, h http.Header) {
	t.Helper()
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), route)
	require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), route)
	require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", route)
	require.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'", route)
	require.Contains(t, h.Get("Content-Security-Policy"), "base-uri 'none'", route)
	require.Contains(t, h.Get("Content-Security-Policy"), "object-src 'none'", route)
	require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe", route)
	require.Equal(t, "DENY", h.Get("X-Frame-Options"), route)
	require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"), route)
	anywhere := strings.Contains(route, "/embed/") || strings.Contains(route, "/qr/") // what other sites' pages show
	if anywhere {
		require.Contains(t, []string{"same-origin", "cross-origin"}, h.Get("Cross-Origin-Resource-Policy"), route)
	} else {
		require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"), route)
	}
	if !strings.Contains(route, "/embed/") {
		for name := range h {
			require.False(t, strings.HasPrefix(name, "Access-Control-"), "%s answers %s", route, name)
		}
	}
	switch {
	case strings.Contains(route, "/assets/"), strings.Contains(route, "/embed/"):
	case strings.HasSuffix(route, "/m/state") && h.Get("ETag") != "": // a digest of what is shown, asked for again and again
		require.Equal(t, "no-cache, private", h.Get("Cache-Control"), route)
	default:
		require.Equal(t, "no-store", h.Get("Cache-Control"), route)
	}
}

// Path is an address of a route, with a word for each of its parameters.
func Path(r routes.Route) string {
	return strings.NewReplacer("{$}", "", "{account_id}", "a1", "{", "", "}", "").Replace(r.Path)
}
