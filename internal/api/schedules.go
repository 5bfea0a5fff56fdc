package api

import (
	"context"
	"net/http"
	"time"
)

// Planned is a schedule: what begins by itself, and when.
type Planned struct {
	What   string // sweeps or reminders
	Policy string // of reminders; empty for sweeps, which are of every policy
	Paused bool
	Next   []time.Time // the next instants, soonest first
	Last   time.Time   // when it began something last, zero: never
}

// Schedules tells what is planned.
type Schedules interface {
	Planned(ctx context.Context) ([]Planned, error)
}

type schedulesView struct {
	Schedules []scheduleView `json:"schedules" nullable:"false" doc:"None where the program's clock is not the engine's: there sweeps are started by the program itself."`
}

type scheduleView struct {
	What   string      `json:"what" enum:"sweeps,reminders"`
	Policy *string     `json:"policy" doc:"Of reminders; null for sweeps, which go over every policy in force."`
	Paused bool        `json:"paused"`
	Next   []time.Time `json:"next" nullable:"false" doc:"The next instants, soonest first."`
	LastAt *time.Time  `json:"last_at" doc:"When it began something last."`
}

func (s *Server) scheduleRoutes() {
	handle(s, operation{
		id: "list-schedules", method: http.MethodGet, path: "/v1/schedules", tag: tagOperations, summary: "What begins by itself, and when",
		words:  "Sweeps once a day and at the instants at which a phase or a version begins; reminders every quarter of an hour, which find nobody due in quiet hours.",
		scopes: []Scope{SweepsWrite, VerificationsRead, AuditRead}, reach: ReachNone, codes: []Code{CodeEngineUnavailable},
	}, s.listSchedules)
}

func (s *Server) listSchedules(ctx context.Context, _ *call, _ none) (int, schedulesView, error) {
	view := schedulesView{Schedules: []scheduleView{}}
	if s.cfg.Schedules == nil {
		return http.StatusOK, view, nil
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Schedules.Planned(ctx)
	if err != nil {
		return 0, view, err
	}
	for _, p := range all {
		row := scheduleView{What: p.What, Policy: orNil(p.Policy), Paused: p.Paused, Next: []time.Time{}, LastAt: instantIn(p.Last, zone)}
		for _, at := range p.Next {
			row.Next = append(row.Next, at.In(zone))
		}
		view.Schedules = append(view.Schedules, row)
	}
	return http.StatusOK, view, nil
}
