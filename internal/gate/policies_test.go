package gate_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

func founding(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	return string(text)
}

// TestTheStrictestOfSeveralWins: several rules of one policy and of several cover an account; what an observing one
// would have done is told beside what the others do.
func TestTheStrictestOfSeveralWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	two := func(name, mode, effect, from string) string {
		rule := "  - {id: %s-%d, cohort: {}, require: verified, mode: %s, phases: [{from: %s, stage: enforced, effects: {create_label: %s}}]}\n"
		return fmt.Sprintf("name: %s\nversion: 1\nzone: UTC\nactions: [create_label]\nrules:\n", name) +
			fmt.Sprintf(rule, name, 1, mode, from, "prompt") + fmt.Sprintf(rule, name, 2, mode, from, effect)
	}
	milder := func() gate.Answer { return f.decide("create_label") }
	require.Equal(t, "existing-individuals", milder().RuleID)

	f.publish(two("a-milder", "enforce", "prompt", "2020-11-01T00:00:00Z"), "a-milder", 1, "2020-10-01 00:00:00")
	require.Equal(t, "existing-individuals", milder().RuleID, "block before prompt, whatever began first")
	f.publish(two("z-earlier", "enforce", "block", "2020-11-01T00:00:00Z"), "z-earlier", 1, "2020-10-01 00:00:00")
	a := milder()
	require.Equal(t, "z-earlier-2", a.RuleID, "of two that block, the one since longer")
	require.Equal(t, policy.Block, a.Effect)

	f.publish(strings.Replace(two("z-earlier", "observe", "block", "2020-11-01T00:00:00Z"), "version: 1", "version: 2", 1), "z-earlier", 2, "2020-12-05 00:00:00")
	a = milder()
	require.Equal(t, "existing-individuals", a.RuleID)
	require.Empty(t, a.WouldBe, "what is done is as strict as what would be")
	f.brake(rulebook.Order{Name: policyName, Actor: "op", Reason: "test"})
	a = milder()
	require.Equal(t, policy.Prompt, a.Effect)
	require.Equal(t, "a-milder", a.PolicyName)
	require.Equal(t, policy.Block, a.WouldBe)
	require.Equal(t, "existing-individuals", a.WouldBeRuleID, "of those that would block, the first by name")
}

// TestBothRulesOf2020: the second sample beside the founding rule leaves no gap and no overlap at the cutoff.
func TestBothRulesOf2020(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-17 00:00:00")
	f.founding("2020-10-01 00:00:00")
	text, err := os.ReadFile("../../testdata/policies/registration-2020.yaml")
	require.NoError(t, err)
	f.publish(string(text), "wishpost-registration", 1, "2020-10-01 00:00:00")
	for id, registered := range map[string]time.Time{"before": f.clock.Now().Add(-1), "at": f.clock.Now()} {
		_, _, err := f.store.PutAccount(t.Context(), store.PutAccount{Account: policy.Account{
			ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: registered,
		}}, false)
		require.NoError(t, err)
	}
	before, err := f.gate.Decide(t.Context(), "before", "create_label")
	require.NoError(t, err)
	require.Equal(t, policyName+" allow announced", before.PolicyName+" "+string(before.Effect)+" "+string(before.Reason))
	at, err := f.gate.Decide(t.Context(), "at", "create_label")
	require.NoError(t, err)
	require.Equal(t, "wishpost-registration block enforced", at.PolicyName+" "+string(at.Effect)+" "+string(at.Reason))
}

func (f *fixture) desk() *rulebook.Desk { return rulebook.NewDesk(f.store, f.clock.Now, true) }

func (f *fixture) brake(o rulebook.Order) {
	f.t.Helper()
	_, changed, err := f.desk().Brake(f.t.Context(), o)
	require.NoError(f.t, err)
	require.True(f.t, changed)
}

// TestTheBrakeHoldsFromTheNextDecision, and what it lets through is remembered apart from what was blocked.
func TestTheBrakeHoldsFromTheNextDecision(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	require.Equal(t, policy.Block, f.decide("create_label").Effect)
	f.clock.Set(beijing(t, "2020-12-05 00:00:01"))
	f.brake(rulebook.Order{Name: policyName, RuleID: "existing-individuals", Actor: "op", Reason: "wrong cohort"})
	for range 3 {
		a := f.decide("create_label")
		require.Equal(t, policy.Allow, a.Effect)
		require.Equal(t, policy.Block, a.WouldBe)
		require.Equal(t, 1, a.PolicyVersion)
		said, err := f.gate.VerifyReceipt(a.Receipt)
		require.NoError(t, err)
		require.Equal(t, policy.Block, said.WouldBe)
	}
	f.clock.Set(beijing(t, "2020-12-05 00:00:02"))
	require.NoError(t, f.desk().Release(t.Context(), rulebook.Order{Name: policyName, RuleID: "existing-individuals", Actor: "op", Reason: "mended"}))
	require.Equal(t, policy.Block, f.decide("create_label").Effect)
	require.NoError(t, f.gate.Close(t.Context()))
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, blocks, 2)
	require.Equal(t, "false 1, true 2", fmt.Sprintf("%t %d, %t %d", blocks[0].Observed, blocks[0].Repeats, blocks[1].Observed, blocks[1].Repeats))

	at := func(instant string, basis store.Basis) policy.Effect {
		a, err := f.gate.DecideAt(t.Context(), "a1", "create_label", beijing(t, instant), basis)
		require.NoError(t, err)
		return a.Effect
	}
	for _, basis := range []store.Basis{store.Did, store.Would} {
		require.Equal(t, policy.Block, at("2020-12-05 00:00:00", basis), basis)
		require.Equal(t, policy.Allow, at("2020-12-05 00:00:01", basis), basis)
		require.Equal(t, policy.Block, at("2020-12-05 00:00:02", basis), basis)
	}
}

