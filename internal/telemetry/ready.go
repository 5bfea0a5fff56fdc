package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Part is what the program cannot work without.
type Part struct {
	Name string
	Ask  func(ctx context.Context) error // what is wrong with it now, nil if nothing is
	// Spare says that the process does something useful without it: requests are still to be sent there.
	Spare bool
}

// Readiness asks the parts of a process whether they work. It is a prometheus.Collector, safe for concurrent use.
type Readiness struct {
	parts   []Part
	log     *slog.Logger
	patient time.Duration
	works   *prometheus.Desc
}

// NewReadiness returns the readiness of a process that has these parts. A part that does not answer within patience does
// not work.
func NewReadiness(log *slog.Logger, patience time.Duration, parts ...Part) *Readiness {
	return &Readiness{
		parts: parts, log: log, patient: patience,
		works: prometheus.NewDesc("verigate_part_works", "1 if the part of this process works, 0 if not; see /readyz.", []string{"part"}, nil),
	}
}

// Failing returns the parts that do not work, each with its cause.
func (r *Readiness) Failing(ctx context.Context) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, r.patient)
	defer cancel()
	errs := make([]error, len(r.parts))
	var asking sync.WaitGroup
	for i, p := range r.parts {
		asking.Go(func() { errs[i] = p.Ask(ctx) })
	}
	asking.Wait()
	failing := map[string]error{}
	for i, p := range r.parts {
		if errs[i] != nil {
			failing[p.Name] = errs[i]
		}
	}
	return failing
}

// Ask returns the parts that do not work, and whether requests are still to be sent here: all of them can be spared.
func (r *Readiness) Ask(ctx context.Context) (failing map[string]error, usable bool) {
	failing = r.Failing(ctx)
	return failing, !slices.ContainsFunc(r.parts, func(p Part) bool { return !p.Spare && failing[p.Name] != nil })
}

// Handler answers with the names of the parts that do not work: 200 if all of them can be spared, 503 if not. Causes are
// logged and not told: whoever may ask this has no key.
func (r *Readiness) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		failing, usable := r.Ask(req.Context())
		body := struct {
			Status string   `json:"status"`
			Parts  []string `json:"parts,omitempty"`
		}{"ok", slices.Sorted(maps.Keys(failing))}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if len(failing) > 0 {
			body.Status = "degraded"
			if !usable {
				body.Status = "failing"
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			for _, part := range body.Parts {
				r.log.WarnContext(req.Context(), "a part does not work", "part", part, "error", failing[part])
			}
		}
		_ = json.NewEncoder(w).Encode(body) // the caller is gone; there is nobody to tell
	})
}

// Describe implements prometheus.Collector.
func (r *Readiness) Describe(to chan<- *prometheus.Desc) { to <- r.works }

// Collect implements prometheus.Collector.
func (r *Readiness) Collect(to chan<- prometheus.Metric) {
	failing := r.Failing(context.Background())
	for _, p := range r.parts {
		works := 1.0
		if failing[p.Name] != nil {
			works = 0
		}
		to <- prometheus.MustNewConstMetric(r.works, prometheus.GaugeValue, works, p.Name)
	}
}

// Watch serves what machines watch a process by: /metrics, /healthz and /readyz.
func Watch(m *Metrics, r *Readiness) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.Handle("GET /readyz", r.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
	})
	return mux
}
