package policy

import (
	"slices"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Restriction is what one rule blocks for an account at an instant.
type Restriction struct {
	PolicyName    string
	PolicyVersion int
	RuleID        string
	Since         time.Time // as in Decision, the earliest of the actions
	Deadline      time.Time // as in Decision
	Actions       []string  // sorted
}

// Restrictions returns what every rule of the set blocks for the account at the instant, in the order of the set.
// It is Decide seen from the rules: an action is in one of the restrictions exactly where Decide answers Block. Rules
// that only observe restrict nothing.
func Restrictions(set *Set, account Account, standing lifecycle.Standing, extensions []Extension, at time.Time) []Restriction {
	if set == nil {
		return nil
	}
	q, instant := set.ask(&account, &standing, extensions), momentOf(at)
	var found []Restriction
	for i := range set.rules {
		r := &set.rules[i]
		if !r.cohort.covers(&q.who) {
			continue
		}
		var actions []string
		var since moment
		for j, action := range set.actions {
			q.action = 1 << j
			var a answer
			if r.answer(&q, instant, &a); a.effect == block {
				actions = append(actions, action)
				if since.isZero() || a.since.before(since) {
					since = a.since
				}
			}
		}
		if len(actions) == 0 {
			continue
		}
		slices.Sort(actions)
		found = append(found, Restriction{
			PolicyName: r.policy.Name, PolicyVersion: r.policy.Version, RuleID: r.id,
			Since: since.in(r.policy.Zone), Deadline: r.deadline(&q, instant).in(r.policy.Zone), Actions: actions,
		})
	}
	return found
}

// DecideRules returns what every rule that covers the account says of the action by itself, in the order of the set:
// each as Decide answers for a set of that rule alone.
func DecideRules(
	set *Set, account Account, standing lifecycle.Standing, extensions []Extension, action string, at time.Time,
) []Decision {
	bit := set.bit(action)
	if bit == 0 {
		return nil
	}
	q, instant := set.ask(&account, &standing, extensions), momentOf(at)
	q.action = bit
	var all []Decision
	for i := range set.rules {
		if !set.rules[i].cohort.covers(&q.who) {
			continue
		}
		alone := Set{rules: set.rules[i : i+1], lapses: set.lapses}
		var now answer
		alone.answer(&q, instant, &now)
		var d Decision
		now.fill(&d, &q, instant)
		d.NextChangeAt = alone.nextChange(&q, instant, &now).in(d.Zone)
		all = append(all, d)
	}
	return all
}
