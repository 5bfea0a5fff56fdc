package store

import (
	"context"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// MostDetails bounds AttemptsOf and ConsentsOf: the newest so many of an account.
const MostDetails = 500

// EntryFilter selects entries of an account's log; empty fields do not filter.
type EntryFilter struct {
	Events []lifecycle.Event
	Newest bool  // newest first instead of oldest first
	Beyond int64 // sequence number of the last entry of the page before, 0 for the first page
	Limit  int   // 1 to 1000
}

// AttemptRecord is an attempt with the QR codes that were shown for it.
type AttemptRecord struct {
	lifecycle.Attempt
	Leases     []lifecycle.Lease // oldest first
	ReturnedAt time.Time         // when the merchant's phone came back from the provider, zero if it was not seen to
}

// ConsentRecord is a consent with its end.
type ConsentRecord struct {
	lifecycle.Consent
	EndedAt      time.Time // withdrawn, or ended by a revocation; zero while nothing of this happened
	EndedVia     EndedVia  // how; empty while it is not ended, and where that was not yet written down
	SupersededBy string    // id of the next consent of the same kind, empty if there is none
}

// EndedVia says by which way a consent was ended.
type EndedVia string

const (
	EndedOnPage  EndedVia = "page"   // the person withdrew it on the merchant pages
	EndedByAPI   EndedVia = "api"    // an account service withdrew it for the person
	EndedByCause EndedVia = "revoke" // the verification was revoked, and the consents to it with it
)

// Answer is what somebody said to a text.
type Answer string

const (
	AnswerRefused Answer = "refused"
	AnswerAgreed  Answer = "agreed"
)

// ConsentNote is an answer to a text that is no step of the verification: a refusal, or a consent to pictures being
// processed. Of one answer of an account to a version only the first one of a Beijing day is kept, so that asking again
// after a refusal, or its absence, can be seen.
type ConsentNote struct {
	AccountID string
	Answer    Answer
	Consent   lifecycle.Consent // AgreedAt is when it was answered
}

// LogLine is an entry as it is stored: what its hash was made of.
type LogLine struct {
	Seq        int64
	Position   int64 // among the entries of all accounts
	RecordedAt time.Time
	Text       []byte // the entry
	Hash       []byte // see EntryHash
}

// Details holds what is told of one account beside its fold: all of its log, attempts and consents.
type Details interface {
	// Entries returns a page of an account's log.
	Entries(ctx context.Context, accountID string, f EntryFilter) ([]Entry, error)
	// AttemptsOf returns the newest MostDetails attempts, oldest first.
	AttemptsOf(ctx context.Context, accountID string) ([]AttemptRecord, error)
	// ConsentsOf returns the newest MostDetails consents of the log, oldest first.
	ConsentsOf(ctx context.Context, accountID string) ([]ConsentRecord, error)
	// NoteConsent keeps an answer; first is false if it was there. ErrNotFound if the account is not registered.
	NoteConsent(ctx context.Context, n ConsentNote) (first bool, err error)
	// ConsentNotes returns the newest MostDetails answers, oldest first.
	ConsentNotes(ctx context.Context, accountID string) ([]ConsentNote, error)
	// LogLines returns up to limit (1 to 1000) entries after a sequence number as they are stored, oldest first.
	LogLines(ctx context.Context, accountID string, after int64, limit int) ([]LogLine, error)
}
