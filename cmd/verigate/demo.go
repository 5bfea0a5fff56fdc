package main

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/workflows/lifecycle"
)

type demoCmd struct {
	Data      string `type:"path" placeholder:"DIR" help:"Where the data lies and is found again (default: verigate-demo, with --timeline verigate-timeline)."`
	HTTP      string `name:"http" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the API listens."`
	Fresh     bool   `help:"Remove the data of an earlier run first."`
	Timeline  bool   `help:"Shift the clock to 40 seconds before the founding rule begins to block, and watch it happen."`
	NoBrowser bool   `help:"Do not open the sample portal in a browser."`
	StoreURL  string `name:"store-url" placeholder:"URL" help:"PostgreSQL database in place of a file: an empty one, which the demonstration fills."`
	KeysURL   string `name:"keys-url" placeholder:"URL" help:"Another one for data keys; needed with --store-url."`
	Temporal  string `placeholder:"HOST:PORT" help:"Temporal server in place of the embedded engine."`
	Namespace string `default:"verigate-demo" placeholder:"NAME" help:"Namespace at that server; made if it is missing. No other worker may run in it."`
	ReadyFile string `type:"path" placeholder:"FILE" help:"Written, whole or not at all, when everything answers: addresses and keys as JSON (default: ready.json in the data directory)."`
}

// Help is the manual page.
func (demoCmd) Help() string {
	return `Runs engine, database, simulated Alipay, worker, API and a sample merchant portal in this process, with the founding rule and the one for registration, sample accounts around their edges and three API keys. Nothing leaves this machine. Stop it with Ctrl-C; the next run goes on where this one ended.

With --store-url and --temporal it uses a PostgreSQL and a Temporal server in place of files and engine, as a fleet does; the next run remembers them.

The limits, pages and log of docs/configuration.md can be set in the environment, such as VERIGATE_LIMITS_QR_LEASE=15s.

Examples:
  verigate demo
  verigate demo --timeline --fresh
  verigate demo --http 127.0.0.1:9000 --data /tmp/v --ready-file /tmp/ready.json --no-browser
  verigate demo --store-url postgres://me@localhost/verigate --keys-url postgres://me@localhost/verigate_keys --temporal localhost:7233`
}

// ready is the ready file. Places that this version does not have are empty.
type ready struct {
	API        string `json:"api"`
	Admin      string `json:"admin"`
	Portal     string `json:"portal"`
	Alipay     string `json:"alipay"`
	SMS        string `json:"sms"`
	Temporal   string `json:"temporal"`
	TemporalUI string `json:"temporal_ui"`
	app.DemoKeys
	app.DemoOperators
}

// Run runs the demonstration.
func (d demoCmd) Run(w *world) (err error) {
	if !app.EngineBuilt && d.Temporal == "" {
		return usageError{errors.New("demo needs the embedded engine, and this binary was built without it (build tag noengine): take the whole binary, or name a server with --temporal")}
	}
	if _, _, err := net.SplitHostPort(d.HTTP); err != nil {
		return usageError{errors.New("--http must be HOST:PORT, such as 127.0.0.1:8080")}
	}
	if (d.StoreURL == "") != (d.KeysURL == "") {
		return usageError{errors.New("--store-url and --keys-url go together: data keys lie in a database of their own")}
	}
	standard := "verigate-demo"
	if d.Timeline {
		standard = "verigate-timeline"
	}
	dir, release, err := app.CreateDemoDir(or(d.Data, standard), d.Fresh)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	d.ReadyFile = or(d.ReadyFile, filepath.Join(dir.Path(), "ready.json"))
	if err := os.Remove(d.ReadyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // one of an earlier run must not be mistaken for this one's
	}
	o, closeLogs, err := d.options(w, dir)
	if err != nil {
		return err
	}
	defer closeLogs()
	o.Failpoint = w.failpoint()
	a, keys, err := app.StartDemo(w.ctx, dir, o)
	if err != nil {
		return err
	}
	if err := d.announce(w, a, keys, dir); err != nil {
		return errors.Join(err, w.stop(a, o.Config))
	}
	if d.Timeline {
		stop := w.watch(a)
		defer stop()
	}
	err = w.until(a, o.Config)
	w.say("\nStopped. The data stays in %s; verigate demo goes on with it.\n", dir.Path())
	return err
}

