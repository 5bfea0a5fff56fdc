package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/failpoint"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/internal/vault"
)

// FailpointEnv names the environment variable with the text of Options.Failpoint.
const FailpointEnv = failpoint.Env

// Options say what to run.
type Options struct {
	Config config.Config
	Clock  Clock
	// API serves the API; without it only the worker runs.
	API bool
	// Logger gets the program's log, EngineLogger the embedded engine's own. Both are required.
	Logger, EngineLogger *slog.Logger
	Version              string
	// SimulatorKeys of the simulated provider; new ones if empty.
	SimulatorKeys SimulatorKeys
	// Failpoint says where to crash on demand; see package failpoint.
	Failpoint string

	alone bool // no other process works on the same data and engine
}

// Addresses are where the running program is reached; empty for what does not run.
type Addresses struct {
	API        string // base URL
	Admin      string // URL of the admin pages
	Alipay     string // base URL of the simulated provider
	Temporal   string // host:port
	TemporalUI string // base URL
	Portal     string // base URL of the sample portal, which only a demonstration has
	SMS        string // base URL of the simulated short message service
	Watch      string // base URL of metrics and health besides the API
}

// App is the running program.
type App struct {
	Addresses

	config  config.Config
	clock   Clock
	log     *slog.Logger
	version string
	points  *failpoint.Points

	simulator SimulatorKeys
	store     *sqlstore.Store
	secrets   *vault.Sealed // of webhooks, sealed in the store
	vault     vault.Vault
	face      face.Provider
	provider  *telemetry.Provider // face, which it counts the calls of
	reminders *reminders.Runner
	client    client.Client
	gate      *gate.Gate
	engine    *temporal.Engine
	payloads  *temporal.Payloads
	webhooks  webhookParts
	runs      *temporal.Reminders
	plan      *temporal.Plan
	sweeper   *enforce.Sweeper
	sweeps    *sweeps
	watch     watching

	listener net.Listener // of the API

	stopping atomic.Bool

	stack  stack
	failed chan error // gets the error of a server that ended by itself
}

// Start builds and starts everything, and returns when the API answers. If something fails, what was started before
// it is stopped again.
func Start(ctx context.Context, o Options) (_ *App, err error) {
	points, err := failpoint.Parse(o.Failpoint)
	if err != nil {
		return nil, err
	}
	a := &App{
		config: o.Config, clock: o.Clock, log: o.Logger, version: o.Version, points: points,
		simulator: o.SimulatorKeys, failed: make(chan error, 4),
	}
	defer func() {
		if err != nil {
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.config.HTTP.ShutdownTimeout)
			defer cancel()
			err = errors.Join(err, a.stack.stop(stopping))
		}
	}()
	if faults := a.config.ValidateSecrets(); len(faults) > 0 {
		return nil, faults
	}
	if o.API { // first of all: a taken port is the likeliest fault, and the port may be part of the links
		if err := a.listen(); err != nil {
			return nil, err
		}
	}
	links, err := a.prepareLinks(o.API)
	if err != nil {
		return nil, err
	}
	works := !o.API || a.config.Worker.InProcess
	for _, s := range []struct {
		name  string
		start func(context.Context) error
		runs  bool
	}{
		{"telemetry", a.startWatching, true},
		{"store", a.startStore, true},
		{"provider", a.startProvider, true},
		{"notifications", a.startNotifications, true},
		{"engine", func(ctx context.Context) error { return a.startEngine(ctx, o.EngineLogger, !works) }, true},
		{"worker", func(ctx context.Context) error { return a.startWorker(ctx, links) }, works},
		{"reminder schedules", a.startReminderSchedules, works},
		{"resuming", a.startResuming, a.resumes(o)},
		{"gate", func(context.Context) error { return a.startGate() }, o.API},
		{"sweeping", a.startSweeping, works},
		{"housekeeping", a.startHousekeeping, o.API},
		{"counting", a.startCounting, o.API},
		{"webhooks", func(context.Context) error { return a.startWebhooks(o.API) }, true},
		{"watch", func(context.Context) error { return a.startWatch(works) }, true},
		{"api", func(context.Context) error { return a.startAPI(links) }, o.API},
	} {
		if !s.runs {
			continue
		}
		begun := time.Now()
		if err := s.start(ctx); err != nil {
			return nil, fmt.Errorf("start %s: %w", s.name, err)
		}
		a.log.Info("started", "part", s.name, "took", time.Since(begun))
	}
	return a, nil
}

// Failed gets an error if a part ends by itself: the program cannot go on then.
func (a *App) Failed() <-chan error { return a.failed }

// Stop stops everything, as far as the context allows, after http.drain.
func (a *App) Stop(ctx context.Context) error {
	a.drain(ctx)
	return a.stack.stop(ctx)
}

// Now is business time.
func (a *App) Now() time.Time { return a.clock.Now() }
