package admin

import (
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/api"
)

func (s *Server) sweepRoutes() {
	readers := []api.Scope{api.SweepsWrite, api.VerificationsRead, api.AuditRead}
	s.page("GET /admin/sweeps", s.sweeps, readers...)
	s.page("POST /admin/sweeps", s.startSweep, api.SweepsWrite)
	s.page("GET /admin/sweeps/{id}", s.sweep, readers...)
	for _, verb := range []string{"pause", "resume", "cancel"} {
		s.page("POST /admin/sweeps/{id}/"+verb, func(v *visit) error {
			id := v.r.PathValue("id")
			if _, err := tell[sweep](v, "/v1/sweeps/"+segment(id)+"/"+verb, nil); err != nil {
				return err
			}
			return v.done("/admin/sweeps/"+segment(id), "sweep_"+verb)
		}, api.SweepsWrite)
	}
}

// sweep is a sweep as the API shows it.
type sweep struct {
	ID            string    `json:"id"`
	Policy        string    `json:"policy"`
	PolicyVersion int       `json:"policy_version"`
	Instant       time.Time `json:"instant"`
	DryRun        bool      `json:"dry_run"`
	State         string    `json:"state"`
	By            actor     `json:"by"`
	Reason        string    `json:"reason"`
	Total         int64     `json:"total"`
	Done          int64     `json:"done"`
	Restricted    int64     `json:"restricted"`
	Lifted        int64     `json:"lifted"`
	Counts        []struct {
		Rule       string `json:"rule"`
		State      string `json:"state"`
		Restricted int64  `json:"restricted"`
		Lifted     int64  `json:"lifted"`
	} `json:"counts"`
	Shards []struct {
		Accounts   int64 `json:"accounts"`
		Restricted int64 `json:"restricted"`
		Lifted     int64 `json:"lifted"`
		Done       bool  `json:"done"`
	} `json:"shards"`
	Rate      float64   `json:"accounts_per_second"`
	ETA       time.Time `json:"eta"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
}

// Runs reports whether the sweep can still be steered.
func (w sweep) Runs() bool { return w.State == "running" || w.State == "paused" }

// PerSecond is the rate as a whole number.
func (w sweep) PerSecond() int64 { return int64(w.Rate + 0.5) }

// Of is how much is done in percent; a sweep over nobody is done.
func (w sweep) Of() int64 {
	if w.Total <= 0 {
		return 100
	}
	return min(100, w.Done*100/w.Total)
}

// Took is how long the sweep ran.
func (w sweep) Took() time.Duration {
	if w.StartedAt.IsZero() || w.EndedAt.IsZero() {
		return 0
	}
	return w.EndedAt.Sub(w.StartedAt)
}

// actor is who did something.
type actor struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// schedule is what begins by itself.
type schedule struct {
	What   string      `json:"what"`
	Policy string      `json:"policy"`
	Paused bool        `json:"paused"`
	Next   []time.Time `json:"next"`
	LastAt time.Time   `json:"last_at"`
}

// maxNext bounds the next instants that are shown of a schedule.
const maxNext = 5

// planned are the schedules of one kind. Without the engine a page goes without: the rest of it matters more.
func (v *visit) planned(what string) ([]schedule, *problem) {
	got, err := ask[struct {
		Schedules []schedule `json:"schedules"`
	}](v, "/v1/schedules")
	if p := problemIn(err); p != nil {
		return nil, p
	}
	var list []schedule
	for _, one := range got.Schedules {
		if one.What == what {
			one.Next = one.Next[:min(len(one.Next), maxNext)]
			list = append(list, one)
		}
	}
	return list, nil
}

// forcePolicy is a policy in force.
type forcePolicy struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Rules   []struct {
		ID     string `json:"id"`
		Mode   string `json:"mode"`
		Braked bool   `json:"braked"`
	} `json:"rules"`
}

// inForce are the policies in force now.
func (v *visit) inForce() ([]forcePolicy, error) {
	got, err := ask[struct {
		Policies []forcePolicy `json:"policies"`
	}](v, "/v1/policies:in-force")
	return got.Policies, err
}

type sweepsPage struct {
	*frame
	Running  []sweep
	Past     []sweep
	Next     string
	First    string
	Planned  []schedule
	Unknown  *problem // why what is planned is not known
	Policies []forcePolicy
	Problem  *problem
	Policy   string
	Reason   string
	DryRun   bool
}

func (s *Server) sweeps(v *visit) error {
	return v.sweepsPage(http.StatusOK, &sweepsPage{DryRun: true})
}

// sweepsPage fills the page around the form.
func (v *visit) sweepsPage(status int, p *sweepsPage) error {
	p.frame = v.frame("sweeps")
	p.Refresh, p.Faulty = 5, p.Problem != nil
	got, err := ask[struct {
		Sweeps []sweep `json:"sweeps"`
		Cursor string  `json:"cursor"`
	}](v, "/v1/sweeps", "limit", "25", "cursor", v.query("cursor"))
	if err != nil {
		return err
	}
	for _, one := range got.Sweeps {
		if !one.Runs() {
			p.Past = append(p.Past, one)
			continue
		}
		if now, err := ask[sweep](v, "/v1/sweeps/"+segment(one.ID)); err == nil { // the list tells what is on record
			one = now
		}
		p.Running = append(p.Running, one)
	}
	if v.query("cursor") != "" {
		p.First = "/admin/sweeps"
	}
	if got.Cursor != "" {
		p.Next = address("/admin/sweeps", []string{"cursor", got.Cursor})
	}
	if p.Policies, err = v.inForce(); err != nil {
		return err
	}
	p.Planned, p.Unknown = v.planned("sweeps")
	return v.renderAs(status, "sweeps", p)
}

func (s *Server) startSweep(v *visit) error {
	p := &sweepsPage{Policy: v.form("policy"), Reason: v.form("reason"), DryRun: v.form("dry_run") != ""}
	started, err := tell[struct {
		ID string `json:"id"`
	}](v, "/v1/sweeps", map[string]any{"policy": p.Policy, "reason": p.Reason, "dry_run": p.DryRun})
	if p.Problem = faultsIn(err); p.Problem != nil {
		return v.sweepsPage(p.Problem.Status, p)
	}
	if err != nil {
		return err
	}
	return v.done("/admin/sweeps/"+segment(started.ID), "sweep_start")
}

type sweepPage struct {
	*frame
	Sweep sweep
}

func (s *Server) sweep(v *visit) error {
	one, err := ask[sweep](v, "/v1/sweeps/"+segment(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	p := &sweepPage{v.frame("sweep"), one}
	if one.Runs() {
		p.Refresh = 2
	}
	return v.render("sweep", p)
}