// options reads what the directory remembers. The logs go to files there: the terminal is for the reader.
func (d demoCmd) options(w *world, dir app.DemoDir) (o app.Options, closeLogs func(), err error) {
	elsewhere := app.Elsewhere{Store: d.StoreURL, Keys: d.KeysURL, Temporal: d.Temporal}
	if d.Temporal != "" {
		elsewhere.Namespace = d.Namespace
	}
	if err := dir.Use(w.ctx, elsewhere, w.logger(config.Log{Level: "error", Format: "text"})); err != nil {
		return o, nil, err
	}
	base, err := dir.Config(d.HTTP)
	if err != nil {
		return o, nil, err
	}
	if o.Config, err = config.Load(config.Sources{Base: &base, Env: w.shown}); err != nil {
		return o, nil, usageError{err}
	}
	if o.SimulatorKeys, err = dir.SimulatorKeys(); err != nil {
		return o, nil, err
	}
	o.Clock, err = dir.Clock(func() time.Duration {
		if d.Timeline {
			return app.TimelineOffset()
		}
		return 0
	})
	if err != nil {
		return o, nil, err
	}
	program, err := dir.LogFile("verigate.log")
	if err != nil {
		return o, nil, err
	}
	engine, err := dir.LogFile("engine.log")
	if err != nil {
		return o, nil, errors.Join(err, program.Close())
	}
	log := func(f *os.File, level string) *slog.Logger {
		return telemetry.NewLogger(f, level, telemetry.Format(o.Config.Log.Format))
	}
	o.API, o.Version = true, version()
	o.Logger, o.EngineLogger = log(program, o.Config.Log.Level), log(engine, "error")
	return o, func() { _, _ = program.Close(), engine.Close() }, nil
}

// shown is what a demonstration reads from the environment: an hour need not pass to see the end of a QR code or link.
func (w *world) shown(name string) (string, bool) {
	for _, part := range []string{"VERIGATE_LIMITS_", "VERIGATE_PAGES_", "VERIGATE_LOG_"} {
		if strings.HasPrefix(name, part) {
			return w.env(name)
		}
	}
	return "", false
}

func (d demoCmd) announce(w *world, a *app.App, keys app.DemoKeys, dir app.DemoDir) error {
	lines, err := a.Describe(w.ctx)
	if err != nil {
		return err
	}
	w.say("%s", demoText(a, keys, dir.Path(), lines))
	if d.Timeline && !a.Now().Before(app.EnforcedFrom()) {
		w.say("The clock of this data is past %s already; add --fresh to watch it again.\n\n", beijing(app.EnforcedFrom()))
	}
	file := ready{
		API: a.API, Admin: a.Admin, Portal: a.Portal, Alipay: a.Alipay, SMS: a.SMS, Temporal: a.Temporal, TemporalUI: a.TemporalUI,
		DemoKeys: keys, DemoOperators: keys.DemoOperators,
	}
	if err := app.WriteReady(d.ReadyFile, file); err != nil {
		return err
	}
	if !d.NoBrowser && isTerminal(w.stdout) {
		openBrowser(a.Portal)
	}
	debug.FreeOSMemory() // passwords and samples needed more than anything that follows; by itself it goes minutes later
	return nil
}

// watch prints what the gate says of some accounts every two seconds, until stop.
func (w *world) watch(a *app.App) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(2 * time.Second)
		defer ticker.Stop()
		w.say("May it create a label?           %-22s%-22s%s\n", "sample-old", "sample-verified", "sample-enterprise")
		for {
			w.timelineRow(a)
			select {
			case <-done:
				return
			case <-w.ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (w *world) timelineRow(a *app.App) {
	cells := make([]any, 0, 4)
	cells = append(cells, beijing(a.Now()))
	for _, account := range []string{"sample-old", "sample-verified", "sample-enterprise"} {
		answer, err := a.Decide(w.ctx, account, "create_label")
		if err != nil {
			return // stopping, or the store is busy: the next row tells
		}
		cells = append(cells, string(answer.Effect)+" ("+string(answer.Reason)+")")
	}
	w.say("%-33s%-22s%-22s%s\n", cells...)
}

func beijing(at time.Time) string {
	return at.In(lifecycle.Beijing()).Format("2006-01-02 15:04:05 -07:00")
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// openBrowser tries to; a machine without one is none the worse.
func openBrowser(url string) {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	if cmd := exec.Command(name, url); cmd.Start() == nil { //nolint:gosec // one of two names, and our own address
		go func() { _ = cmd.Wait() }()
	}
}
