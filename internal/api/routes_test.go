package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/routes"
	"github.com/verigate/verigate/internal/routes/routestest"
)

// TestEveryRouteHasItsHeaders, refused and let in; and every route that needs a key is in the table of operations,
// which the matrices of scopes and accounts ask. See TestScopeMatrix and TestForeignAccountsAreNotThere.
func TestEveryRouteHasItsHeaders(t *testing.T) {
	t.Parallel()
	plenty := api.Rate{PerSecond: 1e6, Burst: 1e6}
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) {
		c.FailureRate, c.LinkRate, c.Commands = plenty, plenty, limit.New(plenty, c.Now)
	})
	f.approved("a1")
	f.approved("a2")
	admin := as(f.newKey(api.Admin))
	keyed := map[string]bool{}
	for _, op := range f.operations() {
		keyed[op.method+" "+op.path] = len(op.scopes) > 0
	}
	for _, r := range f.api.Routes() {
		name := r.Method + " " + r.Path
		require.Equal(t, keyed[name], r.Who == routes.Key, name)
		var body any
		if r.Method != http.MethodGet {
			body = object{}
		}
		outside := f.do(r.Method, concrete(r.Path), body, as(""), header("Origin", "https://evil.example"))
		require.Equal(t, r.Who == routes.Key, outside.status == http.StatusUnauthorized, name)
		routestest.Headers(t, name, outside.header)
		if strings.HasSuffix(r.Path, "/events") {
			continue // a stream that does not end
		}
		routestest.Headers(t, name, f.do(r.Method, concrete(r.Path), body, admin).header)
	}
	for _, path := range []string{"/", "/nothing", "/v1/nothing", "/v1//x"} {
		routestest.Headers(t, path, f.get(path).header)
	}
	preflight := f.do(http.MethodOptions, "/v1/policies", nil, header("Origin", "https://evil.example"), header("Access-Control-Request-Method", "GET"))
	require.Equal(t, http.StatusMethodNotAllowed, preflight.status)
	routestest.Headers(t, "OPTIONS /v1/policies", preflight.header)

	qr := f.qr("a2")["qr"].(object)
	picture := f.get(strings.TrimPrefix(qr["png"].(string), f.server.URL))
	require.Equal(t, "cross-origin", picture.header.Get("Cross-Origin-Resource-Policy"), "a page of the platform shows it")
	routestest.Headers(t, "/qr/", picture.header)
}
