package lifecycle

import (
	"fmt"
	"time"
)

// The two sources of the right to correct approved real-name information.
const (
	CorrectionByPolicy  = "policy"
	CorrectionBySupport = "support"
)

// Decide says what follows if c happens to v now: the changes to append, in order, with From, To and Seq
// filled in as they will be if the head is still v.Seq. Only Event, At, Actor, Reason, Detail and ChangeID of c
// are read.
//
// A command that does not fit is refused with a *Refusal. News and timers that no longer apply yield one
// change marked Ignored. Where the last attempt of the day is used up, a Lock follows in the same append.
func (v Verification) Decide(c Change, limits Limits) ([]Change, error) {
	if err := v.CheckEvent(c.Event); err != nil {
		return nil, err
	}
	c.Ignored = false
	if _, outcome := Next(v.State, c.Event); outcome == Ignored {
		return v.ignore(c)
	}
	ok, err := v.guard(c, limits)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return v.ignore(c)
	}
	after, log, err := v.Extend(c)
	if err != nil {
		return nil, err
	}
	if after.mustLock(limits, c.At) {
		lock := Change{
			ChangeID: c.ChangeID, Event: Lock, At: c.At, Actor: Actor{Kind: ActorSystem}, Reason: "attempts_exhausted",
			Detail: Detail{UnlockAt: NextDay(c.At)},
		}
		_, more, err := after.Extend(lock)
		return append(log, more...), err
	}
	return log, nil
}

// CheckEvent returns the *Refusal that the table alone gives event, nil if a guard might let it through.
func (v Verification) CheckEvent(event Event) error {
	if _, outcome := Next(v.State, event); outcome == Refused {
		return v.refuse(v.refusalCode(event))
	}
	return nil
}

// Extend stamps drafts with account, sequence number, From and To, folds them, and returns v after them
// together with the stamped changes. The store calls it too, so an entry that cannot be folded is never written.
func (v Verification) Extend(drafts ...Change) (Verification, []Change, error) {
	log := make([]Change, 0, len(drafts))
	for _, c := range drafts {
		c.AccountID, c.Seq, c.From, c.To = v.AccountID, v.Seq+1, v.State, v.State
		if !c.Ignored {
			to, outcome := Next(v.State, c.Event)
			if outcome != Changes {
				return v, nil, fmt.Errorf("%w: %s in state %s", ErrBrokenLog, c.Event, v.State)
			}
			c.To = to
		}
		if note := c.Detail.Prompt; note != nil {
			numbered := *note
			numbered.Number = v.Prompts + 1
			c.Detail.Prompt = &numbered
		}
		if note := c.Detail.Reminder; note != nil {
			numbered := *note
			numbered.Number = v.Reminders + 1
			c.Detail.Reminder = &numbered
		}
		next, err := v.Apply(c)
		if err != nil {
			return v, nil, err
		}
		v, log = next, append(log, c)
	}
	return v, log, nil
}

func (v Verification) ignore(c Change) ([]Change, error) {
	c.Ignored = true
	_, log, err := v.Extend(c)
	return log, err
}

func (v Verification) refusalCode(e Event) Code {
	if e == IssueQR && v.State == Locked {
		return CodeAttemptsExhausted
	}
	if e == Correct && v.Corrections > 0 && (v.State == Submitted || v.State == UnderReview) {
		return CodeCorrectionNotAllowed // of two corrections at once the second one finds the right used up
	}
	return CodeStepNotAllowed
}

