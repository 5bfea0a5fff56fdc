package lifecycle

import (
	"fmt"
	"slices"
	"time"
)

// recentChangeIDs bounds how many change ids a Verification remembers; a re-sent command arrives seconds or
// minutes after the first, not hundreds of changes later.
const recentChangeIDs = 16

// Verification is the fold of one account's log: what the workflow remembers, what the store projects and
// what a status answers. The zero value with an AccountID is an account without any entry.
type Verification struct {
	AccountID    string    `json:"account_id"`
	Seq          int64     `json:"seq"` // head: the sequence number of the last change folded
	State        State     `json:"state"`
	Since        time.Time `json:"since,omitzero"`
	TurnSince    time.Time `json:"turn_since,omitzero"`
	Method       Method    `json:"method,omitempty"`
	VerifiedAt   time.Time `json:"verified_at,omitzero"`
	Reason       string    `json:"reason,omitempty"` // code: why a review, an attempt or a route ended, or else why it is locked; cleared by moving on
	Revision     int       `json:"revision"`         // of the real-name information
	Generation   int       `json:"generation"`       // of consent; attempts of an older one no longer count
	Identity     *Identity `json:"identity,omitempty"`
	Findings     []string  `json:"findings,omitempty"`
	Consent      *Consent  `json:"consent,omitempty"` // in force; nil when none or withdrawn
	Attempts     []Attempt `json:"attempts,omitempty"`
	Lease        *Lease    `json:"lease,omitempty"`   // shown now; nil outside qr_issued and scanned
	Started      int       `json:"started,omitempty"` // attempts ever started
	CountFrom    time.Time `json:"count_from,omitzero"`
	UnlockAt     time.Time `json:"unlock_at,omitzero"`
	Corrections  int       `json:"corrections,omitempty"` // rights used up
	Prompts      int       `json:"prompts,omitempty"`
	LastPromptAt time.Time `json:"last_prompt_at,omitzero"`
	Reminders    int       `json:"reminders,omitempty"`
	Recent       []string  `json:"recent,omitempty"` // change ids of the last appends
}

// New returns the verification of an account that has no log yet.
func New(accountID string) Verification {
	return Verification{AccountID: accountID, State: Unverified}
}

// Standing returns what the dated rules need to know.
func (v Verification) Standing() Standing {
	return Standing{State: v.State, Since: v.Since, TurnSince: v.TurnSince, VerifiedAt: v.VerifiedAt}
}

// Remembers reports whether the append changeID is among the last ones folded, so that a re-sent command is
// answered like the first time instead of being refused by the state it itself brought about.
func (v Verification) Remembers(changeID string) bool {
	return changeID != "" && slices.Contains(v.Recent, changeID)
}

// Fold applies a log, oldest first, to v. See Apply.
func (v Verification) Fold(log ...Change) (Verification, error) {
	var err error
	for _, c := range log {
		if v, err = v.Apply(c); err != nil {
			return v, err
		}
	}
	return v, nil
}

// Apply returns v after c. It fails, and returns v unchanged, if c is not the next entry of this log or
// breaks the table: a log that cannot be folded must stop everything that relies on it.
func (v Verification) Apply(c Change) (Verification, error) {
	switch {
	case c.AccountID != v.AccountID:
		return v, fmt.Errorf("%w: entry of another account", ErrBrokenLog)
	case c.Seq != v.Seq+1:
		return v, fmt.Errorf("%w: seq %d after head %d", ErrBrokenLog, c.Seq, v.Seq)
	case c.From != v.State:
		return v, fmt.Errorf("%w: %s from %s, state is %s", ErrBrokenLog, c.Event, c.From, v.State)
	}
	if c.Ignored {
		if c.To != c.From {
			return v, fmt.Errorf("%w: ignored %s moves the state", ErrBrokenLog, c.Event)
		}
	} else if to, outcome := Next(v.State, c.Event); outcome != Changes || to != c.To {
		return v, fmt.Errorf("%w: %s from %s to %s is not in the table", ErrBrokenLog, c.Event, c.From, c.To)
	} else if c.Event == IssueQR && c.Detail.Lease == nil {
		return v, fmt.Errorf("%w: %s without a lease", ErrBrokenLog, c.Event)
	}
	return v.apply(c), nil
}

