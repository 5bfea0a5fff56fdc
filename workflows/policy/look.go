package policy

import (
	"slices"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// ActionSet is some of the actions of one Set; Set.NamesOf names them.
type ActionSet uint64

// Look is where one rule has an account at an instant, all actions seen together: what Decide answers for a set of
// that rule alone, action by action. The zero Look is an account that the rule does not cover.
type Look struct {
	Covered  bool
	Verified bool // counts as verified for the rule; then nothing below is set

	Prompted, Blocked       ActionSet // that Decide answers so
	Extended, InGrace       ActionSet // whose block an extension or grace takes away for now
	WouldPrompt, WouldBlock ActionSet // of a rule that only observes

	deadline moment
	zone     *time.Location
}

// Deadline is Decision.Deadline, in the zone of the rule's policy; zero for an account that is not covered or verified.
func (l *Look) Deadline() time.Time { return l.deadline.in(l.zone) }

// Look writes where every rule of the set has the account at the instant into looks, in the order of RuleRefs, and
// returns it. next is the first instant after at at which any of it may differ, zero if none is: between the two
// nothing changes unless a fact does. It is for passes over many accounts: it takes every action at once and, given
// room in looks, allocates nothing.
func (s *Set) Look(
	account *Account, standing *lifecycle.Standing, extensions []Extension, at time.Time, looks []Look,
) (_ []Look, next time.Time) {
	looks = looks[:0]
	if s == nil || len(s.rules) == 0 {
		return looks, time.Time{}
	}
	q, instant := s.ask(account, standing, extensions), momentOf(at)
	q.action = ^bits(0)
	b := boundary{after: instant}
	for i := range s.rules {
		r := &s.rules[i]
		looks = append(looks, Look{zone: r.policy.Zone})
		r.look(&q, instant, &looks[i])
		r.boundaries(&q, false, &b)
		if r.restricts == 0 && looks[i].Covered { // Decide does not ask whether such a rule's accounts are verified
			r.verifiedBoundaries(&q, &b)
		}
	}
	return looks, b.first.in(time.UTC)
}

// look is answer for every action at once. l must be zero but for its zone.
func (r *rule) look(q *question, at moment, l *Look) {
	if !r.cohort.covers(&q.who) {
		return
	}
	l.Covered, l.Verified = true, r.verified(q, at)
	if l.Verified {
		return
	}
	l.deadline = r.deadline(q, at)
	p := r.phase(at)
	if p == nil || p.optional {
		return
	}
	blocks := p.blocks
	switch {
	case blocks == 0:
	case r.extended(q, at):
		l.Extended, blocks = ActionSet(blocks), 0
	case r.inGrace(q, at):
		l.InGrace, blocks = ActionSet(blocks), 0
	}
	prompts := p.prompts &^ blocks
	if r.observes {
		l.WouldPrompt, l.WouldBlock = ActionSet(prompts), ActionSet(blocks)
		return
	}
	l.Prompted, l.Blocked = ActionSet(prompts), ActionSet(blocks)
}

// RuleRef is a rule with the policy that it is written in.
type RuleRef struct {
	Policy *Policy
	Rule   *Rule
}

// RuleRefs returns every rule in the order of the set: policies by name, rules as written. They must not be changed.
func (s *Set) RuleRefs() []RuleRef {
	if s == nil {
		return nil
	}
	var refs []RuleRef
	for _, p := range s.policies {
		for i := range p.Rules {
			refs = append(refs, RuleRef{p, &p.Rules[i]})
		}
	}
	return refs
}

// NamesOf returns the actions of a, sorted.
func (s *Set) NamesOf(a ActionSet) []string {
	names := []string{}
	if s == nil {
		return names
	}
	for i, name := range s.actions {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
