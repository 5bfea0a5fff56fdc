package store

import (
	"context"
	"math"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// TallyFor is how long the counts of a Tally are kept.
const TallyFor = 8 * 24 * time.Hour

// Figures holds what a running system tells of itself, by reads that stay small however many accounts there are.
type Figures interface {
	// TallyLog counts up to limit (1 to 1000) entries of the log that nobody has counted yet, oldest first, and returns how
	// many it took. Of two at once one takes them and the other takes none. It begins TallyFor before now.
	TallyLog(ctx context.Context, limit int) (int, error)
	// Tally sums what was counted from the hour of an instant on.
	Tally(ctx context.Context, since time.Time) (Tally, error)
	// Tallied is the instant at which the last entry that was counted was recorded; zero if nothing was counted yet. behind
	// says that there are younger ones.
	Tallied(ctx context.Context) (at time.Time, behind bool, err error)
	// OpenByRule counts the open restrictions.
	OpenByRule(ctx context.Context) ([]RuleCount, error)
	// BlockedSince counts refusals that were the first of their account, action and rule, by action.
	BlockedSince(ctx context.Context, since time.Time) ([]BlockedCount, error)
	// Outstanding counts messages that wait or have failed since an instant.
	Outstanding(ctx context.Context, since time.Time) (Outstanding, error)
}

// Tally is what the log says of a time.
type Tally struct {
	Attempts int64 // begun
	Events   map[lifecycle.Event]int64
	Reasons  map[lifecycle.Event]map[string]int64 // of refusals and failures, by their code
	// Stays is how long accounts were in the states that they left, by StayBin.
	Stays map[lifecycle.State]map[int]int64
}

// RuleCount is accounts under one rule.
type RuleCount struct {
	Policy, Rule string
	Accounts     int64
}

// BlockedCount is refusals of one action.
type BlockedCount struct {
	Action   string
	Refusals int64 // first ones, by rule
	Accounts int64
}

// Outstanding is messages to merchants and to webhooks.
type Outstanding struct {
	NoticesWaiting int64
	NoticesFailed  int64 // since the instant
	WebhooksFailed int64 // deliveries given up since the instant
	// OldestPending is when the longest waiting delivery was queued, zero if none waits.
	OldestPending time.Time
}

// stayStep is how much longer the durations of a bin are than those of the one before.
const stayStep = 1.05

// StayBin is the bin of a duration: bins are five percent wide, from a second on.
func StayBin(d time.Duration) int {
	if d < time.Second {
		return 0
	}
	return 1 + int(math.Log(d.Seconds())/math.Log(stayStep))
}

// StayOf is the middle of a bin.
func StayOf(bin int) time.Duration {
	if bin <= 0 {
		return 0
	}
	return time.Duration(math.Pow(stayStep, float64(bin)-0.5) * float64(time.Second))
}
