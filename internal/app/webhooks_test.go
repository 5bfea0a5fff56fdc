package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
)

// TestChangesAreDelivered: what the program writes to the log arrives at a webhook, signed by today's clock although the
// data lives in another year, and is counted.
func TestChangesAreDelivered(t *testing.T) { //nolint:paralleltest // beside a test that counts goroutines
	type message struct {
		body   string
		header http.Header
	}
	arrived := make(chan message, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- message{string(body), r.Header}
	}))
	defer receiver.Close()
	a := withoutEngine(t)
	defer func() { require.NoError(t, a.Stop(context.WithoutCancel(t.Context()))) }()
	_, secret, err := a.webhooks.manage.Create(t.Context(), store.Webhook{ID: "w1", URL: receiver.URL, CreatedAt: a.clock.Now()}, "c")
	require.NoError(t, err)
	require.NoError(t, a.seed(t.Context()))

	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	for range 2 { // two of the samples are imported with a past
		select {
		case got := <-arrived:
			require.NoError(t, verifier.Verify([]byte(got.body), got.header))
			require.Contains(t, got.body, `"type":"verification.import_`)
		case <-time.After(patience):
			require.Fail(t, "no message")
		}
	}
	status, page := fetch(t, a.API+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "verigate_webhook_outbox_age_seconds 0")
	require.Contains(t, page, "verigate_webhook_deliveries_pending")
}

func TestTidyForgetsOldDeliveries(t *testing.T) {
	t.Parallel()
	a := withoutEngine(t)
	defer func() { require.NoError(t, a.Stop(context.WithoutCancel(t.Context()))) }()
	a.config.Webhooks.Keep = time.Hour
	now := a.clock.Now()
	_, _, err := a.webhooks.manage.Create(t.Context(), store.Webhook{ID: "w1", URL: "https://127.0.0.1:1/", CreatedAt: now}, "c")
	require.NoError(t, err)
	off := store.WebhookDisabled
	_, err = a.webhooks.manage.Change(t.Context(), "w1", store.WebhookChange{State: &off, At: now})
	require.NoError(t, err)
	for name, at := range map[string]time.Time{"old": now.Add(-2 * time.Hour), "young": now.Add(-time.Minute)} {
		require.NoError(t, a.store.PutTestDelivery(t.Context(), "w1", store.Announcement{MessageID: name, Type: "webhook.test"}, at))
	}
	require.NoError(t, a.tidyWebhooks(t.Context()))
	left, err := a.store.Deliveries(t.Context(), store.DeliveryFilter{WebhookID: "w1", Limit: 10})
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "young", left[0].MessageID)
}
