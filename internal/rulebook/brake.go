package rulebook

import (
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// scope is what a brake holds: one rule of a policy, or with an empty rule all of them. A brake and its release speak of
// the same scope; releasing the policy leaves a brake on one of its rules where it is.
type scope struct{ name, rule string }

// held is the brakes that are put and not released.
type held map[scope]store.Brake

// heldAt returns what is held at the instant, among the brakes recorded by then where recordedBy is given. Brakes come
// oldest first, so the last word on a scope counts.
func heldAt(brakes []store.Brake, at time.Time, recordedBy *time.Time) held {
	h := held{}
	for _, b := range brakes {
		switch {
		case at.Before(b.EffectiveAt), recordedBy != nil && recordedBy.Before(b.RecordedAt):
		case b.Released:
			delete(h, scope{b.Name, b.RuleID})
		default:
			h[scope{b.Name, b.RuleID}] = b
		}
	}
	return h
}

// apply returns the policy with the held rules observing, under its own name and version, and adds those rules to braked.
func (h held) apply(p *policy.Policy, braked map[string]bool) *policy.Policy {
	changed := *p
	changed.Rules = slices.Clone(p.Rules)
	_, all := h[scope{p.Name, ""}]
	for i := range changed.Rules {
		r := &changed.Rules[i]
		if _, one := h[scope{p.Name, r.ID}]; all || one {
			r.Mode, braked[r.ID] = policy.ModeObserve, true
		}
	}
	return &changed
}
