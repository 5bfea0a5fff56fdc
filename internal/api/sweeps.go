package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// What Sweeps fail with, besides ErrEngineUnavailable and ErrOutcomeUnknown.
var (
	// ErrPolicyNotInForce: no version of the policy is in force now.
	ErrPolicyNotInForce = errors.New("api: policy is not in force")
	// ErrSweepNotRunning: the engine knows no such sweep, or not any more.
	ErrSweepNotRunning = errors.New("api: no such sweep runs")
	// ErrSweepEnded: the sweep is over and takes no command.
	ErrSweepEnded = errors.New("api: sweep has ended")
)

// Sweeps starts and drives enforcement sweeps.
type Sweeps interface {
	// StartSweep starts a sweep by the version of the policy that is in force now, or joins the one of the same second.
	StartSweep(ctx context.Context, policyName string, dryRun bool, by lifecycle.Actor, reason string) (contract.SweepKey, error)
	Progress(ctx context.Context, key contract.SweepKey) (contract.SweepProgress, error)
	Pause(ctx context.Context, key contract.SweepKey, in contract.SweepCommand) (contract.SweepProgress, error)
	Resume(ctx context.Context, key contract.SweepKey, in contract.SweepCommand) (contract.SweepProgress, error)
	Cancel(ctx context.Context, key contract.SweepKey, in contract.SweepCommand) (contract.SweepProgress, error)
}

type sweepIn struct {
	Policy string `json:"policy" doc:"Name of the policy; the version in force is enforced." example:"wishpost-face-verification"`
	DryRun bool   `json:"dry_run,omitempty" doc:"Count what a sweep would write, and write nothing."`
	Reason string `json:"reason" doc:"A code that the record keeps." example:"after_correction"`
}

type sweepStartedView struct {
	ID string `json:"id" doc:"Of the sweep, for the addresses below." example:"wishpost-face-verification.1.20201203T160000Z"`
}

type sweepView struct {
	ID                string           `json:"id"`
	Policy            string           `json:"policy"`
	PolicyVersion     int              `json:"policy_version" doc:"In force when the sweep began."`
	Instant           time.Time        `json:"instant" doc:"That it was started for."`
	DryRun            bool             `json:"dry_run"`
	State             string           `json:"state" enum:"running,paused,done,cancelled,failed"`
	By                actorView        `json:"by"`
	Reason            string           `json:"reason"`
	Total             int              `json:"total" doc:"Accounts when it began."`
	Done              int              `json:"done" doc:"Accounts looked at."`
	Restricted        int              `json:"restricted" doc:"Restrictions written; of a dry run, wanted."`
	Lifted            int              `json:"lifted"`
	Counts            []sweepCountView `json:"counts" nullable:"false" doc:"The same by rule and state of the accounts."`
	Shards            []shardView      `json:"shards" nullable:"false" doc:"The parts that are gone over at the same time; empty once it is over."`
	AccountsPerSecond float64          `json:"accounts_per_second" doc:"Of the time it was not paused; 0 if it is not known."`
	ETA               *time.Time       `json:"eta" doc:"When it will be done at that rate."`
	StartedAt         *time.Time       `json:"started_at"`
	EndedAt           *time.Time       `json:"ended_at"`
}

type sweepCountView struct {
	Rule       string `json:"rule"`
	State      string `json:"state"`
	Restricted int    `json:"restricted"`
	Lifted     int    `json:"lifted"`
}

type shardView struct {
	Accounts   int  `json:"accounts" doc:"Looked at."`
	Restricted int  `json:"restricted"`
	Lifted     int  `json:"lifted"`
	Done       bool `json:"done"`
}

type sweepsView struct {
	Sweeps []sweepView `json:"sweeps" nullable:"false" doc:"Newest first, as recorded; how far one that runs has come is in its own answer."`
	Cursor *string     `json:"cursor" doc:"Where the list goes on; null at its end."`
}

