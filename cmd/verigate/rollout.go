package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/app"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/temporal"
)

type rolloutCmd struct {
	Status  rolloutStatusCmd  `cmd:"" help:"Show the builds of the workers and what each gets to do; with --wait, until one is drained."`
	Current rolloutCurrentCmd `cmd:"" help:"Give new work, and verifications that go on, to a build."`
	Ramp    rolloutRampCmd    `cmd:"" help:"Give a share of it to a build first."`
}

// rollouts reads the configuration and connects. The caller closes.
func (s settings) rollouts(w *world) (*temporal.Rollouts, func(), error) {
	c, err := s.load(w)
	if err != nil {
		return nil, nil, err
	}
	if c.Temporal.Mode != config.Remote {
		return nil, nil, usageError{errors.New("temporal.mode must be remote: an embedded engine has one build, the one it runs in")}
	}
	return app.OpenRollouts(w.ctx, c, w.logger(config.Log{Level: "error", Format: c.Log.Format}))
}

type rolloutStatusCmd struct {
	settings
	Wait  string        `placeholder:"BUILD" help:"Wait until no run needs this build any more, and then show."`
	Every time.Duration `default:"5s" help:"How often to look while waiting."`
	JSON  bool          `name:"json" help:"Print the answer as JSON."`
}

// Help is the manual page.
func (rolloutStatusCmd) Help() string {
	return `Shows the builds of worker.deployment, newest first. current: gets what begins, and verifications that go on. ramping: gets a share of that. draining: has sweeps and reminders that are pinned to it. drained: its workers can be stopped. inactive: has had no work yet.

The server finds a build drained some minutes after its last pinned run has ended. docs/rollout.md has the whole procedure.

Example:
  verigate rollout status --config verigate.yaml --wait v1.4.0`
}

// Run shows.
func (c rolloutStatusCmd) Run(w *world) error {
	if c.Every <= 0 {
		return usageError{errors.New("--every must be above 0, such as 5s")}
	}
	r, closing, err := c.rollouts(w)
	if err != nil {
		return err
	}
	defer closing()
	if c.Wait != "" {
		if err := r.AwaitDrained(w.ctx, c.Wait, c.Every); err != nil {
			return err
		}
	}
	now, err := r.Status(w.ctx)
	if err != nil {
		return err
	}
	return w.rollout(now, c.JSON)
}

// rollout prints how the work is divided.
func (w *world) rollout(r temporal.Rollout, machine bool) error {
	if machine {
		return w.json(r)
	}
	unversioned := func(id string) string { return or(id, "workers without a build id") }
	w.say("deployment %s: current is %s", r.Deployment, unversioned(r.Current))
	if r.Percentage > 0 {
		w.say(", %g %% go to %s", r.Percentage, unversioned(r.Ramping))
	}
	w.say("\n")
	for _, v := range r.Versions {
		w.say("%-24s %-9s since %s", v.BuildID, v.Role, v.CreatedAt.UTC().Format(time.RFC3339))
		if len(v.Missing) > 0 {
			w.say("  does not serve %s", strings.Join(v.Missing, ", "))
		}
		w.say("\n")
	}
	return nil
}

// target is the build that gets work.
type target struct {
	settings
	Build       string `arg:"" optional:"" help:"Build id, as worker.build_id of its workers."`
	Force       bool   `help:"Though the build does not serve every task queue: what is in the others goes to workers without a build id."`
	Unversioned bool   `help:"Workers without a build id, in place of a build."`
	JSON        bool   `name:"json" help:"Print what is so now as JSON."`
}

func (t target) check() error {
	if (t.Build == "") != t.Unversioned {
		return usageError{errors.New("name a build, or say --unversioned for workers without a build id; one of the two")}
	}
	return nil
}

// change connects, changes and shows what is so now.
func (t target) change(w *world, change func(*temporal.Rollouts) error) error {
	if err := t.check(); err != nil {
		return err
	}
	r, closing, err := t.rollouts(w)
	if err != nil {
		return err
	}
	defer closing()
	if err := change(r); err != nil {
		return err
	}
	now, err := r.Status(w.ctx)
	if err != nil {
		return err
	}
	return w.rollout(now, t.JSON)
}

type rolloutCurrentCmd struct{ target }

// Help is the manual page.
func (rolloutCurrentCmd) Help() string {
	return `From now on what begins, and the next step of verifications that run, go to the build. Sweeps and reminders that run end on the build that they began on, so its workers must stay until it is drained. To roll back, name the old build.

Examples:
  verigate rollout current v1.5.0 --config verigate.yaml
  verigate rollout current --unversioned --config verigate.yaml`
}

// Run makes a build current.
func (c rolloutCurrentCmd) Run(w *world) error {
	return c.change(w, func(r *temporal.Rollouts) error { return r.SetCurrent(w.ctx, c.Build, c.Force) })
}

type rolloutRampCmd struct {
	target
	To float32 `required:"" placeholder:"PERCENT" help:"Share in percent, 0 to 100. 0 ends the ramp."`
}

// Help is the manual page.
func (rolloutRampCmd) Help() string {
	return `Gives a share of what begins, and of verifications that run, to a build; which ones is decided by their ids, so that one stays where it is.

Examples:
  verigate rollout ramp v1.5.0 --to 10 --config verigate.yaml
  verigate rollout ramp v1.5.0 --to 0 --config verigate.yaml`
}

// Run ramps.
func (c rolloutRampCmd) Run(w *world) error {
	if c.To < 0 || c.To > 100 {
		return usageError{fmt.Errorf("--to must be from 0 to 100 percent")}
	}
	return c.change(w, func(r *temporal.Rollouts) error { return r.Ramp(w.ctx, c.Build, c.To, c.Force) })
}
