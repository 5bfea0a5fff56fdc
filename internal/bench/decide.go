package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

func decideBench(ctx context.Context, c Config) (report Report, err error) {
	for _, rules := range []int{1, 50} {
		p, err := manyRules(rules)
		if err != nil {
			return report, err
		}
		set, err := policy.NewSet(p)
		if err != nil {
			return report, err
		}
		unverified := lifecycle.Standing{State: lifecycle.Unverified}
		verified := lifecycle.Standing{State: lifecycle.Verified, VerifiedAt: announced().AddDate(0, 0, -10)}
		elsewhere := account(1)
		elsewhere.Region = "US"
		for _, q := range []question{
			{"announced", account(1), unverified, announced()},
			{"blocked", account(1), unverified, enforced()},
			{"verified", account(1), verified, enforced()},
			{"not covered", elsewhere, unverified, enforced()},
		} {
			got, want := q.inline(p), q.decide(set)
			if got.Effect != want.Effect || got.Reason != want.Reason {
				return report, errors.New("bench: the baseline answers another question")
			}
			rows, err := c.compare(ctx, fmt.Sprintf("%s, %d rules", q.name, rules), "/s",
				side{"inline", c.turns(func() { q.inline(p) })}, side{"decide", c.turns(func() { q.decide(set) })})
			if err != nil {
				return report, err
			}
			report.Rows = append(report.Rows, rows...)
		}
	}
	return report, nil
}

type question struct {
	name     string
	account  policy.Account
	standing lifecycle.Standing
	at       time.Time
}

func (q question) decide(s *policy.Set) policy.Decision {
	return policy.Decide(s, q.account, q.standing, nil, "create_label", q.at)
}

func (q question) inline(p *policy.Policy) policy.Decision {
	return inline(p, q.account, q.standing, "create_label", q.at)
}

// turns times a function and counts what it allocates.
func (c Config) turns(do func()) func(context.Context) (sample, error) {
	n := 25 * c.requests()
	return func(context.Context) (sample, error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := c.Now()
		for range n {
			do()
		}
		took := c.Now().Sub(begun)
		runtime.ReadMemStats(&after)
		return sample{operations: n, took: took, allocs: float64(after.Mallocs-before.Mallocs) / float64(n)}, nil
	}
}

// manyRules is a policy of n rules that cover the same accounts, each a minute later than the one before.
func manyRules(n int) (*policy.Policy, error) {
	p, err := policyfile.Parse(rule)
	if err != nil {
		return nil, err
	}
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
	return p, nil
}

// inline is the baseline of decideBench: the comparisons that the founding rule needs, written out over the fields
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