// TestABrakeOfAnotherMachineThatIsAhead: this machine's clock is behind the one that stamped the brake.
func TestABrakeOfAnotherMachineThatIsAhead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:01")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	f.brake(rulebook.Order{Name: policyName, Actor: "op", Reason: "test"})
	f.clock.Set(beijing(t, "2020-12-05 00:00:00"))
	a := f.decide("create_label")
	require.Equal(t, policy.Allow, a.Effect)
	require.True(t, a.At.Equal(beijing(t, "2020-12-05 00:00:01")))
}

// busy is a clock that moves by a step whenever it is read.
type busy struct {
	mu   sync.Mutex
	at   time.Time
	step time.Duration
}

func (b *busy) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(b.step)
	return b.at
}

func (b *busy) pace(step time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.step = step
}

// asked is an answer with the instant at which it was asked for.
type asked struct {
	gate.Answer
	begun time.Time
}

// crowd is clients that create labels all the time, and everything they were answered.
type crowd struct {
	gate    *gate.Gate
	now     func() time.Time
	stop    context.CancelFunc
	group   *errgroup.Group
	mu      sync.Mutex
	answers []asked
}

func newCrowd(ctx context.Context, g *gate.Gate, now func() time.Time, clients int) *crowd {
	c := &crowd{gate: g, now: now}
	group, ctx := errgroup.WithContext(ctx)
	stopping, stop := context.WithCancel(ctx)
	c.group, c.stop = group, stop
	for i := range clients {
		group.Go(func() error {
			for stopping.Err() == nil {
				if err := c.ask(ctx, fmt.Sprint("a", i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return c
}

func (c *crowd) ask(ctx context.Context, id string) error {
	begun := c.now()
	a, err := c.gate.Decide(ctx, id, "create_label")
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, asked{a, begun})
	return nil
}

// window is while something took effect at once: a decision that was under way then may be by what was before it.
type window struct{ from, to time.Time }

func (w window) overlaps(a asked) bool { return !a.At.Before(w.from) && !a.begun.After(w.to) }

// TestPoliciesChangeWhileManyCreateLabels: a version comes into force at its instant, another one at once, and then a
// brake, while clients ask all the time. Every answer is by the version in force at its instant; only one that was under
// way while something took effect at once may be by what was before.
func TestPoliciesChangeWhileManyCreateLabels(t *testing.T) {
	t.Parallel()
	clock := &busy{step: time.Microsecond}
	f := newFixture(t, "2020-12-05 00:00:00", func(c *gate.Config) { c.Now = clock.now })
	clock.at = f.clock.Now()
	f.store.Store = reopened(t, clock.now)
	f.founding("2020-10-01 00:00:00")
	for i := range 6 {
		f.account(fmt.Sprint("a", i))
	}
	desk := rulebook.NewDesk(f.store, clock.now, true)
	publish := func(text string, from time.Time) {
		t.Helper()
		_, created, err := desk.Propose(t.Context(), rulebook.Proposal{Text: []byte(text), EffectiveFrom: from, Author: "k", Note: "n"})
		require.NoError(t, err)
		require.True(t, created)
	}
	c := newCrowd(t.Context(), f.gate, clock.now, 5)
	until := func(instant time.Time) { // asking moves the clock
		t.Helper()
		for clock.now().Before(instant) {
			require.NoError(t, c.ask(t.Context(), "a5"))
		}
	}
	during := func(do func()) window {
		w := window{from: clock.now()}
		do()
		w.to = clock.now()
		until(w.to.Add(time.Second))
		return w
	}
	second := clock.now().Add(3 * time.Second)
	publish(observing(t, founding(t)), second) // in time: the clock is slow as yet
	clock.pace(time.Millisecond)
	until(second.Add(time.Second))
	atOnce := []window{
		during(func() { publish(strings.Replace(founding(t), "version: 1", "version: 3", 1), time.Time{}) }),
		during(func() {
			_, _, err := desk.Brake(t.Context(), rulebook.Order{Name: policyName, Actor: "k", Reason: "r"})
			require.NoError(t, err)
		}),
	}
	c.stop()
	require.NoError(t, c.group.Wait())
	checkCrowd(t, f, c.answers, atOnce)
}

// checkCrowd compares every answer with what was in force at its instant.
func checkCrowd(t *testing.T, f *fixture, answers []asked, atOnce []window) {
	t.Helper()
	snapshot, err := rulebook.New(f.store).Now(t.Context())
	require.NoError(t, err)
	of := func(at time.Time) string {
		force, err := snapshot.InForce(at, store.Would)
		require.NoError(t, err)
		observes := force.Set.Policies()[0].Rules[0].Mode == policy.ModeObserve
		return fmt.Sprintf("version %d observes %t", force.Versions[0].Version, observes)
	}
	seen := map[string]int{}
	for _, a := range answers {
		got := fmt.Sprintf("version %d observes %t", a.PolicyVersion, a.Effect == policy.Allow && a.WouldBe == policy.Block)
		seen[got]++
		allowed := []string{of(a.At)}
		for _, w := range atOnce {
			if w.overlaps(a) {
				allowed = append(allowed, of(w.from))
			}
		}
		require.Contains(t, allowed, got, "at %s", a.At)
		said, err := f.gate.VerifyReceipt(a.Receipt)
		require.NoError(t, err)
		require.Equal(t, a.PolicyVersion, said.PolicyVersion)
	}
	for _, state := range []string{"version 1 observes false", "version 2 observes true", "version 3 observes false", "version 3 observes true"} {
		require.Positive(t, seen[state], "%v", seen)
	}
}
