package figures

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// workers are the ranges of accounts that are read at a time: the readers and the processor are the gate's first.
const workers = 2

// pass counts the population for one snapshot of the rules.
type pass struct {
	now         time.Time
	zone        *time.Location
	today, then *impact.Plan // then is of the next enforcement; nil without one
	next, last  *begins
	days        []time.Time // of the burn-down, the last one is now
	midnights   []time.Time // that part the days of the pace
}

func newPass(published *rulebook.Snapshot, now time.Time) (*pass, error) {
	p := &pass{now: now, zone: lifecycle.Beijing()}
	force, err := published.InForce(now, store.Would)
	if err != nil {
		return nil, err
	}
	if force.Zone != nil {
		p.zone = force.Zone
	}
	if p.last, p.next, err = enforcements(published, now); err != nil {
		return nil, err
	}
	if p.today, err = impact.NewPlan(published, impact.Question{From: now, At: now, Alone: true}); err != nil {
		return nil, err
	}
	if p.next != nil {
		if p.then, err = impact.NewPlan(published, impact.Question{From: now, At: p.next.at, Alone: true}); err != nil {
			return nil, err
		}
	}
	year, month, day := now.In(p.zone).Date()
	for n := historyDays - 1; n >= 0; n-- {
		p.days = append(p.days, time.Date(year, month, day-n, 0, 0, 0, 0, p.zone))
	}
	p.midnights = p.days[len(p.days)-paceDays-1:]
	if !p.days[len(p.days)-1].Equal(now) {
		p.days = append(p.days, now.In(p.zone))
	}
	return p, nil
}

// counts is what one range of the population came to.
type counts struct {
	pass        *pass
	today, then impact.Counter
	states      map[lifecycle.State]int64
	covered     int64
	unverified  int64
	blocked     int64
	newly       int64   // blocked at the next enforcement and not now
	differences []int64 // of the burn-down, from day to day
	verified    []int64 // on the days of the pace
	known       bool    // some account was covered when the pace's days began
	ages        []int64
	oldest      time.Time
}

func (p *pass) counts() *counts {
	c := &counts{
		pass: p, today: p.today.Counter(), states: map[lifecycle.State]int64{},
		differences: make([]int64, len(p.days)+1), verified: make([]int64, paceDays), ages: make([]int64, len(ages())),
	}
	if p.then != nil {
		c.then = p.then.Counter()
	}
	return c
}

func (c *counts) account(f *store.Facts) {
	class, open := c.today.Add(f)
	if c.pass.then != nil {
		if then, _ := c.then.Add(f); then == impact.Blocked && class != impact.Blocked {
			c.newly++
		}
	}
	if !open {
		return
	}
	switch f.Standing.State {
	case lifecycle.Submitted, lifecycle.UnderReview, lifecycle.ManualReview:
		c.wait(f.Standing.TurnSince)
	default:
	}
	if class == impact.NotCovered {
		return
	}
	c.covered++
	c.states[f.Standing.State]++
	if class == impact.Blocked {
		c.blocked++
	}
	c.history(f, c.verifiedBy(f, class))
}

// verifiedBy is since when the account counts as verified by every rule that covers it, zero if it does not.
func (c *counts) verifiedBy(f *store.Facts, class impact.Class) time.Time {
	if class != impact.Verified {
		return time.Time{}
	}
	return f.Standing.VerifiedAt
}

// history counts the account on the days on which it was registered and not verified.
func (c *counts) history(f *store.Facts, verified time.Time) {
	from, until := c.day(f.Account.RegisteredAt), len(c.pass.days)
	if verified.IsZero() {
		c.unverified++
	} else {
		until = c.day(verified)
	}
	if from < until {
		c.differences[from]++
		c.differences[until]--
	}
	first := c.pass.midnights[0]
	c.known = c.known || !f.Account.RegisteredAt.After(first)
	if verified.IsZero() || verified.Before(first) || !verified.Before(c.pass.midnights[paceDays]) {
		return
	}
	day, exact := slices.BinarySearchFunc(c.pass.midnights, verified, time.Time.Compare)
	if !exact {
		day--
	}
	c.verified[day]++
}

// day is the first day of the burn-down at or after an instant.
func (c *counts) day(at time.Time) int {
	day, _ := slices.BinarySearchFunc(c.pass.days, at, time.Time.Compare)
	return day
}

func (c *counts) wait(since time.Time) {
	waited := c.pass.now.Sub(since)
	class := len(c.ages) - 1
	for class > 0 && waited < time.Duration(ages()[class].FromHours)*time.Hour {
		class--
	}
	c.ages[class]++
	if c.oldest.IsZero() || since.Before(c.oldest) {
		c.oldest = since
	}
}

