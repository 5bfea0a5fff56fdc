package policy_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// at reads an instant of 2020 in Beijing, as "12-04 00:00".
func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04", "2020-"+text, beijing(t))
	require.NoError(t, err)
	return v
}

func beijing(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	return zone
}

// founding is the founding policy, to be changed by the test that asked for it.
func founding(t testing.TB) *policy.Policy {
	t.Helper()
	return &policy.Policy{
		Name: "wishpost-face-verification", Version: 1, Zone: beijing(t),
		Actions: []string{"login", "create_label", "print_label", "void_label"},
		Rules: []policy.Rule{{
			ID: "existing-individuals",
			Cohort: policy.Cohort{
				Kinds: []policy.Kind{policy.KindIndividual}, Regions: []string{"CN"},
				Registered: policy.Interval{Before: at(t, "11-17 00:00")},
			},
			Require: policy.RequireVerified, Mode: policy.ModeEnforce,
			Phases: []policy.Phase{
				{From: at(t, "10-29 00:00"), Stage: policy.StageOptional},
				{From: at(t, "11-17 00:00"), Stage: policy.StageAnnounced, Effects: map[string]policy.Effect{"login": policy.Prompt}},
				{From: at(t, "12-04 00:00"), Stage: policy.StageEnforced, Effects: map[string]policy.Effect{
					"login": policy.Prompt, "create_label": policy.Block,
				}},
			},
		}},
		Correction: policy.Correction{Mode: policy.CorrectionOnce, From: at(t, "10-29 00:00"), Before: at(t, "11-12 00:00")},
		Review:     policy.Review{Approve: policy.ApproveAutomatic, MinimumAge: 18, DuplicateNumber: policy.DuplicateReviewer},
	}
}

func set(t testing.TB, policies ...*policy.Policy) *policy.Set {
	t.Helper()
	s, err := policy.NewSet(policies...)
	require.NoError(t, err)
	return s
}

func covered(t testing.TB) policy.Account {
	t.Helper()
	return policy.Account{ID: "a1", Kind: policy.KindIndividual, Region: "CN", RegisteredAt: at(t, "11-01 00:00")}
}

var unverified = lifecycle.Standing{State: lifecycle.Unverified}
