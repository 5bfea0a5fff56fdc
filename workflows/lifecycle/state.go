package lifecycle

import "time"

// State is where one account's verification stands. The strings are stored, sent over the API and shown in
// the documentation; they never change their meaning.
type State string

const (
	// Unverified: nothing was submitted yet, or an operator undid the verification with revoke. The merchant
	// sees "real-name status: not verified" and moves on by submitting real-name information.
	Unverified State = "unverified"

	// Submitted: real-name information is saved under a new revision and its review has not begun. The
	// merchant sees the waiting page; the system moves on by itself.
	Submitted State = "submitted"

	// UnderReview: automatic checks ran and a reviewer has to decide, or the checks are being recorded. The
	// merchant sees the waiting page; a reviewer moves on.
	UnderReview State = "under_review"

	// Rejected: the review refused the real-name information for a reason the merchant can read. The merchant
	// corrects it and submits again.
	Rejected State = "rejected"

	// Approved: the real-name information is accepted, here or by an older process with provenance. The
	// merchant reads the authorization terms and starts face verification, or chooses the manual route.
	Approved State = "approved"

	// QRIssued: an attempt lives at the provider and a QR lease is shown. The merchant scans it.
	QRIssued State = "qr_issued"

	// Scanned: the QR was opened on a phone. The merchant finishes on the phone; the provider's answer moves on.
	Scanned State = "scanned"

	// Verified: success, by face, by a reviewer on the manual route, or by an import with provenance. Nothing
	// is left to do; only an operator's revoke leaves this state.
	Verified State = "verified"

	// FaceFailed: the attempt failed by evidence. The merchant sees why, how many attempts are left, and tries
	// again or chooses the manual route.
	FaceFailed State = "face_failed"

	// Locked: the attempts of the period are used up. It unlocks by itself at a stated instant, or by an operator.
	Locked State = "locked"

	// ManualReview: the merchant chose the route without a face. A reviewer decides on evidence.
	ManualReview State = "manual_review"
)

// States lists every state in the order of the merchant's way.
func States() []State {
	return []State{
		Unverified, Submitted, UnderReview, Rejected, Approved, QRIssued, Scanned, Verified, FaceFailed, Locked, ManualReview,
	}
}

// Valid reports whether s is one of States.
func (s State) Valid() bool {
	_, ok := s.turn()
	return ok
}

// Turn says who has to act next.
type Turn string

const (
	TurnMerchant Turn = "merchant"
	TurnOperator Turn = "operator"
	TurnProvider Turn = "provider"
	TurnNone     Turn = "none"
)

// Turn returns who has to act while an account is in s; TurnNone for an unknown state.
func (s State) Turn() Turn {
	t, _ := s.turn()
	return t
}

// turn is a switch, not a map: the gate asks it for every decision.
func (s State) turn() (turn Turn, known bool) {
	switch s {
	case Unverified, Rejected, Approved, QRIssued, FaceFailed:
		return TurnMerchant, true
	case Submitted, UnderReview, ManualReview:
		return TurnOperator, true
	case Scanned:
		return TurnProvider, true
	case Verified, Locked:
		return TurnNone, true
	default:
		return TurnNone, false
	}
}

// Method says how an account became verified.
type Method string

const (
	MethodFace     Method = "face"
	MethodManual   Method = "manual"
	MethodImported Method = "imported"
)

// Standing is what the dated rules need to know of a verification.
type Standing struct {
	State      State
	Since      time.Time // when State was entered
	TurnSince  time.Time // when the present turn began; earlier than Since when several states share the turn
	VerifiedAt time.Time // zero unless State is Verified
}

// Turn returns who has to act next.
func (s Standing) Turn() Turn { return s.State.Turn() }
