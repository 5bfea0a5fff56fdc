package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/policy"
)

func TestNewSetRefuses(t *testing.T) {
	t.Parallel()
	second := func(change func(*policy.Policy)) *policy.Policy {
		p := founding(t)
		p.Name, p.Rules[0].ID = "second", "second"
		change(p)
		return p
	}
	_, err := policy.NewSet(nil)
	require.ErrorIs(t, err, policy.ErrNilPolicy)
	_, err = policy.NewSet(founding(t), second(func(p *policy.Policy) { p.Name, p.Version = "wishpost-face-verification", 2 }))
	require.ErrorIs(t, err, policy.ErrTwoVersions)
	_, err = policy.NewSet(founding(t), second(func(p *policy.Policy) { p.Rules[0].ID = "existing-individuals" }))
	require.ErrorIs(t, err, policy.ErrRuleTwice)
	_, err = policy.NewSet(founding(t), second(func(p *policy.Policy) {
		for i := range policy.MaxActions - 4 + 1 {
			p.Actions = append(p.Actions, fmt.Sprintf("more_%d", i))
		}
		p.Actions = slices.DeleteFunc(p.Actions, func(a string) bool { return a == "print_label" || a == "void_label" })
	}))
	require.ErrorIs(t, err, policy.ErrTooManyActions)
	var faults policy.Faults
	_, err = policy.NewSet(second(func(p *policy.Policy) { p.Version = 0 }))
	require.ErrorAs(t, err, &faults)
	require.Equal(t, "version", faults[0].Path)
}

func TestSetKeepsNothingOfItsArguments(t *testing.T) {
	t.Parallel()
	p := founding(t)
	p.Rules[0].Grace = &policy.Grace{Bound: time.Hour}
	s := set(t, p)
	before := policy.Decide(s, covered(t), unverified, nil, "create_label", at(t, "12-04 00:00"))
	p.Actions[1], p.Name = "renamed", "renamed"
	p.Rules[0].Cohort.Regions[0], p.Rules[0].Cohort.Kinds[0] = "US", policy.KindEnterprise
	p.Rules[0].Phases[2].From = at(t, "12-24 00:00")
	p.Rules[0].Phases[2].Effects["create_label"] = policy.Allow
	p.Rules[0].Grace.Bound = 0
	require.Equal(t, before, policy.Decide(s, covered(t), unverified, nil, "create_label", at(t, "12-04 00:00")))
	require.Equal(t, "wishpost-face-verification", s.Policies()[0].Name)
	require.Equal(t, time.Hour, s.Policies()[0].Rules[0].Grace.Bound)
	require.Equal(t, policy.Block, s.Policies()[0].Rules[0].Phases[2].Effects["create_label"])
}

func TestPolicyFor(t *testing.T) {
	t.Parallel()
	later := founding(t)
	later.Name, later.Rules[0].ID = "a-later", "later"
	later.Rules[0].Cohort.Registered = policy.Interval{From: at(t, "11-17 00:00")}
	s := set(t, founding(t), later)
	a := covered(t)
	require.Equal(t, "wishpost-face-verification", s.PolicyFor(a).Name)
	a.RegisteredAt = at(t, "11-17 00:00")
	require.Equal(t, "a-later", s.PolicyFor(a).Name)
	a.Kind = policy.KindEnterprise
	require.Nil(t, s.PolicyFor(a))
	require.Equal(t, []string{"login", "create_label", "print_label", "void_label"}, s.Actions())
}

func TestCohort(t *testing.T) {
	t.Parallel()
	require.True(t, policy.Cohort{}.Covers(policy.Account{}), "no condition covers everybody")
	c := policy.Cohort{Kinds: policy.Kinds(), Regions: []string{"CN", "HK"}, Registered: policy.Interval{From: at(t, "11-01 00:00")}}
	require.True(t, c.Covers(covered(t)))
	a := covered(t)
	a.RegisteredAt = a.RegisteredAt.Add(-1)
	require.False(t, c.Covers(a))
}

func TestEffectOrder(t *testing.T) {
	t.Parallel()
	effects := policy.Effects()
	for i, e := range effects {
		for j, o := range effects {
			require.Equal(t, i > j, e.Stricter(o), "%s, %s", e, o)
		}
		require.False(t, policy.Effect("").Stricter(e))
		require.True(t, e.Stricter("nonsense"))
	}
	require.Len(t, policy.Reasons(), 8)
}

func TestCorrectionAllows(t *testing.T) {
	t.Parallel()
	window := policy.Correction{Mode: policy.CorrectionOnce, From: at(t, "10-29 00:00"), Before: at(t, "11-12 00:00")}
	free := window
	free.Mode = policy.CorrectionFree
	tests := []struct {
		name string
		c    policy.Correction
		at   time.Time
		used int
		want bool
	}{
		{"first instant", window, at(t, "10-29 00:00"), 0, true},
		{"just before", window, at(t, "10-29 00:00").Add(-1), 0, false},
		{"last instant", window, at(t, "11-12 00:00").Add(-1), 0, true},
		{"end", window, at(t, "11-12 00:00"), 0, false},
		{"used up", window, at(t, "11-01 00:00"), 1, false},
		{"free again", free, at(t, "11-01 00:00"), 5, true},
		{"free outside", free, at(t, "11-12 00:00"), 0, false},
		{"free without a window", policy.Correction{Mode: policy.CorrectionFree}, at(t, "11-12 00:00"), 9, true},
		{"support", policy.Correction{Mode: policy.CorrectionSupport}, at(t, "11-01 00:00"), 0, false},
		{"nothing said", policy.Correction{}, at(t, "11-01 00:00"), 0, false},
		{"another zone", window, at(t, "11-12 00:00").UTC(), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.c.Allows(tt.at, tt.used))
		})
	}
}
