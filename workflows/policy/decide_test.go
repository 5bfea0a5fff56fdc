package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestGrace(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	standing := func(s lifecycle.State, turn string) lifecycle.Standing {
		return lifecycle.Standing{State: s, Since: at(t, "12-03 12:00"), TurnSince: at(t, turn)}
	}
	until11th := []policy.Extension{{AccountID: "a1", Until: at(t, "12-11 00:00")}}
	tests := []struct {
		name       string
		standing   lifecycle.Standing
		extensions []policy.Extension
		action, at string
		effect     policy.Effect
		reason     policy.Reason
		next       string
	}{
		{"reviewer's turn, begun exactly lead before", standing(lifecycle.UnderReview, "12-02 00:00"), nil, "create_label", "12-04 00:00", policy.Allow, policy.ReasonGrace, "12-07 00:00"},
		{"provider's turn", standing(lifecycle.Scanned, "12-01 00:00"), nil, "create_label", "12-06 23:59", policy.Allow, policy.ReasonGrace, "12-07 00:00"},
		{"ends at the bound", standing(lifecycle.UnderReview, "12-01 00:00"), nil, "create_label", "12-07 00:00", policy.Block, policy.ReasonEnforced, ""},
		{"turn begun too late", standing(lifecycle.UnderReview, "12-02 00:01"), nil, "create_label", "12-04 00:00", policy.Block, policy.ReasonEnforced, ""},
		{"merchant's turn", standing(lifecycle.Approved, "11-20 00:00"), nil, "create_label", "12-04 00:00", policy.Block, policy.ReasonEnforced, ""},
		{"never locked", standing(lifecycle.Locked, "11-20 00:00"), nil, "create_label", "12-04 00:00", policy.Block, policy.ReasonEnforced, ""},
		{"prompt stays", standing(lifecycle.UnderReview, "12-01 00:00"), nil, "login", "12-04 00:00", policy.Prompt, policy.ReasonEnforced, ""},
		{"before the deadline it is not named", standing(lifecycle.UnderReview, "12-01 00:00"), nil, "create_label", "12-03 00:00", policy.Allow, policy.ReasonAnnounced, "12-04 00:00"},
		{"extension first", standing(lifecycle.UnderReview, "12-01 00:00"), until11th, "create_label", "12-05 00:00", policy.Allow, policy.ReasonExtended, "12-11 00:00"},
		{"counted from the extended deadline", standing(lifecycle.UnderReview, "12-09 00:00"), until11th, "create_label", "12-11 00:00", policy.Allow, policy.ReasonGrace, "12-14 00:00"},
		{"turn not recorded, state's beginning too late", lifecycle.Standing{State: lifecycle.UnderReview, Since: at(t, "12-03 00:00")}, nil, "create_label", "12-04 00:00", policy.Block, policy.ReasonEnforced, ""},
		{"turn not recorded, state's beginning early enough", lifecycle.Standing{State: lifecycle.UnderReview, Since: at(t, "12-01 00:00")}, nil, "create_label", "12-04 00:00", policy.Allow, policy.ReasonGrace, "12-07 00:00"},
		{"nothing recorded", lifecycle.Standing{State: lifecycle.UnderReview}, nil, "create_label", "12-04 00:00", policy.Block, policy.ReasonEnforced, ""},
	}
	p := founding(t)
	p.Rules[0].Grace = &policy.Grace{Bound: 3 * day, Lead: 2 * day}
	s := set(t, p)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := policy.Decide(s, covered(t), tt.standing, tt.extensions, tt.action, at(t, tt.at))
			require.Equal(t, tt.effect, d.Effect)
			require.Equal(t, tt.reason, d.Reason)
			if tt.next == "" {
				require.Zero(t, d.NextChangeAt)
			} else {
				require.Equal(t, at(t, tt.next), d.NextChangeAt)
			}
		})
	}
}