func (v Verification) apply(c Change) Verification {
	v.Seq = c.Seq
	v.remember(c.ChangeID)
	if c.Ignored {
		return v
	}
	if c.To.Turn() != v.State.Turn() || v.TurnSince.IsZero() {
		v.TurnSince = c.At
	}
	if c.To != v.State || v.Since.IsZero() {
		v.Since = c.At
	}
	v.State = c.To
	v.applyDetail(c)
	if v.State != QRIssued && v.State != Scanned {
		v.Lease = nil
	}
	if v.State != Locked {
		v.UnlockAt = time.Time{}
	}
	return v
}

func (v *Verification) remember(changeID string) {
	if changeID == "" || slices.Contains(v.Recent, changeID) {
		return
	}
	v.Recent = append(slices.Clone(v.Recent), changeID)
	if n := len(v.Recent) - recentChangeIDs; n > 0 {
		v.Recent = v.Recent[n:]
	}
}

// applyDetail folds what is particular to each event.
func (v *Verification) applyDetail(c Change) {
	switch c.Event {
	case Submit, Correct:
		v.Revision++
		v.Identity, v.Reason, v.Findings = c.Detail.Identity, "", nil
		if c.Event == Correct && c.Detail.Correction == CorrectionByPolicy {
			v.Corrections++
		}
	case BeginReview:
		v.Findings = c.Detail.Findings
	case Approve, ImportApproved:
		v.Reason = ""
	case Reject, RejectManual, CancelManual:
		v.Reason = c.Reason
	case IssueQR:
		v.issue(c)
	case Scan:
		lease := *v.Lease
		lease.ScannedAt = c.At
		v.Lease = &lease
	case Pass:
		v.end(c.Detail.AttemptID, AttemptPassed, c.At)
		v.verified(MethodFace, c.At)
	case Fail:
		v.end(c.Detail.AttemptID, AttemptFailed, c.At)
		v.Reason = c.Reason
	case Lock:
		v.UnlockAt = c.Detail.UnlockAt
		if v.Reason == "" { // why the last attempt failed is worth more to the merchant
			v.Reason = c.Reason
		}
	case ChooseManual:
		v.Reason = ""
	case Unlock:
		v.Reason = ""
		if c.Actor.Kind == ActorOperator {
			v.CountFrom = c.At // the operator gives a fresh allowance, not one more refusal
		}
	case ApproveManual:
		v.verified(MethodManual, c.At)
	case ImportVerified:
		v.verified(MethodImported, c.At)
	case WithdrawConsent:
		v.Generation++
		v.Consent = nil
	case Revoke:
		v.Generation++
		v.Identity, v.Findings = nil, nil // what follows a revoke has to begin with information submitted anew
		v.Consent, v.Method, v.VerifiedAt, v.Reason = nil, "", time.Time{}, c.Reason
	case Prompt:
		v.Prompts++
		v.LastPromptAt = c.At
	case Remind:
		v.Reminders++
	case Expire, Restrict, Lift:
	}
}

func (v *Verification) verified(method Method, at time.Time) {
	v.Method, v.VerifiedAt, v.Reason = method, at, ""
}

// issue folds a QR lease, with its new consent and attempt where there are any.
func (v *Verification) issue(c Change) {
	v.Reason = ""
	if c.Detail.Consent != nil {
		v.Consent = c.Detail.Consent
	}
	if a := c.Detail.Attempt; a != nil {
		v.Started++
		v.Attempts = append(keepAttempts(v.Attempts, a.StartedAt), *a)
	}
	v.Lease = c.Detail.Lease
}

func (v *Verification) end(attemptID string, result AttemptResult, at time.Time) {
	v.Attempts = slices.Clone(v.Attempts)
	for i := range v.Attempts {
		if v.Attempts[i].ID == attemptID {
			v.Attempts[i].Result, v.Attempts[i].ResultAt = result, at
		}
	}
}

// keepAttempts drops attempts that neither count for the day nor can still pass.
func keepAttempts(attempts []Attempt, now time.Time) []Attempt {
	const keep = 48 * time.Hour
	var kept []Attempt
	for _, a := range attempts {
		if now.Sub(a.StartedAt) < keep || now.Before(a.EndsAt) {
			kept = append(kept, a)
		}
	}
	return kept
}