type restrictionView struct {
	Policy        string     `json:"policy"`
	PolicyVersion int        `json:"policy_version" doc:"In force when the restriction was opened."`
	Rule          string     `json:"rule"`
	Actions       []string   `json:"actions" nullable:"false" doc:"That the rule blocked then."`
	Since         *time.Time `json:"since" doc:"From when the gate blocks."`
	OpenedAt      time.Time  `json:"opened_at" doc:"When it was announced."`
	Seq           int64      `json:"seq" doc:"Of the entry restrict."`
	Sweep         *string    `json:"sweep" doc:"The sweep that announced it."`
	LiftedAt      *time.Time `json:"lifted_at" doc:"Null while it is open."`
	LiftReason    *string    `json:"lift_reason" enum:"verified,extended,grace,closed,not_covered,withdrawn,observed"`
}

type restrictionsView struct {
	AccountID    string            `json:"account_id"`
	Restrictions []restrictionView `json:"restrictions" nullable:"false" doc:"Oldest first."`
}

func (s *Server) sweepRoutes() {
	readers := []Scope{SweepsWrite, VerificationsRead, AuditRead}
	handle(s, operation{
		id: "start-sweep", method: http.MethodPost, path: "/v1/sweeps", tag: tagSweeps, summary: "Start a sweep",
		words:  "Goes over all accounts and announces what the policy in force blocks, and what it blocks no longer. It changes no decision: the gate needs no sweep.",
		scopes: []Scope{SweepsWrite}, codes: []Code{CodePolicyNotFound, CodeEngineUnavailable},
		answers: map[int]string{http.StatusAccepted: "It runs, or will as soon as a worker is there."},
	}, s.startSweep)
	handle(s, operation{
		id: "list-sweeps", method: http.MethodGet, path: "/v1/sweeps", tag: tagSweeps, summary: "List sweeps", words: "Newest first, page by page.",
		scopes: readers, codes: []Code{CodeValidationFailed}, query: pageParameters(),
	}, s.listSweeps)
	handle(s, operation{
		id: "get-sweep", method: http.MethodGet, path: "/v1/sweeps/{sweep_id}", tag: tagSweeps, summary: "Read how far a sweep has come",
		words:  "Asked of the sweep itself while it runs; of its record, once it is over or while the engine does not answer.",
		scopes: readers, codes: []Code{CodeSweepNotFound},
	}, s.getSweep)
	for name, command := range map[string]struct {
		summary, words string
		send           func(context.Context, contract.SweepKey, contract.SweepCommand) (contract.SweepProgress, error)
	}{
		"pause":  {"Pause a sweep", "It stops within seconds, where it is.", s.cfg.Sweeps.Pause},
		"resume": {"Resume a sweep", "It goes on where it was paused.", s.cfg.Sweeps.Resume},
		"cancel": {"Cancel a sweep", "It ends within seconds. What it wrote stays; the next one does the rest.", s.cfg.Sweeps.Cancel},
	} {
		handle(s, operation{
			id: name + "-sweep", method: http.MethodPost, path: "/v1/sweeps/{sweep_id}/" + name, tag: tagSweeps,
			summary: command.summary, words: command.words + " The same command again changes nothing.", scopes: []Scope{SweepsWrite},
			codes: []Code{CodeSweepNotFound, CodeSweepEnded, CodeEngineUnavailable},
		}, func(ctx context.Context, c *call, _ none) (int, sweepView, error) {
			return s.commandSweep(ctx, c, command.send)
		})
	}
	handle(s, operation{
		id: "restrictions", method: http.MethodGet, path: "/v1/accounts/{account_id}/restrictions", tag: tagSweeps,
		summary: "Read an account's restrictions", words: "Every time a rule blocked it, as it was announced. What is blocked now is what the gate says.",
		scopes: []Scope{VerificationsRead, AuditRead},
	}, s.restrictions)
}

