package web_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/routes"
	"github.com/verigate/verigate/internal/routes/routestest"
)

// TestEveryRoute asks the whole table: without a session, with one that ended, and with one, and looks at what every
// answer has. A route that is not declared open and answers without a session fails here.
func TestEveryRoute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	gone := f.enter("a1")
	gone.post("/m/leave", nil)
	table := f.pages.Routes()
	require.Greater(t, len(table), 25)
	for _, r := range table {
		name := r.Method + " " + r.Path
		ask := func(b *browser) answer {
			return b.do(r.Method, routestest.Path(r), nil, func(r *http.Request) {
				r.Header.Set("Origin", b.server.URL)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
			})
		}
		outside, ended := ask(f.browser()), ask(gone)
		routestest.Headers(t, name, outside.header)
		switch r.Who {
		case routes.Merchant:
			require.Equal(t, http.StatusUnauthorized, outside.status, "%s needs a session, or a place among the open routes", name)
			require.Equal(t, http.StatusUnauthorized, ended.status, name)
			if r.Path == "/m/events" {
				continue // a stream that does not end
			}
			inside := ask(f.enter("a1"))
			require.NotEqual(t, http.StatusUnauthorized, inside.status, name)
			routestest.Headers(t, name, inside.header)
		case routes.Holder:
			require.Equal(t, http.StatusNotFound, outside.status, name)
		case routes.Everybody:
			require.NotContains(t, []int{401, 500}, outside.status, name)
		case routes.Key, routes.Person, routes.Network:
			require.Fail(t, "no such route belongs to the merchant pages", name)
		}
	}
	routestest.Headers(t, "/m/nothing", f.browser().get("/m/nothing").header)
	routestest.Headers(t, "OPTIONS /m/form", f.browser().do(http.MethodOptions, "/m/form", nil, func(r *http.Request) {
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
	}).header)
	foreign := f.enter("a1").do(http.MethodPost, "/m/form", nil, func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://evil.example")
	})
	require.Equal(t, http.StatusForbidden, foreign.status)
	routestest.Headers(t, "POST /m/form from elsewhere", foreign.header)
}
