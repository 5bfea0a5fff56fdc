package policy

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Bounds of the reminders of a rule.
const (
	MaxReminders = 20              // Reminders.Before, and Repeat.Times
	MaxReminder  = 366 * day       // each of Before, and Every
	MinReminder  = time.Hour       // likewise
	MaxJitter    = 12 * time.Hour  // Reminders.Jitter
	MaxPerSecond = 1000            // Reminders.PerSecond
	minutesOfDay = TimeOfDay(1440) // and the first that is no time of day
)

func (c *checker) reminders(path string, r *Rule) {
	m := r.Reminders
	if m == nil {
		return
	}
	c.that(slices.ContainsFunc(r.Phases, func(p Phase) bool { return p.blocks() }), path,
		"the rule never blocks anything, so it has no deadline to remind of; remove them or block an action")
	c.that(len(m.Before) > 0 || m.After != Repeat{}, path, "must name at least one reminder, in before or in after")
	if c.that(len(m.Before) <= MaxReminders, path+".before", "must hold at most %d reminders", MaxReminders) {
		for i, d := range m.Before {
			at := path + ".before[" + strconv.Itoa(i) + "]"
			c.reminder(at, d)
			c.that(!slices.Contains(m.Before[:i], d), at, "is named twice; remove one")
		}
	}
	if m.After != (Repeat{}) {
		c.reminder(path+".after.every", m.After.Every)
		c.that(m.After.Times >= 1 && m.After.Times <= MaxReminders, path+".after.times", "must be a whole number from 1 to %d", MaxReminders)
	}
	for _, t := range []struct {
		key string
		at  TimeOfDay
	}{{"from", m.Quiet.From}, {"until", m.Quiet.Until}} {
		c.that(t.at >= 0 && t.at < minutesOfDay, path+".quiet."+t.key, "must be a time of day such as 21:00")
	}
	c.that(m.Jitter >= 0 && m.Jitter <= MaxJitter && m.Jitter <= m.closest(), path+".jitter",
		"must be 0 to %s, and no longer than the time between two reminders", MaxJitter)
	c.that(m.PerSecond >= 1 && m.PerSecond <= MaxPerSecond, path+".per_second", "must be a whole number from 1 to %d", MaxPerSecond)
}

func (c *checker) reminder(path string, d time.Duration) {
	c.that(d >= MinReminder && d <= MaxReminder && d%time.Minute == 0, path, "must be whole minutes, from 1h to %s", days(MaxReminder))
}

// closest is the shortest time between two reminders, or between one and the deadline.
func (r *Reminders) closest() time.Duration {
	instants := append([]time.Duration{0}, r.Before...)
	slices.SortFunc(instants, cmp.Compare[time.Duration])
	least := MaxJitter
	for i := 1; i < len(instants); i++ {
		if gap := instants[i] - instants[i-1]; gap > 0 {
			least = min(least, gap)
		}
	}
	if r.After.Every > 0 {
		least = min(least, r.After.Every)
	}
	return least
}

func (p *Phase) blocks() bool {
	for _, e := range p.Effects {
		if e == Block {
			return true
		}
	}
	return false
}
