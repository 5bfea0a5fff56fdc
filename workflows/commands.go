package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// login counts a prompt. It takes no lock and names no head: a prompt fits every state, and a merchant who
// logs in does not wait for whatever else is going on.
func (v *verification) login(ctx workflow.Context, in contract.Login) (contract.LoginResult, error) {
	v.updates++
	if err := v.awaitReady(ctx); err != nil {
		return contract.LoginResult{}, err
	}
	result, err := v.append(ctx, "login:"+in.LoginID, lifecycle.Append{Head: lifecycle.AnyHead, Changes: []lifecycle.Change{{
		Event: lifecycle.Prompt, At: v.now(ctx), Actor: in.Actor,
		Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{
			Level: in.Level, LoginID: in.LoginID, Policy: in.Policy, PolicyVersion: in.PolicyVersion, Rule: in.Rule,
		}},
	}}})
	if err != nil {
		return contract.LoginResult{}, err
	}
	for _, c := range append(result.Written, result.Log...) {
		if note := c.Detail.Prompt; note != nil && note.LoginID == in.LoginID {
			return contract.LoginResult{Number: note.Number}, nil
		}
	}
	return contract.LoginResult{}, nil
}

func (v *verification) submit(ctx workflow.Context, changeID string, in contract.Submit) error {
	return v.commitLocked(ctx, changeID, lifecycle.Change{
		Event: lifecycle.Submit, Actor: in.Actor,
		Detail: lifecycle.Detail{Identity: &in.Identity, Consent: v.submitted(ctx, in.Consent, &in.Identity, v.now(ctx))},
	})
}

// submitted is the consent that came with real-name information, nil if none did.
func (v *verification) submitted(ctx workflow.Context, c *contract.Consent, subject *lifecycle.Identity, at time.Time) *lifecycle.Consent {
	if c == nil {
		return nil
	}
	record := c.Record(id(ctx, "consent"), at, v.memory.Generation, subject)
	return &record
}

// correct uses the right to correct: support's, or the policy's. The policy is asked at the moment of use, and
// the append that uses the right up is the one that changes the state.
func (v *verification) correct(ctx workflow.Context, changeID string, in contract.Correct) error {
	if err := v.lock.Lock(ctx); err != nil {
		return err
	}
	defer v.lock.Unlock()
	at, right := v.now(ctx), ""
	if in.Support {
		right = lifecycle.CorrectionBySupport
	} else {
		var records *activities.Records
		var granted bool
		ask := activities.CorrectionInput{AccountID: v.memory.AccountID, At: at, Used: v.memory.Corrections}
		if err := workflow.ExecuteLocalActivity(withStore(ctx, "right to correct"), records.CorrectionRight, ask).Get(ctx, &granted); err != nil {
			return err
		}
		if granted {
			right = lifecycle.CorrectionByPolicy
		}
	}
	return v.commit(ctx, changeID, func(time.Time) ([]lifecycle.Change, error) {
		return v.memory.Decide(lifecycle.Change{
			Event: lifecycle.Correct, At: at, Actor: in.Actor, Reason: in.Reason, // the instant that the right was judged at
			Detail: lifecycle.Detail{Identity: &in.Identity, Correction: right, Consent: v.submitted(ctx, in.Consent, &in.Identity, at)},
		}, v.settings.Limits)
	})
}

// decideReview is one reviewer's decision on real-name information.
func (v *verification) decideReview(ctx workflow.Context, changeID string, in contract.Review) error {
	return v.verdict(ctx, changeID, in, lifecycle.Approve, lifecycle.Reject)
}

// decideManual is one reviewer's decision on the manual route.
func (v *verification) decideManual(ctx workflow.Context, changeID string, in contract.Review) error {
	return v.verdict(ctx, changeID, in, lifecycle.ApproveManual, lifecycle.RejectManual)
}

