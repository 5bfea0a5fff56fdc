package lifecycle

import "slices"

// Transition is one row of the state machine: Event moves each state of From to To.
type Transition struct {
	Event Event
	From  []State
	To    State
	Rule  string // the guard in words, for the documentation
}

// Transitions is the state machine as data. The diagram and the table in docs/ are generated from it, and
// testdata/lifecycle/outcomes.golden, written by hand, checks it. Self-loops are changes that are recorded
// without moving the state.
func Transitions() []Transition {
	t := []Transition{
		{Submit, []State{Unverified, Rejected, Approved}, Submitted, "new revision; from approved only while no attempt was made under this revision"},
		{Correct, []State{Approved, QRIssued, Scanned, FaceFailed, Locked, ManualReview}, Submitted, "needs the correction right; closes the attempt; new revision"},
		{BeginReview, []State{Submitted}, UnderReview, ""},
		{Approve, []State{UnderReview}, Approved, "by checks or a reviewer"},
		{Reject, []State{UnderReview}, Rejected, "with a reason code"},
		{IssueQR, []State{Approved, FaceFailed, QRIssued, Scanned}, QRIssued, "information of record; consent in force; a live attempt, or attempts left"},
		{Scan, []State{QRIssued}, Scanned, "current lease only"},
		{Pass, []State{QRIssued, Scanned, Approved, FaceFailed, Locked, ManualReview}, Verified, "the provider's signed answer; revision and generation current"},
		{Fail, []State{QRIssued, Scanned}, FaceFailed, "current attempt, by evidence only"},
		{Expire, []State{QRIssued, Scanned}, Approved, "the lease ended; the provider's attempt lives on"},
		{Lock, []State{FaceFailed, Approved}, Locked, "attempts of the period used up"},
		{Unlock, []State{Locked}, Approved, "at the stated instant, or by an operator"},
		{ChooseManual, []State{Approved, QRIssued, Scanned, FaceFailed, Locked}, ManualReview, "closes the lease"},
		{CancelManual, []State{ManualReview}, Approved, ""},
		{RejectManual, []State{ManualReview}, Approved, "with a reason code"},
		{ApproveManual, []State{ManualReview}, Verified, "by a reviewer"},
		{WithdrawConsent, []State{QRIssued, Scanned}, Approved, "new generation; the provider is no longer asked"},
		{Revoke, without(States(), Unverified), Unverified, "operator, with a reason; new generation"},
		{ImportApproved, []State{Unverified}, Approved, "with provenance"},
		{ImportVerified, []State{Unverified}, Verified, "with provenance"},
	}
	for _, s := range without(States(), QRIssued, Scanned) {
		t = append(t, Transition{WithdrawConsent, []State{s}, s, "recorded where a consent is in force; new generation"})
	}
	for _, note := range []struct {
		event Event
		rule  string
	}{
		{Prompt, "counted, never moves the state"}, {Remind, "counted, never moves the state"},
		{Restrict, "written by a sweep, never moves the state"}, {Lift, "written by a sweep, never moves the state"},
	} {
		for _, s := range States() {
			t = append(t, Transition{note.event, []State{s}, s, note.rule})
		}
	}
	return t
}

func without(states []State, drop ...State) []State {
	return slices.DeleteFunc(states, func(s State) bool { return slices.Contains(drop, s) })
}

// Outcome is what the table says about one (state, event) pair, before any guard.
type Outcome string

const (
	Changes Outcome = "changes" // recorded; the state may stay where it is
	Ignored Outcome = "ignored" // news or a timer that no longer applies
	Refused Outcome = "refused" // a command that the state does not allow
)

// Next returns where event leads from state, and with which outcome. For Ignored and Refused the state is
// the one given.
func Next(state State, event Event) (State, Outcome) {
	if to, ok := machineTable().to[step{state, event}]; ok {
		return to, Changes
	}
	if kind := event.Kind(); state.Valid() && (kind == KindNews || kind == KindTimer) {
		return state, Ignored
	}
	return state, Refused
}

// AllowedEvents returns, sorted, the events that the table lets change state, before any guard.
func AllowedEvents(state State) []Event {
	return slices.Clone(machineTable().allowed[state])
}
