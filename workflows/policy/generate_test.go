package policy_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// scene is a random question: a valid set and facts whose instants lie so close together that they often meet.
type scene struct {
	policies   []*policy.Policy
	set        *policy.Set
	account    policy.Account
	standing   lifecycle.Standing
	extensions []policy.Extension
	action     string
}

func (s *scene) decide(at time.Time) policy.Decision {
	return policy.Decide(s.set, s.account, s.standing, s.extensions, s.action, at)
}

var (
	sceneStart   = time.Date(2020, 11, 1, 0, 0, 0, 0, time.UTC)
	sceneActions = []string{"login", "create_label", "print_label"}
	sceneZones   = []*time.Location{time.UTC, time.FixedZone("", 8*3600), time.FixedZone("", -9*3600-1800)}
)

// instant is a whole hour of two days, sometimes a nanosecond beside it.
func instant(t *rapid.T, label string) time.Time {
	hours := rapid.IntRange(0, 47).Draw(t, label)
	beside := rapid.SampledFrom([]int{0, 0, 0, -1, 1}).Draw(t, label+" beside")
	return sceneStart.Add(time.Duration(hours)*time.Hour + time.Duration(beside)).In(rapid.SampledFrom(sceneZones).Draw(t, label+" zone"))
}

func hours(t *rapid.T, low, high int, label string) time.Duration {
	return time.Duration(rapid.IntRange(low, high).Draw(t, label)) * time.Hour
}

func drawScene(t *rapid.T) *scene {
	s := &scene{action: rapid.SampledFrom(sceneActions).Draw(t, "action")}
	for i := range rapid.IntRange(1, 2).Draw(t, "policies") {
		s.policies = append(s.policies, drawPolicy(t, i))
	}
	set, err := policy.NewSet(s.policies...)
	if err != nil {
		t.Fatalf("the generator made a policy that is not valid: %v", err)
	}
	s.set = set
	s.account = policy.Account{
		ID: "a1", Kind: rapid.SampledFrom(policy.Kinds()).Draw(t, "kind"),
		Region: rapid.SampledFrom([]string{"CN", "US"}).Draw(t, "region"), RegisteredAt: instant(t, "registered"),
	}
	s.standing = lifecycle.Standing{State: rapid.SampledFrom(lifecycle.States()).Draw(t, "state"), Since: instant(t, "since")}
	if s.standing.State == lifecycle.Verified {
		s.standing.VerifiedAt = s.standing.Since
	}
	s.standing.TurnSince = s.standing.Since.Add(-hours(t, 0, 24, "turn before state"))
	for i := range rapid.IntRange(0, 3).Draw(t, "extensions") {
		s.extensions = append(s.extensions, policy.Extension{
			ID: fmt.Sprint(i), AccountID: rapid.SampledFrom([]string{"a1", "a1", "a1", "a2"}).Draw(t, "whose"),
			RuleID:    rapid.SampledFrom([]string{"", "", "p0-r0", "p1-r0"}).Draw(t, "which"),
			GrantedAt: instant(t, "granted"), Until: instant(t, "until"),
		})
	}
	return s
}

func drawPolicy(t *rapid.T, n int) *policy.Policy {
	p := &policy.Policy{
		Name: fmt.Sprintf("p%d", n), Version: 1, Zone: rapid.SampledFrom(sceneZones).Draw(t, "zone"), Actions: sceneActions,
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
		p.Rules = append(p.Rules, drawRule(t, fmt.Sprintf("p%d-r%d", n, i)))
	}
	return p
}

func drawRule(t *rapid.T, id string) policy.Rule {
	r := policy.Rule{
		ID: id, Require: policy.RequireVerified,
		Mode: rapid.SampledFrom([]policy.Mode{policy.ModeEnforce, policy.ModeEnforce, policy.ModeObserve}).Draw(t, "mode"),
		Cohort: policy.Cohort{
			Kinds:   rapid.SampledFrom([][]policy.Kind{nil, {policy.KindIndividual}, policy.Kinds()}).Draw(t, "kinds"),
			Regions: rapid.SampledFrom([][]string{nil, {"CN"}, {"CN", "US"}}).Draw(t, "regions"),
		},
		ValidFor: hours(t, 0, 30, "valid for"),
	}
	if rapid.Bool().Draw(t, "bounded cohort") {
		r.Cohort.Registered.From = instant(t, "cohort from")
		r.Cohort.Registered.Before = r.Cohort.Registered.From.Add(hours(t, 1, 48, "cohort length"))
	}
	if rapid.Bool().Draw(t, "graceful") {
		r.Grace = &policy.Grace{Bound: hours(t, 1, 20, "bound"), Lead: hours(t, 0, 20, "lead")}
	}
	r.Phases = drawPhases(t)
	return r
}

func drawPhases(t *rapid.T) []policy.Phase {
	starts := rapid.SliceOfNDistinct(rapid.IntRange(0, 47), 1, 4, rapid.ID[int]).Draw(t, "phases")
	slices.Sort(starts)
	stages, stage := policy.Stages(), 0
	effects, strictest := policy.Effects(), map[string]int{}
	var out []policy.Phase
	for _, start := range starts {
		stage = rapid.IntRange(stage, len(stages)-1).Draw(t, "stage")
		p := policy.Phase{From: sceneStart.Add(time.Duration(start) * time.Hour), Stage: stages[stage], Effects: map[string]policy.Effect{}}
		for _, action := range sceneActions { // a stage's place is also the strictest effect that it may have
			strictest[action] = rapid.IntRange(strictest[action], stage).Draw(t, "effect")
			p.Effects[action] = effects[strictest[action]]
		}
		out = append(out, p)
	}
	return out
}

// boundaries lists, without asking the package, every instant at which the scene's answer might change.
func (s *scene) boundaries() []time.Time {
	var all []time.Time
	add := func(t time.Time) { all = append(all, t) }
	add(s.standing.Since)
	for _, e := range s.extensions {
		add(e.GrantedAt)
		add(e.Until)
	}
	for _, p := range s.policies {
		for _, r := range p.Rules {
			add(s.standing.Since.Add(r.ValidFor))
			for _, f := range r.Phases {
				add(f.From)
				if r.Grace != nil {
					add(f.From.Add(r.Grace.Bound))
				}
			}
			for _, e := range s.extensions {
				if r.Grace != nil {
					add(e.Until.Add(r.Grace.Bound))
				}
			}
		}
	}
	return all
}

// probes are the boundaries and the nanoseconds beside them, ascending, none twice.
func (s *scene) probes() []time.Time {
	var all []time.Time
	for _, b := range s.boundaries() {
		all = append(all, b.Add(-1), b, b.Add(1))
	}
	all = append(all, sceneStart.AddDate(-100, 0, 0), sceneStart.AddDate(100, 0, 0))
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}
