package rehearsal

import (
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// Schedule is when sweeps and reminders run on the real day.
type Schedule struct {
	Daily          time.Duration // after midnight, in the policies' zone: the daily sweep; others when a phase or a version begins
	RemindersEvery time.Duration
}

// DefaultSchedule is that of a deployment which changes nothing.
func DefaultSchedule() Schedule {
	return Schedule{Daily: 10 * time.Minute, RemindersEvery: 15 * time.Minute}
}

// plan knows which runs of sweep and reminders have anything to do, from the facts of every account.
type plan struct {
	from, to  time.Time
	spans     []span
	sweeps    *ticks
	reminders *ticks
	looks     []policy.Look
}

// span is the time in which one set of policies is in force.
type span struct {
	from, until time.Time
	set         *policy.Set
	refs        []policy.RuleRef
}

func newPlan(published *rulebook.Snapshot, s Schedule, from, to time.Time) (*plan, error) {
	p := &plan{from: from, to: to}
	begins := []time.Time{from}
	for _, at := range published.Instants() {
		if at.After(from) && !at.After(to) {
			begins = append(begins, at)
		}
	}
	zone := time.UTC
	always := append([]time.Time(nil), begins...) // at these, a sweep always runs
	for i, at := range begins {
		force, err := published.InForce(at, store.Would)
		if err != nil {
			return nil, err
		}
		next := span{from: at, until: to.Add(1), set: force.Set, refs: force.Set.RuleRefs()}
		if i+1 < len(begins) {
			next.until = begins[i+1]
		}
		if force.Zone != nil && zone == time.UTC {
			zone = force.Zone
		}
		for _, ref := range next.refs {
			for _, phase := range ref.Rule.Phases {
				if !phase.From.Before(next.from) && phase.From.Before(next.until) {
					always = append(always, phase.From)
				}
			}
		}
		p.spans = append(p.spans, next)
	}
	p.sweeps = newTicks(append(s.days(zone, from, to), always...))
	p.reminders = newTicks(s.quarters(from, to))
	for _, at := range always {
		p.sweeps.mark(at)
	}
	p.sweeps.mark(from)
	p.reminders.mark(from)
	return p, nil
}

// days are the instants of the daily sweep.
func (s Schedule) days(zone *time.Location, from, to time.Time) []time.Time {
	var all []time.Time
	year, month, day := from.In(zone).Date()
	for n := 0; ; n++ {
		at := time.Date(year, month, day+n, 0, 0, 0, 0, zone).Add(s.Daily)
		if at.After(to) {
			return all
		}
		if !at.Before(from) {
			all = append(all, at)
		}
	}
}

// quarters are the instants at which reminders run: whole multiples of their interval.
func (s Schedule) quarters(from, to time.Time) []time.Time {
	var all []time.Time
	at := from.Truncate(s.RemindersEvery)
	if at.Before(from) {
		at = at.Add(s.RemindersEvery)
	}
	for ; !at.After(to); at = at.Add(s.RemindersEvery) {
		all = append(all, at)
	}
	return all
}

// next is the instant of the next run that has anything to do, zero if there is none.
func (p *plan) next() time.Time { return earliest(p.sweeps.next(), p.reminders.next()) }

// account marks the runs that may find something to do for an account, from an instant on, if no fact changes.
func (p *plan) account(f *store.Facts, from time.Time) {
	if closes := f.Account.ClosedAt; !closes.Before(from) {
		p.sweeps.mark(closes)
	}
	for _, s := range p.spans {
		if !s.until.After(from) {
			continue
		}
		at := s.from
		if at.Before(from) {
			at = from
		}
		for at.Before(s.until) {
			var next time.Time
			p.looks, next = s.set.Look(&f.Account, &f.Standing, f.Extensions, at, p.looks)
			if next.IsZero() || next.After(s.until) {
				next = s.until
			}
			p.reminded(f, &s, at, next)
			p.sweeps.mark(next)
			at = next
		}
	}
}

// reminded marks the runs that may remind the account between two instants at which a rule can change: of the milestone
// that is reached, and of those that will be.
func (p *plan) reminded(f *store.Facts, s *span, from, until time.Time) {
	p.due(f, s, from)
	for i := range p.looks {
		reminders := s.refs[i].Rule.Reminders
		deadline := p.looks[i].Deadline()
		if reminders == nil || deadline.IsZero() {
			continue
		}
		for _, m := range reminders.Milestones(deadline) {
			if m.At.After(from) && m.At.Before(until) {
				p.due(f, s, m.At)
			}
		}
	}
}

func (p *plan) due(f *store.Facts, s *span, at time.Time) {
	for _, r := range policy.OpenReminders(s.set, f.Account, f.Standing, f.Extensions, at) {
		p.reminders.mark(r.From)
	}
}
