package rulebook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// Order is what somebody wants braked or released.
type Order struct {
	Name   string
	RuleID string // "" for every rule of the policy
	Actor  string // id of the API key
	Reason string
}

// Brake sets rules to observe at once, whatever version is in force, until they are released. Braking what is braked
// changes nothing: changed is false and the brake is the one that holds. Errors: ErrUnknownPolicy, ErrUnknownRule.
func (d *Desk) Brake(ctx context.Context, o Order) (b store.Brake, changed bool, err error) {
	err = d.settle(ctx, func(s scene) error {
		changed = false
		if err := s.knows(o.Name, o.RuleID); err != nil {
			return err
		}
		held, err := d.Braked(ctx)
		if err != nil {
			return err
		}
		var known bool
		if b, known = held.of(o); known {
			return nil
		}
		changed = true
		return d.store.PutBrake(ctx, store.Brake{Name: o.Name, RuleID: o.RuleID, Actor: o.Actor, Reason: o.Reason}, s.revision)
	})
	if err != nil || !changed {
		return b, false, err
	}
	held, err := d.Braked(ctx)
	b, _ = held.of(o)
	return b, true, err
}

// Release lets what was braked by the same words enforce again. Errors: ErrUnknownPolicy, ErrUnknownRule, ErrNotBraked.
func (d *Desk) Release(ctx context.Context, o Order) error {
	return d.settle(ctx, func(s scene) error {
		if err := s.knows(o.Name, o.RuleID); err != nil {
			return err
		}
		held, err := d.Braked(ctx)
		if err != nil {
			return err
		}
		if _, known := held.of(o); !known {
			return ErrNotBraked
		}
		b := store.Brake{Name: o.Name, RuleID: o.RuleID, Released: true, Actor: o.Actor, Reason: o.Reason}
		return d.store.PutBrake(ctx, b, s.revision)
	})
}

// Brakes is brakes that are put and not released, by policy and rule.
type Brakes []store.Brake

func (h Brakes) of(o Order) (store.Brake, bool) {
	i := slices.IndexFunc(h, func(b store.Brake) bool { return b.Name == o.Name && b.RuleID == o.RuleID })
	if i < 0 {
		return store.Brake{}, false
	}
	return h[i], true
}

// Braked returns the brakes that hold now.
func (d *Desk) Braked(ctx context.Context) (Brakes, error) {
	all, err := d.store.Brakes(ctx)
	if err != nil {
		return nil, fmt.Errorf("rulebook: brakes: %w", err)
	}
	end := time.Time{} // every brake took effect when it was recorded, by whatever process's clock
	for _, b := range all {
		end = later(end, b.EffectiveAt)
	}
	held := Brakes{}
	for _, b := range heldAt(all, end, nil) {
		held = append(held, b)
	}
	slices.SortFunc(held, func(a, b store.Brake) int {
		return slices.Compare([]string{a.Name, a.RuleID}, []string{b.Name, b.RuleID})
	})
	return held, nil
}

// knows checks that some approved version of the policy has the rule. A text that cannot be read must not keep anybody
// from braking, so it is passed over.
func (s scene) knows(name, rule string) error {
	unknown := ErrUnknownPolicy
	for _, p := range approvedOf(s.versions) {
		if p.Name != name {
			continue
		}
		if rule == "" {
			return nil
		}
		unknown = ErrUnknownRule
		parsed, err := policyfile.Parse(p.Text)
		if err != nil {
			continue
		}
		for i := range parsed.Rules {
			if parsed.Rules[i].ID == rule {
				return nil
			}
		}
	}
	return unknown
}
