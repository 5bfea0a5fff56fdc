package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// SweepFigures are what is told of sweeps.
type SweepFigures struct {
	Running    int           // sweeps that have not ended, paused ones among them
	Oldest     time.Duration // since the first of those began
	Overdue    time.Duration // since a sweep was due that has not begun, or has failed
	Lag        time.Duration // of the newest that is done: from the instant that it was for to its end
	Restricted int           // of the newest that is done
	Lifted     int
}

// sweeps reads the figures when they are asked for: the worker that sweeps may be another process.
type sweeps struct {
	read                                              func(ctx context.Context) (SweepFigures, error)
	running, oldest, overdue, lag, restricted, lifted *prometheus.Desc
}

// readFor bounds one reading of figures.
const readFor = 2 * time.Second

// Sweeps serves figures of sweeps, as read tells them. While it fails they are left out.
func (m *Metrics) Sweeps(read func(ctx context.Context) (SweepFigures, error)) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("verigate_sweep_"+name, help, nil, nil)
	}
	m.registry.MustRegister(&sweeps{
		read: read, running: desc("running", "Enforcement sweeps that have not ended, paused ones among them."),
		oldest:     desc("running_seconds", "Since the oldest sweep that has not ended began, 0 without one."),
		overdue:    desc("overdue_seconds", "Since the newest instant at which a sweep was due that has not begun, or has failed; 0 without one."),
		lag:        desc("lag_seconds", "From the instant that the newest sweep that is done was for to its end."),
		restricted: desc("restricted", "Restrictions that the newest sweep that is done opened."),
		lifted:     desc("lifted", "Restrictions that the newest sweep that is done lifted."),
	})
}

// Describe implements prometheus.Collector.
func (s *sweeps) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.running, s.oldest, s.overdue, s.lag, s.restricted, s.lifted} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *sweeps) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readFor)
	defer cancel()
	f, err := s.read(ctx)
	if err != nil {
		return
	}
	for desc, value := range map[*prometheus.Desc]float64{
		s.running: float64(f.Running), s.oldest: f.Oldest.Seconds(), s.overdue: f.Overdue.Seconds(), s.lag: f.Lag.Seconds(), s.restricted: float64(f.Restricted), s.lifted: float64(f.Lifted),
	} {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
}
