package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// A duty is what the workflow does by itself while the memory is as it is: review what was submitted, wait for
// a face result, ask for a late one, unlock. Each has a key that names what it serves; when the memory no
// longer asks for a key, its duty is cancelled.

// tend brings the running duties in step with the memory, and then what is shown.
func (v *verification) tend(ctx workflow.Context) error {
	key, duty := v.wanted(ctx)
	for _, running := range workflow.DeterministicKeys(v.duties) {
		if running != key {
			v.duties[running]()
		}
	}
	if _, running := v.duties[key]; key != "" && !running && !v.closing {
		v.begin(ctx, key, duty)
	}
	if v.memory.State == lifecycle.Submitted {
		return nil // the review is about to move it on within this very task
	}
	return v.show(ctx)
}

// wanted returns the duty that the memory asks for; at most one at a time.
func (v *verification) wanted(ctx workflow.Context) (string, func(workflow.Context) error) {
	m := v.memory
	switch {
	case m.State == lifecycle.Submitted:
		return fmt.Sprintf("review/%d", m.Revision), v.review
	case m.Lease != nil:
		lease := *m.Lease
		return "await/" + lease.ID, func(ctx workflow.Context) error { return v.awaitFace(ctx, lease) }
	case m.State == lifecycle.Locked:
		until := m.UnlockAt
		return fmt.Sprintf("unlock/%d", until.Unix()), func(ctx workflow.Context) error { return v.unlockAt(ctx, until) }
	}
	if watched := m.Watched(v.now(ctx)); len(watched) > 0 {
		return "late/" + watched[len(watched)-1].ID, v.askLate
	}
	return "", nil
}

// begin runs a duty in its own coroutine. A duty that ends for another reason than its cancellation makes the
// main loop look again.
func (v *verification) begin(ctx workflow.Context, key string, duty func(workflow.Context) error) {
	dutyCtx, cancel := workflow.WithCancel(ctx)
	v.duties[key] = cancel
	workflow.Go(dutyCtx, func(dutyCtx workflow.Context) {
		err := duty(dutyCtx)
		if err != nil && !temporal.IsCanceledError(err) {
			workflow.GetLogger(dutyCtx).Warn("duty ended with an error", "duty", key, "error", err)
			_ = workflow.Sleep(dutyCtx, time.Minute) // the same duty begins again: not in a hot loop
		}
		delete(v.duties, key)
		v.changed = true
	})
}

func (v *verification) stopDuties() {
	for _, key := range workflow.DeterministicKeys(v.duties) {
		v.duties[key]()
	}
}

// review runs the automatic checks and writes what follows from them in one append.
func (v *verification) review(ctx workflow.Context) error {
	var checks *activities.Review
	m := v.memory
	in := activities.CheckInput{AccountID: m.AccountID, At: v.now(ctx)}
	if m.Identity != nil {
		in.IdentityRef, in.Digest = m.Identity.Ref, m.Identity.Digest
	}
	var result activities.CheckResult
	if err := workflow.ExecuteLocalActivity(withStore(ctx, "automatic checks"), checks.CheckIdentity, in).Get(ctx, &result); err != nil {
		return err
	}
	if err := v.lock.Lock(ctx); err != nil {
		return err
	}
	defer v.lock.Unlock()
	return v.commit(ctx, fmt.Sprintf("review:%d", m.Revision), func(at time.Time) ([]lifecycle.Change, error) {
		if v.memory.State != lifecycle.Submitted || v.memory.Revision != m.Revision {
			return nil, nil // somebody else moved on
		}
		return reviewed(v.memory, result, at, v.settings.Limits)
	})
}

// reviewed turns the checks' result into changes.
func reviewed(m lifecycle.Verification, result activities.CheckResult, at time.Time, limits lifecycle.Limits) ([]lifecycle.Change, error) {
	system := lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "checks"}
	begin, err := m.Decide(lifecycle.Change{
		Event: lifecycle.BeginReview, At: at, Actor: system, Detail: lifecycle.Detail{Findings: result.Findings},
	}, limits)
	if err != nil || result.Verdict == activities.CheckReviewer {
		return begin, err
	}
	under, err := m.Fold(begin...)
	if err != nil {
		return nil, err
	}
	verdict := lifecycle.Change{Event: lifecycle.Approve, At: at, Actor: system}
	if result.Verdict == activities.CheckReject {
		verdict.Event, verdict.Reason = lifecycle.Reject, result.Reason
	}
	end, err := under.Decide(verdict, limits)
	return append(begin, end...), err
}

