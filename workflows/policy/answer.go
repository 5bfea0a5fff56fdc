package policy

// level is an Effect that compares.
type level uint8

const (
	allow level = iota
	prompt
	block
)

func (l level) name() Effect {
	switch l {
	case prompt:
		return Prompt
	case block:
		return Block
	default:
		return Allow
	}
}

// reason is a Reason that compares: the greater tells more about what is still to come.
type reason uint8

const (
	notCovered reason = iota
	notRestricted
	notYetAnnounced
	verified
	enforced
	announced
	extended
	grace
)

func (r reason) name() Reason {
	switch r {
	case notRestricted:
		return ReasonNotRestricted
	case notYetAnnounced:
		return ReasonNotYetAnnounced
	case verified:
		return ReasonVerified
	case enforced:
		return ReasonEnforced
	case announced:
		return ReasonAnnounced
	case extended:
		return ReasonExtended
	case grace:
		return ReasonGrace
	default:
		return ReasonNotCovered
	}
}

// answer is what one rule, or a whole set, says at an instant.
type answer struct {
	rule        *rule
	since       moment
	effect      level
	reason      reason
	wouldBe     level // strictest of the observing rules; allow if none
	wouldBeRule *rule
}

// answer joins the answers of all rules in best, which must be zero. The set must have a rule.
func (s *Set) answer(q *question, at moment, best *answer) {
	s.rules[0].answer(q, at, best)
	for i := 1; i < len(s.rules); i++ {
		var a answer
		s.rules[i].answer(q, at, &a)
		if a.wouldBe > best.wouldBe {
			best.wouldBe, best.wouldBeRule = a.wouldBe, a.wouldBeRule
		}
		if a.before(best) {
			a.wouldBe, a.wouldBeRule = best.wouldBe, best.wouldBeRule
			*best = a
		}
	}
}

// before reports whether a goes before the answer o of an earlier rule of the set.
func (a *answer) before(o *answer) bool {
	if a.effect != o.effect {
		return a.effect > o.effect
	}
	if a.effect == allow {
		if a.reason != o.reason {
			return a.reason > o.reason
		}
		if a.rule.observes != o.rule.observes {
			return o.rule.observes
		}
	}
	return !a.since.isZero() && (o.since.isZero() || a.since.before(o.since))
}

// answer writes the rule's own answer into a, which must be zero.
func (r *rule) answer(q *question, at moment, a *answer) {
	a.rule = r
	if !r.cohort.covers(&q.who) {
		return
	}
	if r.restricts&q.action == 0 {
		a.reason = notRestricted
		return
	}
	if r.verified(q, at) {
		a.reason, a.since = verified, q.verifiedAt
		return
	}
	a.reason = notYetAnnounced
	p := r.phase(at)
	if p == nil {
		return
	}
	a.since = p.from
	if p.optional {
		return
	}
	a.reason = p.reason
	if p.prompts&q.action != 0 {
		a.effect = prompt
	}
	if p.blocks&q.action != 0 {
		switch {
		case r.extended(q, at):
			a.reason = extended
		case r.inGrace(q, at):
			a.reason = grace
		default:
			a.effect = block
		}
	}
	if r.observes && a.effect != allow {
		a.wouldBe, a.wouldBeRule, a.effect = a.effect, r, allow
	}
}

// phase returns the phase in force, nil before the first.
func (r *rule) phase(at moment) *phase {
	for i := len(r.phases) - 1; i >= 0; i-- {
		if !at.before(r.phases[i].from) {
			return &r.phases[i]
		}
	}
	return nil
}

// verified reports whether the account counts as verified for the rule at the instant.
func (r *rule) verified(q *question, at moment) bool {
	return q.verified && !at.before(q.verifiedAt) && (r.validFor == 0 || at.before(q.verifiedAt.add(r.validFor)))
}

func (r *rule) extended(q *question, at moment) bool {
	for i := range q.extensions {
		e := &q.extensions[i]
		if e.moves(q.account.ID, r.id, at) && at.before(momentOf(e.Until)) {
			return true
		}
	}
	return false
}

// deadline is the first instant at which the rule blocks anything, as the extensions granted by now move it; zero
// if it never blocks.
func (r *rule) deadline(q *question, at moment) moment {
	deadline := r.blocksFrom
	if deadline.isZero() {
		return deadline
	}
	for i := range q.extensions {
		e := &q.extensions[i]
		if until := momentOf(e.Until); e.moves(q.account.ID, r.id, at) && deadline.before(until) {
			deadline = until
		}
	}
	return deadline
}

// inGrace reports whether the wait since the deadline is not the merchant's. It is asked only of a rule that
// blocks at the instant.
func (r *rule) inGrace(q *question, at moment) bool {
	if !q.graceful || r.grace.Bound == 0 {
		return false
	}
	began := q.standing.TurnSince
	if began.IsZero() { // not recorded: the state's own beginning is never too early
		began = q.standing.Since
	}
	deadline := r.deadline(q, at)
	return !began.IsZero() && !deadline.before(momentOf(began).add(r.grace.Lead)) && at.before(deadline.add(r.grace.Bound))
}
