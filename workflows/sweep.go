package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// SweepTick starts a sweep for every policy in force. A Temporal Schedule starts it. The sweeps outlive it; one that
// runs already is joined by leaving it alone.
func SweepTick(ctx workflow.Context, in contract.SweepTick) ([]string, error) {
	var enforcement *activities.Enforcement
	var policies []contract.SweepKey
	if err := workflow.ExecuteActivity(withSweepRecord(ctx, "which policies are in force"), enforcement.PlanSweeps).Get(ctx, &policies); err != nil {
		return nil, err
	}
	scheduled := lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "schedule"}
	to := time.Second
	if workflow.GetVersion(ctx, "tick-to-the-second", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		to = time.Minute // two brakes within a minute were one sweep, for the first of them
	}
	instant := workflow.GetInfo(ctx).WorkflowStartTime.Truncate(to)
	var ids []string
	for _, key := range policies {
		key.Instant = instant
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: key.WorkflowID(), TaskQueue: contract.EnforcementQueue,
			ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
			StaticSummary:         "Enforcement sweep " + key.ID(),
		})
		started := workflow.ExecuteChildWorkflow(child, contract.SweepWorkflow, contract.Sweep{SweepKey: key, Actor: scheduled, Reason: in.Reason})
		err := started.GetChildWorkflowExecution().Get(ctx, nil)
		var known *temporal.ChildWorkflowExecutionAlreadyStartedError
		if err != nil && !errors.As(err, &known) {
			return ids, err
		}
		ids = append(ids, key.ID())
	}
	return ids, nil
}

// EnforcementSweep goes over all accounts and brings their restrictions on record in step with the rules in force. It
// decides nothing: the gate answers the same before, during and after it. It can be paused, resumed and cancelled; what
// it wrote stays, and another sweep goes on from there.
//
// Workers pin it to the build that it began with. A sweep lasts minutes, so a new build need not take over old ones.
func EnforcementSweep(ctx workflow.Context, in contract.Sweep) (contract.SweepProgress, error) {
	s := &sweep{in: in, state: contract.SweepRunning, saving: workflow.NewMutex(ctx)}
	if err := s.setup(ctx); err != nil {
		return contract.SweepProgress{}, err
	}
	return s.run(ctx)
}

// sweep is one run.
type sweep struct {
	in        contract.Sweep
	state     contract.SweepState
	total     int
	startedAt time.Time
	endedAt   time.Time
	shards    []contract.SweepShard
	counts    []contract.SweepCount
	exact     *activities.SweepSaved // the record's counts, once it is over

	saving  workflow.Mutex // so that the record ends with the last state
	begun   bool
	busy    time.Duration // not paused, up to since
	since   time.Time     // since when it is not paused; zero while it is
	closing bool          // the run is being continued
	failed  error         // of a shard
}

func (s *sweep) setup(ctx workflow.Context) error {
	if err := s.in.Check(); err != nil {
		return temporal.NewNonRetryableApplicationError(err.Error(), contract.ErrTypeInvalid, nil)
	}
	s.since = workflow.Now(ctx)
	if r := s.in.Resume; r != nil {
		s.state, s.total, s.startedAt, s.shards, s.counts, s.busy, s.begun = r.State, r.Total, r.StartedAt, r.Shards, r.Counts, r.Busy, true
		if s.state == contract.SweepPaused {
			s.since = time.Time{}
		}
	}
	return errors.Join(
		workflow.SetQueryHandlerWithOptions(ctx, contract.QueryProgress, func() (contract.SweepProgress, error) {
			return s.progress(ctx), nil
		}, workflow.QueryHandlerOptions{Description: "how far the sweep has come"}),
		s.on(ctx, contract.UpdatePauseSweep, "stop after the chunks that run", contract.SweepPaused),
		s.on(ctx, contract.UpdateResumeSweep, "go on", contract.SweepRunning),
		s.on(ctx, contract.UpdateCancelSweep, "end after the chunks that run", contract.SweepCancelled),
	)
}

// on registers a command that leads to a state. The same command again is answered and changes nothing.
func (s *sweep) on(ctx workflow.Context, name, description string, to contract.SweepState) error {
	handler := func(ctx workflow.Context, _ contract.SweepCommand) (contract.SweepProgress, error) {
		if err := workflow.Await(ctx, func() bool { return s.begun }); err != nil {
			return contract.SweepProgress{}, err
		}
		if s.state == to || s.state.Ended() {
			return s.progress(ctx), s.refuse(to)
		}
		s.enter(ctx, to)
		if to.Ended() {
			return s.progress(ctx), nil // the record is written when the chunks have ended
		}
		return s.progress(ctx), s.save(ctx)
	}
	validate := func(in contract.SweepCommand) error {
		if err := shape(in.Actor.Kind != "", "actor"); err != nil {
			return err
		}
		return s.refuse(to)
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, handler, workflow.UpdateHandlerOptions{Validator: validate, Description: description})
}

// refuse returns an error if the sweep has ended otherwise than the command wants.
func (s *sweep) refuse(to contract.SweepState) error {
	if s.state.Ended() && s.state != to {
		return temporal.NewNonRetryableApplicationError("the sweep has ended", contract.ErrTypeSweepEnded, nil, s.state)
	}
	return nil
}

// enter changes the state and keeps the time that was not paused.
func (s *sweep) enter(ctx workflow.Context, to contract.SweepState) {
	now := workflow.Now(ctx)
	if !s.since.IsZero() {
		s.busy += now.Sub(s.since)
		s.since = time.Time{}
	}
	if to == contract.SweepRunning {
		s.since = now
	}
	s.state = to
	workflow.SetCurrentDetails(ctx, "**"+string(to)+"**")
}