// awaitFace waits for the result while a lease is shown, and ends the lease.
func (v *verification) awaitFace(ctx workflow.Context, lease lifecycle.Lease) error {
	var provider *activities.Face
	at := v.now(ctx)
	in := activities.AwaitFaceInput{Until: lease.ExpiresAt}
	for _, a := range activities.AskedOf(v.memory.Watched(at)) {
		if a.AttemptID == lease.AttemptID {
			in.Current = a
		} else {
			in.Others = append(in.Others, a)
		}
	}
	if in.Current.AttemptID != "" && at.Before(lease.ExpiresAt) {
		var answer activities.Answer
		err := workflow.ExecuteActivity(withAwait(ctx, lease.ExpiresAt.Sub(at)), provider.AwaitFace, in).Get(ctx, &answer)
		if err == nil {
			err = v.take(ctx, answer)
		}
		if err == nil && (v.memory.Lease == nil || v.memory.Lease.ID != lease.ID) {
			return nil
		}
		if temporal.IsCanceledError(err) || ctx.Err() != nil {
			return ctx.Err()
		}
		// No verdict, or one that no longer counted: the lease ends at its time all the same.
		if left := lease.ExpiresAt.Sub(v.now(ctx)); left > 0 {
			if err := workflow.NewTimerWithOptions(ctx, left, workflow.TimerOptions{Summary: "the QR ends"}).Get(ctx, nil); err != nil {
				return err
			}
		}
	}
	return v.commitLocked(ctx, "expire:"+lease.ID, lifecycle.Change{
		Event: lifecycle.Expire, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}, Detail: lifecycle.Detail{LeaseID: lease.ID},
	})
}

// lateAsks are the distances from an attempt's start at which a late result is still asked for.
func lateAsks() []time.Duration {
	return []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 22 * time.Hour}
}

// askLate asks, seldom, for attempts that can still pass although no QR is shown.
func (v *verification) askLate(ctx workflow.Context) error {
	var provider *activities.Face
	for {
		now := v.now(ctx)
		watched := v.memory.Watched(now)
		next := nextAsk(watched, now)
		if next.IsZero() {
			// Nothing left to ask: wait for the attempts to end, so that this duty is not begun again at once.
			return sleepUntil(ctx, lastEnd(watched).Sub(now), "the last attempt ends")
		}
		if err := sleepUntil(ctx, next.Sub(now), "ask for a late result"); err != nil {
			return err
		}
		var result activities.QueryFaceResult
		in := activities.QueryFaceInput{Attempts: activities.AskedOf(v.memory.Watched(v.now(ctx)))}
		if err := workflow.ExecuteActivity(withSeldomQuery(ctx), provider.QueryFace, in).Get(ctx, &result); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		for _, answer := range result.Answers {
			if err := v.take(ctx, answer); err != nil {
				return err
			}
		}
	}
}

func nextAsk(watched []lifecycle.Attempt, now time.Time) time.Time {
	var next time.Time
	for _, a := range watched {
		for _, d := range lateAsks() {
			if at := a.StartedAt.Add(d); at.After(now) && at.Before(a.EndsAt) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

func lastEnd(watched []lifecycle.Attempt) time.Time {
	var end time.Time
	for _, a := range watched {
		if a.EndsAt.After(end) {
			end = a.EndsAt
		}
	}
	return end
}

func sleepUntil(ctx workflow.Context, d time.Duration, summary string) error {
	return workflow.NewTimerWithOptions(ctx, max(d, time.Second), workflow.TimerOptions{Summary: summary}).Get(ctx, nil)
}

// unlockAt unlocks at the stated instant.
func (v *verification) unlockAt(ctx workflow.Context, until time.Time) error {
	if left := until.Sub(v.now(ctx)); left > 0 {
		if err := sleepUntil(ctx, left, "unlock"); err != nil {
			return err
		}
	}
	return v.commitLocked(ctx, fmt.Sprintf("unlock:%d", until.Unix()), lifecycle.Change{
		Event: lifecycle.Unlock, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem},
	})
}

// take writes what the provider said of an attempt. The workflow decides whether it still counts.
func (v *verification) take(ctx workflow.Context, answer activities.Answer) error {
	event := lifecycle.Pass
	switch answer.Verdict {
	case activities.VerdictOpen:
		return nil
	case activities.VerdictFailed:
		event = lifecycle.Fail
	case activities.VerdictPassed:
	}
	evidence := answer.Evidence
	return v.commitLocked(ctx, string(event)+":"+answer.AttemptID, lifecycle.Change{
		Event: event, Actor: lifecycle.Actor{Kind: lifecycle.ActorProvider, ID: evidence.Provider}, Reason: answer.Reason,
		Detail: lifecycle.Detail{AttemptID: answer.AttemptID, Evidence: &evidence},
	})
}