func (s *Server) startSweep(ctx context.Context, c *call, in sweepIn) (int, sweepStartedView, error) {
	var f faults
	if in.Policy == "" {
		f.required("policy")
	}
	f.matches("reason", in.Reason, codePattern, codeFmt, codeZh)
	c.changed("sweep", in.Reason, nil, nil)
	if err := f.err(); err != nil {
		return 0, sweepStartedView{}, err
	}
	key, err := s.cfg.Sweeps.StartSweep(ctx, in.Policy, in.DryRun, s.actor(c, lifecycle.ActorOperator), in.Reason)
	if errors.Is(err, ErrPolicyNotInForce) {
		err = problem(CodePolicyNotFound).because(err)
	}
	if err != nil {
		return 0, sweepStartedView{}, err
	}
	c.changed("sweep/"+key.ID(), in.Reason, nil, startSeen{key.Policy, key.DryRun})
	return http.StatusAccepted, sweepStartedView{key.ID()}, nil
}

func (s *Server) listSweeps(ctx context.Context, c *call, _ none) (int, sweepsView, error) {
	view := sweepsView{Sweeps: []sweepView{}}
	limit, err := c.limit(standardPage, maxPage)
	if err != nil {
		return 0, view, err
	}
	before := ""
	if given := c.query("cursor"); given != "" {
		if before, err = s.cfg.Tokens.openCursor("sweeps", given); err != nil {
			return 0, view, badCursor()
		}
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	rows, err := s.cfg.Store.Sweeps(ctx, before, limit)
	if err != nil {
		return 0, view, err
	}
	for _, w := range rows {
		view.Sweeps = append(view.Sweeps, viewSweep(recorded(w), zone, c.now))
	}
	if len(rows) == limit {
		view.Cursor = orNil(s.cfg.Tokens.cursor("sweeps", rows[limit-1].ID))
	}
	return http.StatusOK, view, nil
}

func (s *Server) getSweep(ctx context.Context, c *call, _ none) (int, sweepView, error) {
	key, err := contract.ParseSweepID(c.r.PathValue("sweep_id"))
	if err != nil {
		return 0, sweepView{}, problem(CodeSweepNotFound)
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, sweepView{}, err
	}
	row, err := s.cfg.Store.Sweep(ctx, key.ID())
	unknown := errors.Is(err, store.ErrNotFound) // it may just have been started
	if err != nil && !unknown {
		return 0, sweepView{}, err
	}
	if !unknown && row.State.Ended() {
		return http.StatusOK, viewSweep(recorded(row), zone, c.now), nil
	}
	progress, err := s.cfg.Sweeps.Progress(ctx, key)
	switch {
	case err == nil:
		return http.StatusOK, viewSweep(progress, zone, c.now), nil
	case !unknown: // what is on record is true, if not new
		return http.StatusOK, viewSweep(recorded(row), zone, c.now), nil
	default:
		return 0, sweepView{}, sweepProblem(err)
	}
}

func (s *Server) commandSweep(
	ctx context.Context, c *call, send func(context.Context, contract.SweepKey, contract.SweepCommand) (contract.SweepProgress, error),
) (int, sweepView, error) {
	key, err := contract.ParseSweepID(c.r.PathValue("sweep_id"))
	if err != nil {
		return 0, sweepView{}, problem(CodeSweepNotFound)
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, sweepView{}, err
	}
	var before any
	if known, err := s.cfg.Sweeps.Progress(ctx, key); err == nil { // else the command says why
		before = runSeen{string(known.State), known.DryRun}
	}
	c.changed("sweep/"+key.ID(), "", before, nil)
	progress, err := send(ctx, key, contract.SweepCommand{Actor: s.actor(c, lifecycle.ActorOperator)})
	if errors.Is(err, ErrSweepNotRunning) {
		progress, err = s.withoutRun(ctx, c, key, err)
	}
	if err != nil {
		return 0, sweepView{}, sweepProblem(err)
	}
	c.changed("sweep/"+key.ID(), "", before, runSeen{string(progress.State), progress.DryRun})
	return http.StatusOK, viewSweep(progress, zone, c.now), nil
}

// withoutRun answers a command to a sweep that the engine does not know. One that goes on by its record, because its run was
// terminated or lost with the engine, can be cancelled all the same.
func (s *Server) withoutRun(ctx context.Context, c *call, key contract.SweepKey, gone error) (contract.SweepProgress, error) {
	row, err := s.cfg.Store.Sweep(ctx, key.ID())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return contract.SweepProgress{}, gone
	case err != nil:
		return contract.SweepProgress{}, err
	case row.State.Ended() || c.op.id != cancelSweep:
		return contract.SweepProgress{}, ErrSweepEnded
	}
	row, err = s.cfg.Store.SaveSweep(ctx, store.SweepProgress{
		ID: row.ID, State: contract.SweepCancelled, Done: row.Done, Counts: row.Counts, At: c.now,
	})
	return recorded(row), err
}

