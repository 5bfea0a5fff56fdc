package figures

import (
	"maps"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// blocking is an action that a rule blocks.
type blocking struct{ policy, rule, action string }

// blockings is everything that the rules in force at an instant block for accounts that did not verify.
func blockings(published *rulebook.Snapshot, at time.Time) (map[blocking]bool, error) {
	force, err := published.InForce(at, store.Would)
	if err != nil {
		return nil, err
	}
	all := map[blocking]bool{}
	for _, ref := range force.Set.RuleRefs() {
		if ref.Rule.Mode == policy.ModeObserve {
			continue
		}
		var now policy.Phase
		for _, p := range ref.Rule.Phases {
			if !at.Before(p.From) {
				now = p
			}
		}
		for action, effect := range now.Effects {
			if effect == policy.Block {
				all[blocking{ref.Policy.Name, ref.Rule.ID, action}] = true
			}
		}
	}
	return all, nil
}

// begins is an instant at which something begins to be blocked.
type begins struct {
	at             time.Time
	rules, actions []string
}

// enforcements finds the last instant at or before now and the first after it at which a rule begins to block something.
// Nil where there is none.
func enforcements(published *rulebook.Snapshot, now time.Time) (last, next *begins, err error) {
	before := map[blocking]bool{}
	for _, at := range published.Boundaries() {
		after, err := blockings(published, at)
		if err != nil {
			return nil, nil, err
		}
		rules, actions := map[string]bool{}, map[string]bool{}
		for b := range after {
			if !before[b] {
				rules[b.rule], actions[b.action] = true, true
			}
		}
		before = after
		if len(rules) == 0 {
			continue
		}
		found := &begins{at, slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(actions))}
		if at.After(now) {
			return last, found, nil
		}
		last = found
	}
	return last, nil, nil
}
