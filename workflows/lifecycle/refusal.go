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

func (v Verification) refuse(code Code) error {
	r := &Refusal{Code: code, State: v.State, Allowed: v.Steps()}
	if v.State == Locked {
		r.NextAt = v.UnlockAt
	}
	return r
}