func (c *counts) join(o *counts) {
	c.today.Join(o.today)
	if c.pass.then != nil {
		c.then.Join(o.then)
	}
	for state, n := range o.states {
		c.states[state] += n
	}
	c.covered, c.unverified, c.blocked, c.newly = c.covered+o.covered, c.unverified+o.unverified, c.blocked+o.blocked, c.newly+o.newly
	for to, from := range map[*[]int64][]int64{&c.differences: o.differences, &c.verified: o.verified, &c.ages: o.ages} {
		for i := range from {
			(*to)[i] += from[i]
		}
	}
	c.known = c.known || o.known
	if c.oldest.IsZero() || !o.oldest.IsZero() && o.oldest.Before(c.oldest) {
		c.oldest = o.oldest
	}
}

// ages are the classes of age, without accounts.
func ages() []AgeClass {
	bounds := []int{0, 2, 8, 24, 72}
	all := make([]AgeClass, len(bounds))
	for i, from := range bounds {
		all[i] = AgeClass{FromHours: from, Name: fmt.Sprintf("%dh+", from)}
		if i+1 < len(bounds) {
			to := bounds[i+1]
			all[i].ToHours, all[i].Name = &to, fmt.Sprintf("%d-%dh", from, to)
		}
	}
	return all
}

// population makes a pass over every account.
func population(ctx context.Context, source impact.Source, p *pass) (*Population, error) {
	var ranges []*counts
	err := impact.Walk(ctx, source, workers, func() func(*store.Facts) {
		c := p.counts()
		ranges = append(ranges, c)
		return c.account
	})
	if err != nil {
		return nil, err
	}
	all := p.counts()
	for _, c := range ranges {
		all.join(c)
	}
	return all.population(), nil
}

func (c *counts) population() *Population {
	today := c.today.Preview()
	v := &Population{
		At: c.pass.now.In(c.pass.zone), Accounts: today.Open, Covered: c.covered, Unverified: c.unverified, Blocked: c.blocked,
		Funnel: funnel(c.states), Rules: []RuleFigures{}, Backlog: c.backlog(), BurnDown: c.burnDown(),
	}
	for i := range today.Rules {
		r := &today.Rules[i]
		if !r.InForce {
			continue
		}
		covered := today.Open - r.Counts.NotCovered
		v.Rules = append(v.Rules, RuleFigures{
			Policy: r.Policy, Rule: r.Rule, Observes: r.Observes, Covered: covered, Unverified: covered - r.Counts.Verified,
			Extended: r.Counts.Extended, Grace: r.Counts.Grace, Blocked: r.Counts.Blocked,
		})
	}
	if c.pass.last != nil {
		at := c.pass.last.at.In(c.pass.zone)
		v.EnforcedAt = &at
	}
	if next := c.pass.next; next != nil {
		then := c.then.Preview()
		e := &Enforcement{
			At: next.at.In(c.pass.zone), Rules: next.rules, Actions: next.actions, IfNothing: then.Total.Blocked, Newly: c.newly,
			Extended: then.Total.Extended, Grace: then.Total.Grace,
		}
		e.expect(c.unverified, v.BurnDown.Pace, c.pass.now)
		v.Enforcement = e
	}
	return v
}

func (c *counts) backlog() ReviewBacklog {
	b := ReviewBacklog{Ages: ages()}
	for i := range b.Ages {
		b.Ages[i].Accounts = c.ages[i]
		b.Waiting += c.ages[i]
	}
	if !c.oldest.IsZero() {
		oldest := c.oldest.In(c.pass.zone)
		b.Oldest = &oldest
	}
	return b
}

func (c *counts) burnDown() BurnDown {
	b := BurnDown{Days: []BurnDownDay{}, Forecast: []ForecastPoint{}}
	var n int64
	for i, at := range c.pass.days {
		n += c.differences[i]
		b.Days = append(b.Days, BurnDownDay{at, n})
	}
	if !c.known {
		return b
	}
	b.Pace = paceOf(c.verified)
	if c.pass.next != nil {
		b.Forecast = forecast(c.unverified, b.Pace, c.pass.now, c.pass.next.at, c.pass.zone)
	}
	return b
}

// funnel is the states in the order of the merchant's way, with how many came as far.
func funnel(states map[lifecycle.State]int64) []FunnelStep {
	steps := []FunnelStep{}
	for _, state := range lifecycle.States() {
		s := FunnelStep{State: state, Accounts: states[state]}
		for other, n := range states {
			if other == state || place(other) > place(state) {
				s.Reached += n
			}
		}
		steps = append(steps, s)
	}
	return steps
}

// place is how far on the way a state lies. States of the same place lie beside each other.
func place(s lifecycle.State) int {
	switch s {
	case lifecycle.Unverified:
		return 0
	case lifecycle.Submitted:
		return 1
	case lifecycle.UnderReview, lifecycle.Rejected:
		return 2
	case lifecycle.Approved, lifecycle.ManualReview:
		return 3
	case lifecycle.QRIssued, lifecycle.FaceFailed, lifecycle.Locked:
		return 4
	case lifecycle.Scanned:
		return 5
	case lifecycle.Verified:
		return 6
	default:
		return 0
	}
}
