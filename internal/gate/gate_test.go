package gate_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Tests{M: m}) }

const policyName = "wishpost-face-verification"

// faulty is a store with switches.
type faulty struct {
	*sqlstore.Store
	mu                    sync.Mutex
	skew                  time.Duration
	asked                 int // how often the database's clock was read
	facts, record, counts error
	counted               chan struct{} // after repeats were written
}

func (f *faulty) switches(set func(*faulty)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set(f)
}

func (f *faulty) Now(ctx context.Context) (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	t, err := f.Store.Now(ctx)
	return t.Add(f.skew), err
}

func (f *faulty) Facts(ctx context.Context, id string) (store.Facts, error) {
	f.mu.Lock()
	err := f.facts
	f.mu.Unlock()
	if err != nil {
		return store.Facts{}, err
	}
	return f.Store.Facts(ctx, id)
}

func (f *faulty) RecordBlock(ctx context.Context, b store.Block) (bool, error) {
	f.mu.Lock()
	err := f.record
	f.mu.Unlock()
	if err != nil {
		return false, err
	}
	return f.Store.RecordBlock(ctx, b)
}

func (f *faulty) CountBlocks(ctx context.Context, repeats map[store.BlockKey]int) error {
	f.mu.Lock()
	err := f.counts
	f.mu.Unlock()
	if err != nil {
		return err
	}
	err = f.Store.CountBlocks(ctx, repeats)
	select {
	case f.counted <- struct{}{}:
	default:
	}
	return err
}

type opener func(testing.TB, ...sqlstoretest.Option) *sqlstore.Store

type fixture struct {
	t     testing.TB
	clock *fixturetest.Clock
	store *faulty
	gate  *gate.Gate
}

func beijing(t testing.TB, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, zone)
	require.NoError(t, err)
	return at
}

func newFixture(t testing.TB, now string, change ...func(*gate.Config)) *fixture {
	t.Helper()
	return newFixtureOn(t, sqlstoretest.Open, now, change...)
}

// newFixtureOn is newFixture for another database than SQLite.
func newFixtureOn(t testing.TB, open opener, now string, change ...func(*gate.Config)) *fixture {
	t.Helper()
	c := fixturetest.NewClock(beijing(t, now))
	f := &fixture{t: t, clock: c, store: &faulty{Store: open(t, sqlstoretest.WithNow(c.Now)), counted: make(chan struct{}, 1)}}
	cfg := gate.Config{
		Store: f.store, Now: c.Now, Logger: slog.New(slog.DiscardHandler), FlushEvery: time.Hour,
		ReceiptKeys: []gate.Key{{ID: "k1", Secret: make([]byte, 32)}},
	}
	for _, set := range change {
		set(&cfg)
	}
	g, err := gate.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close(context.WithoutCancel(t.Context())) })
	f.gate = g
	return f
}

func (f *fixture) publish(text, name string, version int, from string) {
	f.t.Helper()
	require.NoError(f.t, f.store.PublishPolicy(f.t.Context(), store.PublishedPolicy{
		Name: name, Version: version, Text: []byte(text), EffectiveFrom: beijing(f.t, from), Author: "test",
	}))
}

func (f *fixture) founding(from string) {
	f.t.Helper()
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(f.t, err)
	f.publish(string(text), policyName, 1, from)
}

func (f *fixture) account(id string) {
	f.t.Helper()
	_, _, err := f.store.PutAccount(f.t.Context(), store.PutAccount{Account: policy.Account{
		ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: beijing(f.t, "2020-10-01 09:00:00"),
	}}, false)
	require.NoError(f.t, err)
}

func (f *fixture) append(id string, c lifecycle.Change) {
	f.t.Helper()
	c.At = f.clock.Now()
	_, err := f.store.Append(f.t.Context(), lifecycle.Append{
		AccountID: id, ChangeID: string(c.Event) + c.At.String(), Head: lifecycle.AnyHead, Changes: []lifecycle.Change{c},
	})
	require.NoError(f.t, err)
}

func (f *fixture) verify(id string) {
	f.t.Helper()
	f.append(id, lifecycle.Change{
		Event: lifecycle.ImportVerified, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport},
		Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: f.clock.Now(), Evidence: "e1"}},
	})
}