func (s *sweep) run(ctx workflow.Context) (contract.SweepProgress, error) {
	err := s.begin(ctx)
	if err == nil {
		err = s.sweepShards(ctx)
	}
	if err == nil && s.closing {
		return s.continueAsNew(ctx)
	}
	switch {
	case s.state == contract.SweepCancelled:
	case ctx.Err() != nil: // cancelled by Temporal's own means
		s.enter(ctx, contract.SweepCancelled)
	case err != nil:
		s.enter(ctx, contract.SweepFailed)
	default:
		s.enter(ctx, contract.SweepDone)
	}
	last, _ := workflow.NewDisconnectedContext(ctx)
	saved := s.save(last)
	if waited := workflow.Await(last, func() bool { return workflow.AllHandlersFinished(last) }); saved == nil {
		saved = waited
	}
	if err == nil { // one of them, whole: Temporal tells a cancelled run from a failed one by the error's type
		err = saved
	}
	return s.progress(ctx), err
}

func (s *sweep) begin(ctx workflow.Context) error {
	defer func() { s.begun = true }()
	if s.begun {
		return nil
	}
	var enforcement *activities.Enforcement
	var plan activities.SweepPlan
	if err := workflow.ExecuteActivity(withSweepRecord(ctx, "begin"), enforcement.BeginSweep, s.in).Get(ctx, &plan); err != nil {
		return err
	}
	s.total, s.startedAt, s.shards = plan.Total, plan.StartedAt, plan.Shards
	return nil
}

// sweepShards goes over all shards at the same time until they are done, the sweep is cancelled or the run is full.
func (s *sweep) sweepShards(ctx workflow.Context) error {
	group := workflow.NewWaitGroup(ctx)
	for i := range s.shards {
		group.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer group.Done()
			if err := s.sweepShard(ctx, i); err != nil {
				s.failed = err
			}
		})
	}
	group.Wait(ctx)
	return s.failed
}

func (s *sweep) sweepShard(ctx workflow.Context, i int) error {
	var enforcement *activities.Enforcement
	for !s.shards[i].Done {
		s.closing = s.closing || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
		if err := workflow.Await(ctx, func() bool { return s.state != contract.SweepPaused || s.closing }); err != nil {
			return err
		}
		if s.closing || s.failed != nil || s.state.Ended() {
			return nil
		}
		var chunk activities.SweepChunkResult
		in := activities.SweepChunkInput{Sweep: s.in.SweepKey, Shard: s.shards[i]}
		if err := workflow.ExecuteActivity(withSweepChunk(ctx), enforcement.SweepChunk, in).Get(ctx, &chunk); err != nil {
			return err
		}
		s.shards[i], s.counts = chunk.Shard, contract.AddCounts(s.counts, chunk.Counts...)
	}
	return nil
}

// continueAsNew lets every handler answer and goes on where the shards are.
func (s *sweep) continueAsNew(ctx workflow.Context) (contract.SweepProgress, error) {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return contract.SweepProgress{}, err
	}
	next := s.in
	busy := s.busy
	if !s.since.IsZero() {
		busy += workflow.Now(ctx).Sub(s.since)
	}
	next.Resume = &contract.SweepResume{
		State: s.state, Total: s.total, StartedAt: s.startedAt, Shards: s.shards, Counts: s.counts, Busy: busy,
	}
	return contract.SweepProgress{}, workflow.NewContinueAsNewError(ctx, contract.SweepWorkflow, next)
}

// save writes the record.
func (s *sweep) save(ctx workflow.Context) error {
	if err := s.saving.Lock(ctx); err != nil {
		return err
	}
	defer s.saving.Unlock()
	var enforcement *activities.Enforcement
	var saved activities.SweepSaved
	in := activities.SweepSave{Sweep: s.in.SweepKey, State: s.state, Done: s.progress(ctx).Done, Counts: s.counts}
	if err := workflow.ExecuteActivity(withSweepRecord(ctx, string(s.state)), enforcement.SaveSweep, in).Get(ctx, &saved); err != nil {
		return err
	}
	if !saved.EndedAt.IsZero() {
		s.exact, s.endedAt = &saved, saved.EndedAt
	}
	return nil
}

func (s *sweep) progress(ctx workflow.Context) contract.SweepProgress {
	p := contract.SweepProgress{
		SweepKey: s.in.SweepKey, State: s.state, Actor: s.in.Actor, Reason: s.in.Reason, Total: s.total, Counts: s.counts,
		StartedAt: s.startedAt, EndedAt: s.endedAt,
	}
	for _, shard := range s.shards {
		p.Done, p.Restricted, p.Lifted = p.Done+shard.Accounts, p.Restricted+shard.Restricted, p.Lifted+shard.Lifted
		p.Shards = append(p.Shards, contract.ShardProgress{
			Accounts: shard.Accounts, Restricted: shard.Restricted, Lifted: shard.Lifted, Done: shard.Done,
		})
	}
	if s.exact != nil {
		p.Restricted, p.Lifted = s.exact.Restricted, s.exact.Lifted
	}
	busy := s.busy
	if !s.since.IsZero() {
		busy += workflow.Now(ctx).Sub(s.since)
	}
	if busy > 0 && p.Done > 0 {
		p.Rate = float64(p.Done) / busy.Seconds()
		if left := p.Total - p.Done; left > 0 && s.state == contract.SweepRunning {
			p.Remaining = time.Duration(float64(left) / p.Rate * float64(time.Second)).Round(time.Second)
		}
	}
	return p
}