// guard judges what the table cannot: false means news that no longer applies.
func (v Verification) guard(c Change, limits Limits) (bool, error) {
	d := c.Detail
	switch c.Event {
	case Submit:
		if !v.mayUpdate() {
			return false, v.refuse(CodeStepNotAllowed)
		}
		return need(d.Identity != nil, "identity")
	case Correct:
		if d.Correction == "" {
			return false, v.refuse(CodeCorrectionNotAllowed)
		}
		return need(d.Identity != nil, "identity")
	case IssueQR:
		return v.guardIssue(c, limits)
	case Scan, Expire:
		if v.Lease == nil || v.Lease.ID != d.LeaseID {
			return false, nil
		}
		return c.Event == Expire || c.At.Before(v.Lease.ExpiresAt), nil
	case Pass:
		a := v.Attempt(d.AttemptID)
		return a != nil && v.Counts(*a), nil
	case Fail:
		a := v.Live(c.At)
		return a != nil && a.ID == d.AttemptID, nil
	case WithdrawConsent:
		if v.Consent == nil {
			return false, v.refuse(CodeStepNotAllowed)
		}
		return true, nil
	case Lock:
		return need(!d.UnlockAt.IsZero(), "unlock_at")
	case Unlock:
		if c.Actor.Kind != ActorOperator && c.At.Before(v.UnlockAt) {
			return false, v.refuse(CodeStepNotAllowed)
		}
		return true, nil
	case ImportApproved, ImportVerified:
		return need(d.Provenance != nil, "provenance")
	default:
		return true, nil
	}
}

// guardIssue keeps one order at a time: a new attempt is refused while the live one can still be used, and a
// lease is only ever shown for an attempt that counts. Without real-name information of record (an imported
// approval) there is nobody whose face could be verified: it has to be submitted first.
func (v Verification) guardIssue(c Change, limits Limits) (bool, error) {
	d, live := c.Detail, v.Live(c.At)
	switch {
	case v.Identity == nil:
		return false, v.refuse(CodeStepNotAllowed)
	case v.Consent == nil && d.Consent == nil:
		return false, v.refuse(CodeConsentRequired)
	case d.Consent != nil && d.Consent.Generation != v.Generation:
		return false, v.refuse(CodeConsentRequired)
	case d.Attempt == nil && live == nil, d.Attempt != nil && live != nil:
		return false, v.refuse(CodeStepNotAllowed)
	case d.Attempt != nil && v.AttemptsLeft(limits, c.At) == 0:
		return false, v.exhausted(c.At)
	case d.Attempt != nil && !v.Counts(*d.Attempt):
		return false, v.refuse(CodeStepNotAllowed)
	}
	shown := d.Attempt
	if shown == nil {
		shown = live
	} else if shown.ID == "" || v.Attempt(shown.ID) != nil {
		return need(false, "attempt with an id of its own")
	}
	return need(d.Lease != nil && d.Lease.AttemptID == shown.ID, "lease of the attempt")
}

// CanStart judges a start of face verification before anything is sent to a provider: nil, or the *Refusal.
// haveConsent says that the caller brings a new consent.
func (v Verification) CanStart(haveConsent bool, limits Limits, at time.Time) error {
	if _, outcome := Next(v.State, IssueQR); outcome != Changes {
		return v.refuse(v.refusalCode(IssueQR))
	}
	if v.Identity == nil {
		return v.refuse(CodeStepNotAllowed)
	}
	if v.Consent == nil && !haveConsent {
		return v.refuse(CodeConsentRequired)
	}
	if v.Live(at) == nil && v.AttemptsLeft(limits, at) == 0 {
		return v.exhausted(at)
	}
	return nil
}

func (v Verification) exhausted(at time.Time) error {
	return &Refusal{Code: CodeAttemptsExhausted, State: v.State, Allowed: v.Steps(), NextAt: NextDay(at)}
}

// mustLock: an account that could only start a new attempt, and has none left today, is locked at once, so
// that the page says when to come back instead of offering a button that cannot work.
func (v Verification) mustLock(limits Limits, at time.Time) bool {
	return (v.State == FaceFailed || v.State == Approved) && v.Live(at) == nil && v.AttemptsUsed(at) > 0 && v.AttemptsLeft(limits, at) == 0
}

func need(ok bool, field string) (bool, error) {
	if !ok {
		return false, fmt.Errorf("lifecycle: %s is missing", field)
	}
	return true, nil
}
