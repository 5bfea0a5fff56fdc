package policy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	founding, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	changed := func(pairs ...string) *policy.Policy {
		t.Helper()
		text := string(founding)
		for i := 0; i < len(pairs); i += 2 {
			require.Contains(t, text, pairs[i])
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		p, err := policyfile.Parse([]byte(text))
		require.NoError(t, err)
		return p
	}
	const rule = "rules.existing-individuals."
	second := func(id string) string {
		return "    mode: enforce\n  - {id: " + id + ", cohort: {}, require: verified, mode: observe, phases: [{from: 2020-12-01T00:00:00Z, stage: enforced}]}\n"
	}
	for name, c := range map[string]struct {
		from, to *policy.Policy
		want     []string
	}{
		"only the text":          {changed(), changed("version: 1", "version: 2", "# Beijing time.", "#", "kind: individual", "kind: [individual]", "2020-12-04T00:00:00+08:00", "2020-12-03T16:00:00Z"), nil},
		"a later deadline":       {changed(), changed("2020-12-04T", "2020-12-11T"), []string{rule + "phases.enforced.from: 2020-12-04T00:00:00+08:00 -> 2020-12-11T00:00:00+08:00"}},
		"a stricter effect":      {changed(), changed("login: prompt # a login is never blocked", "login: block"), []string{rule + "phases.enforced.effects.login: prompt -> block"}},
		"an effect gone":         {changed("create_label: block", "create_label: block\n          print_label: block"), changed(), []string{rule + "phases.enforced.effects.print_label: block -> "}},
		"allow is not naming it": {changed(), changed("create_label: block", "create_label: block\n          print_label: allow"), nil},
		"a wider cohort": {changed(), changed("      region: CN\n", "", "before: 2020-11-17T", "before: 2020-11-18T"), []string{
			rule + "cohort.region: CN -> any", rule + "cohort.registered.before: 2020-11-17T00:00:00+08:00 -> 2020-11-18T00:00:00+08:00",
		}},
		"a phase more": {changed(), changed("      - from: 2020-12-04", "      - {from: 2020-12-01T00:00:00Z, stage: announced, effects: {login: prompt, print_label: prompt}}\n      - from: 2020-12-04", "create_label: block", "create_label: block\n          print_label: prompt"), []string{
			rule + "phases.announced#2.effects.login:  -> prompt", rule + "phases.announced#2.effects.print_label:  -> prompt",
			rule + "phases.announced#2.from:  -> 2020-12-01T08:00:00+08:00", rule + "phases.enforced.effects.print_label:  -> prompt",
		}},
		"mode, grace, validity": {changed(), changed("    mode: enforce\n", "    mode: observe\n    grace: {bound: 7d, lead: 36h}\n    valid_for: 365d\n"), []string{
			rule + "grace.bound:  -> 7d", rule + "grace.lead:  -> 36h0m0s", rule + "mode: enforce -> observe", rule + "valid_for:  -> 365d",
		}},
		"reminders": {changed(), changed("[14d, 7d, 3d, 1d]", "[7d]", "every: 7d, times: 4", "every: 36h, times: 2", `"21:00"`, `"22:30"`, "jitter: 30m", "jitter: 1h", "per_second: 50", "per_second: 5"), []string{
			rule + "reminders.after: every 7d, 4 times -> every 36h0m0s, 2 times", rule + "reminders.before: 14d, 7d, 3d, 1d -> 7d",
			rule + "reminders.jitter: 30m0s -> 1h0m0s", rule + "reminders.per_second: 50 -> 5", rule + "reminders.quiet: 21:00 to 09:00 -> 22:30 to 09:00",
		}},
		"everything beside the rules": {changed(), changed("name: wishpost-face-verification", "name: other", "zone: Asia/Shanghai", "zone: UTC", ", void_label]", "]",
			"  mode: once\n  from: 2020-10-29T00:00:00+08:00\n  before: 2020-11-12T00:00:00+08:00\n", "  mode: free\n",
			"approve: automatic", "approve: reviewer", "minimum_age: 18", "minimum_age: 21", "duplicate_number: reviewer", "duplicate_number: reject"), []string{
			"actions.void_label: declared -> ", "correction.before: 2020-11-11T16:00:00Z -> ", "correction.from: 2020-10-28T16:00:00Z -> ",
			"correction.mode: once -> free", "name: wishpost-face-verification -> other", "review.approve: automatic -> reviewer",
			"review.duplicate_number: reviewer -> reject", "review.minimum_age: 18 -> 21", "zone: Asia/Shanghai -> UTC",
		}},
		"a rule more": {changed(), changed("    mode: enforce\n", second("all")), []string{
			"rules.all.cohort.kind:  -> any", "rules.all.cohort.region:  -> any", "rules.all.mode:  -> observe",
			"rules.all.phases.enforced.from:  -> 2020-12-01T08:00:00+08:00", "rules.all.require:  -> verified",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range policy.Diff(c.from, c.to) {
				got = append(got, fmt.Sprintf("%s: %s -> %s", d.Path, d.From, d.To))
			}
			require.Equal(t, c.want, got)
		})
	}
}

// altered returns the policy with one thing changed, perhaps to what it was.
func altered(t *rapid.T, p *policy.Policy) *policy.Policy {
	q := *p
	q.Rules = slices.Clone(p.Rules)
	r, drawn := &q.Rules[0], drawRule(t, q.Rules[0].ID)
	rapid.SampledFrom([]func(){
		func() { r.Mode = drawn.Mode }, func() { r.Cohort = drawn.Cohort }, func() { r.Phases = drawn.Phases },
		func() { r.Grace = drawn.Grace }, func() { r.ValidFor = drawn.ValidFor }, func() { q.Rules = append(q.Rules, drawRule(t, "more")) },
		func() { slices.Reverse(q.Rules) }, func() { q.Zone = time.FixedZone("Other/Zone", 3600) },
	}).Draw(t, "alteration")()
	return &q
}

// TestDiffFindsWhatDecides: two policies that decide differently differ, and a policy does not differ from itself.
func TestDiffFindsWhatDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		one := drawPolicy(t, 0)
		other := altered(t, one)
		if len(policy.Diff(one, one)) > 0 {
			t.Fatalf("differs from itself: %v", policy.Diff(one, one))
		}
		a, errA := policy.NewSet(one)
		b, errB := policy.NewSet(other)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		at := instant(t, "at")
		x := policy.Decide(a, s.account, s.standing, s.extensions, s.action, at)
		y := policy.Decide(b, s.account, s.standing, s.extensions, s.action, at)
		if x != y && len(policy.Diff(one, other)) == 0 {
			t.Fatalf("%+v and %+v, but nothing is said to differ", x, y)
		}
	})
}
