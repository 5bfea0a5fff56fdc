package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Decisions counts what the gate answers. It is a prometheus.Collector.
type Decisions struct{ *prometheus.CounterVec }

// NewDecisions returns a count of none.
func NewDecisions() Decisions {
	return Decisions{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "verigate_decisions_total", Help: "Decisions that this process answered for now, by effect and reason.",
	}, []string{"effect", "reason"})}
}

// Count counts one.
func (d Decisions) Count(effect policy.Effect, reason policy.Reason) {
	d.WithLabelValues(string(effect), string(reason)).Inc()
}

// Pages measures how late open pages hear of a verdict. It is a prometheus.Collector.
type Pages struct{ *prometheus.HistogramVec }

// NewPages returns a measure of none.
func NewPages() Pages {
	return Pages{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "verigate_time_to_page_seconds", Help: "From the record of a verdict to the open page that is led to it, by verdict.",
		Buckets: []float64{.01, .05, .1, .25, .5, 1, 2, 5, 15, 60},
	}, []string{"verdict"})}
}

// Told measures one.
func (p Pages) Told(verdict lifecycle.State, took time.Duration) {
	p.WithLabelValues(string(verdict)).Observe(took.Seconds())
}
