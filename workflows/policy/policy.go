package policy

import (
	"maps"
	"slices"
	"time"
)

// Policy is one version of a named set of dated rules. Published versions never change.
type Policy struct {
	Name       string
	Version    int            // 1, 2, 3 …
	Zone       *time.Location // in which answers write their instants
	Actions    []string       // every action that may be asked about
	Rules      []Rule
	Correction Correction
	Review     Review
}

// RequireVerified is the only requirement that a rule can make so far.
const RequireVerified = "verified"

// Rule asks one thing of a cohort, in phases.
type Rule struct {
	ID       string // unique among the policies that are in force together
	Cohort   Cohort
	Require  string  // RequireVerified
	Phases   []Phase // ascending; nothing is asked before the first
	Grace    *Grace  // nil: none
	Mode     Mode
	ValidFor time.Duration // how long a verification counts; zero is for ever
	// Reminders of the deadline; nil: none.
	Reminders *Reminders
}

// Mode says whether a rule acts or only reports.
type Mode string

const (
	// ModeEnforce makes the rule's effects count.
	ModeEnforce Mode = "enforce"
	// ModeObserve turns every effect into allow and reports it as Decision.WouldBe.
	ModeObserve Mode = "observe"
)

// Cohort names the accounts that a rule covers. An empty list puts no condition.
type Cohort struct {
	Kinds      []Kind
	Regions    []string
	Registered Interval
}

// Covers reports whether the account is in the cohort.
func (c Cohort) Covers(a Account) bool {
	return (len(c.Kinds) == 0 || slices.Contains(c.Kinds, a.Kind)) &&
		(len(c.Regions) == 0 || slices.Contains(c.Regions, a.Region)) &&
		c.Registered.Contains(a.RegisteredAt)
}

// Interval is the time from From (included) to Before (excluded); a zero end is open.
type Interval struct {
	From, Before time.Time
}

// Contains reports whether the instant lies in the interval.
func (i Interval) Contains(at time.Time) bool {
	return (i.From.IsZero() || !at.Before(i.From)) && (i.Before.IsZero() || at.Before(i.Before))
}

// Stage is how far a rule has come.
type Stage string

const (
	// StageOptional: the step is offered and nothing is asked; effects are all allow.
	StageOptional Stage = "optional"
	// StageAnnounced: merchants are prompted; nothing is blocked.
	StageAnnounced Stage = "announced"
	// StageEnforced: the rule blocks what it says.
	StageEnforced Stage = "enforced"
)

// Stages lists every stage in the order in which a rule may go through them.
func Stages() []Stage { return []Stage{StageOptional, StageAnnounced, StageEnforced} }

// Phase says all that a rule does from an instant on, until the next phase begins.
type Phase struct {
	From    time.Time // included
	Stage   Stage
	Effects map[string]Effect // by action; an action that is not named is allowed
}

// Grace lifts blocks while the wait is not the merchant's: only if the operator's or the provider's turn began at
// least Lead before the deadline, and no longer than Bound after it.
type Grace struct {
	Bound time.Duration
	Lead  time.Duration
}

func (p *Policy) clone() *Policy {
	c := *p
	c.Actions = slices.Clone(p.Actions)
	c.Rules = slices.Clone(p.Rules)
	for i := range c.Rules {
		r := &c.Rules[i]
		r.Cohort.Kinds = slices.Clone(r.Cohort.Kinds)
		r.Cohort.Regions = slices.Clone(r.Cohort.Regions)
		r.Phases = slices.Clone(r.Phases)
		for j := range r.Phases {
			r.Phases[j].Effects = maps.Clone(r.Phases[j].Effects)
		}
		if r.Grace != nil {
			g := *r.Grace
			r.Grace = &g
		}
		r.Reminders = r.Reminders.clone()
	}
	return &c
}
