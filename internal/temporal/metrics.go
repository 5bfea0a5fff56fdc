package temporal

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// maxValues bounds how many values one label takes; what comes later is told together. The SDK's values are names of our
// workflows, activities and calls, but a stranger to the queue may send another.
const maxValues = 64

// Metrics are what the SDK measures (requests, tasks, latencies of workflows and activities), in Prometheus' form and under
// the names of Temporal's own dashboards. It is a client.MetricsHandler and a prometheus.Collector, safe for concurrent use.
type Metrics struct {
	*measured
	tags map[string]string
}

type measured struct {
	now func() time.Time

	mu       sync.Mutex
	counters map[string]*prometheus.CounterVec
	gauges   map[string]*prometheus.GaugeVec
	timers   map[string]*prometheus.HistogramVec
	values   map[string]map[string]bool // by label
	polls    map[Poll]*polls            // that are expected
	began    chan struct{}              // closed when all of them were there
}

// Poll is a queue and a kind of task, workflow or activity, that a worker asks for.
type Poll struct{ Queue, Kind string }

// Polls are what a process asks for that serves queues.
func Polls(queues []string) (all []Poll) {
	for _, queue := range queues {
		for kind := range kinds(queue) {
			all = append(all, Poll{queue, kind})
		}
	}
	return all
}

// polls are the requests for tasks of one kind that wait at the server.
type polls struct {
	waiting map[string]float64 // by poller type
	ended   time.Time          // when the last one did; zero while any waits
}

// NewMetrics returns metrics of one process.
func NewMetrics(now func() time.Time) *Metrics {
	return &Metrics{measured: &measured{
		now: now, counters: map[string]*prometheus.CounterVec{}, gauges: map[string]*prometheus.GaugeVec{},
		timers: map[string]*prometheus.HistogramVec{}, values: map[string]map[string]bool{}, began: make(chan struct{}),
		polls: map[Poll]*polls{},
	}}
}

// Expect says what the workers of this process will ask for, before they begin to.
func (m *Metrics) Expect(all ...Poll) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range all {
		m.polls[p] = &polls{waiting: map[string]float64{}}
	}
}

// labels are the tags that are kept: what the SDK says of namespace and client is the same for all.
func labels() []string {
	return []string{"operation", "workflow_type", "activity_type", "task_queue", "worker_type", "poller_type", "status_code", "failure_reason"}
}

// WithTags implements client.MetricsHandler.
func (m *Metrics) WithTags(tags map[string]string) client.MetricsHandler {
	all := maps.Clone(m.tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tags)
	return &Metrics{m.measured, all}
}

// Counter implements client.MetricsHandler.
func (m *Metrics) Counter(name string) client.MetricsCounter {
	m.mu.Lock()
	defer m.mu.Unlock()
	vec := m.counters[name]
	if vec == nil {
		vec = prometheus.NewCounterVec(prometheus.CounterOpts{Name: name + "_total", Help: "Counted by Temporal's SDK."}, labels())
		m.counters[name] = vec
	}
	counter := vec.WithLabelValues(m.told()...)
	return counts{counter}
}

// Gauge implements client.MetricsHandler.
func (m *Metrics) Gauge(name string) client.MetricsGauge {
	m.mu.Lock()
	defer m.mu.Unlock()
	vec := m.gauges[name]
	if vec == nil {
		vec = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "Measured by Temporal's SDK."}, labels())
		m.gauges[name] = vec
	}
	g := level{Gauge: vec.WithLabelValues(m.told()...)}
	if name == "temporal_num_pollers" {
		queue, poller := m.tags["task_queue"], m.tags["poller_type"]
		g.also = func(v float64) { m.polling(queue, poller, v) }
	}
	return g
}

// Timer implements client.MetricsHandler.
func (m *Metrics) Timer(name string) client.MetricsTimer {
	m.mu.Lock()
	defer m.mu.Unlock()
	vec := m.timers[name]
	if vec == nil {
		vec = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name + "_seconds", Help: "Timed by Temporal's SDK.", Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, labels())
		m.timers[name] = vec
	}
	return times{vec.WithLabelValues(m.told()...)}
}

// told are the values of labels. The SDK says none for a tag that does not apply, and Prometheus nothing.
func (m *Metrics) told() []string {
	values := make([]string, len(labels()))
	for i, label := range labels() {
		value := m.tags[label]
		if value == "" || value == "none" {
			continue
		}
		known := m.values[label]
		if known == nil {
			known = map[string]bool{}
			m.values[label] = known
		}
		if !known[value] && len(known) >= maxValues {
			value = "other"
		} else {
			known[value] = true
		}
		values[i] = value
	}
	return values
}

type counts struct{ prometheus.Counter }

func (c counts) Inc(n int64) { c.Add(float64(n)) }

type level struct {
	prometheus.Gauge
	also func(float64)
}

func (l level) Update(v float64) {
	l.Set(v)
	if l.also != nil {
		l.also(v)
	}
}

type times struct{ prometheus.Observer }

func (t times) Record(took time.Duration) { t.Observe(took.Seconds()) }

// Describe implements prometheus.Collector. It says nothing: what the SDK measures is known when it does.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, vec := range m.counters {
		vec.Collect(to)
	}
	for _, vec := range m.gauges {
		vec.Collect(to)
	}
	for _, vec := range m.timers {
		vec.Collect(to)
	}
}

// gap is how long no request for tasks may be waiting: between two of them there is none for a moment.
const gap = 10 * time.Second

// ErrNotPolling means that the worker of this process asks for no tasks, or no longer.
var ErrNotPolling = errors.New("temporal: the worker asks for no tasks")

func (m *Metrics) polling(queue, poller string, waiting float64) {
	kind := "workflow" // sticky ones too
	if poller == "activity_task" {
		kind = "activity"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.polls[Poll{queue, kind}]
	if p == nil {
		return
	}
	had := p.any()
	p.waiting[poller] = waiting
	switch has := p.any(); {
	case has:
		p.ended = time.Time{}
	case had:
		p.ended = m.now()
	}
	select {
	case <-m.began:
		return
	default:
	}
	for _, p := range m.polls {
		if !p.any() {
			return
		}
	}
	close(m.began)
}

func (p *polls) any() bool {
	for _, n := range p.waiting {
		if n > 0 {
			return true
		}
	}
	return false
}

// AwaitPolling returns when the workers of this process have asked for everything that is expected of them, or ErrNotPolling when ctx ends.
func (m *Metrics) AwaitPolling(ctx context.Context) error {
	select {
	case <-m.began:
		return nil
	case <-ctx.Done():
		return ErrNotPolling
	}
}

// Polling returns ErrNotPolling while something is not asked for that is expected, or nothing is expected.
func (m *Metrics) Polling(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.polls) == 0 {
		return ErrNotPolling
	}
	for _, p := range m.polls {
		if !p.any() && (p.ended.IsZero() || m.now().Sub(p.ended) >= gap) {
			return ErrNotPolling
		}
	}
	return nil
}
