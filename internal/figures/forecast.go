package figures

import (
	"math"
	"slices"
	"time"
)

const (
	paceDays     = 7  // whole days that the pace is taken of
	historyDays  = 30 // of a burn-down
	forecastDays = 90 // at most
)

// paceOf is the pace of the accounts verified on each of some days.
func paceOf(days []int64) *Pace {
	sorted := slices.Sorted(slices.Values(days))
	return &Pace{Days: days, Median: sorted[len(sorted)/2], Least: sorted[0], Most: sorted[len(sorted)-1]}
}

// left is how many of the accounts are not verified after a time at so many a day.
func left(unverified, aDay int64, after time.Duration) int64 {
	verified := math.Floor(float64(aDay) * after.Hours() / 24)
	return max(0, unverified-int64(verified))
}

// forecast goes on from an instant at the pace: at every midnight until an instant, and then.
func forecast(unverified int64, p *Pace, from, until time.Time, zone *time.Location) []ForecastPoint {
	points := []ForecastPoint{}
	add := func(at time.Time) {
		after := at.Sub(from)
		points = append(points, ForecastPoint{
			At: at.In(zone), Expected: left(unverified, p.Median, after), Least: left(unverified, p.Most, after), Most: left(unverified, p.Least, after),
		})
	}
	add(from)
	year, month, day := from.In(zone).Date()
	for n := 1; n <= forecastDays; n++ {
		midnight := time.Date(year, month, day+n, 0, 0, 0, 0, zone)
		if !midnight.Before(until) {
			add(until)
			return points
		}
		add(midnight)
	}
	return points
}

// expect applies a forecast to those who would be blocked: who verifies is as likely to be one of them as any.
func (e *Enforcement) expect(unverified int64, p *Pace, from time.Time) {
	share := func(aDay int64) int64 {
		if unverified == 0 {
			return e.IfNothing
		}
		rest := float64(left(unverified, aDay, e.At.Sub(from))) / float64(unverified)
		return int64(math.Round(float64(e.IfNothing) * rest))
	}
	if p == nil {
		p = &Pace{}
	}
	e.Expected, e.Least, e.Most = share(p.Median), share(p.Most), share(p.Least)
}
