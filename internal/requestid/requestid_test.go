package requestid_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/requestid"
)

func TestNamesOfRequests(t *testing.T) {
	t.Parallel()
	seen := ""
	h := requestid.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = requestid.Of(r.Context()) }),
		func(r *http.Request) bool { return r.RemoteAddr == "10.0.0.1:1" })
	ask := func(peer string, sent ...string) string {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = peer
		r.Header[requestid.Header] = sent
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, seen, w.Header().Get(requestid.Header), "the answer says what the program calls the request")
		return seen
	}
	require.Equal(t, "from-proxy.1", ask("10.0.0.1:1", "from-proxy.1"))
	for name, made := range map[string]string{
		"a stranger's":   ask("192.0.2.1:1", "from-proxy.1"),
		"none":           ask("10.0.0.1:1"),
		"two":            ask("10.0.0.1:1", "a", "b"),
		"empty":          ask("10.0.0.1:1", ""),
		"too long":       ask("10.0.0.1:1", strings.Repeat("a", 65)),
		"breaks a line":  ask("10.0.0.1:1", "a\nb"),
		"not in letters": ask("10.0.0.1:1", "号"),
	} {
		require.Len(t, made, 36, name)
	}
	one, other := ask("10.0.0.1:1"), ask("10.0.0.1:1")
	require.NotEqual(t, one, other)
	require.Empty(t, requestid.Of(t.Context()))
}