func TestSuppressedBlockFallsBackToPrompt(t *testing.T) {
	t.Parallel()
	p := founding(t)
	p.Rules[0].Phases[1].Effects["create_label"] = policy.Prompt
	extended := []policy.Extension{{AccountID: "a1", RuleID: "existing-individuals", Until: at(t, "12-11 00:00")}}
	d := policy.Decide(set(t, p), covered(t), unverified, extended, "create_label", at(t, "12-05 00:00"))
	require.Equal(t, policy.Prompt, d.Effect, "an extension takes the block away, never the prompt")
	require.Equal(t, policy.ReasonExtended, d.Reason)
}

func TestExtensionsOfOthersDoNotCount(t *testing.T) {
	t.Parallel()
	tests := map[string]policy.Extension{
		"another account":      {AccountID: "a2", Until: at(t, "12-11 00:00")},
		"another rule":         {AccountID: "a1", RuleID: "other", Until: at(t, "12-11 00:00")},
		"not yet granted":      {AccountID: "a1", GrantedAt: at(t, "12-05 00:01"), Until: at(t, "12-11 00:00")},
		"over before granted":  {AccountID: "a1", GrantedAt: at(t, "12-04 12:00"), Until: at(t, "12-04 12:00")},
		"without an end":       {AccountID: "a1"},
		"ended where it began": {AccountID: "a1", Until: at(t, "12-05 00:00")},
	}
	for name, e := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := policy.Decide(set(t, founding(t)), covered(t), unverified, []policy.Extension{e}, "create_label", at(t, "12-05 00:00"))
			require.Equal(t, policy.Block, d.Effect)
		})
	}
}

func TestObserveActsOnNothing(t *testing.T) {
	t.Parallel()
	p := founding(t)
	p.Rules[0].Mode = policy.ModeObserve
	s := set(t, p)
	d := policy.Decide(s, covered(t), unverified, nil, "create_label", at(t, "12-04 00:00"))
	require.Equal(t, policy.Allow, d.Effect)
	require.Equal(t, policy.ReasonEnforced, d.Reason)
	require.Equal(t, policy.Block, d.WouldBe)
	require.Equal(t, "existing-individuals", d.WouldBeRuleID)

	d = policy.Decide(s, covered(t), unverified, nil, "login", at(t, "11-20 00:00"))
	require.Equal(t, policy.Allow, d.Effect)
	require.Equal(t, policy.Prompt, d.WouldBe)

	d = policy.Decide(s, covered(t), unverified, nil, "create_label", at(t, "11-20 00:00"))
	require.Empty(t, d.WouldBe)
	require.Empty(t, d.WouldBeRuleID)
}

func TestObserveBesideEnforce(t *testing.T) {
	t.Parallel()
	observing := founding(t)
	observing.Name, observing.Rules[0].ID, observing.Rules[0].Mode = "a-stricter-one", "stricter", policy.ModeObserve
	observing.Rules[0].Phases[2].Effects["login"] = policy.Block
	s := set(t, founding(t), observing)

	d := policy.Decide(s, covered(t), unverified, nil, "login", at(t, "12-05 00:00"))
	require.Equal(t, policy.Prompt, d.Effect)
	require.Equal(t, "existing-individuals", d.RuleID)
	require.Equal(t, policy.Block, d.WouldBe)
	require.Equal(t, "stricter", d.WouldBeRuleID)

	d = policy.Decide(s, covered(t), unverified, nil, "create_label", at(t, "12-05 00:00"))
	require.Equal(t, policy.Block, d.Effect)
	require.Empty(t, d.WouldBe, "an observing rule is named only where it would have been stricter")

	d = policy.Decide(s, covered(t), unverified, nil, "create_label", at(t, "11-20 00:00"))
	require.Equal(t, "existing-individuals", d.RuleID, "among equal answers the rule that enforces goes first")
}

