package lifecycle

import "time"

// Limits are the figures that a deployment sets for attempts.
type Limits struct {
	AttemptsPerDay int           `json:"attempts_per_day"` // new provider orders per Beijing calendar day
	Lease          time.Duration `json:"lease"`            // how long one QR is shown
}

// DefaultLimits are five attempts a day and ten minutes a QR.
func DefaultLimits() Limits { return Limits{AttemptsPerDay: 5, Lease: 10 * time.Minute} }

// Beijing returns UTC+8. A fixed offset suffices where only present days are counted: mainland China has
// kept it without daylight saving time since 1991.
func Beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// NextDay returns the Beijing midnight after at.
func NextDay(at time.Time) time.Time {
	y, m, d := at.In(Beijing()).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, Beijing())
}

// AttemptsUsed counts the attempts of the Beijing day of at that weigh against the limit.
func (v Verification) AttemptsUsed(at time.Time) int {
	used, end := 0, NextDay(at)
	start := end.AddDate(0, 0, -1)
	for _, a := range v.Attempts {
		if !a.StartedAt.Before(start) && a.StartedAt.Before(end) && a.StartedAt.After(v.CountFrom) {
			used++
		}
	}
	return used
}

// AttemptsLeft returns how many new attempts may begin on the Beijing day of at.
func (v Verification) AttemptsLeft(limits Limits, at time.Time) int {
	return max(0, limits.AttemptsPerDay-v.AttemptsUsed(at))
}

// Attempt returns the attempt with that id, nil if it is unknown or long over.
func (v Verification) Attempt(id string) *Attempt {
	for i := range v.Attempts {
		if v.Attempts[i].ID == id {
			return &v.Attempts[i]
		}
	}
	return nil
}

// Counts reports whether a pass of a would verify: it is of the present information and consent.
func (v Verification) Counts(a Attempt) bool {
	return a.Revision == v.Revision && a.Generation == v.Generation
}

// Watched returns the attempts whose pass would still verify and that the provider can still pass at that
// instant, newest last. A failed attempt is among them: the provider may yet change its mind.
func (v Verification) Watched(at time.Time) []Attempt {
	if v.State == Verified {
		return nil
	}
	var watched []Attempt
	for _, a := range v.Attempts {
		if v.Counts(a) && a.Result != AttemptPassed && at.Before(a.EndsAt) {
			watched = append(watched, a)
		}
	}
	return watched
}

// Live returns the attempt for which another lease may be shown, nil if a new one is needed.
func (v Verification) Live(at time.Time) *Attempt {
	if n := len(v.Attempts); n > 0 {
		if a := v.Attempts[n-1]; v.Counts(a) && a.Result == "" && at.Before(a.EndsAt) {
			return &a
		}
	}
	return nil
}

// AttemptedUnder reports whether an attempt was made under the present real-name revision.
func (v Verification) AttemptedUnder() bool {
	for _, a := range v.Attempts {
		if a.Revision == v.Revision {
			return true
		}
	}
	return false
}

// mayUpdate reports whether approved information may still be replaced by a plain submit: no attempt was made with
// it, or there is none (an imported approval).
func (v Verification) mayUpdate() bool {
	return v.State != Approved || v.Identity == nil || !v.AttemptedUnder()
}
