package policy

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Reminders says when the accounts of a rule are reminded of its deadline, whether or not anybody logs in. Times of
// day are those of the policy's zone.
type Reminders struct {
	Before []time.Duration // how long before the deadline; whole days are days of the zone's calendar
	After  Repeat          // and after it
	Quiet  Quiet
	// Jitter spreads the reminders of one milestone over this time, for each account at its own and the same place.
	Jitter time.Duration
	// PerSecond is how many reminders go out in a second at most.
	PerSecond int
}

// Repeat is a reminder every so long, so many times; the zero Repeat is none.
type Repeat struct {
	Every time.Duration
	Times int
}

// Quiet is the part of each day in which nobody is reminded, from From (included) to Until (excluded), over midnight
// if Until is the earlier. Equal ones are no quiet hours.
type Quiet struct {
	From, Until TimeOfDay
}

// TimeOfDay is a time of day in minutes since midnight.
type TimeOfDay int

// Milestone is one of the instants at which a rule reminds an account, before quiet hours and jitter.
type Milestone struct {
	ID    string    // such as P3D, three days before the deadline, or +P7D, seven days after it
	At    time.Time // in the zone of the policy
	Until time.Time // from when on it is no longer true: the next milestone, or the deadline
}

// Reminder is the milestone that a rule has reached for an account. Every instant is in the zone of the policy.
type Reminder struct {
	Milestone
	PolicyName    string
	PolicyVersion int
	RuleID        string
	Deadline      time.Time // the account's own, extensions counted
	From          time.Time // the first instant, no earlier than the one asked about, at which it may be sent
	PerSecond     int
}

// Due reports whether the reminder may be sent at the instant for which it was asked.
func (r Reminder) Due(at time.Time) bool { return !r.From.After(at) && at.Before(r.Until) }

// OpenReminders returns the milestones that the rules of the set have reached for the account at the instant, the most
// urgent deadline first and at most one of each rule: who was not reminded in time is reminded late, but only until the
// next milestone comes. Some may have to wait, for the account's place in the jitter or for the end of quiet hours.
//
// Nobody is reminded who has no step to take (who is verified, waits for somebody else, is locked or closed), whom the
// rule does not cover or does not yet ask, or of a milestone from before the account was registered. Rules that only
// observe remind nobody.
func OpenReminders(set *Set, account Account, standing lifecycle.Standing, extensions []Extension, at time.Time) []Reminder {
	if set == nil || account.Closed(at) || requiredStep(standing.State) == StepWait {
		return nil
	}
	q, instant := set.ask(&account, &standing, extensions), momentOf(at)
	var open []Reminder
	for i := range set.rules {
		r := &set.rules[i]
		if !r.reminds(&q, instant) {
			continue
		}
		if found, ok := r.reached(&q, at); ok {
			open = append(open, found)
		}
	}
	slices.SortStableFunc(open, func(a, b Reminder) int { return a.Deadline.Compare(b.Deadline) })
	return open
}

// DueReminders is OpenReminders without those that have to wait.
func DueReminders(set *Set, account Account, standing lifecycle.Standing, extensions []Extension, at time.Time) []Reminder {
	return slices.DeleteFunc(OpenReminders(set, account, standing, extensions, at), func(r Reminder) bool { return !r.Due(at) })
}

func (r *rule) reminds(q *question, at moment) bool {
	if r.reminders == nil || r.observes || r.blocksFrom.isZero() || !r.cohort.covers(&q.who) {
		return false
	}
	p := r.phase(at)
	return p != nil && !p.optional
}

