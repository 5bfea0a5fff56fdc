package policy

// nextChange returns the first instant after at at which the set's effect or reason differ from now, zero if they
// never do. Answers change only at instants that a rule or a fact names, so it tries those in order.
func (s *Set) nextChange(q *question, at moment, now *answer) moment {
	if s.settled(q, now) {
		return moment{}
	}
	for {
		at = s.nextBoundary(q, at, now.effect == block)
		if at.isZero() || s.differs(q, at, now) {
			return at
		}
	}
}

// settled reports whether the answer plainly never changes again. It saves the passes over the rules for the
// commonest answers, and may say no of any.
func (s *Set) settled(q *question, now *answer) bool {
	switch now.reason {
	case notCovered, notRestricted: // the least telling reasons, so no rule has another to come
		return true
	case verified:
		return !s.lapses
	case enforced: // only a fact that begins to count leads away from a block
		return now.effect == block && !q.verified && len(q.extensions) == 0
	case notYetAnnounced, announced, extended, grace:
	}
	return false
}

func (s *Set) differs(q *question, at moment, now *answer) bool {
	var best answer
	s.rules[0].answer(q, at, &best)
	for i := 1; i < len(s.rules) && best.effect <= now.effect; i++ { // nothing outdoes a stricter effect
		var a answer
		s.rules[i].answer(q, at, &a)
		if a.before(&best) {
			best = a
		}
	}
	return best.effect != now.effect || best.reason != now.reason
}

func (s *Set) nextBoundary(q *question, at moment, blocked bool) moment {
	b := boundary{after: at}
	for i := range s.rules {
		s.rules[i].boundaries(q, blocked, &b)
	}
	return b.first
}

// boundary collects the earliest of the instants after one.
type boundary struct{ after, first moment }

func (b *boundary) add(m moment) {
	if b.after.before(m) && (b.first.isZero() || m.before(b.first)) {
		b.first = m
	}
}

// boundaries adds every instant at which the rule's own answer may change. From a block only a fact that begins
// to count leads away: later phases and lapsing facts never make a rule milder.
func (r *rule) boundaries(q *question, blocked bool, b *boundary) {
	if r.restricts&q.action == 0 || !r.cohort.covers(&q.who) {
		return
	}
	r.verifiedBoundaries(q, b)
	if r.verified(q, b.after) {
		return // until then nothing else is looked at
	}
	if len(q.extensions) > 0 {
		r.extensionBoundaries(q, blocked, b)
	}
	if blocked {
		return
	}
	for i := range r.phases {
		if b.after.before(r.phases[i].from) {
			b.add(r.phases[i].from)
			break
		}
	}
	if q.graceful && r.grace.Bound != 0 && !r.blocksFrom.isZero() {
		b.add(r.blocksFrom.add(r.grace.Bound))
	}
}

func (r *rule) verifiedBoundaries(q *question, b *boundary) {
	if !q.verified {
		return
	}
	b.add(q.verifiedAt)
	if r.validFor != 0 {
		b.add(q.verifiedAt.add(r.validFor))
	}
}

func (r *rule) extensionBoundaries(q *question, blocked bool, b *boundary) {
	for i := range q.extensions {
		e := &q.extensions[i]
		if !e.concerns(q.account.ID, r.id) {
			continue
		}
		b.add(momentOf(e.GrantedAt))
		if blocked {
			continue
		}
		until := momentOf(e.Until)
		b.add(until)
		if q.graceful && r.grace.Bound != 0 {
			b.add(until.add(r.grace.Bound))
		}
	}
}
