package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
)

const webUI = "http://127.0.0.1:8233"

// TestPayloadsForTheWebUI: which browser pages get payloads opened, for whom, and what the others learn.
func TestPayloadsForTheWebUI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00", func(c *admin.Config) { c.PayloadOrigins = []string{"https://temporal.example", webUI} })
	const body = `{"payloads":[{"data":"Y2FuYXJ5"}]}`
	send := func(method, origin string, role api.Role, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, api.PayloadsPath+"?preserveStorageRefs=true", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Namespace", "verigate")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		r.Header.Set(asHeader, string(role))
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		got := httptest.NewRecorder()
		w.admin.Payloads().ServeHTTP(got, r)
		return got
	}
	for _, c := range []struct {
		name, origin string
		role         api.Role
		want         int
	}{
		{"operator", webUI, api.RoleOperator, http.StatusOK},
		{"auditor", webUI, api.RoleAuditor, http.StatusOK},
		{"admin, another UI", "https://temporal.example", api.RoleAdmin, http.StatusOK},
		{"viewer", webUI, api.RoleViewer, http.StatusForbidden},
		{"reviewer", webUI, api.RoleReviewer, http.StatusForbidden},
		{"nobody", webUI, "", http.StatusUnauthorized},
		{"another port", "http://127.0.0.1:8234", api.RoleAdmin, http.StatusForbidden},
		{"another scheme", "https://127.0.0.1:8233", api.RoleAdmin, http.StatusForbidden},
		{"a longer name", webUI + ".example", api.RoleAdmin, http.StatusForbidden},
		{"a subdomain", "https://evil.temporal.example", api.RoleAdmin, http.StatusForbidden},
		{"in capitals", "HTTPS://TEMPORAL.EXAMPLE", api.RoleAdmin, http.StatusForbidden},
		{"null", "null", api.RoleAdmin, http.StatusForbidden},
		{"no origin, a session alone", "", api.RoleAdmin, http.StatusUnauthorized},
	} {
		got := send(http.MethodPost, c.origin, c.role)
		require.Equal(t, c.want, got.Code, c.name)
		require.Equal(t, c.want == http.StatusOK, strings.Contains(got.Body.String(), "Y2FuYXJ5"), c.name)
		require.Equal(t, "no-store", got.Header().Get("Cache-Control"), c.name)
		if c.want != http.StatusOK && c.origin != "" {
			require.Empty(t, got.Body.String(), "%s: without detail", c.name)
		}
		readable := c.origin == webUI || c.origin == "https://temporal.example"
		require.Equal(t, readable, got.Header().Get("Access-Control-Allow-Origin") == c.origin && c.origin != "", c.name)
		require.Equal(t, readable, got.Header().Get("Access-Control-Allow-Credentials") == "true", c.name)
	}
	require.Equal(t, http.StatusForbidden, send(http.MethodPost, webUI, api.RoleAdmin, "Origin", "https://evil.example").Code, "two origins")
	require.Equal(t, http.StatusMethodNotAllowed, send(http.MethodGet, webUI, api.RoleAdmin).Code)

	asked := send(http.MethodOptions, webUI, "", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-namespace")
	require.Equal(t, http.StatusNoContent, asked.Code)
	require.Equal(t, "POST", asked.Header().Get("Access-Control-Allow-Methods"))
	require.Equal(t, "Content-Type, X-Namespace", asked.Header().Get("Access-Control-Allow-Headers"))
	require.Equal(t, "Origin", asked.Header().Get("Vary"))
	foreign := send(http.MethodOptions, "https://evil.example", "", "Access-Control-Request-Method", "POST")
	require.Equal(t, http.StatusForbidden, foreign.Code)
	require.Empty(t, foreign.Header().Get("Access-Control-Allow-Origin"))

	// No other path is open to the UI.
	r := httptest.NewRequest(http.MethodPost, "/admin/lang", strings.NewReader("lang=en"))
	r.Header.Set("Origin", webUI)
	require.Equal(t, http.StatusForbidden, w.send(r).status)
}
