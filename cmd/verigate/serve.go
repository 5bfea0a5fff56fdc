package main

import (
	"context"
	"errors"

	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/config"
)

type serveCmd struct {
	settings
	Check bool `help:"Show every fault of the configuration and start nothing."`
}

// Help is the manual page.
func (serveCmd) Help() string {
	return `Serves the JSON API until it is told to stop (SIGINT, SIGTERM), then answers what is under way and ends within http.shutdown_timeout.

With temporal.mode embedded, engine and databases are files beside it; with remote, any Temporal server does. Needs the four secrets (verigate secrets new) and a contract with the face provider.

Examples:
  verigate serve --config verigate.yaml --check
  verigate serve --config verigate.yaml --set log.level=debug`
}

// Run serves.
func (s serveCmd) Run(w *world) error {
	c, err := s.load(w)
	if err != nil {
		return err
	}
	if err := checked(c); err != nil {
		return err
	}
	if s.Check {
		w.say("configuration is good\n")
		return nil
	}
	return w.serve(c, true)
}

type workerCmd struct {
	settings
}

// Help is the manual page.
func (workerCmd) Help() string {
	return `Runs workflows and activities and serves nothing. Use it with temporal.mode remote, as many as the load needs; set http.public_url to the address of the API, which the face provider sends phones back to.

Example:
  verigate worker --config verigate.yaml`
}

// Run works.
func (s workerCmd) Run(w *world) error {
	c, err := s.load(w)
	if err != nil {
		return err
	}
	if err := checked(c); err != nil {
		return err
	}
	if c.Temporal.Mode == config.Embedded {
		return usageError{errors.New("temporal.mode must be remote for a worker of its own; an embedded engine has its worker inside")}
	}
	return w.serve(c, false)
}

// serve runs the program until the context ends or a part of it fails.
func (w *world) serve(c config.Config, api bool) error {
	log := w.logger(c.Log)
	engine := config.Log{Level: "error", Format: c.Log.Format} // it is talkative at the levels below
	if c.Log.Level == "debug" {
		engine.Level = "info"
	}
	a, err := app.Start(w.ctx, app.Options{
		Config: c, API: api, Logger: log, EngineLogger: w.logger(engine), Version: version(), Failpoint: w.failpoint(),
	})
	if err != nil {
		return err
	}
	log.Info("ready", "api", a.API, "temporal", a.Temporal, "temporal_ui", a.TemporalUI, "version", version())
	return w.until(a, c)
}

// until waits for the end and stops the program within its time.
func (w *world) until(a *app.App, c config.Config) error {
	var failure error
	select {
	case <-w.ctx.Done():
	case failure = <-a.Failed():
	}
	return errors.Join(failure, w.stop(a, c))
}

func (w *world) stop(a *app.App, c config.Config) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), c.HTTP.Drain+c.HTTP.ShutdownTimeout)
	defer cancel()
	return a.Stop(ctx)
}
