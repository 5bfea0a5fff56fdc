package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// many returns a policy of n rules that cover the same accounts, each a minute later than the one before.
func many(t testing.TB, n int) *policy.Policy {
	t.Helper()
	p := founding(t)
	first := p.Rules[0]
	p.Rules = nil
	for i := range n {
		r := first
		r.ID = fmt.Sprintf("rule-%d", i)
		r.Phases = append([]policy.Phase{}, first.Phases...)
		for j := range r.Phases {
			r.Phases[j].From = r.Phases[j].From.Add(time.Duration(i) * time.Minute)
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// AllocsPerRun counts the whole process, so this test is not parallel.
func TestDecideAllocatesNothing(t *testing.T) {
	extensions := []policy.Extension{{AccountID: "a1", Until: at(t, "12-11 00:00")}}
	verified := lifecycle.Standing{State: lifecycle.Verified, VerifiedAt: at(t, "11-20 00:00")}
	account := covered(t)
	enterprise := covered(t)
	enterprise.Kind = policy.KindEnterprise
	before, after := at(t, "12-03 00:00"), at(t, "12-05 00:00")
	for _, n := range []int{1, 50} {
		s := set(t, many(t, n))
		require.Zero(t, testing.AllocsPerRun(100, func() {
			for _, at := range []time.Time{before, after} {
				policy.Decide(s, account, unverified, nil, "create_label", at)
				policy.Decide(s, account, verified, nil, "create_label", at)
				policy.Decide(s, account, unverified, extensions, "login", at)
				policy.Decide(s, enterprise, unverified, nil, "create_label", at)
				policy.Decide(s, account, unverified, nil, "transfer", at)
			}
		}), "%d rules", n)
	}
}
