package impact

import (
	"slices"
	"sort"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// counter counts accounts. Each goroutine has its own; they are joined at the end.
type counter struct {
	plan  *Plan
	seen  *counted
	state map[lifecycle.State]int

	looks   []policy.Look // room for Look
	before  []policy.Look // room for what is compared with
	classes []class       // of the account, by place in Plan.rules
	next    []class
}

// counted is what was counted. Its size depends on the rules, the days and MaxChanges, never on the population.
type counted struct {
	open, closed int64
	total        tally
	rules        []ruleCount
	newly        shift
	closings     []int64        // by day: accounts that are closed from that day on
	totalDays    []tally        // by day: how the total differs from the day before
	turns        map[turn]int64 // accounts by what changes when
	pruneAt      int            // number of turns
}

type ruleCount struct {
	states  []tally // by place in lifecycle.States
	actions map[policy.ActionSet]actionCount
	newly   shift
	days    []tally // by day: how the rule's classes differ from the day before
}

// actionCount counts accounts with the same actions prompted or blocked: there are few such sets.
type actionCount struct{ prompted, blocked int64 }

// shift is what changes against the versions in force.
type shift struct{ blocked, released int64 }

// turn is a change from one class to another at an instant.
type turn struct {
	at       instant
	rule     int // place in Plan.rules
	from, to class
}

// instant is a time.Time that compares as a key.
type instant struct {
	sec  int64
	nsec int
}

func instantOf(t time.Time) instant { return instant{t.Unix(), t.Nanosecond()} }

func (i instant) compare(o instant) int {
	if i.sec != o.sec {
		if i.sec < o.sec {
			return -1
		}
		return 1
	}
	return i.nsec - o.nsec
}

func newCounter(p *Plan) *counter {
	c := &counter{
		plan: p, seen: newCounted(p), state: map[lifecycle.State]int{},
		classes: make([]class, len(p.rules)), next: make([]class, len(p.rules)),
	}
	for i, s := range lifecycle.States() {
		c.state[s] = i
	}
	return c
}

func newCounted(p *Plan) *counted {
	seen := &counted{
		rules: make([]ruleCount, len(p.rules)), closings: make([]int64, len(p.days)), totalDays: make([]tally, len(p.days)),
		turns: map[turn]int64{}, pruneAt: minTurns,
	}
	for i := range seen.rules {
		seen.rules[i] = ruleCount{
			states: make([]tally, len(lifecycle.States())), days: make([]tally, len(p.days)),
			actions: map[policy.ActionSet]actionCount{},
		}
	}
	return seen
}

// account counts an account and reports whether it is open at the instant asked for.
func (c *counter) account(f *store.Facts) (open bool) {
	if !c.plan.question.Alone {
		c.course(f)
	}
	if f.Account.Closed(c.plan.question.At) {
		c.seen.closed++
		return false
	}
	c.seen.open++
	c.instant(f)
	return true
}

// instant counts the account at the instant asked for, beside what the versions in force now would say of it then.
func (c *counter) instant(f *store.Facts) {
	p := c.plan
	c.looks, _ = p.at.set.Look(&f.Account, &f.Standing, f.Extensions, p.question.At, c.looks)
	c.before, _ = p.against.set.Look(&f.Account, &f.Standing, f.Extensions, p.question.At, c.before)
	state := c.state[f.Standing.State]
	clear(c.classes)
	for i := range c.looks {
		look, rule := &c.looks[i], p.at.rules[i]
		c.classes[rule] = classOf(look)
		c.seen.rules[rule].act(look)
	}
	clear(c.next)
	for i := range c.before {
		c.next[p.against.rules[i]] = classOf(&c.before[i])
	}
	for rule, is := range c.classes {
		c.seen.rules[rule].states[state][is]++
		c.seen.rules[rule].newly.add(is == blocked, c.next[rule] == blocked)
	}
	is, was := strictest(c.classes), strictest(c.next)
	c.seen.total[is]++
	c.seen.newly.add(is == blocked, was == blocked)
}

func (s *shift) add(is, was bool) {
	switch {
	case is && !was:
		s.blocked++
	case was && !is:
		s.released++
	}
}

func (r *ruleCount) act(look *policy.Look) {
	if look.Prompted != 0 {
		n := r.actions[look.Prompted]
		n.prompted++
		r.actions[look.Prompted] = n
	}
	if look.Blocked != 0 {
		n := r.actions[look.Blocked]
		n.blocked++
		r.actions[look.Blocked] = n
	}
}

func strictest(classes []class) class {
	worst := notCovered
	for _, c := range classes {
		worst = max(worst, c)
	}
	return worst
}

// course follows the account from one instant at which anything can change to the next, and counts the days and the
// changes: what does not change is not decided again.
func (c *counter) course(f *store.Facts) {
	p := c.plan
	if f.Account.Closed(p.question.From) {
		c.close(f.Account.ClosedAt)
		return
	}
	first := true
	for i := range p.spans {
		end := f.Account.ClosedAt
		if i+1 < len(p.spans) && (end.IsZero() || p.spans[i+1].from.Before(end)) {
			end = p.spans[i+1].from
		}
		for at := p.spans[i].from; end.IsZero() || at.Before(end); {
			var next time.Time
			c.looks, next = p.spans[i].set.Look(&f.Account, &f.Standing, f.Extensions, at, c.looks)
			clear(c.next)
			for j := range c.looks {
				c.next[p.spans[i].rules[j]] = classOf(&c.looks[j])
			}
			c.move(at, first)
			first = false
			if next.IsZero() {
				break
			}
			at = next
		}
	}
	c.close(f.Account.ClosedAt)
}

// move takes the account from c.classes to c.next at an instant.
func (c *counter) move(at time.Time, first bool) {
	day := c.day(at)
	is, was := strictest(c.next), strictest(c.classes)
	if day < len(c.plan.days) {
		if first {
			c.seen.totalDays[day][is]++
		} else if is != was {
			c.seen.totalDays[day][is]++
			c.seen.totalDays[day][was]--
		}
	}
	for rule, is := range c.next {
		was := c.classes[rule]
		if is == was && !first {
			continue
		}
		if day < len(c.plan.days) {
			c.seen.rules[rule].days[day][is]++
			if !first {
				c.seen.rules[rule].days[day][was]--
			}
		}
		if !first {
			c.turn(turn{instantOf(at), rule, was, is})
		}
	}
	c.classes, c.next = c.next, c.classes
}

// close takes an account that closes, if it does, out of the series.
func (c *counter) close(at time.Time) {
	if at.IsZero() {
		return
	}
	day := c.day(at)
	if day >= len(c.plan.days) {
		return
	}
	c.seen.closings[day]++
	if !at.After(c.plan.question.From) {
		return // it was never in it
	}
	c.seen.totalDays[day][strictest(c.classes)]--
	for rule, was := range c.classes {
		c.seen.rules[rule].days[day][was]--
	}
}

// day is the first day of the series that begins at or after the instant.
func (c *counter) day(at time.Time) int {
	return sort.Search(len(c.plan.days), func(i int) bool { return !c.plan.days[i].Before(at) })
}

// turn counts a change. Of the instants it keeps the earliest only, so that the extensions of a million accounts take
// no more room than those of a few: one that was dropped is later than MaxChanges others, which are never dropped.
func (c *counter) turn(t turn) {
	c.seen.turns[t]++
	if len(c.seen.turns) >= c.seen.pruneAt {
		c.seen.prune()
		c.seen.pruneAt = max(minTurns, 2*len(c.seen.turns))
	}
}

// minTurns is how many changes are kept before anything is dropped.
const minTurns = 64 * MaxChanges

func (s *counted) prune() {
	instants := s.instants()
	if len(instants) <= MaxChanges {
		return
	}
	last := instants[MaxChanges-1]
	for t := range s.turns {
		if t.at.compare(last) > 0 {
			delete(s.turns, t)
		}
	}
}

// instants are those of the changes, ascending.
func (s *counted) instants() []instant {
	seen := make(map[instant]bool, len(s.turns))
	var all []instant
	for t := range s.turns {
		if !seen[t.at] {
			seen[t.at] = true
			all = append(all, t.at)
		}
	}
	slices.SortFunc(all, instant.compare)
	return all
}

// join adds what another counter counted.
func (s *counted) join(o *counted) {
	s.open, s.closed = s.open+o.open, s.closed+o.closed
	s.total.add(&o.total)
	s.newly.join(o.newly)
	for i := range s.closings {
		s.closings[i] += o.closings[i]
		s.totalDays[i].add(&o.totalDays[i])
	}
	for i := range s.rules {
		mine, theirs := &s.rules[i], &o.rules[i]
		mine.newly.join(theirs.newly)
		for j := range mine.states {
			mine.states[j].add(&theirs.states[j])
		}
		for j := range mine.days {
			mine.days[j].add(&theirs.days[j])
		}
		for set, n := range theirs.actions {
			sum := mine.actions[set]
			mine.actions[set] = actionCount{sum.prompted + n.prompted, sum.blocked + n.blocked}
		}
	}
	for t, n := range o.turns {
		s.turns[t] += n
	}
}

func (t *tally) add(o *tally) {
	for i := range t {
		t[i] += o[i]
	}
}

func (s *shift) join(o shift) { s.blocked, s.released = s.blocked+o.blocked, s.released+o.released }
