package admin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/routes"
	"github.com/verigate/verigate/internal/routes/routestest"
)

// TestEveryRoute asks the whole table, as nobody and in every role, and looks at what every answer has. A route without
// a rule that is not declared open fails here.
func TestEveryRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.account("a1")
	table := w.admin.Routes()
	require.Greater(t, len(table), 60)
	for _, row := range table {
		name := row.Method + " " + row.Path
		ask := func(role string) answer {
			r := httptest.NewRequest(row.Method, routestest.Path(row), nil)
			if role != "" {
				r.Header.Set(asHeader, role)
			}
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			return w.send(r)
		}
		outside := ask("")
		routestest.Headers(t, name, outside.header)
		if row.Who == routes.Everybody {
			continue
		}
		require.Equal(t, routes.Person, row.Who, name)
		if len(row.Scopes) == 0 {
			require.Fail(t, "a route without a rule", name)
		}
		if outside.status == http.StatusSeeOther {
			require.Contains(t, outside.header.Get("Location"), "/admin/sign-in", name)
		} else {
			require.Contains(t, []int{401, 403}, outside.status, name)
		}
		for _, role := range api.Roles() {
			got := ask(string(role))
			require.Equal(t, !slices.Contains(row.Roles, string(role)), got.status == http.StatusForbidden, "%s as %s: %d", name, role, got.status)
			routestest.Headers(t, name, got.header)
		}
	}
	routestest.Headers(t, "/admin/nothing", w.get(api.RoleAdmin, "/admin/nothing").header)
}
