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

// inline is the baseline of the benchmark: the comparisons that the founding rule needs, written out over the fields
// as they stand in the file, and the same Decision filled from them. It knows no extension, grace or other policy.
func inline(p *policy.Policy, a policy.Account, st lifecycle.Standing, action string, at time.Time) (d policy.Decision) {
	d.Effect, d.Reason, d.PolicyName, d.PolicyVersion, d.Zone = policy.Allow, policy.ReasonNotCovered, p.Name, p.Version, p.Zone
	for i := range p.Rules {
		r := &p.Rules[i]
		if a.Kind != r.Cohort.Kinds[0] || a.Region != r.Cohort.Regions[0] || !a.RegisteredAt.Before(r.Cohort.Registered.Before) {
			continue
		}
		if st.State == lifecycle.Verified && !at.Before(st.VerifiedAt) {
			d.Reason, d.RuleID, d.Since = policy.ReasonVerified, r.ID, st.VerifiedAt.In(p.Zone)
			continue
		}
		e, reason, from := policy.Allow, policy.ReasonNotYetAnnounced, time.Time{}
		for j := range r.Phases {
			f := &r.Phases[j]
			if at.Before(f.From) {
				if d.NextChangeAt.IsZero() || f.From.Before(d.NextChangeAt) {
					d.NextChangeAt = f.From
				}
				break
			}
			from = f.From
			switch {
			case j == 2 && action == "create_label":
				e, reason = policy.Block, policy.ReasonEnforced
			case j == 2 && action == "login":
				e, reason = policy.Prompt, policy.ReasonEnforced
			case j == 1 && action == "login":
				e, reason = policy.Prompt, policy.ReasonAnnounced
			case j == 1:
				reason = policy.ReasonAnnounced
			}
		}
		if e.Stricter(d.Effect) || d.RuleID == "" || e == d.Effect && from.Before(d.Since) {
			d.Effect, d.Reason, d.RuleID, d.Since = e, reason, r.ID, from
			d.Deadline, d.RequiredStep = r.Phases[2].From, policy.StepSubmit
		}
	}
	return d
}

// BenchmarkDecide compares Decide with the inline comparisons, side by side for one rule and fifty.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1, 50} {
		p := many(b, n)
		s, a := set(b, p), covered(b)
		verified := lifecycle.Standing{State: lifecycle.Verified, VerifiedAt: at(b, "11-20 00:00")}
		elsewhere := a
		elsewhere.Region = "US"
		for _, q := range []struct {
			name     string
			account  policy.Account
			standing lifecycle.Standing
			at       time.Time
		}{
			{"announced", a, unverified, at(b, "12-03 00:00")},
			{"blocked", a, unverified, at(b, "12-05 00:00")},
			{"verified", a, verified, at(b, "12-05 00:00")},
			{"not covered", elsewhere, unverified, at(b, "12-05 00:00")},
		} {
			want, got := policy.Decide(s, q.account, q.standing, nil, "create_label", q.at), inline(p, q.account, q.standing, "create_label", q.at)
			require.Equal(b, want.Effect, got.Effect, "the baseline answers another question")
			require.Equal(b, want.Reason, got.Reason, "the baseline answers another question")
			b.Run(fmt.Sprintf("rules=%d/%s/decide", n, q.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					policy.Decide(s, q.account, q.standing, nil, "create_label", q.at)
				}
			})
			b.Run(fmt.Sprintf("rules=%d/%s/inline", n, q.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					inline(p, q.account, q.standing, "create_label", q.at)
				}
			})
		}
	}
}
