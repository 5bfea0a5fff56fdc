package policy

import "time"

// Levels of a prompt or reminder, by the days left.
const (
	LevelNotice   = "notice"   // more than 7, or there is no deadline
	LevelWarning  = "warning"  // up to 7
	LevelFinal    = "final"    // up to 1
	LevelEnforced = "enforced" // past
)

// Urgency returns the level of a prompt or reminder of a deadline, and how many begun days are left.
func Urgency(deadline, at time.Time) (level string, days int) {
	left := deadline.Sub(at)
	days = max(0, int((left+day-1)/day))
	switch {
	case deadline.IsZero():
		return LevelNotice, 0
	case left <= 0:
		return LevelEnforced, days
	case left <= day:
		return LevelFinal, days
	case left <= 7*day:
		return LevelWarning, days
	default:
		return LevelNotice, days
	}
}
