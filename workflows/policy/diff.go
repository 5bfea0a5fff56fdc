package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Difference is one thing in which two policies differ in meaning. From is "" where only the second has it, To where
// only the first does.
type Difference struct {
	Path     string // as rules.existing-individuals.phases.enforced.from
	From, To string
}

// Diff returns in which ways the second policy means something else than the first, by path; their versions and the
// order in which things without an order are written do not count. Rules are known by their ids, phases by their stages.
// Instants are written in the zone of the second.
func Diff(from, to *Policy) []Difference {
	before, after := meaning{zone: to.Zone, leaves: map[string]string{}}, meaning{zone: to.Zone, leaves: map[string]string{}}
	before.policy(from)
	after.policy(to)
	if a, b := commonOrder(from, to), commonOrder(to, from); a != b {
		before.leaves["rules"], after.leaves["rules"] = a, b // of equally strict rules the first one is named
	}
	var all []Difference
	for path, old := range before.leaves {
		if now := after.leaves[path]; now != old {
			all = append(all, Difference{path, old, now})
		}
	}
	for path, now := range after.leaves {
		if _, known := before.leaves[path]; !known {
			all = append(all, Difference{path, "", now})
		}
	}
	slices.SortFunc(all, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// commonOrder lists the rules of p that o has too, in the order of p.
func commonOrder(p, o *Policy) string {
	var ids []string
	for _, r := range p.Rules {
		if slices.ContainsFunc(o.Rules, func(other Rule) bool { return other.ID == r.ID }) {
			ids = append(ids, r.ID)
		}
	}
	return strings.Join(ids, ", ")
}

// meaning is everything that a policy says, as texts by path.
type meaning struct {
	zone   *time.Location
	leaves map[string]string
}

func (m meaning) say(path, value string) {
	if value != "" {
		m.leaves[path] = value
	}
}

func (m meaning) policy(p *Policy) {
	m.say("name", p.Name)
	m.say("zone", p.Zone.String())
	for _, a := range p.Actions {
		m.say("actions."+a, "declared")
	}
	for i := range p.Rules {
		m.rule("rules."+p.Rules[i].ID, &p.Rules[i])
	}
	m.say("correction.mode", string(cmp.Or(p.Correction.Mode, CorrectionSupport)))
	m.interval("correction", Interval{p.Correction.From, p.Correction.Before})
	m.say("review.approve", string(cmp.Or(p.Review.Approve, ApproveReviewer)))
	m.say("review.minimum_age", strconv.Itoa(p.Review.MinimumAge))
	m.say("review.duplicate_number", string(cmp.Or(p.Review.DuplicateNumber, DuplicateReviewer)))
}

func (m meaning) rule(path string, r *Rule) {
	m.say(path+".require", r.Require)
	m.say(path+".mode", string(r.Mode))
	m.say(path+".valid_for", duration(r.ValidFor))
	if g := r.Grace; g != nil {
		m.say(path+".grace.bound", duration(g.Bound))
		m.say(path+".grace.lead", duration(g.Lead))
	}
	m.reminders(path+".reminders", r.Reminders)
	kinds := make([]string, len(r.Cohort.Kinds))
	for i, k := range r.Cohort.Kinds {
		kinds[i] = string(k)
	}
	m.list(path+".cohort.kind", kinds)
	m.list(path+".cohort.region", r.Cohort.Regions)
	m.interval(path+".cohort.registered", r.Cohort.Registered)
	seen := map[Stage]int{}
	for i := range r.Phases {
		stage := r.Phases[i].Stage
		name := string(stage)
		if seen[stage]++; seen[stage] > 1 {
			name = fmt.Sprintf("%s#%d", stage, seen[stage])
		}
		m.phase(path+".phases."+name, &r.Phases[i])
	}
}

func (m meaning) reminders(path string, r *Reminders) {
	if r == nil {
		return
	}
	before := make([]string, len(r.Before))
	for i, d := range r.Before {
		before[i] = duration(d)
	}
	m.say(path+".before", strings.Join(before, ", "))
	if r.After.Times > 0 {
		m.say(path+".after", fmt.Sprintf("every %s, %d times", duration(r.After.Every), r.After.Times))
	}
	if r.Quiet.From != r.Quiet.Until {
		m.say(path+".quiet", fmt.Sprintf("%s to %s", r.Quiet.From, r.Quiet.Until))
	}
	m.say(path+".jitter", duration(r.Jitter))
	m.say(path+".per_second", strconv.Itoa(r.PerSecond))
}

func (m meaning) phase(path string, p *Phase) {
	m.instant(path+".from", p.From)
	for action, effect := range p.Effects {
		if effect != Allow { // an action that is not named is allowed
			m.say(path+".effects."+action, string(effect))
		}
	}
}

// list says "any" for an empty list, which puts no condition.
func (m meaning) list(path string, values []string) {
	m.say(path, cmp.Or(strings.Join(slices.Sorted(slices.Values(values)), ", "), "any"))
}

func (m meaning) interval(path string, i Interval) {
	m.instant(path+".from", i.From)
	m.instant(path+".before", i.Before)
}

func (m meaning) instant(path string, at time.Time) {
	if !at.IsZero() {
		m.say(path, at.In(m.zone).Format(time.RFC3339Nano))
	}
}

// duration writes whole days as a policy file does.
func duration(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%(24*time.Hour) == 0:
		return days(d)
	default:
		return d.String()
	}
}
