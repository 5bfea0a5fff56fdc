package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/policy"
)

// TestLookIsDecideRuleByRule holds Look against Decide for a set of each rule alone, at every instant at which anything
// might change and just beside it.
func TestLookIsDecideRuleByRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		var refs []policy.RuleRef
		for _, p := range s.set.Policies() {
			for i := range p.Rules {
				refs = append(refs, policy.RuleRef{Policy: p, Rule: &p.Rules[i]})
			}
		}
		require.Equal(t, refs, s.set.RuleRefs())
		var looks []policy.Look
		for _, at := range s.probes() {
			looks, _ = s.set.Look(&s.account, &s.standing, s.extensions, at, looks)
			require.Len(t, looks, len(refs))
			for i, ref := range refs {
				s.sameLook(t, ref, &looks[i], at)
			}
		}
	})
}

func (s *scene) sameLook(t *rapid.T, ref policy.RuleRef, look *policy.Look, at time.Time) {
	alone := *ref.Policy
	alone.Rules = []policy.Rule{*ref.Rule}
	one, err := policy.NewSet(&alone)
	require.NoError(t, err)
	require.Equal(t, ref.Rule.Cohort.Covers(s.account), look.Covered)
	for _, action := range sceneActions {
		d := policy.Decide(one, s.account, s.standing, s.extensions, action, at)
		has := func(a policy.ActionSet) bool { return slices.Contains(s.set.NamesOf(a), action) }
		words := []any{"%s of %s at %s: %+v", action, ref.Rule.ID, at, d}
		require.Equal(t, d.Effect == policy.Prompt, has(look.Prompted), words...)
		require.Equal(t, d.Effect == policy.Block, has(look.Blocked), words...)
		require.Equal(t, d.WouldBe == policy.Prompt, has(look.WouldPrompt), words...)
		require.Equal(t, d.WouldBe == policy.Block, has(look.WouldBlock), words...)
		require.Equal(t, d.Reason == policy.ReasonExtended, has(look.Extended), words...)
		require.Equal(t, d.Reason == policy.ReasonGrace, has(look.InGrace), words...)
		if d.Reason == policy.ReasonVerified {
			require.True(t, look.Verified, words...)
		}
		if d.Reason != policy.ReasonNotRestricted {
			require.True(t, d.Deadline.Equal(look.Deadline()), words...)
		}
	}
}

// TestNothingChangesUnseen: between an instant and the next one that Look names, every look stays.
func TestNothingChangesUnseen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		probes := s.probes()
		for i, at := range probes {
			now, next := s.set.Look(&s.account, &s.standing, s.extensions, at, nil)
			require.True(t, next.IsZero() || next.After(at))
			for _, later := range probes[i:] {
				if !next.IsZero() && !later.Before(next) {
					break
				}
				then, _ := s.set.Look(&s.account, &s.standing, s.extensions, later, nil)
				for r := range now {
					require.Equal(t, now[r].Blocked, then[r].Blocked)
					require.Equal(t, now[r].Prompted, then[r].Prompted)
					require.Equal(t, now[r].Extended, then[r].Extended)
					require.Equal(t, now[r].InGrace, then[r].InGrace)
					require.Equal(t, now[r].Verified, then[r].Verified)
				}
			}
		}
	})
}

// AllocsPerRun counts the whole process, so this test is not parallel.
func TestLookAllocatesNothing(t *testing.T) {
	s, a := set(t, many(t, 50)), covered(t)
	extensions := []policy.Extension{{AccountID: "a1", Until: at(t, "12-11 00:00")}}
	instant := at(t, "12-05 00:00")
	looks, _ := s.Look(&a, &unverified, extensions, instant, nil)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		looks, _ = s.Look(&a, &unverified, extensions, instant, looks)
	}))
}

func TestLookOfNothing(t *testing.T) {
	t.Parallel()
	var none *policy.Set
	a := covered(t)
	looks, next := none.Look(&a, &unverified, nil, at(t, "12-05 00:00"), nil)
	require.Empty(t, looks)
	require.Zero(t, next)
	require.Empty(t, none.RuleRefs())
	require.Empty(t, none.NamesOf(^policy.ActionSet(0)))
}
