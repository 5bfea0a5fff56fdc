package policy_test

import (
	"slices"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// verdict is what the slow model of this file says: Decide's answer worked out from the words of the package essay
// alone, over the policies as they were written.
type verdict struct {
	effect  policy.Effect
	reason  policy.Reason
	rule    string
	since   time.Time
	observe bool
	would   policy.Effect
}

// telling is the order of reasons that decides when nothing is stricter than allow.
var telling = []policy.Reason{
	policy.ReasonGrace, policy.ReasonExtended, policy.ReasonAnnounced, policy.ReasonEnforced, policy.ReasonVerified,
	policy.ReasonNotYetAnnounced, policy.ReasonNotRestricted, policy.ReasonNotCovered,
}

func (s *scene) model(at time.Time) verdict {
	var all []verdict
	for _, p := range s.policies { // the generator names them in order
		for _, r := range p.Rules {
			all = append(all, s.modelRule(r, at))
		}
	}
	would := policy.Effect("")
	for _, v := range all {
		if v.would.Stricter(would) {
			would = v.would
		}
	}
	slices.SortStableFunc(all, func(a, b verdict) int {
		switch {
		case a.effect.Stricter(b.effect):
			return -1
		case b.effect.Stricter(a.effect):
			return 1
		}
		if a.effect == policy.Allow {
			if d := slices.Index(telling, a.reason) - slices.Index(telling, b.reason); d != 0 {
				return d
			}
			if a.observe != b.observe {
				if b.observe {
					return -1
				}
				return 1
			}
		}
		if a.since.IsZero() || b.since.IsZero() { // no since goes last
			return -a.since.Compare(b.since)
		}
		return a.since.Compare(b.since)
	})
	first := all[0]
	first.would = ""
	if would.Stricter(first.effect) {
		first.would = would
	}
	return first
}

func (s *scene) modelRule(r policy.Rule, at time.Time) verdict {
	v := verdict{effect: policy.Allow, rule: r.ID, observe: r.Mode == policy.ModeObserve}
	strictest := policy.Allow
	for _, p := range r.Phases {
		if e := p.Effects[s.action]; e.Stricter(strictest) {
			strictest = e
		}
	}
	lapsed := r.ValidFor > 0 && !at.Before(s.standing.VerifiedAt.Add(r.ValidFor))
	began := slices.IndexFunc(r.Phases, func(p policy.Phase) bool { return p.From.After(at) }) - 1
	if began == -2 {
		began = len(r.Phases) - 1
	}
	if began >= 0 {
		v.since = r.Phases[began].From
	}
	switch {
	case !s.modelCovers(r.Cohort):
		v.reason, v.since = policy.ReasonNotCovered, time.Time{}
		return v
	case strictest == policy.Allow:
		v.reason, v.since = policy.ReasonNotRestricted, time.Time{}
		return v
	case s.standing.State == lifecycle.Verified && !s.standing.VerifiedAt.After(at) && !lapsed:
		v.reason, v.since = policy.ReasonVerified, s.standing.VerifiedAt
		return v
	case began < 0 || r.Phases[began].Stage == policy.StageOptional:
		v.reason = policy.ReasonNotYetAnnounced
		return v
	}
	v.effect, v.reason = r.Phases[began].Effects[s.action], policy.Reason(r.Phases[began].Stage)
	if v.effect == policy.Block {
		if lifted := s.modelLifted(r, at); lifted != "" {
			v.effect, v.reason = policy.Allow, lifted
			for _, p := range r.Phases[:began] {
				if p.Effects[s.action] == policy.Prompt {
					v.effect = policy.Prompt
				}
			}
		}
	}
	if v.observe && v.effect != policy.Allow {
		v.would, v.effect = v.effect, policy.Allow
	}
	return v
}

func (s *scene) modelCovers(c policy.Cohort) bool {
	registered := s.account.RegisteredAt.UnixNano()
	return (c.Kinds == nil || slices.Contains(c.Kinds, s.account.Kind)) &&
		(c.Regions == nil || slices.Contains(c.Regions, s.account.Region)) &&
		(c.Registered.From.IsZero() || registered >= c.Registered.From.UnixNano()) &&
		(c.Registered.Before.IsZero() || registered < c.Registered.Before.UnixNano())
}

// modelLifted says what takes a block away, "" if nothing does.
func (s *scene) modelLifted(r policy.Rule, at time.Time) policy.Reason {
	deadline := s.modelDeadline(r, at)
	for _, e := range s.extensions {
		if s.modelGranted(r, e, at) && e.Until.After(at) {
			return policy.ReasonExtended
		}
	}
	turn := s.standing.State.Turn()
	if r.Grace != nil && (turn == lifecycle.TurnOperator || turn == lifecycle.TurnProvider) &&
		deadline.Sub(s.standing.TurnSince) >= r.Grace.Lead && at.Sub(deadline) < r.Grace.Bound {
		return policy.ReasonGrace
	}
	return ""
}

func (s *scene) modelDeadline(r policy.Rule, at time.Time) time.Time {
	var deadline time.Time
	for _, p := range r.Phases {
		for _, e := range p.Effects {
			if e == policy.Block && deadline.IsZero() {
				deadline = p.From
			}
		}
	}
	for _, e := range s.extensions {
		if !deadline.IsZero() && s.modelGranted(r, e, at) && e.Until.After(deadline) {
			deadline = e.Until
		}
	}
	return deadline
}

func (s *scene) modelGranted(r policy.Rule, e policy.Extension, at time.Time) bool {
	return e.AccountID == s.account.ID && (e.RuleID == "" || e.RuleID == r.ID) && !e.GrantedAt.After(at) && e.Until.After(e.GrantedAt)
}
