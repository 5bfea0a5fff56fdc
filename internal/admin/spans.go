package admin

import (
	"strconv"
	"time"
)

// spans writes how long something took, for pages that embed it beside the frame.
type spans struct{ in *frame }

// Took is a number of seconds in the two units that tell most.
func (s spans) Took(seconds int64) (string, error) {
	d := time.Duration(max(seconds, 0)) * time.Second
	days, hours, minutes := int64(d/(24*time.Hour)), int64(d/time.Hour)%24, int64(d/time.Minute)%60
	switch {
	case days > 0:
		return s.in.T("span.days", "d", days, "h", hours)
	case hours > 0:
		return s.in.T("span.hours", "h", hours, "m", minutes)
	case minutes > 0:
		return s.in.T("span.minutes", "m", minutes, "s", int64(d/time.Second)%60)
	default:
		return s.in.T("span.seconds", "s", int64(d/time.Second))
	}
}

// About is a number of seconds that is known within a few percent, in one unit.
func (s spans) About(seconds int64) (string, error) {
	for _, u := range []struct {
		key  string
		unit float64
	}{{"span.about_days", 24 * 3600}, {"span.about_hours", 3600}, {"span.about_minutes", 60}} {
		if n := float64(seconds) / u.unit; n >= 1 {
			digits := 0
			if n < 10 {
				digits = 1
			}
			return s.in.T(u.key, "n", strconv.FormatFloat(n, 'f', digits, 64))
		}
	}
	return s.in.T("span.seconds", "s", seconds)
}

// percent is a part of a whole, rounded so that neither some looks like none nor most like all.
func percent(part, whole int64) string {
	switch share := 100 * float64(part) / float64(max(whole, 1)); {
	case whole == 0:
		return "–"
	case part > 0 && share < 1:
		return "<1 %"
	case part < whole && share > 99:
		return ">99 %"
	default:
		return strconv.FormatFloat(share, 'f', 0, 64) + " %"
	}
}
