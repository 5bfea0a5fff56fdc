package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/schollz/progressbar/v3"
)

type sweepCmd struct {
	Run    sweepRunCmd    `cmd:"" help:"Start a sweep."`
	Status sweepStatusCmd `cmd:"" help:"Show how far a sweep has come."`
	List   sweepListCmd   `cmd:"" help:"List sweeps, newest first."`
	Pause  sweepPauseCmd  `cmd:"" help:"Pause a sweep."`
	Resume sweepResumeCmd `cmd:"" help:"Let a paused sweep go on."`
	Cancel sweepCancelCmd `cmd:"" help:"End a sweep where it is."`
}

// sweep is a sweep as the API answers it.
type sweep struct {
	ID         string  `json:"id"`
	State      string  `json:"state"`
	DryRun     bool    `json:"dry_run"`
	Total      int     `json:"total"`
	Done       int     `json:"done"`
	Restricted int     `json:"restricted"`
	Lifted     int     `json:"lifted"`
	Rate       float64 `json:"accounts_per_second"`
	ETA        string  `json:"eta"`
	StartedAt  string  `json:"started_at"`
	EndedAt    string  `json:"ended_at"`
	Counts     []struct {
		Rule       string `json:"rule"`
		State      string `json:"state"`
		Restricted int    `json:"restricted"`
		Lifted     int    `json:"lifted"`
	} `json:"counts"`
}

func (s sweep) ended() bool {
	return s.State == "done" || s.State == "cancelled" || s.State == "failed"
}

func (s sweep) print(w *world) {
	verb := "restricted"
	if s.DryRun {
		verb = "to restrict"
	}
	w.say("%s %s: %d of %d accounts, %d %s, %d lifted", s.ID, s.State, s.Done, s.Total, s.Restricted, verb, s.Lifted)
	if s.ETA != "" {
		w.say(", done about %s", s.ETA)
	}
	w.say("\n")
	for _, c := range s.Counts {
		w.say("  %-30s %-14s %8d %s %8d lifted\n", c.Rule, c.State, c.Restricted, verb, c.Lifted)
	}
}

func sweepPath(id string) string { return "/v1/sweeps/" + url.PathEscape(id) }

type sweepRunCmd struct {
	connection
	Policy string `arg:"" help:"Name of the policy; the version in force is enforced."`
	Reason string `default:"by_hand" help:"A code that the record keeps."`
	DryRun bool   `name:"dry-run" help:"Count what a sweep would write, and write nothing."`
	Wait   bool   `help:"Wait until it is over and show how far it has come."`
	JSON   bool   `name:"json" help:"Print the API's answer; with --wait the last one."`
}

// Help is the manual page.
func (sweepRunCmd) Help() string {
	return `Goes over all accounts and announces what the policy in force blocks, and what it blocks no longer. It changes no decision: the gate needs no sweep. Sweeps also begin by themselves, daily and when a phase or a version of a policy begins.

With --wait it exits with 1 if the sweep was cancelled or failed.

Examples:
  verigate sweep run wishpost-face-verification --dry-run --wait
  verigate sweep run wishpost-face-verification --reason after_correction`
}

// Run starts.
func (c sweepRunCmd) Run(w *world) error {
	var started sweep
	in := map[string]any{"policy": c.Policy, "reason": c.Reason, "dry_run": c.DryRun}
	text, err := c.ask(w, http.MethodPost, "/v1/sweeps", in, &started)
	if err != nil {
		return err
	}
	if c.Wait {
		return waitForSweep(w, c.connection, started.ID, c.JSON)
	}
	if c.JSON {
		w.say("%s\n", text)
		return nil
	}
	w.say("%s\n", started.ID)
	return nil
}

type sweepStatusCmd struct {
	connection
	ID   string `arg:"" help:"Id of the sweep."`
	Wait bool   `help:"Wait until it is over and show how far it has come."`
	JSON bool   `name:"json" help:"Print the API's answer."`
}

