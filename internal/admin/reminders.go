package admin

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/api"
)

func (s *Server) reminderRoutes() {
	readers := []api.Scope{api.SweepsWrite, api.AuditRead}
	s.page("GET /admin/reminders", s.reminders, readers...)
	s.page("POST /admin/reminders", s.startReminders, api.SweepsWrite)
	s.page("GET /admin/reminders/{id}", s.reminderRun, readers...)
	for _, verb := range []string{"pause", "resume", "cancel"} {
		s.page("POST /admin/reminders/{id}/"+verb, func(v *visit) error {
			id := v.r.PathValue("id")
			if _, err := tell[reminderRun](v, "/v1/reminders/"+segment(id)+"/"+verb, nil); err != nil {
				return err
			}
			return v.done("/admin/reminders/"+segment(id), "reminders_"+verb)
		}, api.SweepsWrite)
	}
}

// reminderRun is a run of reminders as the API shows it.
type reminderRun struct {
	ID         string `json:"run_id"`
	Policy     string `json:"policy"`
	Version    int    `json:"version"`
	DryRun     bool   `json:"dry_run"`
	State      string `json:"state"`
	Shards     int64  `json:"shards"`
	ShardsDone int64  `json:"shards_done"`
	Counts     struct {
		Seen       int64            `json:"seen"`
		Due        int64            `json:"due"`
		Already    int64            `json:"already"`
		Written    int64            `json:"written"`
		Sent       int64            `json:"sent"`
		NoContact  int64            `json:"no_contact"`
		Waiting    int64            `json:"waiting"`
		Failed     int64            `json:"failed"`
		Outdated   int64            `json:"outdated"`
		Off        int64            `json:"off"`
		Milestones map[string]int64 `json:"milestones"`
	} `json:"counts"`
}

// Runs reports whether the run can still be steered.
func (r reminderRun) Runs() bool { return r.State == "running" || r.State == "paused" }

// count is a number with the message that says what it counts.
type count struct {
	Name string
	N    int64
}

// People are what became of the accounts.
func (r reminderRun) People() []count {
	c := r.Counts
	return []count{{"seen", c.Seen}, {"due", c.Due}, {"already", c.Already}, {"written", c.Written}}
}

// Messages are what became of the text messages.
func (r reminderRun) Messages() []count {
	c := r.Counts
	return []count{
		{"sent", c.Sent}, {"no_contact", c.NoContact}, {"waiting", c.Waiting}, {"failed", c.Failed}, {"outdated", c.Outdated}, {"off", c.Off},
	}
}

// Milestones are the reminders by their distance from the deadline.
func (r reminderRun) Milestones() []count {
	var list []count
	for _, name := range slices.Sorted(maps.Keys(r.Counts.Milestones)) {
		list = append(list, count{name, r.Counts.Milestones[name]})
	}
	return list
}

// reminderRow is a run in the list.
type reminderRow struct {
	ID        string    `json:"run_id"`
	Policy    string    `json:"policy"`
	State     string    `json:"state"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
}

// Took is how long the run took, zero while it runs.
func (r reminderRow) Took() time.Duration {
	if r.EndedAt.IsZero() {
		return 0
	}
	return r.EndedAt.Sub(r.StartedAt)
}

type remindersPage struct {
	*frame
	Runs     []reminderRow
	Away     *problem // why the runs are not known
	Planned  []schedule
	Unknown  *problem
	Policies []forcePolicy
	Problem  *problem
	Policy   string
	DryRun   bool
}

func (s *Server) reminders(v *visit) error {
	return v.remindersPage(http.StatusOK, &remindersPage{DryRun: true})
}

func (v *visit) remindersPage(status int, p *remindersPage) error {
	p.frame = v.frame("reminders")
	p.Refresh, p.Faulty = 5, p.Problem != nil
	got, err := ask[struct {
		Runs []reminderRow `json:"runs"`
	}](v, "/v1/reminders", "limit", "50")
	if p.Away = problemIn(err); err != nil && p.Away == nil {
		return err
	}
	p.Runs = got.Runs
	if p.Policies, err = v.inForce(); err != nil {
		return err
	}
	p.Planned, p.Unknown = v.planned("reminders")
	return v.renderAs(status, "reminders", p)
}

func (s *Server) startReminders(v *visit) error {
	p := &remindersPage{Policy: v.form("policy"), DryRun: v.form("dry_run") != ""}
	started, err := tell[struct {
		ID string `json:"run_id"`
	}](v, "/v1/reminders", map[string]any{"policy": p.Policy, "dry_run": p.DryRun})
	if p.Problem = faultsIn(err); p.Problem != nil {
		return v.remindersPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	return v.done("/admin/reminders/"+segment(started.ID), "reminders_start")
}

type reminderRunPage struct {
	*frame
	Run reminderRun
}

func (s *Server) reminderRun(v *visit) error {
	run, err := ask[reminderRun](v, "/v1/reminders/"+segment(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	p := &reminderRunPage{v.frame("reminder_run"), run}
	if run.Runs() {
		p.Refresh = 2
	}
	return v.render("reminder_run", p)
}
