package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// ask sends a request in this process, as a person.
func (f *fixture) ask(p api.Principal, method, path, body string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, api.As(r, p))
	return w
}

func TestPersonsActByTheirRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	for role, want := range map[api.Role]int{
		api.RoleViewer: http.StatusForbidden, api.RoleReviewer: http.StatusOK, api.RoleOperator: http.StatusForbidden,
		api.RoleAuditor: http.StatusForbidden, api.RoleAdmin: http.StatusOK,
	} {
		f.approved("of-" + string(role))
		p := api.Principal{ID: "anna", Role: role}
		require.Equal(t, want, f.ask(p, http.MethodPost, "/v1/accounts/of-"+string(role)+"/revoke", `{"reason":"forged_card"}`).Code, role)
		require.Equal(t, http.StatusOK, f.ask(p, http.MethodGet, "/v1/accounts/of-"+string(role)+"/verification", "").Code, role)
	}
	history := f.get("/v1/accounts/of-reviewer/history").is(http.StatusOK)["entries"].([]any)
	last := history[len(history)-1].(map[string]any)
	require.Equal(t, "anna", last["actor"].(map[string]any)["id"])
}

func TestPersonsAreMadeInThisProcessOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	for _, p := range []api.Principal{{}, {ID: "anna"}, {ID: "anna", Role: "owner"}, {Role: api.RoleAdmin}} {
		require.Equal(t, http.StatusInternalServerError, f.ask(p, http.MethodGet, "/v1/sweeps", "").Code, p)
	}
	f.get("/v1/sweeps", as("anna")).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
}

// TestRoles is the table of who may do what; change it on purpose.
func TestRoles(t *testing.T) {
	t.Parallel()
	want := map[api.Role]string{
		api.RoleViewer:   "decisions:read verifications:read",
		api.RoleReviewer: "decisions:read verifications:read reviews:write identities:read",
		api.RoleOperator: "accounts:correct decisions:read verifications:read policies:write policies:approve extensions:write sweeps:write webhooks:write workflows:read",
		api.RoleAuditor:  "decisions:read verifications:read audit:read workflows:read",
	}
	for _, role := range api.Roles() {
		var got []string
		for _, s := range api.Scopes() {
			if role.Allows(s) {
				got = append(got, string(s))
			}
		}
		if role == api.RoleAdmin {
			require.Len(t, got, len(api.Scopes()))
			continue
		}
		require.Equal(t, want[role], strings.Join(got, " "), role)
	}
	require.Empty(t, api.Role("owner").Scopes())
}
