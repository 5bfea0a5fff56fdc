package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestMetricsKnowRoutesAndNothingElse(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics(telemetry.NewRoutes("/v1/accounts/{account_id}/decisions"), time.Now)
	answer := m.Count(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) }))
	for _, path := range []string{"/v1/accounts/canary-account/decisions", "/canary-token"} {
		answer.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("CANARY", path, http.NoBody))
	}
	page := httptest.NewRecorder()
	m.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, page.Code)
	require.Contains(t, page.Body.String(), `verigate_http_request_duration_seconds_count{method="other",route="/v1/accounts/{}/decisions",status="409"} 1`)
	require.Contains(t, page.Body.String(), "verigate_http_requests_running 0")
	require.NotContains(t, page.Body.String(), "canary")
	require.Equal(t, "nosniff", page.Header().Get("X-Content-Type-Options"))
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
}

// scrape is what Prometheus would read of one collector.
func scrape(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	m := telemetry.NewMetrics(telemetry.NewRoutes(), time.Now)
	m.Register(c)
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, rec.Code)
	return rec.Body.String()
}

func TestWhatHappensIsCounted(t *testing.T) {
	t.Parallel()
	d, p := telemetry.NewDecisions(), telemetry.NewPages()
	d.Count(policy.Block, policy.ReasonEnforced)
	d.Count(policy.Block, policy.ReasonEnforced)
	require.Contains(t, scrape(t, d), `verigate_decisions_total{effect="block",reason="enforced"} 2`)
	p.Told(lifecycle.Verified, 300*time.Millisecond)
	require.Contains(t, scrape(t, p), `verigate_time_to_page_seconds_bucket{verdict="verified",le="0.5"} 1`)
}

func TestSweepFigures(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics(telemetry.NewRoutes(), time.Now)
	var failing error
	m.Sweeps(func(context.Context) (telemetry.SweepFigures, error) {
		return telemetry.SweepFigures{Running: 1, Oldest: time.Hour, Overdue: time.Minute, Lag: 90 * time.Second, Restricted: 3, Lifted: 2}, failing
	})
	served := func() string {
		rec := httptest.NewRecorder()
		m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		require.Equal(t, http.StatusOK, rec.Code)
		return rec.Body.String()
	}
	for _, line := range []string{
		"\nverigate_sweep_running 1\n", "\nverigate_sweep_running_seconds 3600\n", "\nverigate_sweep_overdue_seconds 60\n",
		"\nverigate_sweep_lag_seconds 90\n", "\nverigate_sweep_restricted 3\n", "\nverigate_sweep_lifted 2\n",
	} {
		require.Contains(t, served(), line)
	}
	failing = errors.New("lost")
	require.NotContains(t, served(), "verigate_sweep", "what cannot be read is left out, and the rest is served")
}
