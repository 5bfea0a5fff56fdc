package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

// TestEngineErrors is the table from what the engine says to what the caller is told.
func TestEngineErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	for _, c := range []struct {
		err     error
		status  int
		code    api.Code
		command any
		retry   bool
	}{
		{api.ErrEngineUnavailable, 503, api.CodeEngineUnavailable, "not_taken", true},
		{api.ErrOutcomeUnknown, 503, api.CodeEngineUnavailable, "unknown", true},
		{api.ErrProviderUnavailable, 503, api.CodeProviderUnavailable, "not_taken", true},
		{api.ErrProviderRefused, 422, api.CodeProviderRefused, "not_taken", false},
		{api.ErrAccountUnknown, 404, api.CodeAccountNotFound, nil, false},
		{store.ErrUnavailable, 503, api.CodeStoreUnavailable, nil, true},
		{vault.ErrUnavailable, 503, api.CodeStoreUnavailable, "not_taken", true},
		{gate.ErrClockSkew, 503, api.CodeClockSkew, nil, true},
		{fmt.Errorf("%s broke it", canaryName), 500, api.CodeInternal, nil, false},
	} {
		f.engine.Set(func(e *apitest.Engine) { e.Failing = fmt.Errorf("hidden cause: %w", c.err) })
		got := f.post("/v1/accounts/a1/verification/start-face", consent())
		p := got.problem(c.status, c.code)
		require.Equal(t, c.command, p["command"], "%v", c.err)
		require.Equal(t, c.retry, got.header.Get("Retry-After") != "", "%v", c.err)
		require.NotContains(t, string(got.body), "hidden cause")
		require.NotContains(t, string(got.body), canaryName)
	}
	require.Contains(t, f.logs.String(), "hidden cause", "causes are logged")
}

func TestAddressesAndMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	for _, path := range []string{"/", "/v2", "/v1/accounts", "/v1/accounts/a1/nothing", "/v1//policies", "/v1/policies/", "/v1/../v1/policies", "/static/../../etc/passwd"} {
		got := f.get(path)
		got.problem(http.StatusNotFound, api.CodeNotFound)
		require.Empty(t, got.header.Get("Location"), path)
	}
	got := f.do(http.MethodDelete, "/v1/accounts/a1", nil)
	got.problem(http.StatusMethodNotAllowed, api.CodeMethodNotAllowed)
	require.Contains(t, got.header.Get("Allow"), "PUT")
	f.get("/v1/decisions:batch").problem(http.StatusMethodNotAllowed, api.CodeMethodNotAllowed)
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	for _, got := range []answer{f.get("/v1/accounts/a1"), f.get("/v1/nothing"), f.get("/v1/accounts/a1", as("")), f.get("/r/x"), f.get("/docs")} {
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"))
		require.NotEmpty(t, got.header.Get("X-Request-Id"))
	}
}

func TestProblemsSpeakTheReadersLanguage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	for accept, want := range map[string]string{
		"": "en", "de": "en", "en-GB": "en", "zh": "zh-CN", "zh-CN": "zh-CN", "zh-Hans-CN,en;q=0.5": "zh-CN", "en,zh;q=0.5": "en",
		"not a header;;": "en", strings.Repeat("zh,", 200): "en",
	} {
		got := f.get("/v1/accounts/nobody", header("Accept-Language", accept))
		p := got.problem(http.StatusNotFound, api.CodeAccountNotFound)
		require.Equal(t, want, got.header.Get("Content-Language"), accept)
		require.Equal(t, want == "zh-CN", p["title"] == "账号未登记", accept)
		require.Equal(t, "/docs#problem-account_not_found", p["type"])
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	failing := map[string]error{"worker": errors.New("canary"), "engine": errors.New("canary")}
	usable := true
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) {
		c.Ready = func(context.Context) (map[string]error, bool) { return failing, usable }
	})
	require.Equal(t, "ok", f.get("/healthz", as("")).is(http.StatusOK)["status"])
	told := f.get("/readyz", as("")).is(http.StatusOK)
	require.Equal(t, "degraded", told["status"], "decisions go on")
	require.Equal(t, []any{"engine", "worker"}, told["parts"])
	require.NotContains(t, fmt.Sprint(told), "canary", "the cause is logged and not told")
	for part, code := range map[string]api.Code{"store": api.CodeStoreUnavailable, "clock": api.CodeClockSkew, "process": api.CodeStopping} {
		failing, usable = map[string]error{part: errors.New("canary"), "vault": errors.New("canary")}, false
		p := f.get("/readyz", as("")).problem(http.StatusServiceUnavailable, code)
		require.ElementsMatch(t, []any{part, "vault"}, p["parts"])
		require.NotContains(t, fmt.Sprint(p), "canary")
		require.Equal(t, "ok", f.get("/healthz").is(http.StatusOK)["status"])
	}
	failing, usable = nil, true
	require.Equal(t, "ok", f.get("/readyz", as("")).is(http.StatusOK)["status"])
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Config{})
	require.ErrorContains(t, err, "is required")
	_, err = api.NewTokens("https://example.com")
	require.Error(t, err)
	_, err = api.NewTokens("https://example.com", make([]byte, 31))
	require.Error(t, err)
	_, err = api.NewTokens("example.com", make([]byte, 32))
	require.Error(t, err)
}
