package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// operation is a row of the served OpenAPI document.
type operation struct {
	id, method, path string
	scopes           []string
	audited          bool
	reach            api.Reach
}

func (f *fixture) operations() []operation {
	f.t.Helper()
	var spec struct {
		Paths map[string]map[string]struct {
			Security []map[string][]string `json:"security"`
			Scopes   []string              `json:"x-scopes"`
			ID       string                `json:"operationId"`
			Audited  bool                  `json:"x-audited"`
			Reach    api.Reach             `json:"x-reach"`
		} `json:"paths"`
	}
	require.NoError(f.t, json.Unmarshal(f.get("/openapi.json").body, &spec))
	var list []operation
	for path, item := range spec.Paths {
		for method, op := range item {
			require.Equal(f.t, len(op.Security) > 0, len(op.Scopes) > 0, path)
			list = append(list, operation{op.ID, strings.ToUpper(method), path, op.Scopes, op.Audited, op.Reach})
		}
	}
	require.Len(f.t, list, 130, "a new operation: say here whether it is open")
	return list
}

// open lists the operations that need no key.
var open = []string{"/healthz", "/readyz", "/s/{token}", "/qr/{file}", "/r/{token}", "/v1/receipt-keys"}

func concrete(path string) string {
	return strings.NewReplacer("{account_id}", "a1", "{extension_id}", "e1", "{sweep_id}", "p.1.20201203T160000Z", "{name}", "p", "{version}", "1", "{token}", "x", "{file}", "x.png", "{webhook_id}", "w1", "{run_id}", "p:1", "{operator_id}", "op_1", "{key_id}", "0123456789abcdef", "{number}", "1", "{evidence_id}", "x").Replace(path)
}

// TestScopeMatrix: every operation x no key, a bad key, every key that lacks its scope, every key that has it.
func TestScopeMatrix(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.FailureRate = api.Rate{PerSecond: 1e6, Burst: 1e6} })
	f.account("a1")
	keys := map[api.Scope]string{}
	for _, s := range api.Scopes() {
		keys[s] = f.newKey(s)
	}
	none := f.newKey()
	for _, op := range f.operations() {
		name := op.method + " " + op.path
		send := func(key string) answer {
			var body any
			if op.method != http.MethodGet {
				body = "not JSON" // past the doors, and no further
			}
			return f.do(op.method, concrete(op.path), body, as(key))
		}
		if slices.Contains(open, op.path) {
			require.Empty(t, op.scopes, name)
			require.NotContains(t, []int{401, 403}, send("").status, name)
			continue
		}
		require.NotEmpty(t, op.scopes, name)
		if strings.HasSuffix(op.path, "/events") {
			continue // a stream that does not end; see TestEventsNeedTheirScope
		}
		for _, bad := range []string{"", "vg_x", "vg_0123456789abcdef_secret", f.key[:len(f.key)-2] + "xx", strings.ToUpper(f.key)} {
			send(bad).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
		}
		p := send(none).problem(http.StatusForbidden, api.CodeForbidden)
		require.Equal(t, op.scopes[0], p["scope"], name)
		for scope, key := range keys {
			if scope == api.Admin || slices.Contains(op.scopes, string(scope)) {
				require.NotContains(t, []int{401, 403}, send(key).status, "%s with %s", name, scope)
				continue
			}
			p := send(key).problem(http.StatusForbidden, api.CodeForbidden)
			require.Contains(t, p["detail"], op.scopes[0], "%s with %s", name, scope)
		}
	}
}

func TestEventsNeedTheirScope(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/verification/events"
	got := f.get(path, as(""))
	got.problem(http.StatusUnauthorized, api.CodeUnauthenticated)
	require.Contains(t, got.header.Get("WWW-Authenticate"), "Bearer")
	f.get(path, as(f.newKey(api.DecisionsRead))).problem(http.StatusForbidden, api.CodeForbidden)
}

func TestKeysEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	secret, key, err := api.NewKey("short", []api.Scope{api.DecisionsRead})
	require.NoError(t, err)
	key.CreatedAt, key.ExpiresAt = f.clock.now(), f.clock.now().Add(time.Hour)
	require.NoError(t, f.store.PutKey(t.Context(), key))
	f.clock.advance(time.Hour - 1)
	require.Equal(t, http.StatusOK, f.get("/v1/policies", as(secret)).status)
	f.clock.advance(1)
	f.get("/v1/policies", as(secret)).problem(http.StatusUnauthorized, api.CodeUnauthenticated)

	key.ExpiresAt, key.Disabled = time.Time{}, true
	require.NoError(t, f.store.PutKey(t.Context(), key))
	f.clock.advance(time.Second) // no longer is a key remembered
	f.get("/v1/policies", as(secret)).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
	key.Disabled = false
	require.NoError(t, f.store.PutKey(t.Context(), key))
	f.clock.advance(time.Second)
	require.Equal(t, http.StatusOK, f.get("/v1/policies", as(secret)).status)
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	secret, key, err := api.NewKey("label", []api.Scope{api.DecisionsRead, api.Admin})
	require.NoError(t, err)
	require.Regexp(t, `^vg_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$`, secret)
	require.Len(t, key.Hash, 32)
	require.Equal(t, []string{"decisions:read", "admin"}, key.Scopes)
	require.NotContains(t, secret, string(key.Hash))
	other, _, err := api.NewKey("label", nil)
	require.NoError(t, err)
	require.NotEqual(t, secret, other)
	_, _, err = api.NewKey("label", []api.Scope{"everything"})
	require.ErrorContains(t, err, "everything")
}

func TestRates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) {
		c.KeyRate, c.FailureRate = api.Rate{PerSecond: 1, Burst: 3}, api.Rate{PerSecond: 1, Burst: 2}
	})
	first, second := f.newKey(api.DecisionsRead), f.newKey(api.DecisionsRead)
	for range 3 {
		require.Equal(t, http.StatusOK, f.get("/v1/policies", as(first)).status)
	}
	got := f.get("/v1/policies", as(first))
	got.problem(http.StatusTooManyRequests, api.CodeRateLimited)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, f.get("/v1/policies", as(second)).status, "a rate of one key is not that of another")
	f.clock.advance(time.Second)
	require.Equal(t, http.StatusOK, f.get("/v1/policies", as(first)).status)

	for range 2 {
		f.get("/v1/policies", as("vg_bad")).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
	}
	f.get("/v1/policies", as("vg_bad"), header("X-Forwarded-For", "192.0.2.9")).problem(http.StatusTooManyRequests, api.CodeRateLimited)
	f.clock.advance(time.Second)
	require.Equal(t, http.StatusOK, f.get("/v1/policies", as(second)).status, "good keys go on")
}

func TestAuthenticationNeedsTheStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	require.Equal(t, http.StatusOK, f.get("/v1/policies").status)
	f.store.set("Key", true)
	require.Equal(t, http.StatusOK, f.get("/v1/policies").status, "for a moment it is remembered")
	f.clock.advance(time.Second)
	f.get("/v1/policies").problem(http.StatusServiceUnavailable, api.CodeStoreUnavailable)
	require.Equal(t, http.StatusOK, f.get("/healthz").status)
}
