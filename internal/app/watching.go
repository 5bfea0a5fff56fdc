package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/verigate/verigate/internal/border"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/internal/requestid"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/internal/temporal"
)

// partPatience is how long one part may take to say that it works.
const partPatience = 2 * time.Second

// watching is what the process is watched by.
type watching struct {
	routes    telemetry.Routes
	metrics   *telemetry.Metrics
	decisions telemetry.Decisions
	pages     telemetry.Pages
	chores    telemetry.Chores
	sdk       *temporal.Metrics
	traces    *telemetry.Traces
	ready     *telemetry.Readiness
}

// startWatching makes it before anything that is watched.
func (a *App) startWatching(ctx context.Context) error {
	known := telemetry.NewRoutes()
	a.watch = watching{
		routes: known, metrics: telemetry.NewMetrics(known, time.Now), decisions: telemetry.NewDecisions(), pages: telemetry.NewPages(),
		chores: telemetry.NewChores(), sdk: temporal.NewMetrics(time.Now),
	}
	a.watch.metrics.Register(a.watch.decisions)
	a.watch.metrics.Register(a.watch.pages)
	a.watch.metrics.Register(a.watch.chores)
	a.watch.metrics.Register(a.watch.sdk)
	c := a.config.Telemetry.Traces
	traces, err := telemetry.NewTraces(ctx, telemetry.TracesConfig{Endpoint: c.Endpoint, Ratio: c.Ratio, Version: a.version, Logger: a.log})
	if err != nil {
		return err
	}
	a.watch.traces = traces
	a.stack.push("traces", traces.Close)
	return nil
}

// startWatch tells what is watched, when all of it is there.
func (a *App) startWatch(works bool) error {
	a.watch.ready = telemetry.NewReadiness(a.log, partPatience, a.parts(works)...)
	for _, part := range []prometheus.Collector{
		a.watch.ready, a.provider, a.webhooks.metrics, telemetry.NewRoles(a.roles(works)...),
	} {
		a.watch.metrics.Register(part)
	}
	a.watch.metrics.Sweeps(func(ctx context.Context) (telemetry.SweepFigures, error) { return a.sweepFigures(ctx, a.clock.Now()) })
	if a.config.Telemetry.Listen == "" {
		return nil
	}
	listener, err := net.Listen("tcp", a.config.Telemetry.Listen)
	if err != nil {
		return fmt.Errorf("telemetry.listen: %w", err)
	}
	a.Watch = "http://" + reachable(listener.Addr())
	c := a.config.HTTP
	a.serve("telemetry", border.New(border.Config{
		Handler: telemetry.Watch(a.watch.metrics, a.watch.ready), ReadHeaderTimeout: c.ReadHeaderTimeout, WriteTimeout: c.WriteTimeout,
		IdleTimeout: c.IdleTimeout, MaxHeaderBytes: c.MaxHeaderBytes, ErrorLog: complaints{a.log.Handler()},
	}), listener, nil)
	return nil
}

// roles are what this process does.
func (a *App) roles(works bool) (roles []string) {
	if a.API != "" {
		roles = append(roles, "serve")
	}
	if works {
		roles = append(roles, "work")
	}
	return roles
}

// parts are what this process cannot work without.
func (a *App) parts(works bool) []telemetry.Part {
	serves := a.API != "" // decisions, which need store and clock and nothing else
	parts := []telemetry.Part{
		{Name: "store", Ask: func(ctx context.Context) error { return usable(ctx, a.store) }},
		{Name: "vault", Ask: a.secrets.Ping, Spare: serves},
		{Name: "clock", Ask: func(ctx context.Context) error { return gate.CheckClock(ctx, a.store, a.clock.Now) }},
		{Name: "engine", Ask: a.pingEngine, Spare: serves},
		{Name: "process", Ask: a.goesOn},
	}
	if works {
		parts = append(parts, telemetry.Part{Name: "worker", Ask: a.watch.sdk.Polling, Spare: serves})
	}
	return parts
}

var (
	errNoEngine = errors.New("app: not connected to an engine")
	errStopping = errors.New("app: the process is stopping")
)

// goesOn reports that the process is about to stop.
func (a *App) goesOn(context.Context) error {
	if a.stopping.Load() {
		return errStopping
	}
	return nil
}

// drain goes on serving for a while after the process was told to stop, so that balancers see from /readyz that they have to
// look elsewhere before nobody listens here.
func (a *App) drain(ctx context.Context) {
	a.stopping.Store(true)
	if a.API == "" || a.watch.ready == nil || a.config.HTTP.Drain == 0 {
		return
	}
	a.log.Info("draining", "for", a.config.HTTP.Drain)
	_ = pause.For(ctx, a.config.HTTP.Drain) // whoever stops may have no more patience than that
}

func (a *App) pingEngine(ctx context.Context) error {
	if a.client == nil {
		return errNoEngine
	}
	return temporal.Ping(ctx, a.client, a.config.Temporal.Namespace)
}

// usable reports a database that does not answer, or whose schema this program cannot use.
func usable(ctx context.Context, s *sqlstore.Store) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	return migrated(ctx, s)
}

// watched is what every request passes on its way in: it is named, traced, logged and, where that is asked for, counted.
func (a *App) watched(next http.Handler) http.Handler {
	proxies, _ := a.config.HTTP.Proxies() // validated with the configuration
	trusted := border.FromProxy(proxies)
	if a.config.HTTP.Metrics {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", a.watch.metrics.Handler())
		mux.Handle("/", a.watch.metrics.Count(next))
		next = mux
	}
	next = telemetry.LogRequests(next, a.log, a.watch.routes, time.Now)
	return requestid.Handler(a.watch.traces.Server(next, a.watch.routes, trusted), trusted)
}
