package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
)

// reminderShards is how many parts of the population are worked on at once.
const reminderShards = 4

// Reminders reminds the accounts that a policy covers, once over the population. A schedule starts it again and again;
// who was reminded of a milestone is not reminded of it twice, however many runs there are. It can be paused, resumed
// and cancelled between two activities, which take half a minute at most.
func Reminders(ctx workflow.Context, in contract.RemindersStart) (contract.RemindersProgress, error) {
	r := reminders{in: in}
	if err := r.setup(ctx); err != nil {
		return r.progress, err
	}
	return r.run(ctx)
}

type reminders struct {
	in        contract.RemindersStart
	plan      contract.ReminderPlan
	shards    []contract.ReminderShard
	progress  contract.RemindersProgress
	delivered bool
	paused    bool
	failed    error // of a shard; the others end at their next step
}

func (r *reminders) setup(ctx workflow.Context) error {
	if r.in.Policy == "" {
		return temporal.NewNonRetryableApplicationError("policy is missing", contract.ErrTypeInvalid, nil)
	}
	r.progress = contract.RemindersProgress{Policy: r.in.Policy, DryRun: r.in.DryRun, State: contract.RunRunning}
	if c := r.in.Continued; c != nil {
		r.plan, r.shards, r.progress, r.delivered = c.Plan, c.Shards, c.Progress, c.Delivered
		r.paused = c.Progress.State == contract.RunPaused
	}
	if err := workflow.SetQueryHandler(ctx, contract.QueryProgress, func() (contract.RemindersProgress, error) {
		return r.progress, nil
	}); err != nil {
		return err
	}
	if err := r.handle(ctx, contract.UpdatePause, true); err != nil {
		return err
	}
	return r.handle(ctx, contract.UpdateResume, false)
}

func (r *reminders) handle(ctx workflow.Context, update string, paused bool) error {
	return workflow.SetUpdateHandler(ctx, update, func(workflow.Context) (contract.RemindersProgress, error) {
		r.pause(paused)
		return r.progress, nil
	})
}

func (r *reminders) pause(paused bool) {
	r.paused = paused
	switch {
	case r.progress.State != contract.RunRunning && r.progress.State != contract.RunPaused: // it has ended
	case paused:
		r.progress.State = contract.RunPaused
	default:
		r.progress.State = contract.RunRunning
	}
}

func (r *reminders) run(ctx workflow.Context) (contract.RemindersProgress, error) {
	again, err := r.work(ctx)
	if err == nil && again {
		_ = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
		return r.progress, workflow.NewContinueAsNewError(ctx, contract.RemindersWorkflow, contract.RemindersStart{
			Policy: r.in.Policy, DryRun: r.in.DryRun, Continued: &contract.RemindersContinued{
				Plan: r.plan, Shards: r.shards, Progress: r.progress, Delivered: r.delivered,
			},
		})
	}
	switch {
	case temporal.IsCanceledError(err):
		r.progress.State = contract.RunCancelled
	case err != nil:
		r.progress.State = contract.RunFailed
	default:
		r.progress.State = contract.RunFinished
	}
	return r.progress, err
}

// work does what is left; again says that it has to go on in a new run.
func (r *reminders) work(ctx workflow.Context) (again bool, err error) {
	if r.in.Continued == nil {
		if err := r.prepare(ctx); err != nil {
			return false, err
		}
	}
	if r.plan.PerSecond == 0 { // the policy reminds nobody, or is not in force
		return false, nil
	}
	if again, err := r.deliver(ctx); again || err != nil {
		return again, err
	}
	group := workflow.NewWaitGroup(ctx)
	for i := range r.shards {
		group.Add(1)
		workflow.GoNamed(ctx, "shard", func(ctx workflow.Context) {
			defer group.Done()
			if err := r.shard(ctx, &r.shards[i]); err != nil && r.failed == nil {
				r.failed = err
			}
		})
	}
	group.Wait(ctx)
	if r.failed != nil {
		return false, r.failed
	}
	return r.progress.ShardsDone < len(r.shards), nil
}

func (r *reminders) prepare(ctx workflow.Context) error {
	var a *activities.Reminders
	in := activities.PlanRemindersInput{Policy: r.in.Policy, Shards: reminderShards}
	if err := workflow.ExecuteActivity(withReminders(ctx, "plan"), a.PlanReminders, in).Get(ctx, &r.plan); err != nil {
		return err
	}
	after := ""
	for _, last := range append(r.plan.Cuts, "") {
		r.shards = append(r.shards, contract.ReminderShard{After: after, Last: last})
		after = last
	}
	r.progress.Version, r.progress.Shards = r.plan.Version, len(r.shards)
	return nil
}

// deliver sends what runs before left behind.
func (r *reminders) deliver(ctx workflow.Context) (again bool, err error) {
	var a *activities.Reminders
	for !r.delivered && !r.in.DryRun {
		if full(ctx) {
			return true, nil
		}
		if err := r.turn(ctx); err != nil {
			return false, err
		}
		var out activities.DeliverNoticesResult
		in := activities.DeliverNoticesInput{Policy: r.in.Policy, Rate: float64(r.plan.PerSecond)}
		if err := workflow.ExecuteActivity(withReminders(ctx, "send what waits"), a.DeliverNotices, in).Get(ctx, &out); err != nil {
			return false, err
		}
		r.progress.Counts = r.progress.Counts.Plus(out.Counts)
		r.delivered = !out.More
	}
	return false, nil
}

// shard works through a shard, until it is done or the history is full.
func (r *reminders) shard(ctx workflow.Context, s *contract.ReminderShard) error {
	var a *activities.Reminders
	for !s.Done && r.failed == nil && !full(ctx) {
		if err := r.turn(ctx); err != nil {
			return err
		}
		var out contract.ReminderPageResult
		in := contract.ReminderPage{
			Policy: r.in.Policy, After: s.After, Last: s.Last, DryRun: r.in.DryRun,
			Rate: float64(r.plan.PerSecond) / float64(len(r.shards)),
		}
		if err := workflow.ExecuteActivity(withReminders(ctx, "remind"), a.RemindShard, in).Get(ctx, &out); err != nil {
			return err
		}
		s.After, s.Done = out.Next, out.Done
		r.progress.Counts = r.progress.Counts.Plus(out.Counts)
		if s.Done {
			r.progress.ShardsDone++
		}
	}
	return nil
}

// turn waits while the run is paused.
func (r *reminders) turn(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return !r.paused })
}

// fullHistory is how many events a run collects before it goes on as new.
const fullHistory = 4000

func full(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() || info.GetCurrentHistoryLength() > fullHistory
}

// withReminders: a page, or some. The heartbeat says that it lives; its retry goes on where the last heartbeat was.
func withReminders(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.EnforcementQueue,
		Priority:               temporal.Priority{FairnessKey: "reminders"},
		StartToCloseTimeout:    30 * time.Minute,
		ScheduleToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:       time.Minute,
		Summary:                summary,
		WaitForCancellation:    true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, NonRetryableErrorTypes: finalErrors(),
		},
	})
}
