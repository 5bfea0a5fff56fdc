package facetest

import (
	"testing"
	"time"

	"github.com/verigate/verigate/activities/face"
)

// Fault is something that goes wrong with the next call of an operation.
type Fault string

const (
	// Unavailable: the service answers, provably itself, that it cannot serve now.
	Unavailable Fault = "unavailable"
	// Limited: the service says that the call limit is reached.
	Limited Fault = "limited"
	// Misconfigured: the service refuses our contract, key or permission.
	Misconfigured Fault = "misconfigured"
	// Unheard: the service refuses with a code that nobody has seen before.
	Unheard Fault = "unheard"
	// SubjectRefused: the service refuses name or number. Start only.
	SubjectRefused Fault = "subject_refused"
	// Forged: the answer is a success that is not provably the service's.
	Forged Fault = "forged"
	// AnswerLost: the service does what was asked and its answer is lost.
	AnswerLost Fault = "answer_lost"
)

// Op is an operation that a Fault strikes.
type Op string

// The operations that call the service.
const (
	Start Op = "start"
	Query Op = "query"
)

// Control plays everything around one adapter. All but Break and Logs are
// required.
type Control struct {
	// Pass and Fail are what the person does on the phone.
	Pass, Fail func(t testing.TB, ref face.Ref)
	// Advance moves the one clock that adapter and service share.
	Advance func(d time.Duration)
	// Orders counts the orders that exist at the service.
	Orders func() int
	// Break makes the next call of op meet f; false if this service has no such
	// fault, which skips the case by name.
	Break func(t testing.TB, op Op, f Fault) bool
	// Logs returns everything the adapter has logged.
	Logs func() string
}
