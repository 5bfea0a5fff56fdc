package notify

import (
	"time"

	"github.com/verigate/verigate/internal/store"
)

// waits are the delays after each failed try, as Standard Webhooks has them; after the last one a message is given up.
func waits() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
		24 * time.Hour,
	}
}

// jitter is the share by which a delay is lengthened at most, so that what failed together does not come back together.
const jitter = 0.1

// wait returns how long to wait after so many failed tries, false when no try is left. random is from [0, 1).
func wait(failed int, random float64) (time.Duration, bool) {
	all := waits()
	if failed < 1 || failed > len(all) {
		return 0, false
	}
	d := all[failed-1]
	return d + time.Duration(float64(d)*jitter*random), true
}

const (
	// quiet is the longest time between two failures of one series: longer than the longest delay, so that a single
	// message that fails for days is one series, and two troubles a month apart are two.
	quiet = 30 * time.Hour
	// troubled is how long a webhook fails before it is tried with one message at a time only.
	troubled = time.Minute
	// longestPause bounds the pauses of a webhook that fails.
	longestPause = 5 * time.Minute
	// longestRetryAfter bounds what a receiver may ask for with Retry-After.
	longestRetryAfter = time.Hour
)

// healthAfter returns a webhook's health after some of its deliveries. A success forgets every failure. While it fails
// it is left alone for a quarter of the time that it has been failing, or as long as the receiver asked for.
func healthAfter(h store.WebhookHealth, succeeded bool, retryAfter time.Duration, at time.Time) store.WebhookHealth {
	if succeeded {
		return store.WebhookHealth{}
	}
	if h.FailingSince.IsZero() || at.Sub(h.LastFailureAt) > quiet {
		h.FailingSince = at
	}
	h.LastFailureAt = at
	pause := max(min(at.Sub(h.FailingSince)/4, longestPause), min(retryAfter, longestRetryAfter))
	h.PausedUntil = time.Time{}
	if pause > 0 {
		h.PausedUntil = at.Add(pause)
	}
	return h
}

// probing says that a webhook has failed for so long that one message at a time finds out whether it still does.
func probing(h store.WebhookHealth) bool {
	return !h.FailingSince.IsZero() && h.LastFailureAt.Sub(h.FailingSince) >= troubled
}