func TestValidForLapses(t *testing.T) {
	t.Parallel()
	p := founding(t)
	p.Rules[0].ValidFor = 10 * 24 * time.Hour
	verified := lifecycle.Standing{State: lifecycle.Verified, VerifiedAt: at(t, "12-05 00:00")}
	s := set(t, p)

	d := policy.Decide(s, covered(t), verified, nil, "create_label", at(t, "12-05 00:00"))
	require.Equal(t, policy.ReasonVerified, d.Reason)
	require.Equal(t, at(t, "12-05 00:00"), d.Since)
	require.Zero(t, d.Deadline)
	require.Equal(t, at(t, "12-15 00:00"), d.NextChangeAt)
	require.Empty(t, d.RequiredStep)

	require.Equal(t, policy.ReasonVerified, policy.Decide(s, covered(t), verified, nil, "create_label", at(t, "12-15 00:00").Add(-1)).Reason)
	d = policy.Decide(s, covered(t), verified, nil, "create_label", at(t, "12-15 00:00"))
	require.Equal(t, policy.Block, d.Effect)
	require.Equal(t, policy.StepWait, d.RequiredStep)

	d = policy.Decide(s, covered(t), verified, nil, "create_label", at(t, "12-04 00:00"))
	require.Equal(t, policy.Block, d.Effect, "not verified yet at that instant")
	require.Equal(t, at(t, "12-05 00:00"), d.NextChangeAt)
}

func TestSeveralRules(t *testing.T) {
	t.Parallel()
	earlier := founding(t)
	earlier.Name, earlier.Rules[0].ID, earlier.Version = "zz-earlier", "earlier", 7
	earlier.Rules[0].Phases[1].From = at(t, "11-10 00:00")
	earlier.Rules[0].Phases[2].From = at(t, "12-01 00:00")
	elsewhere := founding(t)
	elsewhere.Name, elsewhere.Rules[0].ID, elsewhere.Rules[0].Cohort.Regions = "aa-elsewhere", "elsewhere", []string{"US"}
	for _, s := range []*policy.Set{set(t, founding(t), earlier, elsewhere), set(t, elsewhere, earlier, founding(t))} {
		tests := []struct {
			action, at, rule string
			effect           policy.Effect
			reason           policy.Reason
			next             string
		}{
			{"create_label", "11-05 00:00", "existing-individuals", policy.Allow, policy.ReasonNotYetAnnounced, "11-10 00:00"},
			{"create_label", "11-12 00:00", "earlier", policy.Allow, policy.ReasonAnnounced, "12-01 00:00"},
			{"login", "11-12 00:00", "earlier", policy.Prompt, policy.ReasonAnnounced, "12-04 00:00"}, // until then the other rule still only announces
			{"create_label", "12-02 00:00", "earlier", policy.Block, policy.ReasonEnforced, ""},
			{"create_label", "12-05 00:00", "earlier", policy.Block, policy.ReasonEnforced, ""},
			{"login", "12-02 00:00", "existing-individuals", policy.Prompt, policy.ReasonAnnounced, "12-04 00:00"},
			{"login", "12-05 00:00", "earlier", policy.Prompt, policy.ReasonEnforced, ""},
			{"print_label", "12-05 00:00", "existing-individuals", policy.Allow, policy.ReasonNotRestricted, ""},
		}
		for _, tt := range tests {
			d := policy.Decide(s, covered(t), unverified, nil, tt.action, at(t, tt.at))
			require.Equal(t, tt.rule, d.RuleID, "%s %s", tt.action, tt.at)
			require.Equal(t, tt.effect, d.Effect, "%s %s", tt.action, tt.at)
			require.Equal(t, tt.reason, d.Reason, "%s %s", tt.action, tt.at)
			if tt.next == "" {
				require.Zero(t, d.NextChangeAt, "%s %s", tt.action, tt.at)
			} else {
				require.Equal(t, at(t, tt.next), d.NextChangeAt, "%s %s", tt.action, tt.at)
			}
		}
		d := policy.Decide(s, covered(t), unverified, nil, "create_label", at(t, "12-05 00:00"))
		require.Equal(t, "zz-earlier", d.PolicyName)
		require.Equal(t, 7, d.PolicyVersion)
	}
}

