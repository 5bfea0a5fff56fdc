package impact

import (
	"slices"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Preview is the answer to a Question. Its instants are in the policy's zone.
type Preview struct {
	From         time.Time      `json:"from" doc:"The series and the changes begin here; what is in force here is compared with."`
	At           time.Time      `json:"at" doc:"The instant that is counted."`
	Policies     []PolicyRef    `json:"policies" nullable:"false" doc:"Counted: in force at that instant, the proposed policy in the place of its namesake."`
	Against      []PolicyRef    `json:"against" nullable:"false" doc:"Compared with: in force at from, as published."`
	Open         int64          `json:"open" doc:"Accounts that are open at that instant. The classes of total, and of each rule, sum to it."`
	Closed       int64          `json:"closed" doc:"Accounts that are closed by then, counted nowhere else."`
	Total        ClassCounts    `json:"total" doc:"All rules together: an account is in the strictest class of its rules."`
	NewlyBlocked int64          `json:"newly_blocked" doc:"Blocked at that instant, and not by the versions compared with."`
	NewlyFree    int64          `json:"newly_released" doc:"Not blocked at that instant, but by the versions compared with."`
	Rules        []RulePreview  `json:"rules" nullable:"false"`
	Changes      []ChangeCounts `json:"changes" nullable:"false" doc:"What changes next after from if no fact changes: the earliest 50 instants."`
	Days         []DayCounts    `json:"days" nullable:"false" doc:"At the midnights of the policy's zone until the instant."`
}

// PolicyRef names a version.
type PolicyRef struct {
	Name     string `json:"name"`
	Version  int    `json:"version"`
	Proposed bool   `json:"proposed" doc:"Not published: from the request."`
}

// RulePreview is one rule at the instant.
type RulePreview struct {
	Policy       string         `json:"policy"`
	Rule         string         `json:"rule"`
	InForce      bool           `json:"in_force" doc:"False for a rule that is compared with and no longer there."`
	Observes     bool           `json:"observes" doc:"The rule only observes."`
	Counts       ClassCounts    `json:"counts"`
	NewlyBlocked int64          `json:"newly_blocked"`
	NewlyFree    int64          `json:"newly_released"`
	Actions      []ActionCounts `json:"actions" nullable:"false" doc:"Actions that some account is prompted or blocked at."`
	States       []StateCounts  `json:"states" nullable:"false" doc:"By state of the verification; states of no account are left out."`
}

// ActionCounts is one action under one rule.
type ActionCounts struct {
	Action   string `json:"action"`
	Prompted int64  `json:"prompted"`
	Blocked  int64  `json:"blocked"`
}

// StateCounts is the accounts in one state under one rule.
type StateCounts struct {
	State  string      `json:"state"`
	Counts ClassCounts `json:"counts"`
}

// ChangeCounts is how many accounts a rule takes from one class to another at an instant.
type ChangeCounts struct {
	At       time.Time `json:"at"`
	Policy   string    `json:"policy"`
	Rule     string    `json:"rule"`
	From     Class     `json:"from"`
	To       Class     `json:"to"`
	Accounts int64     `json:"accounts"`
}

// DayCounts is one midnight.
type DayCounts struct {
	At     time.Time       `json:"at"`
	Closed int64           `json:"closed"`
	Total  ClassCounts     `json:"total"`
	Rules  []RuleDayCounts `json:"rules" nullable:"false"`
}

// RuleDayCounts is one rule at one midnight.
type RuleDayCounts struct {
	Policy string      `json:"policy"`
	Rule   string      `json:"rule"`
	Counts ClassCounts `json:"counts"`
}

func (p *Plan) preview(seen *counted) *Preview {
	v := &Preview{
		From: p.question.From.In(p.zone), At: p.question.At.In(p.zone),
		Policies: p.refs(p.at.set), Against: p.refs(p.against.set),
		Open: seen.open, Closed: seen.closed, Total: seen.total.counts(),
		NewlyBlocked: seen.newly.blocked, NewlyFree: seen.newly.released,
		Rules: []RulePreview{}, Changes: p.changes(seen), Days: p.series(seen),
	}
	for rule := range p.rules {
		if slices.Contains(p.at.rules, rule) || slices.Contains(p.against.rules, rule) {
			v.Rules = append(v.Rules, p.rule(rule, &seen.rules[rule]))
		}
	}
	return v
}

func (p *Plan) refs(set *policy.Set) []PolicyRef {
	refs := []PolicyRef{}
	for _, one := range set.Policies() {
		q := p.question.Proposed
		proposed := set == p.at.set && q != nil && q.Name == one.Name
		refs = append(refs, PolicyRef{one.Name, one.Version, proposed})
	}
	return refs
}

func (p *Plan) rule(rule int, seen *ruleCount) RulePreview {
	v := RulePreview{
		Policy: p.rules[rule].policy, Rule: p.rules[rule].rule,
		NewlyBlocked: seen.newly.blocked, NewlyFree: seen.newly.released,
		Actions: p.actions(seen), States: []StateCounts{},
	}
	if i := slices.Index(p.at.rules, rule); i >= 0 {
		v.InForce, v.Observes = true, p.at.set.RuleRefs()[i].Rule.Mode == policy.ModeObserve
	}
	var sum tally
	for i, state := range lifecycle.States() {
		if seen.states[i] != (tally{}) {
			v.States = append(v.States, StateCounts{string(state), seen.states[i].counts()})
			sum.add(&seen.states[i])
		}
	}
	v.Counts = sum.counts()
	return v
}

func (p *Plan) actions(seen *ruleCount) []ActionCounts {
	sums := map[string]ActionCounts{}
	for set, n := range seen.actions {
		for _, action := range p.at.set.NamesOf(set) {
			sum := sums[action]
			sums[action] = ActionCounts{action, sum.Prompted + n.prompted, sum.Blocked + n.blocked}
		}
	}
	counts := []ActionCounts{}
	for _, action := range p.at.set.Actions() {
		if sum, ok := sums[action]; ok {
			counts = append(counts, sum)
		}
	}
	return counts
}

func (p *Plan) changes(seen *counted) []ChangeCounts {
	seen.prune()
	turns := make([]turn, 0, len(seen.turns))
	for t := range seen.turns {
		turns = append(turns, t)
	}
	slices.SortFunc(turns, func(a, b turn) int {
		for _, n := range []int{a.at.compare(b.at), a.rule - b.rule, int(a.from) - int(b.from), int(a.to) - int(b.to)} {
			if n != 0 {
				return n
			}
		}
		return 0
	})
	changes := make([]ChangeCounts, 0, len(turns))
	for _, t := range turns {
		changes = append(changes, ChangeCounts{
			At: time.Unix(t.at.sec, int64(t.at.nsec)).In(p.zone), Policy: p.rules[t.rule].policy, Rule: p.rules[t.rule].rule,
			From: t.from.name(), To: t.to.name(), Accounts: seen.turns[t],
		})
	}
	return changes
}

// series sums the differences from day to day.
func (p *Plan) series(seen *counted) []DayCounts {
	days := make([]DayCounts, len(p.days))
	var closed int64
	var total tally
	rules := make([]tally, len(p.rules))
	for i := range days {
		closed += seen.closings[i]
		total.add(&seen.totalDays[i])
		day := DayCounts{At: p.days[i], Closed: closed, Total: total.counts(), Rules: []RuleDayCounts{}}
		inForce := p.inForce(p.days[i])
		for rule := range p.rules {
			rules[rule].add(&seen.rules[rule].days[i])
			if slices.Contains(inForce.rules, rule) {
				day.Rules = append(day.Rules, RuleDayCounts{p.rules[rule].policy, p.rules[rule].rule, rules[rule].counts()})
			}
		}
		days[i] = day
	}
	return days
}
