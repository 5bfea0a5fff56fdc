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
	EndedAt time.Time // withdrawn, or ended by a revocation; zero while nothing of this happened
}

// Details holds what is told of one account beside its fold: all of its log, attempts and consents.
type Details interface {
	// Entries returns a page of an account's log.
	Entries(ctx context.Context, accountID string, f EntryFilter) ([]Entry, error)
	// AttemptsOf returns the newest MostDetails attempts, oldest first.
	AttemptsOf(ctx context.Context, accountID string) ([]AttemptRecord, error)
	// ConsentsOf returns the newest MostDetails consents, oldest first.
	ConsentsOf(ctx context.Context, accountID string) ([]ConsentRecord, error)
}
