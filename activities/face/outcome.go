package face

import "time"

// State is what a query found out about an order.
type State string

const (
	// StatePending: certainly not finished.
	StatePending State = "pending"
	// StateNotPassed: the provider says "not passed" and cannot say whether the
	// person has tried. Not a failure: a later query may find StatePassed.
	StateNotPassed State = "not_passed"
	// StatePassed: terminal, authenticated by the provider.
	StatePassed State = "passed"
	// StateFailed: terminal; the provider finished and refused. Only services
	// with Capabilities.DistinguishesUndone report it.
	StateFailed State = "failed"
	// StateExpired: terminal; the provider says that nobody finished in time.
	StateExpired State = "expired"
)

// States lists every state.
func States() []State {
	return []State{StatePending, StateNotPassed, StatePassed, StateFailed, StateExpired}
}

// Terminal reports whether no later query can change the state.
func (s State) Terminal() bool {
	return s == StatePassed || s == StateFailed || s == StateExpired
}

// Reason is a normalised cause of StateFailed; empty when the provider gives none.
type Reason string

// The reasons that providers are known to report.
const (
	ReasonNone       Reason = ""
	ReasonIDMismatch Reason = "name_id_mismatch"
	ReasonNoRecord   Reason = "no_authority_record"
	ReasonNoPhoto    Reason = "no_authority_photo"
	ReasonFace       Reason = "face_mismatch"
	ReasonLiveness   Reason = "liveness"
	ReasonRisk       Reason = "risk_control"
	ReasonTooMany    Reason = "too_many_attempts"
	ReasonUnknown    Reason = "unknown"
)

// Outcome is the answer to one query.
type Outcome struct {
	State      State
	Reason     Reason    // for StateFailed
	Code       string    // the provider's code, through SafeCode
	CheckedAt  time.Time // adapter's clock, when the answer had arrived
	EvidenceID string    // what to quote to the provider about this result
	Digest     string    // lower-case hex SHA-256 of the bytes whose signature was verified; "" if the answer was not signed
}
