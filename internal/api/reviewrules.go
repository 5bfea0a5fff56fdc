package api

import (
	"errors"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// ReviewRules are the figures of the queues of reviewers.
type ReviewRules struct {
	SLA       time.Duration // in which a review of real-name information is to be decided; default 24 h
	ManualSLA time.Duration // the same for the manual route; default 72 h
	Lease     time.Duration // of a claim, from the holder's last act; default 15 min
	// SecondApprover keeps an approval on the manual route from taking effect before another person gave one too.
	SecondApprover bool
	Reveals        Rate // of one person or key, of names and numbers in clear; default 120 an hour and 20 at once
}

func (r ReviewRules) withDefaults() ReviewRules {
	set(&r.SLA, 24*time.Hour)
	set(&r.ManualSLA, 72*time.Hour)
	set(&r.Lease, 15*time.Minute)
	set(&r.Reveals, Rate{PerSecond: 120.0 / 3600, Burst: 20})
	return r
}

func (r ReviewRules) validate() error {
	if r.SLA <= 0 || r.ManualSLA <= 0 || r.Lease <= 0 {
		return errors.New("api: Reviews.SLA, ManualSLA and Lease must be positive")
	}
	return nil
}

// sla is how long a case of a queue may wait.
func (r ReviewRules) sla(q store.Queue) time.Duration {
	if q == store.QueueManual {
		return r.ManualSLA
	}
	return r.SLA
}
