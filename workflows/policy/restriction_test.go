package policy_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestRestrictionsAreWhatDecideBlocks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		for _, at := range s.probes() {
			set, err := policy.NewSet(s.policies...)
			require.NoError(t, err)
			restrictions := policy.Restrictions(set, s.account, s.standing, s.extensions, at)
			for _, action := range set.Actions() {
				d := policy.Decide(set, s.account, s.standing, s.extensions, action, at)
				named := slices.IndexFunc(restrictions, func(r policy.Restriction) bool {
					return r.RuleID == d.RuleID && slices.Contains(r.Actions, action)
				})
				require.Equal(t, d.Effect == policy.Block, named >= 0, "%s at %s", action, at)
				if d.Effect == policy.Block {
					require.True(t, d.Deadline.Equal(restrictions[named].Deadline))
					require.False(t, restrictions[named].Since.After(d.Since))
				} else {
					require.False(t, slices.ContainsFunc(restrictions, func(r policy.Restriction) bool { return slices.Contains(r.Actions, action) }))
				}
			}
		}
	})
}

func TestDecideRulesIsDecideRuleByRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		set, err := policy.NewSet(s.policies...)
		require.NoError(t, err)
		at := rapid.SampledFrom(s.probes()).Draw(t, "at")
		action := rapid.SampledFrom(set.Actions()).Draw(t, "action")
		var want []policy.Decision
		for _, p := range set.Policies() {
			for _, r := range p.Rules {
				if !r.Cohort.Covers(s.account) {
					continue
				}
				alone := *p
				alone.Rules = []policy.Rule{r}
				one, err := policy.NewSet(&alone)
				require.NoError(t, err)
				want = append(want, policy.Decide(one, s.account, s.standing, s.extensions, action, at))
			}
		}
		require.Equal(t, want, policy.DecideRules(set, s.account, s.standing, s.extensions, action, at))
	})
}

func TestRestrictionsOfNothing(t *testing.T) {
	t.Parallel()
	require.Empty(t, policy.Restrictions(nil, covered(t), unverified, nil, at(t, "12-05 00:00")))
	require.Empty(t, policy.DecideRules(nil, covered(t), unverified, nil, "create_label", at(t, "12-05 00:00")))
	p := founding(t)
	p.Rules[0].Mode = policy.ModeObserve
	require.Empty(t, policy.Restrictions(set(t, p), covered(t), unverified, nil, at(t, "12-05 00:00")), "an observing rule restricts nothing")
	founding := policy.Restrictions(set(t, founding(t)), covered(t), unverified, nil, at(t, "12-05 00:00"))
	require.Equal(t, []policy.Restriction{{
		PolicyName: "wishpost-face-verification", PolicyVersion: 1, RuleID: "existing-individuals",
		Since: at(t, "12-04 00:00"), Deadline: at(t, "12-04 00:00"), Actions: []string{"create_label"},
	}}, founding)
	require.Empty(t, policy.Restrictions(set(t, p), covered(t), lifecycle.Standing{State: lifecycle.Verified, VerifiedAt: at(t, "11-20 00:00")}, nil, at(t, "12-05 00:00")))
}
