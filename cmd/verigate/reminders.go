package main

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
)

type remindersCmd struct {
	Run    remindersRunCmd    `cmd:"" help:"Remind now, as the schedule does by itself."`
	Status remindersStatusCmd `cmd:"" help:"Show how far a run came."`
	Pause  remindersPauseCmd  `cmd:"" help:"Pause a run."`
	Resume remindersResumeCmd `cmd:"" help:"Resume a paused run."`
	Cancel remindersCancelCmd `cmd:"" help:"Cancel a run; what was sent stays sent."`
}

type remindersRunCmd struct {
	connection
	Policy string `arg:"" help:"Name of a published policy."`
	DryRun bool   `help:"Count who would be reminded, and remind nobody."`
	JSON   bool   `name:"json" help:"Print the answer as JSON."`
}

// Help is the manual page.
func (remindersRunCmd) Help() string {
	return `Begins a run over the population and prints its id. Nobody is reminded twice of the same milestone of the same deadline, however many runs there are. The key needs the scope sweeps:write.

Examples:
  verigate reminders run wishpost-face-verification --dry-run
  verigate reminders status wishpost-face-verification:3b2f5f0c-8a5c-5a53-9d6e-0e0f7a3f2f11`
}

// Run begins a run.
func (c remindersRunCmd) Run(w *world) error {
	body := map[string]any{"policy": c.Policy, "dry_run": c.DryRun}
	var out struct {
		RunID string `json:"run_id"`
	}
	if _, err := c.ask(w, http.MethodPost, "/v1/reminders", body, &out); err != nil {
		return err
	}
	if c.JSON {
		return w.json(out)
	}
	w.say("%s\n", out.RunID)
	return nil
}

// reminderRun names a run for the commands that look at one.
type reminderRun struct {
	connection
	RunID string `arg:"" name:"run" help:"Id of the run, as reminders run printed it."`
	JSON  bool   `name:"json" help:"Print the progress as JSON."`
}

type (
	remindersStatusCmd struct{ reminderRun }
	remindersPauseCmd  struct{ reminderRun }
	remindersResumeCmd struct{ reminderRun }
	remindersCancelCmd struct{ reminderRun }
)

// Run shows the progress.
func (c remindersStatusCmd) Run(w *world) error { return c.steer(w, http.MethodGet, "") }

// Run pauses the run.
func (c remindersPauseCmd) Run(w *world) error { return c.steer(w, http.MethodPost, "/pause") }

// Run resumes the run.
func (c remindersResumeCmd) Run(w *world) error { return c.steer(w, http.MethodPost, "/resume") }

// Run cancels the run.
func (c remindersCancelCmd) Run(w *world) error { return c.steer(w, http.MethodPost, "/cancel") }

// reminderProgress is what the API says of a run.
type reminderProgress struct {
	RunID      string         `json:"run_id"`
	Policy     string         `json:"policy"`
	Version    int            `json:"version"`
	DryRun     bool           `json:"dry_run"`
	State      string         `json:"state"`
	Shards     int            `json:"shards"`
	ShardsDone int            `json:"shards_done"`
	Counts     reminderCounts `json:"counts"`
}

type reminderCounts struct {
	Seen       int            `json:"seen"`
	Due        int            `json:"due"`
	Already    int            `json:"already"`
	Written    int            `json:"written"`
	Sent       int            `json:"sent"`
	NoContact  int            `json:"no_contact"`
	Waiting    int            `json:"waiting"`
	Failed     int            `json:"failed"`
	Outdated   int            `json:"outdated"`
	Off        int            `json:"off"`
	Milestones map[string]int `json:"milestones"`
}

func (c reminderRun) steer(w *world, method, step string) error {
	var p reminderProgress
	if _, err := c.ask(w, method, "/v1/reminders/"+url.PathEscape(c.RunID)+step, nil, &p); err != nil {
		return err
	}
	if c.JSON {
		return w.json(p)
	}
	dry := ""
	if p.DryRun {
		dry = ", dry run"
	}
	w.say("%s: %s%s, %d of %d shards, %d accounts seen\n", p.RunID, p.State, dry, p.ShardsDone, p.Shards, p.Counts.Seen)
	w.say("%d due: %d reminded now, %d before\n", p.Counts.Due, p.Counts.Written, p.Counts.Already)
	for _, id := range slices.Sorted(maps.Keys(p.Counts.Milestones)) {
		w.say("  %-8s %d\n", id, p.Counts.Milestones[id])
	}
	w.say("messages: %d sent, %d without contact, %d waiting, %d failed, %d outdated, %d off\n",
		p.Counts.Sent, p.Counts.NoContact, p.Counts.Waiting, p.Counts.Failed, p.Counts.Outdated, p.Counts.Off)
	return nil
}
