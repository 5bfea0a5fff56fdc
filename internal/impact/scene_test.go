package impact_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// people is a population in memory, and the published versions.
type people struct {
	facts     []store.Facts
	published []store.PublishedPolicy
}

func (p *people) FactsAfter(_ context.Context, after, last string, limit int) ([]store.Facts, error) {
	var page []store.Facts
	for _, f := range p.facts {
		if f.Account.ID > after && (last == "" || f.Account.ID <= last) && len(page) < limit {
			page = append(page, f)
		}
	}
	return page, nil
}

func (p *people) Split(_ context.Context, ranges int) ([]string, error) {
	var cuts []string
	for i := 1; i < min(ranges, len(p.facts)); i++ {
		cuts = append(cuts, p.facts[len(p.facts)*i/ranges].Account.ID)
	}
	return slices.Compact(cuts), nil
}

func (p *people) Policies(context.Context) ([]store.PublishedPolicy, error) { return p.published, nil }

func (p *people) Brakes(context.Context) ([]store.Brake, error) { return nil, nil }

func (p *people) PoliciesRevision(context.Context) (int64, error) { return 1, nil }

func (p *people) snapshot(t require.TestingT) *rulebook.Snapshot {
	s, err := rulebook.New(p).Now(context.Background())
	require.NoError(t, err)
	return s
}

// Everything happens at whole hours of ten days, so that a model that looks every hour misses nothing.
var (
	start   = time.Date(2020, 11, 1, 0, 0, 0, 0, time.UTC)
	actions = []string{"login", "create_label"}
)

const hoursOfScene = 240

func hour(t *rapid.T, label string) time.Time {
	return start.Add(time.Duration(rapid.IntRange(0, hoursOfScene-1).Draw(t, label)) * time.Hour)
}

type scene struct {
	people
	proposed *policy.Policy
	parsed   []*policy.Policy // of published, in its order
}

func drawScene(t *rapid.T) *scene {
	s := &scene{}
	for _, name := range []string{"a", "b"} {
		for v := 1; v <= rapid.IntRange(0, 2).Draw(t, "versions of "+name); v++ {
			text := drawPolicy(t, name, v)
			p, err := policyfile.Parse([]byte(text))
			require.NoError(t, err, text)
			s.parsed = append(s.parsed, p)
			s.published = append(s.published, store.PublishedPolicy{
				Name: name, Version: v, Text: []byte(text), EffectiveFrom: hour(t, "effective"), RecordedAt: start,
			})
		}
	}
	if rapid.Bool().Draw(t, "proposes") {
		var err error
		s.proposed, err = policyfile.Parse([]byte(drawPolicy(t, "b", 3)))
		require.NoError(t, err)
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "accounts") {
		s.facts = append(s.facts, drawFacts(t, fmt.Sprintf("a%d", i)))
	}
	return s
}

func drawFacts(t *rapid.T, id string) store.Facts {
	f := store.Facts{
		Account: policy.Account{
			ID: id, Kind: rapid.SampledFrom(policy.Kinds()).Draw(t, "kind"),
			Region: rapid.SampledFrom([]string{"CN", "US"}).Draw(t, "region"), RegisteredAt: hour(t, "registered"),
		},
		Standing: lifecycle.Standing{State: rapid.SampledFrom(lifecycle.States()).Draw(t, "state"), Since: hour(t, "since")},
	}
	if rapid.IntRange(0, 3).Draw(t, "closes") == 0 {
		f.Account.ClosedAt = hour(t, "closed")
	}
	if f.Standing.State == lifecycle.Verified {
		f.Standing.VerifiedAt = f.Standing.Since
	}
	f.Standing.TurnSince = f.Standing.Since
	for i := range rapid.IntRange(0, 2).Draw(t, "extensions") {
		f.Extensions = append(f.Extensions, policy.Extension{
			ID: fmt.Sprint(i), AccountID: id, RuleID: rapid.SampledFrom([]string{"", "a-r0", "b-r0"}).Draw(t, "rule"),
			GrantedAt: hour(t, "granted"), Until: hour(t, "until"),
		})
	}
	return f
}

// drawPolicy writes a file.
func drawPolicy(t *rapid.T, name string, version int) string {
	var b strings.Builder
	zone := rapid.SampledFrom([]string{"Asia/Shanghai", "UTC", "America/New_York"}).Draw(t, "zone")
	fmt.Fprintf(&b, "name: %s\nversion: %d\nzone: %s\nactions: [login, create_label]\nrules:\n", name, version, zone)
	for i := range rapid.IntRange(1, 2).Draw(t, "rules") {
		fmt.Fprintf(&b, "  - id: %s-r%d\n    require: verified\n    mode: %s\n", name, i, rapid.SampledFrom([]string{"enforce", "enforce", "observe"}).Draw(t, "mode"))
		fmt.Fprintf(&b, "    cohort: %s\n", rapid.SampledFrom([]string{"{}", "{kind: individual}", "{region: CN}"}).Draw(t, "cohort"))
		if rapid.Bool().Draw(t, "grace") {
			fmt.Fprintf(&b, "    grace: {bound: %dh, lead: %dh}\n", rapid.IntRange(1, 40).Draw(t, "bound"), rapid.IntRange(0, 40).Draw(t, "lead"))
		}
		if rapid.IntRange(0, 2).Draw(t, "lapses") == 0 {
			fmt.Fprintf(&b, "    valid_for: %dh\n", rapid.IntRange(1, 100).Draw(t, "valid for"))
		}
		b.WriteString("    phases:\n")
		from := rapid.SliceOfNDistinct(rapid.IntRange(0, hoursOfScene-1), 3, 3, rapid.ID[int]).Draw(t, "phases")
		slices.Sort(from)
		for n, phase := range []string{"optional", "announced, effects: {login: prompt}", "enforced, effects: {login: prompt, create_label: block}"} {
			fmt.Fprintf(&b, "      - {from: %q, stage: %s}\n", start.Add(time.Duration(from[n])*time.Hour).Format(time.RFC3339), phase)
		}
	}
	return b.String()
}
