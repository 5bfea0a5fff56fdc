package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/workflows/contract"
)

// ErrRunUnknown: there is no run of this id, or its record is no longer kept.
var ErrRunUnknown = errors.New("api: run is not known")

// Reminders starts and steers runs over the population.
type Reminders interface {
	Start(ctx context.Context, runID string, dryRun bool) error
	Progress(ctx context.Context, runID string) (contract.RemindersProgress, error)
	Pause(ctx context.Context, runID string) (contract.RemindersProgress, error)
	Resume(ctx context.Context, runID string) (contract.RemindersProgress, error)
	Cancel(ctx context.Context, runID string) error
	// Runs lists runs, newest first, for as long as the engine keeps them.
	Runs(ctx context.Context, limit int) ([]ReminderRun, error)
}

// ReminderRun is a run as it stands in a list. A paused one is told as running: Progress tells more.
type ReminderRun struct {
	ID                 string
	State              contract.RunState
	StartedAt, EndedAt time.Time
}

type reminderRunsView struct {
	Runs []reminderRunRow `json:"runs" nullable:"false" doc:"Newest first, as many as were asked for, and as long as the engine keeps them."`
}

type reminderRunRow struct {
	RunID     string     `json:"run_id"`
	Policy    string     `json:"policy"`
	State     string     `json:"state" enum:"running,finished,cancelled,failed" doc:"A paused run is told as running; its own answer tells more."`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

type remindersIn struct {
	Policy string `json:"policy" example:"wishpost-face-verification" doc:"Name of a published policy."`
	DryRun bool   `json:"dry_run,omitempty" doc:"Count who would be reminded, and remind nobody."`
}

type runView struct {
	RunID string `json:"run_id" example:"wishpost-face-verification:3b2f5f0c-8a5c-5a53-9d6e-0e0f7a3f2f11"`
}

// reminderRunView is how far a run came.
type reminderRunView struct {
	RunID      string             `json:"run_id"`
	Policy     string             `json:"policy"`
	Version    int                `json:"version" doc:"Of the policy in force; 0 while that is not known, or if none is."`
	DryRun     bool               `json:"dry_run"`
	State      string             `json:"state" enum:"running,paused,finished,cancelled,failed"`
	Shards     int                `json:"shards" doc:"Parts of the population."`
	ShardsDone int                `json:"shards_done"`
	Counts     reminderCountsView `json:"counts"`
}

type reminderCountsView struct {
	Seen       int            `json:"seen" doc:"Accounts that were looked at."`
	Due        int            `json:"due" doc:"Accounts that a reminder was due for."`
	Already    int            `json:"already" doc:"Of these, reminded before."`
	Written    int            `json:"written" doc:"Of these, reminded now."`
	Sent       int            `json:"sent" doc:"Messages that the provider took."`
	NoContact  int            `json:"no_contact" doc:"Messages that nobody knows where to send."`
	Waiting    int            `json:"waiting" doc:"Messages that will be tried again."`
	Failed     int            `json:"failed" doc:"Messages that will not arrive."`
	Outdated   int            `json:"outdated" doc:"Messages that ceased to be true before they could be sent."`
	Off        int            `json:"off" doc:"Messages that no provider is configured for."`
	Milestones map[string]int `json:"milestones" doc:"Reminders by milestone, such as P3D (three days before the deadline) or +P7D (seven days after it); of a dry run, those that would be."`
}

func (s *Server) reminderRoutes() {
	codes := []Code{CodeRunNotFound, CodeEngineUnavailable}
	handle(s, operation{
		id: "start-reminders", method: http.MethodPost, path: "/v1/reminders", tag: tagOperations,
		summary: "Remind now",
		words: "Begins a run over the population for one policy, as its schedule does by itself. Nobody is reminded twice of the same milestone of the same deadline, " +
			"however many runs there are.",
		scopes: []Scope{SweepsWrite}, codes: []Code{CodePolicyNotFound, CodeEngineUnavailable},
		answers: map[int]string{http.StatusAccepted: "The run has begun."},
	}, s.startReminders)
	handle(s, operation{
		id: "list-reminders", method: http.MethodGet, path: "/v1/reminders", tag: tagOperations, summary: "List runs of reminders",
		words: "Newest first.", scopes: []Scope{SweepsWrite, AuditRead}, codes: []Code{CodeEngineUnavailable, CodeValidationFailed},
		query: []parameter{{name: "limit", words: "How many, 1 to 500; default 100.", whole: true}},
	}, s.listReminders)
	handle(s, operation{
		id: "get-reminders", method: http.MethodGet, path: "/v1/reminders/{run_id}", tag: tagOperations,
		summary: "Look at a run of reminders", words: "How far it came, also after its end.", scopes: []Scope{SweepsWrite, AuditRead}, codes: codes,
	}, func(ctx context.Context, c *call, _ none) (int, reminderRunView, error) {
		return s.steerReminders(ctx, c, s.cfg.Reminders.Progress)
	})
	for _, step := range []struct {
		name, summary, words string
		do                   func(ctx context.Context, runID string) (contract.RemindersProgress, error)
	}{
		{"pause", "Pause a run of reminders", "The run ends the step that it is in, half a minute at most, and waits.",
			func(ctx context.Context, id string) (contract.RemindersProgress, error) {
				return s.cfg.Reminders.Pause(ctx, id)
			}},
		{"resume", "Resume a run of reminders", "It goes on where it was paused.",
			func(ctx context.Context, id string) (contract.RemindersProgress, error) {
				return s.cfg.Reminders.Resume(ctx, id)
			}},
		{"cancel", "Cancel a run of reminders", "The run ends at its next step. What was sent stays sent, and the schedule begins another run.", s.cancelReminders},
	} {
		handle(s, operation{
			id: step.name + "-reminders", method: http.MethodPost, path: "/v1/reminders/{run_id}/" + step.name, tag: tagOperations,
			summary: step.summary, words: step.words, scopes: []Scope{SweepsWrite}, codes: codes,
		}, func(ctx context.Context, c *call, _ none) (int, reminderRunView, error) {
			return s.steerReminders(ctx, c, step.do)
		})
	}
}

func (s *Server) startReminders(ctx context.Context, c *call, in remindersIn) (int, runView, error) {
	if in.Policy == "" {
		var f faults
		f.required("policy")
		return 0, runView{}, f.err()
	}
	published, err := s.cfg.Store.Policies(ctx)
	if err != nil {
		return 0, runView{}, err
	}
	known := false
	for _, p := range published {
		known = known || p.Name == in.Policy
	}
	if !known {
		return 0, runView{}, problem(CodePolicyNotFound)
	}
	runID := contract.RemindersRun(in.Policy, uuid.NewSHA1(uuid.NameSpaceOID, []byte(c.change)).String())
	c.changed("reminders/"+runID, "", nil, startSeen{in.Policy, in.DryRun})
	if err := s.cfg.Reminders.Start(ctx, runID, in.DryRun); err != nil {
		return 0, runView{}, err
	}
	return http.StatusAccepted, runView{runID}, nil
}

func (s *Server) listReminders(ctx context.Context, c *call, _ none) (int, reminderRunsView, error) {
	view := reminderRunsView{Runs: []reminderRunRow{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	runs, err := s.cfg.Reminders.Runs(ctx, limit)
	if err != nil {
		return 0, view, err
	}
	for _, r := range runs {
		name, err := contract.RemindersPolicy(r.ID)
		if err != nil {
			return 0, view, err
		}
		view.Runs = append(view.Runs, reminderRunRow{r.ID, name, string(r.State), r.StartedAt.In(zone), instantIn(r.EndedAt, zone)})
	}
	return http.StatusOK, view, nil
}

func (s *Server) steerReminders(
	ctx context.Context, c *call, do func(ctx context.Context, runID string) (contract.RemindersProgress, error),
) (int, reminderRunView, error) {
	runID := c.r.PathValue("run_id")
	if _, err := contract.RemindersPolicy(runID); err != nil {
		return 0, reminderRunView{}, problem(CodeRunNotFound)
	}
	var before any
	if c.recorded() {
		if known, err := s.cfg.Reminders.Progress(ctx, runID); err == nil { // else the command says why
			before = runSeen{string(known.State), known.DryRun}
		}
	}
	p, err := do(ctx, runID)
	if err != nil {
		return 0, reminderRunView{}, err
	}
	c.changed("reminders/"+runID, "", before, runSeen{string(p.State), p.DryRun})
	return http.StatusOK, viewRun(p), nil
}

func (s *Server) cancelReminders(ctx context.Context, runID string) (contract.RemindersProgress, error) {
	p, err := s.cfg.Reminders.Progress(ctx, runID)
	if err != nil {
		return p, err
	}
	if !slices.Contains([]contract.RunState{contract.RunRunning, contract.RunPaused}, p.State) {
		return p, nil // it has ended
	}
	return p, s.cfg.Reminders.Cancel(ctx, runID)
}

func viewRun(p contract.RemindersProgress) reminderRunView {
	v := reminderRunView{
		RunID: p.RunID, Policy: p.Policy, Version: p.Version, DryRun: p.DryRun, State: string(p.State), Shards: p.Shards, ShardsDone: p.ShardsDone,
		Counts: reminderCountsView(p.Counts),
	}
	if v.Counts.Milestones == nil {
		v.Counts.Milestones = map[string]int{}
	}
	return v
}