// reached returns the last milestone before the instant, if it still holds.
func (r *rule) reached(q *question, at time.Time) (Reminder, bool) {
	zone := r.policy.Zone
	deadline := r.deadline(q, momentOf(at)).in(zone)
	all := r.reminders.Milestones(deadline)
	next, _ := slices.BinarySearchFunc(all, at, func(m Milestone, t time.Time) int {
		if m.At.After(t) {
			return 1
		}
		return -1
	})
	if next == 0 {
		return Reminder{}, false
	}
	m := all[next-1]
	if !at.Before(m.Until) || m.At.Before(q.account.RegisteredAt) {
		return Reminder{}, false
	}
	from := r.reminders.Quiet.end(m.At).Add(r.reminders.place(q.account.ID, r.id, m.ID))
	if from.Before(at) {
		from = at.In(zone)
	}
	return Reminder{
		Milestone: m, PolicyName: r.policy.Name, PolicyVersion: r.policy.Version, RuleID: r.id, Deadline: deadline,
		From: r.reminders.Quiet.end(from), PerSecond: r.reminders.PerSecond,
	}, true
}

// Milestones returns every milestone of a deadline, ascending, in the deadline's own zone.
func (r *Reminders) Milestones(deadline time.Time) []Milestone {
	var all []Milestone
	for _, d := range r.Before {
		all = append(all, Milestone{ID: isoDuration(d), At: shift(deadline, -d), Until: deadline})
	}
	slices.SortFunc(all, func(a, b Milestone) int { return a.At.Compare(b.At) })
	for i := 1; i < len(all); i++ {
		all[i-1].Until = all[i].At
	}
	for i := 1; i <= r.After.Times; i++ {
		d := time.Duration(i) * r.After.Every
		all = append(all, Milestone{ID: "+" + isoDuration(d), At: shift(deadline, d), Until: shift(deadline, d+r.After.Every)})
	}
	return all
}

const day = 24 * time.Hour

// shift moves an instant; whole days keep the time of day, whatever the zone's clocks do between.
func shift(t time.Time, d time.Duration) time.Time {
	if d%day == 0 {
		return t.AddDate(0, 0, int(d/day))
	}
	return t.Add(d)
}

// end returns t, or the end of the quiet hours in which t lies.
func (q Quiet) end(t time.Time) time.Time {
	if !q.holds(t) {
		return t
	}
	y, m, d := t.Date()
	if q.Until <= timeOfDay(t) {
		d++
	}
	end := time.Date(y, m, d, 0, int(q.Until), 0, 0, t.Location())
	if end.Before(t) { // clocks are put back, and the time of day comes twice
		return t
	}
	return end
}

// holds reports whether the instant, in its own zone, lies in quiet hours.
func (q Quiet) holds(t time.Time) bool {
	now := timeOfDay(t)
	if q.From <= q.Until {
		return q.From <= now && now < q.Until
	}
	return now >= q.From || now < q.Until
}

func timeOfDay(t time.Time) TimeOfDay { return TimeOfDay(t.Hour()*60 + t.Minute()) }

// place is where in the jitter the account stands.
func (r *Reminders) place(account, rule, milestone string) time.Duration {
	if r.Jitter < time.Second {
		return 0
	}
	h := fnv.New64a()
	for _, part := range []string{account, rule, milestone} {
		_, _ = h.Write([]byte(part)) // never fails
		_, _ = h.Write([]byte{0})
	}
	// FNV's last bytes move its low bits most; the multiplication spreads them over the high ones.
	spread := h.Sum64() * 0x9E3779B97F4A7C15 >> 32
	return time.Duration(spread%uint64(r.Jitter/time.Second)) * time.Second //nolint:gosec // below the jitter
}

// isoDuration writes a positive duration of whole minutes as in ISO 8601.
func isoDuration(d time.Duration) string {
	if d%day == 0 {
		return "P" + strconv.Itoa(int(d/day)) + "D"
	}
	var b strings.Builder
	b.WriteString("PT")
	if h := int(d / time.Hour); h > 0 {
		b.WriteString(strconv.Itoa(h) + "H")
	}
	if m := int(d % time.Hour / time.Minute); m > 0 {
		b.WriteString(strconv.Itoa(m) + "M")
	}
	return b.String()
}

func (r *Reminders) clone() *Reminders {
	if r == nil {
		return nil
	}
	c := *r
	c.Before = slices.Clone(r.Before)
	return &c
}
