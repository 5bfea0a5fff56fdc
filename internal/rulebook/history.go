package rulebook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// Act is what was done to a policy.
type Act string

const (
	ActProposed  Act = "proposed"
	ActApproved  Act = "approved"
	ActRejected  Act = "rejected"
	ActWithdrawn Act = "withdrawn"
	ActBraked    Act = "braked"
	ActReleased  Act = "released"
)

// Event is one act on a policy, as it is kept.
type Event struct {
	At            time.Time // when it was recorded
	Act           Act
	Version       int       // 0 for brakes, which hold for every version
	RuleID        string    // of a brake, "" for every rule
	EffectiveFrom time.Time // zero for what was rejected or withdrawn
	Actor         string
	Reason        string // of a proposal its note
}

// History returns everything that was done to a policy, oldest first. ErrUnknownPolicy if nothing was.
func (d *Desk) History(ctx context.Context, name string) ([]Event, error) {
	s, err := d.scene(ctx)
	if err != nil {
		return nil, err
	}
	brakes, err := d.store.Brakes(ctx)
	if err != nil {
		return nil, fmt.Errorf("rulebook: brakes: %w", err)
	}
	var events []Event
	for _, v := range s.versions {
		if v.Name != name {
			continue
		}
		events = append(events, Event{v.RecordedAt, ActProposed, v.Version, "", v.EffectiveFrom, v.Author, v.Note})
		for _, r := range v.Rulings {
			events = append(events, Event{r.RecordedAt, Act(r.Ruling), v.Version, "", r.EffectiveFrom, r.Actor, r.Reason})
		}
	}
	for _, b := range brakes {
		if b.Name == name {
			events = append(events, Event{b.RecordedAt, actOf(b), 0, b.RuleID, b.EffectiveAt, b.Actor, b.Reason})
		}
	}
	if len(events) == 0 {
		return nil, ErrUnknownPolicy
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events, nil
}

func actOf(b store.Brake) Act {
	if b.Released {
		return ActReleased
	}
	return ActBraked
}
