package telemetry

import "github.com/prometheus/client_golang/prometheus"

// NewRoles tells what a process does, so that the absence of all that do it can be seen: serve, work. It is a
// prometheus.Collector.
func NewRoles(roles ...string) prometheus.Collector {
	all := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "verigate_role", Help: "1 for each role of this process: serve, work."}, []string{"role"})
	for _, r := range roles {
		all.WithLabelValues(r).Set(1)
	}
	return all
}

// Chores tells of work that a process does by itself, hour by hour, whether it failed the last time. It is a
// prometheus.Collector.
type Chores struct{ *prometheus.GaugeVec }

// NewChores returns a measure of none.
func NewChores() Chores {
	return Chores{prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "verigate_chore_fails", Help: "1 if a chore of this process failed the last time, 0 if not: forgetting, webhooks, evidence, erasures, checkpoint.",
	}, []string{"chore"})}
}

// Did notes how a chore ended.
func (c Chores) Did(chore string, err error) {
	failed := 0.0
	if err != nil {
		failed = 1
	}
	c.WithLabelValues(chore).Set(failed)
}
