package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// commit decides and appends until the head holds still. decide sees the memory as of the call; no changes
// mean that there is nothing to write. The caller holds the lock, unless the change fits any state.
func (v *verification) commit(ctx workflow.Context, changeID string, decide func(at time.Time) ([]lifecycle.Change, error)) error {
	return v.commitSeen(ctx, changeID, nil, decide)
}

// commitSeen is commit for a decision on what lies beside the log: the store refuses it if that is no longer so.
func (v *verification) commitSeen(ctx workflow.Context, changeID string, seen *lifecycle.Seen, decide func(at time.Time) ([]lifecycle.Change, error)) error {
	for {
		if v.memory.Remembers(changeID) {
			return nil // written before: a crash lost only the answer
		}
		changes, err := decide(v.now(ctx))
		if err != nil || len(changes) == 0 {
			return err
		}
		result, err := v.append(ctx, changeID, lifecycle.Append{Head: v.memory.Seq, Changes: changes, Seen: seen})
		if err != nil {
			return err
		}
		if result.Outcome != lifecycle.HeadMoved {
			return nil
		}
	}
}

// commitLocked commits one change under the lock, and what the table makes follow from it.
func (v *verification) commitLocked(ctx workflow.Context, changeID string, c lifecycle.Change) error {
	if err := v.lock.Lock(ctx); err != nil {
		return err
	}
	defer v.lock.Unlock()
	return v.commitChange(ctx, changeID, c)
}

func (v *verification) commitChange(ctx workflow.Context, changeID string, c lifecycle.Change) error {
	return v.commit(ctx, changeID, func(at time.Time) ([]lifecycle.Change, error) {
		c.At = at
		changes, err := v.memory.Decide(c, v.settings.Limits)
		if err == nil && len(changes) == 1 && changes[0].Ignored && !worthKeeping(c.Event) {
			return nil, nil
		}
		return changes, err
	})
}

// worthKeeping: what a provider said is evidence even when it no longer applies. A repeated scan or a timer
// that came late is not: anybody who holds a QR could fill the log with it.
func worthKeeping(e lifecycle.Event) bool { return e == lifecycle.Pass || e == lifecycle.Fail }

// append writes by the append protocol and folds whatever the log has beyond the memory.
func (v *verification) append(ctx workflow.Context, changeID string, a lifecycle.Append) (lifecycle.AppendResult, error) {
	var records *activities.Records
	for i := range a.Changes {
		a.Changes[i].ChangeID = changeID
	}
	a.AccountID, a.ChangeID, a.Known = v.start.AccountID, changeID, v.memory.Seq
	// The change outlives a cancelled duty: a news item that was decided is written.
	free, _ := workflow.NewDisconnectedContext(ctx)
	var result lifecycle.AppendResult
	err := workflow.ExecuteLocalActivity(withStore(free, string(a.Changes[0].Event)), records.AppendLog, a).Get(free, &result)
	if err != nil {
		return result, err
	}
	return result, v.absorb(result.Log)
}

// absorb folds log entries that the memory does not have yet.
func (v *verification) absorb(log []lifecycle.Change) error {
	for _, c := range log {
		if c.Seq <= v.memory.Seq {
			continue
		}
		next, err := v.memory.Apply(c)
		if err != nil {
			return temporal.NewNonRetryableApplicationError("the account's log cannot be folded", contract.ErrTypeBrokenLog, nil)
		}
		v.memory, v.changed, v.accepted = next, true, true
	}
	return nil
}

// refused turns a refusal of the lifecycle into an error that crosses Temporal; other errors pass.
func refused(err error) error {
	var r *lifecycle.Refusal
	if errors.As(err, &r) {
		return temporal.NewNonRetryableApplicationError(string(r.Code), contract.ErrTypeRefusal, nil, *r)
	}
	return err
}
