package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/policy"
)

func TestFoundingPolicyIsValid(t *testing.T) {
	t.Parallel()
	require.Empty(t, founding(t).Validate())
}

func TestValidate(t *testing.T) {
	t.Parallel()
	type P = policy.Policy
	rule := func(p *P) *policy.Rule { return &p.Rules[0] }
	phase := func(p *P, i int) *policy.Phase { return &p.Rules[0].Phases[i] }
	tests := []struct {
		name   string
		change func(*P)
		path   string
		says   string
	}{
		{"no name", func(p *P) { p.Name = "" }, "name", "1 to 64"},
		{"name in capitals", func(p *P) { p.Name = "Wish" }, "name", "1 to 64"},
		{"name beginning with a dash", func(p *P) { p.Name = "-wish" }, "name", "1 to 64"},
		{"name too long", func(p *P) { p.Name = strings.Repeat("a", 65) }, "name", "1 to 64"},
		{"version zero", func(p *P) { p.Version = 0 }, "version", "from 1"},
		{"version too great", func(p *P) { p.Version = 1_000_000_001 }, "version", "1000000000"},
		{"no zone", func(p *P) { p.Zone = nil }, "zone", "IANA"},
		{"zone of the machine", func(p *P) { p.Zone = time.Local }, "zone", "IANA"},
		{"no actions", func(p *P) { p.Actions = nil }, "actions", "1 to 64"},
		{"action badly named", func(p *P) { p.Actions[2] = "Print label" }, "actions[2]", "a-z"},
		{"action twice", func(p *P) { p.Actions[3] = "login" }, "actions[3]", "twice"},
		{"no rules", func(p *P) { p.Rules = nil }, "rules", "1 to 500"},
		{"rule without id", func(p *P) { rule(p).ID = "" }, "rules[0].id", "1 to 64"},
		{"rule twice", func(p *P) { p.Rules = append(p.Rules, p.Rules[0]) }, "rules[1].id", "earlier rule"},
		{"unknown kind", func(p *P) { rule(p).Cohort.Kinds[0] = "person" }, "rules[0].cohort.kind[0]", "individual"},
		{"kind twice", func(p *P) { rule(p).Cohort.Kinds = []policy.Kind{"individual", "individual"} }, "rules[0].cohort.kind[1]", "twice"},
		{"too many kinds", func(p *P) { rule(p).Cohort.Kinds = make([]policy.Kind, 9) }, "rules[0].cohort.kind", "at most 8"},
		{"too many actions", func(p *P) { p.Actions = make([]string, 65) }, "actions", "1 to 64"},
		{"region in small letters", func(p *P) { rule(p).Cohort.Regions[0] = "cn" }, "rules[0].cohort.region[0]", "capital"},
		{"region twice", func(p *P) { rule(p).Cohort.Regions = []string{"CN", "CN"} }, "rules[0].cohort.region[1]", "twice"},
		{"too many regions", func(p *P) { rule(p).Cohort.Regions = make([]string, 301) }, "rules[0].cohort.region", "300"},
		{"empty cohort", func(p *P) { rule(p).Cohort.Registered.From = rule(p).Cohort.Registered.Before }, "rules[0].cohort.registered.before", "covers nobody"},
		{"unknown requirement", func(p *P) { rule(p).Require = "kyc" }, "rules[0].require", "verified"},
		{"unknown mode", func(p *P) { rule(p).Mode = "" }, "rules[0].mode", "observe"},
		{"negative validity", func(p *P) { rule(p).ValidFor = -1 }, "rules[0].valid_for", "more than 0"},
		{"validity too long", func(p *P) { rule(p).ValidFor = policy.MaxValidFor + 1 }, "rules[0].valid_for", "36500d"},
		{"grace without bound", func(p *P) { rule(p).Grace = &policy.Grace{} }, "rules[0].grace.bound", "90d"},
		{"grace too long", func(p *P) { rule(p).Grace = &policy.Grace{Bound: policy.MaxGrace + 1} }, "rules[0].grace.bound", "90d"},
		{"negative lead", func(p *P) { rule(p).Grace = &policy.Grace{Bound: 1, Lead: -1} }, "rules[0].grace.lead", "0 to 90d"},
		{"no phases", func(p *P) { rule(p).Phases = nil }, "rules[0].phases", "1 to 32"},
		{"phase without beginning", func(p *P) { phase(p, 0).From = time.Time{} }, "rules[0].phases[0].from", "offset"},
		{"phases at one instant", func(p *P) { phase(p, 1).From = phase(p, 0).From }, "rules[0].phases[1].from", "later"},
		{"unknown stage", func(p *P) { phase(p, 1).Stage = "soon" }, "rules[0].phases[1].stage", "announced"},
		{"stage steps back", func(p *P) { phase(p, 0).Stage = policy.StageEnforced }, "rules[0].phases[1].stage", "steps back"},
		{"optional phase that prompts", func(p *P) { phase(p, 0).Effects = map[string]policy.Effect{"login": "prompt"} }, "rules[0].phases[0].effects.login", "stricter"},
		{"announced phase that blocks", func(p *P) { phase(p, 1).Effects["create_label"] = "block" }, "rules[0].phases[1].effects.create_label", "stricter"},
		{"undeclared action", func(p *P) { phase(p, 2).Effects["transfer"] = "block" }, "rules[0].phases[2].effects.transfer", "declared"},
		{"unreadable action", func(p *P) { phase(p, 2).Effects["张三 110101"] = "block" }, "rules[0].phases[2].effects.(unreadable key)", "declared"},
		{"unknown effect", func(p *P) { phase(p, 2).Effects["create_label"] = "deny" }, "rules[0].phases[2].effects.create_label", "block"},
		{"effect weakens", func(p *P) { phase(p, 2).Effects["login"] = "allow" }, "rules[0].phases[2].effects.login", "weakens"},
		{"effect weakens by silence", func(p *P) { delete(phase(p, 2).Effects, "login") }, "rules[0].phases[2].effects.login", "weakens"},
		{"unknown correction", func(p *P) { p.Correction.Mode = "twice" }, "correction.mode", "once"},
		{"empty correction window", func(p *P) { p.Correction.Before = p.Correction.From }, "correction.before", "nobody"},
		{"window without a right", func(p *P) { p.Correction.Mode = policy.CorrectionSupport }, "correction.mode", "remove from and before"},
		{"unknown approval", func(p *P) { p.Review.Approve = "robot" }, "review.approve", "automatic"},
		{"age below zero", func(p *P) { p.Review.MinimumAge = -1 }, "review.minimum_age", "0 to 120"},
		{"age too great", func(p *P) { p.Review.MinimumAge = 121 }, "review.minimum_age", "0 to 120"},
		{"unknown duplicate", func(p *P) { p.Review.DuplicateNumber = "merge" }, "review.duplicate_number", "reject"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := founding(t)
			tt.change(p)
			faults := p.Validate()
			require.NotEmpty(t, faults)
			var found bool
			for _, f := range faults {
				if f.Path == tt.path && strings.Contains(f.Message, tt.says) {
					found = true
				}
			}
			require.True(t, found, "want %s … %s, got %v", tt.path, tt.says, faults)
			require.Contains(t, faults.Error(), tt.path)
			require.NotContains(t, faults.Error(), "张三")
		})
	}
}

func TestValidateReturnsAllFaults(t *testing.T) {
	t.Parallel()
	p := founding(t)
	p.Version, p.Rules[0].Require, p.Review.MinimumAge = 0, "", 200
	require.Len(t, p.Validate(), 3)
}

func TestZeroCorrectionAndReviewAreValid(t *testing.T) {
	t.Parallel()
	p := founding(t)
	p.Correction, p.Review = policy.Correction{}, policy.Review{}
	require.Empty(t, p.Validate())
}
