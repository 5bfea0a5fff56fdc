package store

import (
	"context"
	"time"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Restriction is one episode in which a rule blocked an account, as it was announced: an entry restrict of the log and,
// once it is over, the entry lift. The gate does not read it.
type Restriction struct {
	AccountID     string
	PolicyName    string
	PolicyVersion int // in force when the episode was opened
	RuleID        string
	Since         time.Time // from which the gate blocks
	Actions       []string  // that the rule blocks, sorted
	Sweep         string    // that opened it, "" if none did
	OpenedSeq     int64     // of the entry restrict
	OpenedAt      time.Time
	RecordedAt    time.Time // of the entry restrict
	LiftedSeq     int64     // of the entry lift, 0 while the episode is open
	LiftedAt      time.Time
	LiftReason    string
}

// Open reports whether the episode is not over.
func (r Restriction) Open() bool { return r.LiftedSeq == 0 }

// EnforceRow is what the judge of an account sees: its facts and its open restrictions, of one moment.
type EnforceRow struct {
	Facts
	Open []Restriction // by policy and rule
}

// Judge says which restrict and lift entries an account needs. It is called more than once per account, within a
// writing transaction too, so it must be pure and quick.
type Judge func(EnforceRow) ([]lifecycle.Change, error)

// EnforcePage chooses the accounts to enforce upon: those named, or those after one and up to another by account id.
type EnforcePage struct {
	AccountIDs  []string // of the only accounts, without doubles; then the next three are not read
	After, Last string   // as in FactsAfter
	Limit       int      // 1 to 10,000
	// Source names who enforces; the ids of the appends are made from it. If it is the id of a sweep on record, the
	// entries are counted there, in the transactions that write them.
	Source string
}

// EnforceResult is what became of a page.
type EnforceResult struct {
	Accounts int                // looked at
	Last     string             // account id of the last one, "" if there was none
	Written  []lifecycle.Change // the entries, by account
}

// RestrictionFilter selects open restrictions for a list; empty fields do not filter.
type RestrictionFilter struct {
	PolicyName string
	RuleID     string
	// The last row of the page before.
	AfterPolicy, AfterRule, AfterAccount string
	Limit                                int // 1 to 500
}

// Restrictions holds what the dated rules block, as episodes, derived from the log.
type Restrictions interface {
	// EnforceRows reads what the judge would see of a page, and writes nothing.
	EnforceRows(ctx context.Context, p EnforcePage) ([]EnforceRow, error)
	// Enforce asks the judge about every account of a page and writes what it wants. Accounts of which it wants nothing
	// cost no writing transaction. The others are read and judged once more in the transaction that writes, some
	// hundred at a time, so no decision is made on facts that have changed. An error leaves what was written before it;
	// the same page again goes on from there. ErrNotFound if an account that was named is not registered.
	Enforce(ctx context.Context, p EnforcePage, judge Judge) (EnforceResult, error)
	// Restrictions returns every episode of an account, oldest first. ErrNotFound if it is not registered.
	Restrictions(ctx context.Context, accountID string) ([]Restriction, error)
	// OpenRestrictions lists what is open now, by policy, rule and account.
	OpenRestrictions(ctx context.Context, f RestrictionFilter) ([]Restriction, error)
}

// Sweep is the record of one sweep.
type Sweep struct {
	ID            string
	PolicyName    string
	PolicyVersion int       // in force when it began
	Instant       time.Time // that it was started for
	DryRun        bool
	Actor         lifecycle.Actor
	Reason        string // a code
	State         contract.SweepState
	Total         int // accounts when it began
	Done          int // accounts looked at
	Restricted    int // entries written; of a dry run, wanted
	Lifted        int
	Counts        []contract.SweepCount // by rule and state
	StartedAt     time.Time
	EndedAt       time.Time // zero until it is over
}

// SweepProgress is what changes in the record of a sweep while it runs.
type SweepProgress struct {
	ID     string
	State  contract.SweepState
	Done   int
	Counts []contract.SweepCount
	At     time.Time
}

// Sweeps holds the records of sweeps.
type Sweeps interface {
	// BeginSweep writes the record of a sweep that begins. The same id again changes nothing and returns the first one.
	BeginSweep(ctx context.Context, s Sweep) (Sweep, error)
	// SaveSweep writes how far a sweep has come. One that has ended stays as it ended. ErrNotFound if it never began.
	SaveSweep(ctx context.Context, p SweepProgress) (Sweep, error)
	// Sweep returns a record, ErrNotFound if there is none.
	Sweep(ctx context.Context, id string) (Sweep, error)
	// Population is the number of accounts.
	Population(ctx context.Context) (int, error)
	// Sweeps lists records, newest first: up to limit (1 to 500), older than the one with the id before, if it is named.
	Sweeps(ctx context.Context, before string, limit int) ([]Sweep, error)
}