// Run asks.
func (c sweepStatusCmd) Run(w *world) error {
	if c.Wait {
		return waitForSweep(w, c.connection, c.ID, c.JSON)
	}
	return c.one(w, http.MethodGet, sweepPath(c.ID), c.JSON)
}

// one shows the sweep that an answer describes.
func (c connection) one(w *world, method, path string, asJSON bool) error {
	return present(c, w, asJSON, method, path, nil, func(s sweep) { s.print(w) })
}

type sweepListCmd struct {
	connection
	Limit int  `default:"20" help:"How many, 1 to 500."`
	JSON  bool `name:"json" help:"Print the API's answer."`
}

// Run lists.
func (c sweepListCmd) Run(w *world) error {
	return present(c.connection, w, c.JSON, http.MethodGet, fmt.Sprintf("/v1/sweeps?limit=%d", c.Limit), nil, func(list struct{ Sweeps []sweep }) {
		for _, s := range list.Sweeps {
			s.Counts = nil
			s.print(w)
		}
	})
}

type sweepCommand struct {
	connection
	ID   string `arg:"" help:"Id of the sweep."`
	JSON bool   `name:"json" help:"Print the API's answer."`
}

type (
	sweepPauseCmd  struct{ sweepCommand }
	sweepResumeCmd struct{ sweepCommand }
	sweepCancelCmd struct{ sweepCommand }
)

// Run pauses.
func (c sweepPauseCmd) Run(w *world) error {
	return c.one(w, http.MethodPost, sweepPath(c.ID)+"/pause", c.JSON)
}

// Run resumes.
func (c sweepResumeCmd) Run(w *world) error {
	return c.one(w, http.MethodPost, sweepPath(c.ID)+"/resume", c.JSON)
}

// Run cancels.
func (c sweepCancelCmd) Run(w *world) error {
	return c.one(w, http.MethodPost, sweepPath(c.ID)+"/cancel", c.JSON)
}

// waitEvery is how often a waiting command asks.
const waitEvery = 500 * time.Millisecond

// waitForSweep shows a bar on a terminal, a line per change elsewhere, and the result when it is over.
func waitForSweep(w *world, c connection, id string, asJSON bool) error {
	show := sweepShower(w)
	ticker := time.NewTicker(waitEvery)
	defer ticker.Stop()
	for {
		var s sweep
		text, err := c.ask(w, http.MethodGet, sweepPath(id), nil, &s)
		if err != nil {
			return err
		}
		show(s)
		if s.ended() {
			if asJSON {
				w.say("%s\n", text)
			} else {
				s.print(w)
			}
			if s.State != "done" {
				return errQuiet
			}
			return nil
		}
		select {
		case <-w.ctx.Done():
			return fmt.Errorf("the sweep goes on; verigate sweep status %s shows how far: %w", id, w.ctx.Err())
		case <-ticker.C:
		}
	}
}

// sweepShower shows on standard error how far a sweep has come.
func sweepShower(w *world) func(sweep) {
	if !isTerminal(w.stderr) {
		last := ""
		return func(s sweep) {
			line := fmt.Sprintf("%s %d/%d accounts, %d restricted, %d lifted", s.State, s.Done, s.Total, s.Restricted, s.Lifted)
			if line != last && !s.ended() {
				w.warn("%s\n", line)
				last = line
			}
		}
	}
	var bar *progressbar.ProgressBar
	return func(s sweep) {
		if bar == nil && s.Total > 0 {
			bar = progressbar.NewOptions(s.Total, progressbar.OptionSetWriter(w.stderr), progressbar.OptionShowCount(),
				progressbar.OptionShowIts(), progressbar.OptionSetItsString("accounts"), progressbar.OptionSetPredictTime(true),
				progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
		}
		if bar == nil {
			return
		}
		bar.Describe(fmt.Sprintf("%s, %d restricted, %d lifted", s.State, s.Restricted, s.Lifted))
		_ = bar.Set(min(s.Done, s.Total)) // a bar that cannot be drawn is no reason to stop
		if s.ended() {
			_ = bar.Finish()
		}
	}
}
