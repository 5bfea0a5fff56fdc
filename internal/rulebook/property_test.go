package rulebook_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// shelf is a store that only holds policies and brakes.
type shelf struct {
	published []store.PublishedPolicy
	brakes    []store.Brake
	revision  int64
}

func (s *shelf) Policies(context.Context) ([]store.PublishedPolicy, error) { return s.published, nil }
func (s *shelf) Brakes(context.Context) ([]store.Brake, error)             { return s.brakes, nil }
func (s *shelf) PoliciesRevision(context.Context) (int64, error)           { return s.revision, nil }

// text is a policy with two rules, of which the second observes already in even versions.
func text(name string, version int) []byte {
	mode := "enforce"
	if version%2 == 0 {
		mode = "observe"
	}
	rule := `  - {id: %[1]s-%[2]s, cohort: {}, require: verified, mode: %[3]s, phases: [{from: 2020-01-01T00:00:00Z, stage: enforced, effects: {pay: block}}]}
`
	return fmt.Appendf(nil, "name: %s\nversion: %d\nzone: Asia/Shanghai\nactions: [login, pay]\nrules:\n%s%s", name, version,
		fmt.Sprintf(rule, name, "a", "enforce"), fmt.Sprintf(rule, name, "b", mode))
}

var dayOne = time.Date(2020, 11, 1, 0, 0, 0, 0, time.UTC)

// instant is one of few hours, so that they often meet, or a nanosecond beside one.
func instant(t *rapid.T, label string) time.Time {
	beside := rapid.SampledFrom([]int{0, 0, 0, -1, 1}).Draw(t, label+" beside")
	return dayOne.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, label))*time.Hour + time.Duration(beside))
}

func drawShelf(t *rapid.T) *shelf {
	s := &shelf{}
	for _, name := range []string{"p", "q"} {
		for version := range rapid.IntRange(0, 3).Draw(t, "versions") {
			s.published = append(s.published, store.PublishedPolicy{
				Name: name, Version: version + 1, Text: text(name, version+1),
				EffectiveFrom: instant(t, "effective"), RecordedAt: instant(t, "recorded"),
			})
		}
	}
	for range rapid.IntRange(0, 5).Draw(t, "brakes") {
		name := rapid.SampledFrom([]string{"p", "q"}).Draw(t, "policy")
		s.brakes = append(s.brakes, store.Brake{
			Name: name, RuleID: rapid.SampledFrom([]string{"", name + "-a", name + "-b"}).Draw(t, "rule"),
			Released: rapid.Bool().Draw(t, "released"), EffectiveAt: instant(t, "braked"), RecordedAt: instant(t, "told"),
		})
	}
	return s
}

// expected is the naive model: for each name the highest version that counts at the instant, for each of its rules
// whether it enforces, by the last brake that counts for the policy and the last that counts for the rule.
func (s *shelf) expected(at time.Time, did bool) []string {
	known := func(recorded time.Time) bool { return !did || !at.Before(recorded) }
	holds := func(name, rule string) bool {
		for _, b := range slices.Backward(s.brakes) {
			if b.Name == name && b.RuleID == rule && !at.Before(b.EffectiveAt) && known(b.RecordedAt) {
				return !b.Released
			}
		}
		return false
	}
	var out []string
	for _, name := range []string{"p", "q"} {
		version := 0
		for _, p := range s.published {
			if p.Name == name && !at.Before(p.EffectiveFrom) && known(p.RecordedAt) {
				version = max(version, p.Version)
			}
		}
		if version == 0 {
			continue
		}
		for _, rule := range []string{name + "-a", name + "-b"} {
			braked := holds(name, "") || holds(name, rule)
			observes := braked || rule == name+"-b" && version%2 == 0
			out = append(out, fmt.Sprintf("%s %d %s observes=%t braked=%t", name, version, rule, observes, braked))
		}
	}
	return out
}

func told(f *rulebook.Force) []string {
	var out []string
	for _, p := range f.Set.Policies() {
		for _, r := range p.Rules {
			out = append(out, fmt.Sprintf("%s %d %s observes=%t braked=%t", p.Name, p.Version, r.ID, r.Mode == policy.ModeObserve, f.Braked[r.ID]))
		}
	}
	return out
}

func TestInForceIsTheModels(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawShelf(t)
		snapshot, err := rulebook.New(s).Now(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			at := instant(t, "asked")
			for _, basis := range []store.Basis{store.Did, store.Would} {
				force, err := snapshot.InForce(at, basis)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := told(force), s.expected(at, basis == store.Did); !slices.Equal(got, want) {
					t.Fatalf("%s at %s:\n got %q\nwant %q", basis, at, got, want)
				}
				for i, v := range force.Versions {
					if p := force.Set.Policies()[i]; p.Name != v.Name || p.Version != v.Version {
						t.Fatalf("version %d of %s stands beside version %d of %s", v.Version, v.Name, p.Version, p.Name)
					}
				}
			}
		}
		instants := snapshot.Instants()
		if !slices.IsSortedFunc(instants, time.Time.Compare) {
			t.Fatalf("not ascending: %v", instants)
		}
	})
}
