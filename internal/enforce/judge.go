package enforce

import (
	"errors"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Reasons of lift entries: why the rule no longer blocks. The first that holds is given.
const (
	ReasonClosed     = "closed"      // the account is closed
	ReasonWithdrawn  = "withdrawn"   // the rule, or the version of it that blocked, is no longer in force
	ReasonObserved   = "observed"    // the rule only observes now: the emergency brake
	ReasonNotCovered = "not_covered" // the account's facts were corrected, or the rule's cohort was
	ReasonVerified   = "verified"
	ReasonExtended   = "extended"
	ReasonGrace      = "grace" // the operator's or the provider's delay
)

// ReasonEnforced is the reason of restrict entries.
const ReasonEnforced = "enforced"

// errStale means that other policies were published since the judge was made.
var errStale = errors.New("enforce: policies changed")

// judge compares what the rules block at an instant with what is on record.
type judge struct {
	revision int64
	force    *rulebook.Force
	policy   string // only this one, "" for all
	at       time.Time
	source   Source
}

// judges returns a judge like j of an instant, and of their own instants for the accounts that have one.
func judges(j judge, snapshot *rulebook.Snapshot, at time.Time, instants map[string]time.Time) (store.Judge, error) {
	j.revision = snapshot.Revision()
	of := func(at time.Time) (judge, error) {
		one := j
		var err error
		one.at = at
		one.force, err = snapshot.InForce(at, store.Would)
		return one, err
	}
	all, err := of(at)
	if instants == nil || err != nil {
		return all.wants, err
	}
	return func(row store.EnforceRow) ([]lifecycle.Change, error) {
		one, err := of(instants[row.Account.ID])
		if err != nil {
			return nil, err
		}
		return one.wants(row)
	}, nil
}

// wants implements store.Judge.
func (j *judge) wants(row store.EnforceRow) ([]lifecycle.Change, error) {
	if row.PoliciesRevision != j.revision {
		return nil, errStale
	}
	var blocked []policy.Restriction
	if !row.Account.Closed(j.at) {
		blocked = policy.Restrictions(j.force.Set, row.Account, row.Standing, row.Extensions, j.at)
	}
	if len(blocked) == 0 && len(row.Open) == 0 {
		return nil, nil
	}
	var wanted []lifecycle.Change
	for _, open := range row.Open {
		if j.concerns(open.PolicyName) && !slices.ContainsFunc(blocked, func(r policy.Restriction) bool { return same(r, open) }) {
			wanted = append(wanted, j.lift(row, open))
		}
	}
	for _, r := range blocked {
		if j.concerns(r.PolicyName) && !slices.ContainsFunc(row.Open, func(open store.Restriction) bool { return same(r, open) }) {
			wanted = append(wanted, j.restrict(r))
		}
	}
	return wanted, nil
}

func (j *judge) concerns(policyName string) bool { return j.policy == "" || j.policy == policyName }

// same reports whether the open episode is the one that the restriction goes on with. The version does not matter.
func same(r policy.Restriction, open store.Restriction) bool {
	return r.PolicyName == open.PolicyName && r.RuleID == open.RuleID
}

func (j *judge) restrict(r policy.Restriction) lifecycle.Change {
	return j.change(lifecycle.Restrict, ReasonEnforced, lifecycle.Restricted{
		Policy: r.PolicyName, PolicyVersion: r.PolicyVersion, Rule: r.RuleID, Since: r.Since, Actions: r.Actions,
	})
}

func (j *judge) lift(row store.EnforceRow, open store.Restriction) lifecycle.Change {
	return j.change(lifecycle.Lift, j.liftReason(row, open), lifecycle.Restricted{
		Policy: open.PolicyName, PolicyVersion: open.PolicyVersion, Rule: open.RuleID, Since: open.Since, Actions: open.Actions,
		Opened: open.OpenedSeq,
	})
}

func (j *judge) change(event lifecycle.Event, reason string, r lifecycle.Restricted) lifecycle.Change {
	r.Sweep = j.source.Sweep
	return lifecycle.Change{
		Event: event, At: j.at, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: j.source.actor()}, Reason: reason,
		Detail: lifecycle.Detail{Restricted: &r},
	}
}

// liftReason says why the rule does not block the account now.
func (j *judge) liftReason(row store.EnforceRow, open store.Restriction) string {
	if row.Account.Closed(j.at) {
		return ReasonClosed
	}
	rule := j.rule(open)
	switch {
	case rule == nil:
		return ReasonWithdrawn
	case rule.Mode == policy.ModeObserve:
		return ReasonObserved
	case !rule.Cohort.Covers(row.Account):
		return ReasonNotCovered
	}
	for _, action := range open.Actions {
		for _, d := range policy.DecideRules(j.force.Set, row.Account, row.Standing, row.Extensions, action, j.at) {
			switch {
			case d.RuleID != rule.ID:
			case d.Reason == policy.ReasonVerified:
				return ReasonVerified
			case d.Reason == policy.ReasonExtended:
				return ReasonExtended
			case d.Reason == policy.ReasonGrace:
				return ReasonGrace
			}
		}
	}
	return ReasonWithdrawn
}

// rule returns the rule in force that the episode was opened under, nil if there is none any more.
func (j *judge) rule(open store.Restriction) *policy.Rule {
	p := j.force.ByRule[open.RuleID]
	if p == nil || p.Name != open.PolicyName {
		return nil
	}
	for i := range p.Rules {
		if p.Rules[i].ID == open.RuleID {
			return &p.Rules[i]
		}
	}
	return nil
}
