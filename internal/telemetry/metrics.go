package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counters of one process in Prometheus' form. Labels are routes, methods and status codes: nothing
// that a client could make up, and nothing of an account.
type Metrics struct {
	registry *prometheus.Registry
	took     *prometheus.HistogramVec
	running  prometheus.Gauge
	routes   Routes
	now      func() time.Time
}

// NewMetrics returns metrics of the process, the Go runtime and the requests that pass through Count.
func NewMetrics(routes Routes, now func() time.Time) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), routes: routes, now: now,
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "verigate_http_request_duration_seconds", Help: "Time to answer a request, by route, method and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "method", "status"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "verigate_http_requests_running", Help: "Requests being answered, event streams among them."}),
	}
	m.registry.MustRegister(m.took, m.running, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds metrics of another part of the process.
func (m *Metrics) Register(more prometheus.Collector) { m.registry.MustRegister(more) }

// Handler serves what was counted.
func (m *Metrics) Handler() http.Handler {
	counters := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		counters.ServeHTTP(w, r)
	})
}

// Count counts and times the requests that next answers.
func (m *Metrics) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := m.now()
		seen := &observed{ResponseWriter: w, status: http.StatusOK}
		m.running.Inc()
		defer func() {
			m.running.Dec()
			m.took.WithLabelValues(m.routes.Of(r.URL.Path), method(r.Method), strconv.Itoa(seen.status)).Observe(m.now().Sub(begun).Seconds())
		}()
		next.ServeHTTP(seen, r)
	})
}