func (f *fixture) decide(action string) gate.Answer {
	f.t.Helper()
	a, err := f.gate.Decide(f.t.Context(), "a1", action)
	require.NoError(f.t, err)
	return a
}

func TestDecideFlipsAtTheInstant(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-03 23:59:59")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")

	before := f.decide("create_label")
	require.Equal(t, policy.Allow, before.Effect)
	require.Equal(t, policy.ReasonAnnounced, before.Reason)
	require.True(t, beijing(t, "2020-12-04 00:00:00").Equal(before.NextChangeAt))

	f.clock.Set(beijing(t, "2020-12-04 00:00:00"))
	after := f.decide("create_label")
	require.Equal(t, policy.Block, after.Effect)
	require.Equal(t, policy.ReasonEnforced, after.Reason)
	require.Equal(t, "existing-individuals", after.RuleID)
	require.Equal(t, "2020-12-04T00:00:00+08:00", after.At.Format(time.RFC3339Nano))

	f.verify("a1")
	require.Equal(t, policy.ReasonVerified, f.decide("create_label").Reason)
	f.append("a1", lifecycle.Change{Event: lifecycle.Revoke, Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator}, Reason: "mistake"})
	require.Equal(t, policy.Block, f.decide("create_label").Effect)
}

// TestDecideOnIsDecide: facts that were read before are decided on and remembered alike.
func TestDecideOnIsDecide(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	facts, err := f.store.Facts(t.Context(), "a1")
	require.NoError(t, err)
	got, err := f.gate.DecideOn(t.Context(), facts, "create_label")
	require.NoError(t, err)
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	want := f.decide("create_label")
	want.Receipt = got.Receipt // each has one of its own
	require.Equal(t, want, got)
	_, err = f.gate.DecideOn(t.Context(), facts, "fly")
	require.ErrorIs(t, err, gate.ErrUnknownAction)
}

func TestDecideRefusesToGuess(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")

	_, err := f.gate.Decide(t.Context(), "nobody", "create_label")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = f.gate.Decide(t.Context(), "a1", "fly")
	require.ErrorIs(t, err, gate.ErrUnknownAction)

	for name, set := range map[string]func(*faulty){
		"facts cannot be read":       func(s *faulty) { s.facts = store.ErrUnavailable },
		"block cannot be remembered": func(s *faulty) { s.record = store.ErrUnavailable },
	} {
		f.store.switches(set)
		_, err = f.gate.Decide(t.Context(), "a1", "create_label")
		require.ErrorIs(t, err, store.ErrUnavailable, name)
		f.store.switches(func(s *faulty) { s.facts, s.record = nil, nil })
	}
	require.Equal(t, policy.Block, f.decide("create_label").Effect)
}

func TestPublishedPolicyHoldsFromTheNextDecision(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.account("a1")
	_, err := f.gate.Decide(t.Context(), "a1", "create_label")
	require.ErrorIs(t, err, gate.ErrUnknownAction, "no policy, no action")

	f.founding("2020-12-06 00:00:00")
	a := f.decide("create_label")
	require.Equal(t, policy.Allow, a.Effect, "published, not in force yet")
	require.Empty(t, a.PolicyName)

	f.clock.Set(beijing(t, "2020-12-06 00:00:00"))
	require.Equal(t, policy.Block, f.decide("create_label").Effect)

	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	f.publish(observing(t, string(text)), policyName, 2, "2020-12-06 00:00:00")
	observed := f.decide("create_label")
	require.Equal(t, policy.Allow, observed.Effect, "the brake works at once")
	require.Equal(t, policy.Block, observed.WouldBe)
	require.Equal(t, 2, observed.PolicyVersion)
}

