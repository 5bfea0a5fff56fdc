package lifecycle

import "slices"

// Step is what a caller can ask for; the API, the status and the typed client use these names. One step may
// lead to several events: a review ends in approve or reject.
type Step string

const (
	StepSubmit          Step = "submit"
	StepCorrect         Step = "correct"
	StepReview          Step = "review"
	StepStartFace       Step = "start_face"
	StepRefresh         Step = "refresh"
	StepChooseManual    Step = "choose_manual"
	StepCancelManual    Step = "cancel_manual"
	StepManualDecision  Step = "manual_decision"
	StepWithdrawConsent Step = "withdraw_consent"
	StepUnlock          Step = "unlock"
	StepRevoke          Step = "revoke"
)

// Steps returns, sorted, the steps that the present state allows. Rights that only the moment of the call can
// judge (a correction window, attempts left) are judged then.
func (v Verification) Steps() []Step {
	byEvent := map[Event]Step{
		Correct: StepCorrect, Approve: StepReview, IssueQR: StepStartFace, ChooseManual: StepChooseManual,
		CancelManual: StepCancelManual, ApproveManual: StepManualDecision, Unlock: StepUnlock, Revoke: StepRevoke,
	}
	steps := []Step{StepRefresh} // asking what is true now is always allowed
	for _, e := range AllowedEvents(v.State) {
		switch {
		case e == Submit && !v.mayUpdate():
		case e == Submit:
			steps = append(steps, StepSubmit)
		case e == IssueQR && v.Identity == nil:
		case e == WithdrawConsent && v.Consent == nil:
		case e == WithdrawConsent:
			steps = append(steps, StepWithdrawConsent)
		default:
			if s, ok := byEvent[e]; ok {
				steps = append(steps, s)
			}
		}
	}
	slices.Sort(steps)
	return steps
}