const cancelSweep = "cancel-sweep"

func sweepProblem(err error) error {
	switch {
	case errors.Is(err, ErrSweepNotRunning):
		return problem(CodeSweepNotFound).because(err)
	case errors.Is(err, ErrSweepEnded):
		return problem(CodeSweepEnded).because(err)
	default:
		return err
	}
}

// recorded is the progress that a record tells.
func recorded(w store.Sweep) contract.SweepProgress {
	return contract.SweepProgress{
		SweepKey: contract.SweepKey{Policy: w.PolicyName, Version: w.PolicyVersion, Instant: w.Instant, DryRun: w.DryRun},
		State:    w.State, Actor: w.Actor, Reason: w.Reason, Total: w.Total, Done: w.Done, Restricted: w.Restricted, Lifted: w.Lifted,
		Counts: w.Counts, StartedAt: w.StartedAt, EndedAt: w.EndedAt,
	}
}

func viewSweep(p contract.SweepProgress, zone *time.Location, now time.Time) sweepView {
	v := sweepView{
		ID: p.ID(), Policy: p.Policy, PolicyVersion: p.Version, Instant: p.Instant.In(zone), DryRun: p.DryRun, State: string(p.State),
		By: actorView{string(p.Actor.Kind), orNil(p.Actor.ID)}, Reason: p.Reason, Total: p.Total, Done: p.Done,
		Restricted: p.Restricted, Lifted: p.Lifted, Counts: []sweepCountView{}, Shards: []shardView{},
		AccountsPerSecond: p.Rate, StartedAt: instantIn(p.StartedAt, zone), EndedAt: instantIn(p.EndedAt, zone),
	}
	for _, c := range p.Counts {
		v.Counts = append(v.Counts, sweepCountView{c.RuleID, string(c.State), c.Restricted, c.Lifted})
	}
	if !p.State.Ended() {
		for _, shard := range p.Shards {
			v.Shards = append(v.Shards, shardView(shard))
		}
	}
	if p.Remaining > 0 {
		v.ETA = instantIn(now.Add(p.Remaining), zone)
	}
	return v
}

func (s *Server) restrictions(ctx context.Context, c *call, _ none) (int, restrictionsView, error) {
	view := restrictionsView{AccountID: c.account, Restrictions: []restrictionView{}}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.Restrictions(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	for _, r := range all {
		view.Restrictions = append(view.Restrictions, restrictionView{
			Policy: r.PolicyName, PolicyVersion: r.PolicyVersion, Rule: r.RuleID, Actions: append([]string{}, r.Actions...),
			Since: instantIn(r.Since, zone), OpenedAt: r.OpenedAt.In(zone), Seq: r.OpenedSeq, Sweep: orNil(r.Sweep),
			LiftedAt: instantIn(r.LiftedAt, zone), LiftReason: orNil(r.LiftReason),
		})
	}
	return http.StatusOK, view, nil
}