func (v *verification) verdict(ctx workflow.Context, changeID string, in contract.Review, approve, reject lifecycle.Event) error {
	c := lifecycle.Change{Event: approve, Actor: in.Actor, Detail: lifecycle.Detail{NoteRef: in.NoteRef}}
	if in.Decision == contract.VerdictReject {
		c.Event, c.Reason = reject, in.ReasonCode
	}
	if err := v.lock.Lock(ctx); err != nil {
		return err
	}
	defer v.lock.Unlock()
	return v.commitSeen(ctx, changeID, in.Seen, func(at time.Time) ([]lifecycle.Change, error) {
		c.At = at
		changes, err := v.memory.Decide(c, v.settings.Limits)
		if err == nil {
			err = v.memory.CheckCase(in.Case)
		}
		return changes, err
	})
}

func (v *verification) scan(ctx workflow.Context, changeID string, in contract.Scan) error {
	return v.commitLocked(ctx, changeID, lifecycle.Change{
		Event: lifecycle.Scan, Actor: lifecycle.Actor{Kind: lifecycle.ActorMerchant}, Detail: lifecycle.Detail{LeaseID: in.LeaseID},
	})
}

// plain is a command that needs nothing but who and why.
func (v *verification) plain(event lifecycle.Event) func(workflow.Context, string, contract.Plain) error {
	return func(ctx workflow.Context, changeID string, in contract.Plain) error {
		return v.commitLocked(ctx, changeID, lifecycle.Change{
			Event: event, Actor: in.Actor, Reason: in.Reason, Detail: lifecycle.Detail{NoteRef: in.NoteRef},
		})
	}
}

// refreshGap is the shortest time between two questions to the provider about one account on demand: a
// merchant who leans on the button is answered from memory, once the question under way is answered.
const refreshGap = time.Second

// question is what a refresh asks the provider.
type question struct {
	began    time.Time
	answered bool  // memory holds what the provider said, or err says why it does not
	err      error // as its asker was answered
}

// refresh answers what is true now: it reads what others wrote to the log, and asks the provider for every
// attempt that could still pass. No lock is held while asking.
func (v *verification) refresh(ctx workflow.Context, _ string, in contract.Refresh) error {
	if in.Reload {
		if err := v.reload(ctx); err != nil {
			return err
		}
	}
	if in.Resume {
		v.stopDuties() // what the memory asks for begins again at once
		return nil
	}
	came := v.now(ctx)
	for !v.asked.answered && refreshWaits(ctx) {
		q := v.asked
		if err := workflow.Await(ctx, func() bool { return q.answered }); err != nil {
			return err
		}
		if came.Sub(q.began) < refreshGap {
			return q.err // it was asked when the button was pressed, or later
		}
	}
	watched := v.memory.Watched(v.now(ctx))
	if len(watched) == 0 || came.Sub(v.asked.began) < refreshGap {
		return nil
	}
	q := &question{began: v.now(ctx)}
	v.asked = q
	q.err = v.ask(ctx, watched)
	q.answered = true
	return q.err
}

// refreshWaits tells whether a refresh waits for the question of another one. In runs that met two before there was
// such a thing, the later one was answered from memory or asked by itself.
func refreshWaits(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, "refresh-waits", workflow.DefaultVersion, 1) > workflow.DefaultVersion
}

// ask puts a question to the provider and takes its answers.
func (v *verification) ask(ctx workflow.Context, watched []lifecycle.Attempt) error {
	var provider *activities.Face
	var result activities.QueryFaceResult
	ask := activities.QueryFaceInput{Attempts: activities.AskedOf(watched)}
	if err := workflow.ExecuteActivity(withQuery(ctx), provider.QueryFace, ask).Get(ctx, &result); err != nil {
		return unavailable(err)
	}
	for _, answer := range result.Answers {
		if err := v.take(ctx, answer); err != nil {
			return err
		}
	}
	return nil
}

// reload folds what other writers appended since the memory was loaded.
func (v *verification) reload(ctx workflow.Context) error {
	if err := v.lock.Lock(ctx); err != nil {
		return err
	}
	defer v.lock.Unlock()
	var records *activities.Records
	var loaded activities.Loaded
	if err := workflow.ExecuteLocalActivity(withStore(ctx, "reload"), records.LoadHead, v.start.AccountID).Get(ctx, &loaded); err != nil {
		return err
	}
	if loaded.Verification.Seq > v.memory.Seq {
		v.memory, v.changed = loaded.Verification, true
	}
	return nil
}