func TestExtensionOfOneRuleLeavesTheOther(t *testing.T) {
	t.Parallel()
	second := founding(t)
	second.Name, second.Rules[0].ID = "second", "second"
	extended := []policy.Extension{{AccountID: "a1", RuleID: "second", Until: at(t, "12-11 00:00")}}
	d := policy.Decide(set(t, founding(t), second), covered(t), unverified, extended, "create_label", at(t, "12-05 00:00"))
	require.Equal(t, policy.Block, d.Effect)
	require.Equal(t, "existing-individuals", d.RuleID)
}

func TestRequiredStep(t *testing.T) {
	t.Parallel()
	want := map[lifecycle.State]string{
		lifecycle.Unverified: "submit", lifecycle.Submitted: "wait", lifecycle.UnderReview: "wait", lifecycle.Rejected: "submit",
		lifecycle.Approved: "start_face", lifecycle.QRIssued: "scan", lifecycle.Scanned: "wait", lifecycle.Verified: "",
		lifecycle.FaceFailed: "start_face", lifecycle.Locked: "wait", lifecycle.ManualReview: "wait", "": "submit",
	}
	s := set(t, founding(t))
	for _, state := range append(lifecycle.States(), "") {
		step, ok := want[state]
		require.True(t, ok, "state %s has no expectation", state)
		standing := lifecycle.Standing{State: state}
		if state == lifecycle.Verified {
			standing.VerifiedAt = at(t, "11-20 00:00")
		}
		require.Equal(t, step, policy.Decide(s, covered(t), standing, nil, "create_label", at(t, "12-04 00:00")).RequiredStep, "%s", state)
		require.Empty(t, policy.Decide(s, covered(t), standing, nil, "login", at(t, "11-16 00:00")).RequiredStep, "nothing is asked yet")
		require.Empty(t, policy.Decide(s, covered(t), standing, nil, "print_label", at(t, "12-04 00:00")).RequiredStep)
	}
}

func TestUndeclaredAction(t *testing.T) {
	t.Parallel()
	empty, err := policy.NewSet()
	require.NoError(t, err)
	for name, s := range map[string]*policy.Set{"declared others": set(t, founding(t)), "empty": empty, "nil": nil} {
		require.False(t, s.Declares("transfer"), name)
		d := policy.Decide(s, covered(t), unverified, nil, "transfer", at(t, "12-04 00:00"))
		require.Equal(t, policy.Decision{Effect: policy.Allow, Reason: policy.ReasonNotRestricted, Zone: time.UTC}, d, name)
	}
	require.True(t, set(t, founding(t)).Declares("login"))
	require.Nil(t, (*policy.Set)(nil).Policies())
	require.Nil(t, (*policy.Set)(nil).Actions())
	require.Nil(t, (*policy.Set)(nil).PolicyFor(covered(t)))
}

func TestClosingLiftsNothing(t *testing.T) {
	t.Parallel()
	a := covered(t)
	a.ClosedAt = at(t, "12-05 00:00")
	require.False(t, a.Closed(at(t, "12-05 00:00").Add(-1)))
	require.True(t, a.Closed(at(t, "12-05 00:00")))
	require.False(t, covered(t).Closed(at(t, "12-05 00:00")))
	require.Equal(t, policy.Block, policy.Decide(set(t, founding(t)), a, unverified, nil, "create_label", at(t, "12-06 00:00")).Effect)
}

func TestMonotonicReadingIsIgnored(t *testing.T) {
	t.Parallel()
	s, now := set(t, founding(t)), time.Now()
	require.Equal(t,
		policy.Decide(s, covered(t), unverified, nil, "create_label", now.Round(0)),
		policy.Decide(s, covered(t), unverified, nil, "create_label", now))
}
