package activities

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/verigate/verigate/workflows/contract"
)

// Reminding is what the activities of the Reminders workflow do their work with. Each call may be repeated.
type Reminding interface {
	Plan(ctx context.Context, policy string, shards int) (contract.ReminderPlan, error)
	Page(ctx context.Context, in contract.ReminderPage) (contract.ReminderPageResult, error)
	Deliver(ctx context.Context, policy string, rate float64) (counts contract.ReminderCounts, more bool, err error)
}

// Reminders are the activities of the Reminders workflow.
type Reminders struct {
	Reminding Reminding
	Logger    *slog.Logger
}

const (
	// turnPages is how many pages one activity goes through, and turnSeconds how many seconds' worth of reminders it
	// writes: between two activities a run can be paused.
	turnPages   = 20
	turnSeconds = 30
	// beatEvery is well within the heartbeat timeout, also while a provider does not answer.
	beatEvery = 10 * time.Second
)

// PlanRemindersInput asks what is to be done for a policy.
type PlanRemindersInput struct {
	Policy string `json:"policy"`
	Shards int    `json:"shards"`
}

// PlanReminders says what is to be done now.
func (r *Reminders) PlanReminders(ctx context.Context, in PlanRemindersInput) (contract.ReminderPlan, error) {
	plan, err := r.Reminding.Plan(ctx, in.Policy, in.Shards)
	return plan, r.later(ctx, "plan", err)
}

// RemindShard reminds the next accounts of a shard. A retry goes on behind the last page that was reported.
func (r *Reminders) RemindShard(ctx context.Context, in contract.ReminderPage) (contract.ReminderPageResult, error) {
	out := contract.ReminderPageResult{Next: in.After}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &out); err != nil {
			return out, giveUp(contract.ErrTypeInvalid, "the last heartbeat is not readable")
		}
	}
	beat := newBeat(ctx, out)
	defer beat.stop()
	for pages := 0; pages < turnPages && !out.Done && float64(out.Counts.Written) < max(1, in.Rate*turnSeconds); pages++ {
		in.After = out.Next
		page, err := r.Reminding.Page(ctx, in)
		if err != nil {
			return out, r.later(ctx, "page", err)
		}
		out = contract.ReminderPageResult{Next: page.Next, Done: page.Done, Counts: out.Counts.Plus(page.Counts)}
		beat.at(out)
	}
	return out, nil
}

// DeliverNoticesInput asks to send what waits.
type DeliverNoticesInput struct {
	Policy string  `json:"policy"`
	Rate   float64 `json:"rate"`
}

// DeliverNoticesResult says what was sent.
type DeliverNoticesResult struct {
	Counts contract.ReminderCounts `json:"counts"`
	More   bool                    `json:"more"`
}

// DeliverNotices sends the notices that wait, from runs before.
func (r *Reminders) DeliverNotices(ctx context.Context, in DeliverNoticesInput) (DeliverNoticesResult, error) {
	out := DeliverNoticesResult{More: true}
	beat := newBeat(ctx, nil)
	defer beat.stop()
	for turns := 0; turns < turnPages && out.More; turns++ {
		counts, more, err := r.Reminding.Deliver(ctx, in.Policy, in.Rate)
		if err != nil {
			return out, r.later(ctx, "deliver", err)
		}
		out.Counts, out.More = out.Counts.Plus(counts), more
	}
	return out, nil
}

// later lets the activity be tried again, without the cause, which would be stored in histories.
func (r *Reminders) later(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		r.Logger.WarnContext(ctx, "reminders stopped for now", "op", op, "error", err)
		return tryAgain("store_unavailable", "reminding failed and is tried again")
	}
}

// beat reports that an activity lives, with how far it came, however long one step takes.
type beat struct {
	news chan any
	done chan struct{}
}

func newBeat(ctx context.Context, details any) *beat {
	b := &beat{news: make(chan any), done: make(chan struct{})}
	ticker := time.NewTicker(beatEvery)
	go func() {
		defer close(b.done)
		defer ticker.Stop()
		for {
			select {
			case next, open := <-b.news:
				if !open {
					return
				}
				details = next
			case <-ticker.C:
			}
			activity.RecordHeartbeat(ctx, details)
		}
	}()
	return b
}

func (b *beat) at(details any) { b.news <- details }

func (b *beat) stop() {
	close(b.news)
	<-b.done
}
