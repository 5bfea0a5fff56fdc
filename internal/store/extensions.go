package store

import (
	"context"
	"errors"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

var (
	// ErrSameActor means that whoever asked for something wants to decide it as well.
	ErrSameActor = errors.New("store: a second person has to decide")
	// ErrClosed means that the account is closed.
	ErrClosed = errors.New("store: the account is closed")
	// ErrDecided means that an extension is not in the state that a verdict begins with.
	ErrDecided = errors.New("store: the extension is in another state")
)

// ExtensionState says how far the request for an extension has come.
type ExtensionState string

const (
	// ExtensionRequested: somebody asked; nothing counts yet.
	ExtensionRequested ExtensionState = "requested"
	// ExtensionApproved: it counts, from its approval to its end.
	ExtensionApproved ExtensionState = "approved"
	// ExtensionRejected: it was refused and never counted.
	ExtensionRejected ExtensionState = "rejected"
	// ExtensionRevoked: it counted from its approval to its revocation.
	ExtensionRevoked ExtensionState = "revoked"
	// ExtensionLapsed: its end passed while it was requested or approved. It is never recorded: the clock tells.
	ExtensionLapsed ExtensionState = "lapsed"
)

// ExtensionStates lists every state.
func ExtensionStates() []ExtensionState {
	return []ExtensionState{ExtensionRequested, ExtensionApproved, ExtensionRejected, ExtensionRevoked, ExtensionLapsed}
}

// Before returns the state from which a verdict leads to s, "" if no verdict does.
func (s ExtensionState) Before() ExtensionState {
	switch s {
	case ExtensionApproved, ExtensionRejected:
		return ExtensionRequested
	case ExtensionRevoked:
		return ExtensionApproved
	case ExtensionRequested, ExtensionLapsed:
		return ""
	default:
		return ""
	}
}

// Extension is the request for a later enforcement instant, with everything that became of it.
type Extension struct {
	ID        string
	AccountID string
	RuleID    string    // "" extends every rule
	Until     time.Time // as requested
	BatchID   string    // "" for a single request
	Steps     []ExtensionStep
}

// ExtensionStep is one version of an extension: who brought it into a state, when and why.
type ExtensionStep struct {
	State      ExtensionState
	At         time.Time // business time
	RecordedAt time.Time
	Actor      lifecycle.Actor
	Reason     string
}

// Recorded returns the last state that was recorded.
func (e Extension) Recorded() ExtensionState { return e.Last().State }

// Last returns the last step.
func (e Extension) Last() ExtensionStep {
	if len(e.Steps) == 0 {
		return ExtensionStep{}
	}
	return e.Steps[len(e.Steps)-1]
}

// StateAt returns the state as the clock sees it.
func (e Extension) StateAt(now time.Time) ExtensionState {
	state := e.Recorded()
	if (state == ExtensionRequested || state == ExtensionApproved) && !now.Before(e.Until) {
		return ExtensionLapsed
	}
	return state
}

// When returns the instant of the step into a state, zero if there was none.
func (e Extension) When(state ExtensionState) time.Time {
	for _, step := range e.Steps {
		if step.State == state {
			return step.At
		}
	}
	return time.Time{}
}

// ExtensionRequest asks for an extension. Its ID names it for good: the same request again is the same extension.
type ExtensionRequest struct {
	ID, AccountID, RuleID, BatchID string
	Until, At                      time.Time
	Actor                          lifecycle.Actor
	Reason                         string
	// Approved grants it at once, by the same actor: for a deployment without a second approver.
	Approved bool
}

// ExtensionOutcome is what became of one request of many. Err is ErrConflict, ErrInvalid, or of the account
// ErrNotFound or ErrClosed; then nothing of that one was written, and the others were.
type ExtensionOutcome struct {
	Extension Extension
	Created   bool
	Err       error
}

// ExtensionVerdict decides on extensions.
type ExtensionVerdict struct {
	To     ExtensionState // approved, rejected or revoked
	At     time.Time
	Actor  lifecycle.Actor
	Reason string
	Alone  bool       // whoever asked for it may decide it
	Within AccountSet // of a batch, only the extensions of these accounts are there
}

// BatchVerdict is what became of the extensions of a batch.
type BatchVerdict struct {
	Accounts []string // of the extensions that were decided now
	Left     int      // extensions of the batch that are in another state, lapsed ones among them
}

// AnyCount as an expected count expects nothing.
const AnyCount = -1

// ExtensionFilter selects extensions for a list; empty fields do not filter.
type ExtensionFilter struct {
	AccountID, RuleID, BatchID string
	Within                     AccountSet
	State                      ExtensionState // as the clock sees it
	Now                        time.Time      // the clock; required with State
	After                      ExtensionPlace // of the last row of the page before
	Limit                      int            // 1 to 500
}

// ExtensionPlace is where an extension stands in a list.
type ExtensionPlace struct {
	RequestedAt time.Time
	ID          string
}

// Extensions holds requests for extensions and what became of them. Nothing is ever deleted or overwritten.
type Extensions interface {
	// RequestExtensions writes requests, in one transaction, and answers in the order given. A known id with the same
	// account, rule, end and batch is answered as it is now, whatever became of it; with others it is ErrConflict.
	RequestExtensions(ctx context.Context, requests []ExtensionRequest) ([]ExtensionOutcome, error)
	// DecideExtension records a verdict. The same verdict of the same actor again changes nothing and decided is false.
	// ErrNotFound; ErrSameActor; ErrDecided with the extension as it is, which also answers whoever comes too late.
	DecideExtension(ctx context.Context, id string, v ExtensionVerdict) (e Extension, decided bool, err error)
	// DecideBatch records a verdict on every extension of a batch that it fits, each at most once. ErrNotFound for a
	// batch that nobody knows; ErrSameActor, and nothing is decided, if the actor asked for one of them; ErrConflict,
	// and nothing is decided, if expected is not how many there are to decide.
	DecideBatch(ctx context.Context, batchID string, expected int, v ExtensionVerdict) (BatchVerdict, error)
	Extension(ctx context.Context, id string) (Extension, error)
	// Extensions lists by instant of request.
	Extensions(ctx context.Context, f ExtensionFilter) ([]Extension, error)
	// PutExtension grants an extension at once: request and approval by one actor. The same again is no error, another
	// one under its id is ErrConflict.
	PutExtension(ctx context.Context, e policy.Extension, actor lifecycle.Actor, reason string) error
}