func TestTimeTravel(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-10 00:00:00")
	f.account("a1") // recorded on the 10th
	f.founding("2020-10-01 00:00:00")
	f.clock.Set(beijing(t, "2020-12-20 00:00:00"))
	f.verify("a1")
	f.clock.Set(beijing(t, "2020-12-25 00:00:00"))

	at := func(instant string, basis store.Basis) (gate.Answer, error) {
		return f.gate.DecideAt(t.Context(), "a1", "create_label", beijing(t, instant), basis)
	}
	would, err := at("2020-12-04 00:00:00", store.Would)
	require.NoError(t, err)
	require.Equal(t, policy.Block, would.Effect, "by what is known now")
	require.True(t, would.Hypothetical)
	require.Equal(t, store.Would, would.Basis)
	require.Empty(t, would.Receipt)

	_, err = at("2020-12-04 00:00:00", store.Did)
	require.ErrorIs(t, err, store.ErrNotFound, "the account was not recorded by then")

	did, err := at("2020-12-15 00:00:00", store.Did)
	require.NoError(t, err)
	require.Equal(t, policy.Block, did.Effect)
	for _, basis := range []store.Basis{store.Did, store.Would} {
		later, err := at("2020-12-20 00:00:00", basis)
		require.NoError(t, err)
		require.Equal(t, policy.ReasonVerified, later.Reason, basis)
	}
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Empty(t, blocks, "questions about other instants record nothing")
}

func TestDidKnowsOnlyPoliciesRecordedByThen(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	f.account("a1")
	f.clock.Set(beijing(t, "2020-12-10 00:00:00"))
	f.founding("2020-10-01 00:00:00") // backdated

	did, err := f.gate.DecideAt(t.Context(), "a1", "create_label", beijing(t, "2020-12-05 00:00:00"), store.Did)
	require.NoError(t, err)
	require.Equal(t, policy.Allow, did.Effect, "the gate had no rule on the 5th")
	would, err := f.gate.DecideAt(t.Context(), "a1", "create_label", beijing(t, "2020-12-05 00:00:00"), store.Would)
	require.NoError(t, err)
	require.Equal(t, policy.Block, would.Effect)
}

func TestBlocksAreRemembered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	first := f.decide("create_label")
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, blocks, 1, "the first block is written before it is answered")
	require.Equal(t, first.Receipt, blocks[0].Receipt)
	require.Equal(t, "existing-individuals", blocks[0].RuleID)
	require.False(t, blocks[0].Observed)

	for range 4 {
		f.decide("create_label")
	}
	f.decide("login")
	f.store.switches(func(s *faulty) { s.counts = store.ErrUnavailable })
	require.ErrorIs(t, f.gate.Close(t.Context()), store.ErrUnavailable)
	f.store.switches(func(s *faulty) { s.counts = nil })
	require.NoError(t, f.gate.Close(t.Context()), "what could not be written is counted further")
	blocks, err = f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, blocks, 1, "a prompt is no block")
	require.Equal(t, 4, blocks[0].Repeats)
}

func TestRepeatsOfAnotherProcessAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	f.decide("create_label")
	other, err := gate.New(gate.Config{
		Store: f.store, Now: f.clock.Now, Logger: slog.New(slog.DiscardHandler), FlushEvery: time.Hour,
		ReceiptKeys: []gate.Key{{ID: "k1", Secret: make([]byte, 32)}},
	})
	require.NoError(t, err)
	_, err = other.Decide(t.Context(), "a1", "create_label")
	require.NoError(t, err)
	require.NoError(t, other.Close(t.Context()))
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, 1, blocks[0].Repeats)
}

func TestRepeatsAreWrittenInBetween(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00", func(c *gate.Config) { c.FlushEvery = time.Millisecond })
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	f.decide("create_label")
	f.decide("create_label")
	<-f.store.counted
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, 1, blocks[0].Repeats)
}

func TestObservedBlocks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	f.publish(observing(t, string(text)), policyName, 2, "2020-10-01 00:00:00")
	f.account("a1")
	require.Equal(t, policy.Allow, f.decide("create_label").Effect)
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.True(t, blocks[0].Observed)
	require.Equal(t, 2, blocks[0].PolicyVersion)
	require.Equal(t, "existing-individuals", blocks[0].RuleID)
}

func TestBatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	f.account("a2")
	f.verify("a2")
	got, err := f.gate.DecideBatch(t.Context(), []string{"a2", "nobody", "a1", "a2"}, "create_label")
	require.NoError(t, err)
	require.Len(t, got, 4)
	require.Equal(t, policy.ReasonVerified, got[0].Reason)
	require.ErrorIs(t, got[1].Err, store.ErrNotFound)
	require.Equal(t, policy.Block, got[2].Effect)
	require.Equal(t, "a2", got[3].AccountID)

	_, err = f.gate.DecideBatch(t.Context(), []string{"nobody"}, "fly")
	require.ErrorIs(t, err, gate.ErrUnknownAction)
}

func TestPreviewRecordsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	facts, answers, err := f.gate.Preview(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, "a1", facts.Account.ID)
	require.Len(t, answers, 4)
	require.Equal(t, policy.Block, answers["create_label"].Effect)
	require.Equal(t, policy.Prompt, answers["login"].Effect)
	require.Empty(t, answers["create_label"].Receipt)
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Empty(t, blocks)
}

func TestZoneAndRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	zone, err := f.gate.Zone(t.Context())
	require.NoError(t, err)
	require.Equal(t, time.UTC, zone)
	f.founding("2020-10-01 00:00:00")
	zone, err = f.gate.Zone(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Asia/Shanghai", zone.String())
	rules, err := f.gate.Rules(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"existing-individuals"}, rules)
}

func TestUnusablePolicies(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no policy": "hello", "another name inside": ""} {
		f := newFixture(t, "2020-12-05 00:00:00")
		f.account("a1")
		if text == "" {
			founding, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
			require.NoError(t, err)
			text = string(founding)
		}
		f.publish(text, "other", 1, "2020-10-01 00:00:00")
		_, err := f.gate.Decide(t.Context(), "a1", "create_label")
		require.ErrorIs(t, err, gate.ErrPolicies, name)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	decide := func() error {
		_, err := f.gate.Decide(t.Context(), "a1", "create_label")
		return err
	}
	for range 10 {
		require.NoError(t, decide())
	}
	f.store.switches(func(s *faulty) { require.Equal(t, 1, s.asked, "not once per decision") })

	f.store.switches(func(s *faulty) { s.skew = 3 * time.Second })
	f.clock.Set(f.clock.Now().Add(5 * time.Second))
	require.ErrorIs(t, decide(), gate.ErrClockSkew)
	require.ErrorIs(t, decide(), gate.ErrClockSkew, "it stays so until the clocks agree")
	f.store.switches(func(s *faulty) { s.skew = -2 * time.Second })
	require.NoError(t, decide(), "two seconds are tolerated")

	// A jump of this process's clock alone is found at once.
	f.store.switches(func(s *faulty) { s.skew = time.Hour })
	f.clock.Set(f.clock.Now().Add(-time.Hour))
	require.ErrorIs(t, decide(), gate.ErrClockSkew)
}

func TestVerifiedByAnotherMachineThatIsAhead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:01")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	f.verify("a1")
	f.clock.Set(beijing(t, "2020-12-05 00:00:00"))
	require.Equal(t, policy.ReasonVerified, f.decide("create_label").Reason)
	f.clock.Set(beijing(t, "2020-12-04 23:59:50"))
	require.Equal(t, policy.Block, f.decide("create_label").Effect, "ten seconds are no matter of clocks")
}

func TestNewChecksItsKeys(t *testing.T) {
	t.Parallel()
	good := gate.Key{ID: "k1", Secret: make([]byte, 32)}
	for name, keys := range map[string][]gate.Key{
		"none": nil, "short": {{ID: "k1", Secret: make([]byte, 31)}}, "no id": {{Secret: make([]byte, 32)}},
		"dot in the id": {{ID: "k.1", Secret: make([]byte, 32)}}, "twice": {good, good},
	} {
		_, err := gate.New(gate.Config{Store: &faulty{}, Now: (&fixturetest.Clock{}).Now, Logger: slog.Default(), ReceiptKeys: keys})
		require.Error(t, err, name)
	}
	_, err := gate.New(gate.Config{ReceiptKeys: []gate.Key{good}})
	require.Error(t, err, "no store")
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	require.NoError(t, f.gate.Close(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.gate.Close(ctx)
	require.True(t, err == nil || errors.Is(err, context.Canceled))
}
