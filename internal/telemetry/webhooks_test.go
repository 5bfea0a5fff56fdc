package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/telemetry"
)

func TestWebhookMetrics(t *testing.T) {
	t.Parallel()
	now := time.Date(2020, 12, 4, 0, 0, 30, 0, time.UTC)
	backlog, fault := store.Backlog{Oldest: now.Add(-30 * time.Second), Pending: 7}, error(nil)
	w := telemetry.NewWebhookMetrics(func(context.Context) (store.Backlog, error) { return backlog, fault }, func() time.Time { return now })
	m := telemetry.NewMetrics(telemetry.NewRoutes(), time.Now)
	m.Register(w)
	read := func() string {
		page := httptest.NewRecorder()
		m.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		require.Equal(t, http.StatusOK, page.Code)
		return page.Body.String()
	}
	w.Count("delivered")
	w.Count("delivered")
	w.Count("retried")
	page := read()
	require.Contains(t, page, `verigate_webhook_tries_total{result="delivered"} 2`)
	require.Contains(t, page, `verigate_webhook_tries_total{result="retried"} 1`)
	require.Contains(t, page, "verigate_webhook_outbox_age_seconds 30\n")
	require.Contains(t, page, "verigate_webhook_deliveries_pending 7\n")
	backlog = store.Backlog{}
	require.Contains(t, read(), "verigate_webhook_outbox_age_seconds 0\n")
	fault = store.ErrUnavailable
	page = read()
	require.NotContains(t, page, "verigate_webhook_outbox_age_seconds")
	require.Contains(t, page, "verigate_webhook_tries_total", "the rest is still there")
}
