package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Errors of NewSet, besides the Faults of a policy.
var (
	// ErrNilPolicy: one of the policies is nil.
	ErrNilPolicy = errors.New("policy: nil policy in a set")
	// ErrTwoVersions: two policies of a set have one name, so it is not clear which version is in force.
	ErrTwoVersions = errors.New("policy: two versions of one policy in a set")
	// ErrRuleTwice: two policies of a set have a rule of one id, so an extension would not say which it means.
	ErrRuleTwice = errors.New("policy: two rules of one id in a set")
	// ErrTooManyActions: the policies of a set declare more than MaxActions actions together.
	ErrTooManyActions = errors.New("policy: too many actions in a set")
)

// Set is the policies that are in force together at one instant, compiled for Decide. It never changes and may
// be used by any number of goroutines. The nil Set holds no policy.
type Set struct {
	policies []*Policy
	actions  []string
	rules    []rule
	graceful bool // some rule gives grace, so Decide has to know whose turn it is
	lapses   bool // some rule lets verifications lapse
}

// NewSet checks and compiles the policies. The order in which they are given does not matter: a set orders them
// by name. It copies them, so later changes to the arguments change nothing. The error is Faults if a policy is
// not valid, or one of the Err values of this package.
func NewSet(policies ...*Policy) (*Set, error) {
	s := &Set{policies: make([]*Policy, 0, len(policies))}
	for _, p := range policies {
		if p == nil {
			return nil, ErrNilPolicy
		}
		if faults := p.Validate(); len(faults) > 0 {
			return nil, faults
		}
		s.policies = append(s.policies, p.clone())
	}
	slices.SortFunc(s.policies, func(a, b *Policy) int { return strings.Compare(a.Name, b.Name) })
	ids := map[string]bool{}
	for i, p := range s.policies {
		if i > 0 && s.policies[i-1].Name == p.Name {
			return nil, fmt.Errorf("%w: %s", ErrTwoVersions, p.Name)
		}
		for _, a := range p.Actions {
			if !slices.Contains(s.actions, a) {
				s.actions = append(s.actions, a)
			}
		}
		for _, r := range p.Rules {
			if ids[r.ID] {
				return nil, fmt.Errorf("%w: %s", ErrRuleTwice, r.ID)
			}
			ids[r.ID] = true
		}
	}
	if len(s.actions) > MaxActions {
		return nil, fmt.Errorf("%w: at most %d", ErrTooManyActions, MaxActions)
	}
	for _, p := range s.policies {
		for i := range p.Rules {
			s.rules = append(s.rules, s.compile(p, &p.Rules[i]))
			s.graceful = s.graceful || p.Rules[i].Grace != nil
			s.lapses = s.lapses || p.Rules[i].ValidFor != 0
		}
	}
	return s, nil
}

// Policies returns the policies of the set by name. They must not be changed.
func (s *Set) Policies() []*Policy {
	if s == nil {
		return nil
	}
	return slices.Clone(s.policies)
}

// Actions returns every action that a policy of the set declares.
func (s *Set) Actions() []string {
	if s == nil {
		return nil
	}
	return slices.Clone(s.actions)
}

// Declares reports whether a policy of the set declares the action. Who asks for a decision asks this first.
func (s *Set) Declares(action string) bool { return s.bit(action) != 0 }

// PolicyFor returns the first policy of the set, by name, with a rule that covers the account, nil if there is
// none. Its Correction and Review are those of the account.
func (s *Set) PolicyFor(account Account) *Policy {
	if s == nil {
		return nil
	}
	for _, p := range s.policies {
		for i := range p.Rules {
			if p.Rules[i].Cohort.Covers(account) {
				return p
			}
		}
	}
	return nil
}

// bits is a set of actions: bit i stands for Set.actions[i].
type bits uint64

func (s *Set) bit(action string) bits {
	if s != nil {
		for i, a := range s.actions {
			if a == action {
				return 1 << i
			}
		}
	}
	return 0
}

// rule is a Rule made ready for Decide.
type rule struct {
	policy     *Policy
	id         string
	cohort     cohort
	phases     []phase
	restricts  bits   // actions that some phase prompts or blocks
	blocksFrom moment // first instant at which a phase blocks anything, zero if none ever does
	validFor   time.Duration
	grace      Grace // Bound is zero if there is none
	observes   bool
	reminders  *Reminders
}

// phase is a Phase made ready for Decide.
type phase struct {
	from     moment
	optional bool
	reason   reason
	prompts  bits // actions that are prompted, or would be if they were not blocked
	blocks   bits
}

func (s *Set) compile(p *Policy, r *Rule) rule {
	c := rule{
		policy: p, id: r.ID, cohort: compileCohort(r.Cohort), validFor: r.ValidFor, observes: r.Mode == ModeObserve,
		phases: make([]phase, len(r.Phases)), reminders: r.Reminders,
	}
	if r.Grace != nil {
		c.grace = *r.Grace
	}
	var prompted bits // effects never weaken, so what was prompted once is prompted or blocked ever after
	for i := range r.Phases {
		from := &r.Phases[i]
		to := &c.phases[i]
		to.from, to.optional, to.reason = momentOf(from.From), from.Stage == StageOptional, enforced
		if from.Stage == StageAnnounced {
			to.reason = announced
		}
		for action, effect := range from.Effects {
			switch effect {
			case Prompt:
				prompted |= s.bit(action)
			case Block:
				to.blocks |= s.bit(action)
			case Allow:
			}
		}
		to.prompts = prompted
		c.restricts |= to.prompts | to.blocks
		if to.blocks != 0 && c.blocksFrom.isZero() {
			c.blocksFrom = to.from
		}
	}
	return c
}
