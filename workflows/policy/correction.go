package policy

import "time"

// CorrectionMode says who may correct approved real-name information, and how often.
type CorrectionMode string

const (
	// CorrectionFree: the merchant, as often as needed.
	CorrectionFree CorrectionMode = "free"
	// CorrectionOnce: the merchant, one time.
	CorrectionOnce CorrectionMode = "once"
	// CorrectionSupport: only support, with a reason. The empty mode means the same.
	CorrectionSupport CorrectionMode = "support"
)

// Correction is the right to correct approved real-name information that cannot pass the face check. From is
// included and Before excluded; a zero end leaves the window open on that side.
type Correction struct {
	Mode         CorrectionMode
	From, Before time.Time
}

// Allows reports whether the merchant may correct at the instant, having done so used times before. Corrections
// by support are not the merchant's right and are judged elsewhere.
func (c Correction) Allows(at time.Time, used int) bool {
	if !(Interval{From: c.From, Before: c.Before}).Contains(at) {
		return false
	}
	switch c.Mode {
	case CorrectionFree:
		return true
	case CorrectionOnce:
		return used <= 0
	case CorrectionSupport:
		return false
	default:
		return false
	}
}

// Approval says who approves real-name information that passed every automatic check.
type Approval string

const (
	// ApproveAutomatic: the checks themselves.
	ApproveAutomatic Approval = "automatic"
	// ApproveReviewer: a reviewer. The empty value means the same.
	ApproveReviewer Approval = "reviewer"
)

// Duplicate says what becomes of a document number that another account already holds.
type Duplicate string

const (
	// DuplicateReject: the review refuses it.
	DuplicateReject Duplicate = "reject"
	// DuplicateReviewer: a reviewer decides. The empty value means the same.
	DuplicateReviewer Duplicate = "reviewer"
)

// Review says which automatic outcomes of the real-name review need a reviewer. The zero value is the cautious
// one, but for the age: zero sets no minimum.
type Review struct {
	Approve         Approval
	MinimumAge      int // full years on the day of the review
	DuplicateNumber Duplicate
}
