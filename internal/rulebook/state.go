package rulebook

import (
	"time"

	"github.com/verigate/verigate/internal/store"
)

// State is where a version of a policy stands.
type State string

const (
	// StateProposed: nobody has approved it; the gate does not see it.
	StateProposed State = "proposed"
	// StateScheduled: approved, in force from a later instant on.
	StateScheduled State = "scheduled"
	// StateInForce: the gate decides by it.
	StateInForce State = "in_force"
	// StateSuperseded: approved, and a higher version is in force in its stead, or will be before it could.
	StateSuperseded State = "superseded"
	// StateRejected: refused by an approver. Its number is used up.
	StateRejected State = "rejected"
	// StateWithdrawn: taken back before it was in force. Its number is used up.
	StateWithdrawn State = "withdrawn"
)

// Record is a version with everything decided on it and its state.
type Record struct {
	store.PolicyVersion
	State State
	// InForceFrom is when it came, comes or would come into force: the approval's instant once there is one.
	InForceFrom time.Time
}

// recordOf tells where one of all versions stands at an instant.
func recordOf(v store.PolicyVersion, all []store.PolicyVersion, now time.Time) Record {
	r := Record{PolicyVersion: v, State: StateProposed, InForceFrom: v.EffectiveFrom}
	approval, approved := v.Ruled(store.Approved)
	if approved {
		r.InForceFrom = approval.EffectiveFrom
	}
	_, rejected := v.Ruled(store.Rejected)
	_, withdrawn := v.Ruled(store.Withdrawn)
	switch {
	case withdrawn:
		r.State = StateWithdrawn
	case rejected:
		r.State = StateRejected
	case !approved:
	case overtaken(v, later(r.InForceFrom, now), all):
		r.State = StateSuperseded
	case now.Before(r.InForceFrom):
		r.State = StateScheduled
	default:
		r.State = StateInForce
	}
	return r
}

// overtaken reports whether a higher version is in effect at the instant.
func overtaken(v store.PolicyVersion, at time.Time, all []store.PolicyVersion) bool {
	for _, other := range approvedOf(all) {
		if other.Name == v.Name && other.Version > v.Version && !at.Before(other.EffectiveFrom) {
			return true
		}
	}
	return false
}

// approvedOf returns what the gate sees of the versions, as store.Policies does.
func approvedOf(all []store.PolicyVersion) []store.PublishedPolicy {
	var approved []store.PublishedPolicy
	for _, v := range all {
		approval, ok := v.Ruled(store.Approved)
		if _, withdrawn := v.Ruled(store.Withdrawn); !ok || withdrawn {
			continue
		}
		p := v.PublishedPolicy
		p.EffectiveFrom, p.RecordedAt = approval.EffectiveFrom, approval.RecordedAt
		approved = append(approved, p)
	}
	return approved
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
