package store

import (
	"context"
	"slices"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// Queue is where accounts wait for a person's decision.
type Queue string

const (
	QueueReview Queue = "review" // real-name information under review
	QueueManual Queue = "manual" // evidence of the route without a face
)

// Queues lists every queue.
func Queues() []Queue { return []Queue{QueueReview, QueueManual} }

// QueueOf returns the queue in which accounts of a state wait, empty if they do not.
func QueueOf(s lifecycle.State) Queue {
	if i := slices.IndexFunc(Queues(), func(q Queue) bool { return q.State() == s }); i >= 0 {
		return Queues()[i]
	}
	return ""
}

// State is the state of the accounts in a queue.
func (q Queue) State() lifecycle.State {
	if q == QueueManual {
		return lifecycle.ManualReview
	}
	return lifecycle.UnderReview
}

// ReviewClaim is somebody's lease of a case: until it ends, nobody else decides. It ends by itself, and with the case.
type ReviewClaim struct {
	Holder    string // id of a person or key; empty: nobody
	At, Until time.Time
}

// Holds reports whether a claim holds at an instant.
func (c ReviewClaim) Holds(at time.Time) bool { return c.Holder != "" && at.Before(c.Until) }

// ClaimedError means that somebody else holds the case.
type ClaimedError struct{ Claim ReviewClaim }

func (*ClaimedError) Error() string { return "store: the case is claimed by somebody else" }

// ReviewCase is an account that waits in a queue.
type ReviewCase struct {
	AccountID   string
	Queue       Queue
	Since       time.Time
	Seq         int64 // of the log entry that brought it into the queue: it names the case
	Revision    int   // of the real-name information
	Findings    []string
	Risk        int         // 0 to 100: see RiskOf
	Claim       ReviewClaim // the last one; it may have ended
	EscalatedAt time.Time   // zero: it was not
	EscalatedBy string
	ApprovedAt  time.Time // of the first of two approvals; zero: there is none
	ApprovedBy  string
}

// Case is what a decision on it names.
func (c ReviewCase) Case() lifecycle.Case {
	return lifecycle.Case{Since: c.Since, Revision: c.Revision}
}

// Codes of findings that neither the checks of real-name information nor a person made.
const (
	findingDuplicateNumber = "duplicate_number"
	findingPolicy          = "policy_requires_reviewer"
	// FindingFaceFailed: on the manual route, a face verification of the last two days failed.
	FindingFaceFailed = "face_failed"
)

// MaxRisk is the highest risk.
const MaxRisk = 100

// RiskOf adds up what the findings weigh. It orders a queue and decides nothing.
func RiskOf(findings []string) int {
	sum := 0
	for _, code := range findings {
		sum += weightOf(code)
	}
	return min(sum, MaxRisk)
}

// weightOf is what one finding adds to the risk.
func weightOf(code string) int {
	switch code {
	case findingDuplicateNumber:
		return 60 // somebody uses a person's number twice
	case realname.FindingUnderAge, realname.FindingAgeUnknown:
		return 30
	case realname.FindingNameUnusual:
		return 15
	case realname.FindingNameTooLong:
		return 10 // the provider cannot take it; that is no suspicion
	case findingPolicy:
		return 0 // every case has it
	default:
		return 20 // among them FindingFaceFailed, and what a later version finds
	}
}

// ReviewOrder is how a queue is ordered.
type ReviewOrder string

const (
	OldestFirst ReviewOrder = "oldest"
	ByRisk      ReviewOrder = "risk" // the highest first, and the oldest of these
)

// ReviewFilter selects cases of one queue; empty fields do not filter.
type ReviewFilter struct {
	Queue     Queue
	Within    AccountSet
	Order     ReviewOrder
	Now       time.Time // at which claims are judged
	Free      bool      // nobody holds it
	Held      bool      // somebody does
	Holder    string    // this one does
	Escalated bool
	After, To time.Time   // came into the queue after the one, and not after the other
	Place     ReviewPlace // of the last case of the page before
	Limit     int         // 1 to 500
}

// ReviewPlace is where a case stands in either order.
type ReviewPlace struct {
	Risk      int
	Since     time.Time
	AccountID string
}

// NextReview says which case is wanted next.
type NextReview struct {
	Queue     Queue
	Within    AccountSet
	Order     ReviewOrder
	Escalated bool // only escalated cases; otherwise only others
}

// ReviewAct is what a reviewer did with a case that is no change of the account.
type ReviewAct string

const (
	ReviewEscalated ReviewAct = "escalated"
	ReviewApproved  ReviewAct = "approved" // the first of two approvals
)

// ReviewStep is one such act.
type ReviewStep struct {
	AccountID  string
	CaseSeq    int64 // ReviewCase.Seq
	Act        ReviewAct
	At         time.Time
	RecordedAt time.Time // set by the store
	Actor      string    // id of a person or key
	Code       string    // why, as a code
	NoteRef    string    // of the vault: why, in words
	ChangeID   string    // the same again writes nothing
	// Seen is judged with it, as by Log.Append; nil: nothing is. It is not kept.
	Seen *lifecycle.Seen
	// TakenBackAt is when newer evidence took the first of two approvals back; zero: it was not.
	TakenBackAt time.Time
}

// SameIdentity is another account with the same document number.
type SameIdentity struct {
	AccountID string
	State     lifecycle.State
}

// Reviews holds the queues. Cases come and go with the log: see Log.Append.
type Reviews interface {
	Reviews(ctx context.Context, f ReviewFilter) ([]ReviewCase, error)
	// CountReviews counts what a filter selects, up to most.
	CountReviews(ctx context.Context, f ReviewFilter, most int) (int, error)
	// ReviewCase returns ErrNotFound if the account waits in no queue.
	ReviewCase(ctx context.Context, accountID string) (ReviewCase, error)
	// ClaimReview takes a case, or renews the claim of its holder; fresh tells the first from the second. An empty queue
	// is any. *ClaimedError if somebody else holds it at c.At, ErrNotFound if it does not wait in that queue.
	ClaimReview(ctx context.Context, accountID string, queue Queue, c ReviewClaim) (taken ReviewCase, fresh bool, err error)
	// ClaimNextReview takes the first case that nobody holds and that the claimer has not approved already. What the
	// claimer gave back last comes after everything else. ErrNotFound if there is none.
	ClaimNextReview(ctx context.Context, next NextReview, c ReviewClaim) (ReviewCase, error)
	// ReleaseReview ends the holder's claim; one that has ended already is no error. returned says that the case should
	// not be the next one of the same person. *ClaimedError if somebody else holds it.
	ReleaseReview(ctx context.Context, accountID, holder string, at time.Time, returned bool) (ReviewCase, error)
	// StepReview records an act and ends the actor's claim. *ClaimedError if somebody else holds the case, ErrNotFound if
	// the account does not wait with this case any more, ErrConflict if somebody approved it already, a
	// *lifecycle.Refusal if what it was made on is no longer so.
	StepReview(ctx context.Context, s ReviewStep) (ReviewStep, error)
	// ReviewSteps returns the acts on all cases of an account, oldest first.
	ReviewSteps(ctx context.Context, accountID string) ([]ReviewStep, error)
	// SameIdentity returns up to limit other accounts whose information has the same document number, whatever their state.
	SameIdentity(ctx context.Context, accountID string, limit int) ([]SameIdentity, error)
}
