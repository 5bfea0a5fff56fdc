package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/internal/temporal"
)

// settings are the flags of every command that reads the configuration.
type settings struct {
	Config string            `type:"path" placeholder:"FILE" help:"Configuration in YAML." xor:"config"`
	Set    map[string]string `placeholder:"PATH=VALUE" help:"One setting, such as http.listen=127.0.0.1:9000. May be repeated." mapsep:"none"`
}

// load returns the configuration, or everything that is wrong with it.
func (s settings) load(w *world) (config.Config, error) {
	var file []byte
	if s.Config != "" {
		var err error
		if file, err = os.ReadFile(s.Config); err != nil {
			return config.Config{}, usageError{fmt.Errorf("--config: %w", err)}
		}
	}
	c, err := config.Load(config.Sources{
		File: file, Env: w.env, Flags: s.Set, ReadFile: os.ReadFile, Profile: temporal.ReadProfile(w.around),
	})
	if err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// place is where a command beside the program finds its data: a configuration, or the directory of a demonstration.
type place struct {
	settings
	Data string `type:"path" placeholder:"DIR" help:"Directory of a demonstration, instead of a configuration." xor:"config"`
}

// load returns configuration and clock.
func (p place) load(w *world) (config.Config, app.Clock, error) {
	if p.Data == "" {
		c, err := p.settings.load(w)
		return c, app.Clock{}, err
	}
	d, err := app.OpenDemoDir(p.Data)
	if err != nil {
		return config.Config{}, app.Clock{}, usageError{err}
	}
	c, err := d.Running()
	if err != nil {
		return c, app.Clock{}, err
	}
	clock, err := d.Clock(nil)
	return c, clock, err
}

func (w *world) logger(c config.Log) *slog.Logger {
	return telemetry.NewLogger(w.stderr, c.Level, telemetry.Format(c.Format))
}

func (w *world) failpoint() string {
	spec, _ := w.env(app.FailpointEnv)
	return spec
}

// checked returns the faults of configuration and secrets together, and whether this binary can do what they say.
func checked(c config.Config) error {
	if faults := c.ValidateSecrets(); len(faults) > 0 {
		return usageError{faults}
	}
	if c.Temporal.Mode == config.Embedded && !app.EngineBuilt {
		return usageError{fmt.Errorf("temporal.mode: %w", app.ErrNoEngine)}
	}
	return nil
}

func or(value, standard string) string {
	if strings.TrimSpace(value) == "" {
		return standard
	}
	return value
}
