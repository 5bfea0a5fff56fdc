package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/verigate/verigate/internal/store"
)

// scrapeWait bounds what the database is asked when metrics are read.
const scrapeWait = 2 * time.Second

// WebhookMetrics counts the tries of webhooks and shows what waits. It is a prometheus.Collector.
type WebhookMetrics struct {
	backlog        func(context.Context) (store.Backlog, error)
	now            func() time.Time
	tries          *prometheus.CounterVec
	age, unreached *prometheus.Desc
}

// NewWebhookMetrics returns metrics over the backlog of a store, whose clock is now.
func NewWebhookMetrics(backlog func(context.Context) (store.Backlog, error), now func() time.Time) *WebhookMetrics {
	m := &WebhookMetrics{
		backlog: backlog, now: now,
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verigate_webhook_tries_total", Help: "Tries of deliveries by this process: delivered, retried (to be tried again), given_up, broken_off (by a stop).",
		}, []string{"result"}),
		age: prometheus.NewDesc("verigate_webhook_outbox_age_seconds",
			"Age of the oldest change that no delivery was made of yet; 0 if there is none.", nil, nil),
		unreached: prometheus.NewDesc("verigate_webhook_deliveries_pending", "Deliveries that are not finished, of all webhooks.", nil, nil),
	}
	m.tries.WithLabelValues("given_up") // an alert has to see the first one
	return m
}

// Count counts one try.
func (m *WebhookMetrics) Count(result string) { m.tries.WithLabelValues(result).Inc() }

// Describe implements prometheus.Collector.
func (m *WebhookMetrics) Describe(to chan<- *prometheus.Desc) {
	m.tries.Describe(to)
	to <- m.age
	to <- m.unreached
}

// Collect implements prometheus.Collector. What the database does not answer is left out of this reading.
func (m *WebhookMetrics) Collect(to chan<- prometheus.Metric) {
	m.tries.Collect(to)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWait)
	defer cancel()
	b, err := m.backlog(ctx)
	if err != nil {
		return
	}
	age := 0.0
	if !b.Oldest.IsZero() {
		age = max(0, m.now().Sub(b.Oldest).Seconds())
	}
	to <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, age)
	to <- prometheus.MustNewConstMetric(m.unreached, prometheus.GaugeValue, float64(b.Pending))
}
