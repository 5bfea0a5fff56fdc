package lifecycle

import (
	"errors"
	"time"
)

// ErrBrokenLog means that a log cannot be folded: a gap, a foreign entry, or a step the table does not have.
var ErrBrokenLog = errors.New("lifecycle: broken log")

// Code is the stable name of a refusal; it is the API's problem code.
type Code string

const (
	CodeStepNotAllowed       Code = "step_not_allowed"
	CodeCorrectionNotAllowed Code = "correction_not_allowed"
	CodeAttemptsExhausted    Code = "attempts_exhausted"
	CodeConsentRequired      Code = "consent_required"
	CodeAccountClosed        Code = "account_closed"
	CodeCaseMoved            Code = "case_moved"       // the decision was made on what is no longer under review
	CodeEvidenceChanged      Code = "evidence_changed" // the approval was of other evidence than there is
)

// Refusal is the answer to a command that cannot be taken now. It says what could be done instead and holds
// nothing personal.
type Refusal struct {
	Code    Code      `json:"code"`
	State   State     `json:"state"`
	Allowed []Step    `json:"allowed"`
	NextAt  time.Time `json:"next_at,omitzero"` // attempts_exhausted: when the next attempt is possible
}

func (r *Refusal) Error() string {
	return "lifecycle: " + string(r.Code) + " in state " + string(r.State)
}

// RefuseClosed returns the *Refusal that a change gets because its account is closed, nil if the change is written
// all the same. Refused is what leads the merchant forward or addresses them. News is not, nor what ends or mends
// something: a consent can be withdrawn, a review finished and a verification revoked after the account was closed.
func (v Verification) RefuseClosed(event Event) error {
	switch event {
	case Submit, Correct, IssueQR, ChooseManual, CancelManual, Prompt, Remind:
		return v.refuse(CodeAccountClosed)
	case BeginReview, Approve, Reject, Scan, Pass, Fail, Expire, Lock, Unlock, RejectManual, ApproveManual, WithdrawConsent,
		Revoke, ImportApproved, ImportVerified, Restrict, Lift:
		return nil
	default:
		return nil
	}
}

func (v Verification) refuse(code Code) error {
	r := &Refusal{Code: code, State: v.State, Allowed: v.Steps()}
	if v.State == Locked {
		r.NextAt = v.UnlockAt
	}
	return r
}
