package impact

import (
	"context"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// AccountRow is one account under one rule that covers it, at the instant of the question.
type AccountRow struct {
	AccountID    string     `json:"account_id"`
	Kind         string     `json:"kind"`
	Region       string     `json:"region"`
	RegisteredAt time.Time  `json:"registered_at"`
	State        string     `json:"state" doc:"Of the verification, as it is now."`
	Policy       string     `json:"policy"`
	Version      int        `json:"policy_version"`
	Rule         string     `json:"rule"`
	Class        Class      `json:"class"`
	Prompted     []string   `json:"prompted" nullable:"false" doc:"Actions."`
	Blocked      []string   `json:"blocked" nullable:"false" doc:"Actions."`
	Deadline     *time.Time `json:"deadline" doc:"From when the rule blocks the account, extensions counted; null if it never does."`
	Change       string     `json:"change" enum:",newly_blocked,newly_released" doc:"Against the versions in force now."`
}

// Rows visits the open accounts by id, with each rule that covers them; of every class if classes is empty.
func Rows(ctx context.Context, source Source, p *Plan, classes []Class, visit func(*AccountRow) error) error {
	c := newCounter(p)
	refs := p.at.set.RuleRefs()
	return eachPage(ctx, source, "", "", func(page []store.Facts) error {
		for i := range page {
			f := &page[i]
			if f.Account.Closed(p.question.At) {
				continue
			}
			c.instant(f)
			for j := range c.looks {
				look, rule := &c.looks[j], p.at.rules[j]
				is, was := c.classes[rule], c.next[rule]
				if is == notCovered || len(classes) > 0 && !slices.Contains(classes, is.name()) {
					continue
				}
				row := p.row(f, refs[j], look, is, was)
				if err := visit(&row); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (p *Plan) row(f *store.Facts, ref policy.RuleRef, look *policy.Look, is, was class) AccountRow {
	row := AccountRow{
		AccountID: f.Account.ID, Kind: string(f.Account.Kind), Region: f.Account.Region,
		RegisteredAt: f.Account.RegisteredAt.In(p.zone), State: string(f.Standing.State),
		Policy: ref.Policy.Name, Version: ref.Policy.Version, Rule: ref.Rule.ID, Class: is.name(),
		Prompted: p.at.set.NamesOf(look.Prompted), Blocked: p.at.set.NamesOf(look.Blocked),
	}
	if deadline := look.Deadline(); !deadline.IsZero() {
		deadline = deadline.In(p.zone)
		row.Deadline = &deadline
	}
	switch {
	case is == blocked && was != blocked:
		row.Change = "newly_blocked"
	case is != blocked && was == blocked:
		row.Change = "newly_released"
	}
	return row
}
