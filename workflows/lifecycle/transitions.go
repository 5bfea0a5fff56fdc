package lifecycle

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/looplab/fsm"
)

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
	if led, known := courses()[course{state, event}]; known {
		return led.to, led.outcome
	}
	return fire(state, event)
}

type course struct {
	state State
	event Event
}

type led struct {
	to      State
	outcome Outcome
}

// courses is what the machine answers to every event in every state, asked once: a sweep asks hundreds of thousands
// of times, and building a machine costs more than all else that an entry of the log does.
var courses = sync.OnceValue(func() map[course]led {
	all := map[course]led{}
	for _, s := range States() {
		for _, e := range Events() {
			to, outcome := fire(s, e)
			all[course{s, e}] = led{to, outcome}
		}
	}
	return all
})

// fire asks a fresh machine, runs the event on a background context and hangs nothing on callbacks: looplab/fsm leaves
// a machine stuck when an event's context is cancelled and accepts unknown names in SetState.
func fire(state State, event Event) (State, Outcome) {
	machine := newMachine(state)
	err := machine.Event(context.Background(), string(event))
	var same fsm.NoTransitionError
	if err == nil || errors.As(err, &same) {
		return State(machine.Current()), Changes
	}
	if kind := event.Kind(); state.Valid() && (kind == KindNews || kind == KindTimer) {
		return state, Ignored
	}
	return state, Refused
}

// AllowedEvents returns, sorted, the events that the table lets change state, before any guard.
func AllowedEvents(state State) []Event {
	var allowed []Event
	for _, name := range newMachine(state).AvailableTransitions() {
		allowed = append(allowed, Event(name))
	}
	slices.Sort(allowed) // looplab/fsm answers in map order
	return allowed
}

func newMachine(state State) *fsm.FSM {
	var events fsm.Events
	for _, t := range Transitions() {
		src := make([]string, len(t.From))
		for i, s := range t.From {
			src[i] = string(s)
		}
		events = append(events, fsm.EventDesc{Name: string(t.Event), Src: src, Dst: string(t.To)})
	}
	return fsm.NewFSM(string(state), events, nil)
}
