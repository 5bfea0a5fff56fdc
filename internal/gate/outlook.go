package gate

import (
	"context"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// Outlook is what the rules in force now mean for accounts that somebody looks at, many at a time. Nothing is recorded:
// it is for looking, not for acting. It serves one goroutine.
type Outlook struct {
	Zone *time.Location // to write instants in
	set  *policy.Set
	refs []policy.RuleRef
	at   time.Time
	room []policy.Look
}

// Outlook reads the policies in force now.
func (g *Gate) Outlook(ctx context.Context) (*Outlook, error) {
	force, err := g.current(ctx)
	if err != nil {
		return nil, err
	}
	o := &Outlook{Zone: time.UTC, set: force.Set, refs: force.Set.RuleRefs(), at: g.now()}
	if force.Zone != nil {
		o.Zone = force.Zone
	}
	return o, nil
}

// Cohort returns whom a rule covers, false if no policy in force has it.
func (o *Outlook) Cohort(rule string) (policy.Cohort, bool) {
	i := slices.IndexFunc(o.refs, func(r policy.RuleRef) bool { return r.Rule.ID == rule })
	if i < 0 {
		return policy.Cohort{}, false
	}
	return o.refs[i].Rule.Cohort, true
}

// Rules are the ids of the rules in force, in the order of their policies.
func (o *Outlook) Rules() []string {
	ids := make([]string, len(o.refs))
	for i, r := range o.refs {
		ids[i] = r.Rule.ID
	}
	return ids
}

// Deadline is when the first of the rules that enforce blocks the account, extensions counted; zero if none does, as
// for who is verified.
func (o *Outlook) Deadline(f store.Facts) time.Time {
	var first time.Time
	o.room, _ = o.set.Look(&f.Account, &f.Standing, f.Extensions, o.at, o.room)
	for i := range o.room {
		at := o.room[i].Deadline()
		if o.refs[i].Rule.Mode != policy.ModeObserve && !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at.In(o.Zone)
		}
	}
	return first
}
