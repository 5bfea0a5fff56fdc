package gate_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// ticking is a clock that moves on by a millisecond whenever anybody reads it, so that every reading is an instant of
// its own and their order is the order of what happened.
type ticking struct{ ns atomic.Int64 }

func (c *ticking) now() time.Time {
	return time.Unix(0, c.ns.Add(int64(time.Millisecond))).In(lifecycle.Beijing())
}

// meddling is a store in which something can happen right before facts are read.
type meddling struct {
	*sqlstore.Store
	before func()
}

func (m *meddling) Facts(ctx context.Context, id string) (store.Facts, error) {
	if m.before != nil {
		m.before()
	}
	return m.Store.Facts(ctx, id)
}

// moment is a gate over a real store, shortly before the founding rule begins to block.
type moment struct {
	t     *testing.T
	clock *ticking
	store *meddling
	gate  *gate.Gate
	date  time.Time
}

func newMoment(t *testing.T, lead time.Duration) *moment {
	t.Helper()
	m := &moment{t: t, clock: &ticking{}, date: beijing(t, "2020-12-04 00:00:00")}
	m.clock.ns.Store(m.date.Add(-lead).UnixNano())
	m.store = &meddling{Store: sqlstoretest.Open(t, sqlstoretest.WithNow(m.clock.now))}
	g, err := gate.New(gate.Config{
		Store: m.store, Now: m.clock.now, Logger: slog.New(slog.DiscardHandler), FlushEvery: time.Hour,
		ReceiptKeys: []gate.Key{{ID: "k1", Secret: make([]byte, 32)}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close(context.WithoutCancel(t.Context()))) })
	m.gate = g
	m.publish(m.policy(1), 1, m.date.AddDate(0, -2, 0))
	m.account(policy.KindIndividual)
	return m
}

func (m *moment) policy(version int) string {
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(m.t, err)
	return strings.Replace(string(text), "version: 1", fmt.Sprint("version: ", version), 1)
}

func (m *moment) publish(text string, version int, from time.Time) {
	require.NoError(m.t, m.store.PublishPolicy(m.t.Context(), store.PublishedPolicy{
		Name: policyName, Version: version, Text: []byte(text), EffectiveFrom: from, Author: "test",
	}))
}

func (m *moment) account(kind policy.Kind) {
	_, _, err := m.store.PutAccount(m.t.Context(), store.PutAccount{
		Account: policy.Account{ID: "a1", Kind: kind, Region: "CN", RegisteredAt: m.date.AddDate(-1, 0, 0)}, Reason: "test",
	}, true)
	require.NoError(m.t, err)
}

func (m *moment) verify() {
	at := m.clock.now()
	_, err := m.store.Append(m.t.Context(), lifecycle.Append{AccountID: "a1", ChangeID: "import", Head: lifecycle.AnyHead, Changes: []lifecycle.Change{{
		Event: lifecycle.ImportVerified, At: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport},
		Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: at, Evidence: "e1"}},
	}}})
	require.NoError(m.t, err)
}

func (m *moment) extend(until time.Time) {
	e := policy.Extension{ID: "e1", AccountID: "a1", Until: until, GrantedAt: m.clock.now()}
	require.NoError(m.t, m.store.PutExtension(m.t.Context(), e, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "test"))
}

// TestAnswersAreNotOlderThanTheirFacts: what happens after a question was asked and before its facts are read is in
// the answer, and the answer's instant is not before it.
func TestAnswersAreNotOlderThanTheirFacts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(*moment)
		reason  policy.Reason
		version int
	}{
		"nothing":                    {func(*moment) {}, policy.ReasonEnforced, 1},
		"the person is verified":     {(*moment).verify, policy.ReasonVerified, 1},
		"an extension":               {func(m *moment) { m.extend(m.date.Add(time.Hour)) }, policy.ReasonExtended, 1},
		"a correction of the facts":  {func(m *moment) { m.account(policy.KindEnterprise) }, policy.ReasonNotCovered, 0},
		"a version in force already": {func(m *moment) { m.publish(m.policy(2), 2, m.date.Add(-time.Hour)) }, policy.ReasonEnforced, 2},
		"a version in force at once": {func(m *moment) { m.publish(m.policy(2), 2, m.clock.now()) }, policy.ReasonEnforced, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMoment(t, -time.Second)
			_, err := m.gate.Decide(t.Context(), "a1", "create_label")
			require.NoError(t, err)
			var happened time.Time
			m.store.before = func() {
				c.happens(m)
				happened = m.clock.now()
			}
			got, err := m.gate.Decide(t.Context(), "a1", "create_label")
			require.NoError(t, err)
			require.Equal(t, c.reason, got.Reason)
			if c.version > 0 {
				require.Equal(t, c.version, got.PolicyVersion)
			}
			require.True(t, got.At.After(happened), "answered for %s what was not so before %s", got.At, happened)
		})
	}
}

// seen is one answer with the instants between which it was asked for and got.
type seen struct {
	asked, got time.Time
	gate.Answer
}

// enough is how many questions are asked before, between and after what happens. Each moves the clock by some
// milliseconds.
const enough = 200

// many has clients ask while the clock moves, and the turns happen, one after the other, each done by one client while
// the others go on. It returns all answers, and for each turn the instants before and after it.
func (m *moment) many(turns ...func()) (answers []seen, began, ended []time.Time) {
	began, ended = make([]time.Time, len(turns)), make([]time.Time, len(turns))
	var asked, next, done atomic.Int64 // questions; how many there are before the next turn, or the end; turns
	next.Store(enough)
	var mu sync.Mutex
	var running sync.WaitGroup
	for range 6 {
		running.Go(func() {
			for {
				n, at := asked.Add(1), next.Load()
				if n >= at && next.CompareAndSwap(at, math.MaxInt64) {
					turn := int(done.Load())
					if turn == len(turns) {
						next.Store(at)
						return
					}
					began[turn] = m.clock.now()
					turns[turn]()
					ended[turn] = m.clock.now()
					done.Add(1)
					next.Store(asked.Load() + enough)
				}
				s := seen{asked: m.clock.now()}
				var err error
				if s.Answer, err = m.gate.Decide(m.t.Context(), "a1", "create_label"); err != nil {
					m.t.Error(err)
					return
				}
				s.got = m.clock.now()
				mu.Lock()
				answers = append(answers, s)
				mu.Unlock()
			}
		})
	}
	running.Wait()
	for _, a := range answers {
		require.True(m.t, a.asked.Before(a.At) && a.At.Before(a.got), "asked %s, answered for %s, got %s", a.asked, a.At, a.got)
	}
	return answers, began, ended
}

// kinds counts answers, to see that a test has seen what it is about.
func kinds(answers []seen, is func(seen) string) map[string]int {
	count := map[string]int{}
	for _, a := range answers {
		count[is(a)]++
	}
	return count
}

func TestManyAskWhileTheDatePasses(t *testing.T) {
	t.Parallel()
	m := newMoment(t, 400*time.Millisecond)
	answers, _, _ := m.many()
	for _, a := range answers {
		require.Equal(t, a.At.Before(m.date), a.Effect == policy.Allow, "%s at %s", a.Effect, a.At)
	}
	count := kinds(answers, func(a seen) string { return string(a.Effect) })
	require.Greater(t, count["allow"], 50)
	require.Greater(t, count["block"], 50)
}

func TestManyAskWhileTheAccountIsVerified(t *testing.T) {
	t.Parallel()
	m := newMoment(t, 300*time.Millisecond)
	answers, began, ended := m.many(m.verify)
	for _, a := range answers {
		switch verified := a.Reason == policy.ReasonVerified; {
		case a.asked.After(ended[0]):
			require.True(t, verified, "asked after it was written")
		case a.got.Before(began[0]):
			require.False(t, verified, "answered before it was")
			require.Equal(t, a.At.Before(m.date), a.Effect == policy.Allow)
		case verified:
			require.True(t, a.At.After(a.Since) && a.Since.After(began[0]), "verified before it was")
		default:
			require.Equal(t, a.At.Before(m.date), a.Effect == policy.Allow)
		}
	}
	count := kinds(answers, func(a seen) string { return string(a.Reason) })
	require.Positive(t, count["enforced"])
	require.Positive(t, count["verified"])
}

func TestManyAskWhileAnExtensionIsGranted(t *testing.T) {
	t.Parallel()
	m := newMoment(t, 200*time.Millisecond)
	answers, began, ended := m.many(func() { m.extend(m.date.Add(time.Hour)) })
	for _, a := range answers {
		switch extended := a.Reason == policy.ReasonExtended; {
		case a.At.Before(m.date):
			require.Equal(t, policy.Allow, a.Effect, "%s at %s", a.Reason, a.At)
		case a.asked.After(ended[0]):
			require.True(t, extended, "asked after it was granted")
		case a.At.Before(began[0]):
			require.False(t, extended, "extended before it was granted")
		default:
			require.Equal(t, extended, a.Effect == policy.Allow)
		}
	}
	count := kinds(answers, func(a seen) string { return string(a.Reason) })
	require.Positive(t, count["extended"])
	require.Positive(t, count["enforced"])
}

func TestManyAskWhileVersionsArePublished(t *testing.T) {
	t.Parallel()
	m := newMoment(t, 200*time.Millisecond)
	var ahead time.Time
	answers, began, ended := m.many(
		func() { m.publish(m.policy(2), 2, m.date.AddDate(0, -1, 0)) }, // in force already: a brake
		func() {
			ahead = m.clock.now().Add(300 * time.Millisecond)
			m.publish(m.policy(3), 3, ahead)
		},
	)
	for _, a := range answers {
		require.Equal(t, a.At.Before(m.date), a.Effect == policy.Allow, "every version blocks from the same instant")
		switch {
		case a.got.Before(began[0]):
			require.Equal(t, 1, a.PolicyVersion, "answered before it was published")
		case a.PolicyVersion == 1:
			require.True(t, a.asked.Before(ended[0]), "asked after another version was published")
		case a.asked.After(ended[1]):
			require.Equal(t, !a.At.Before(ahead), a.PolicyVersion == 3, "version %d at %s", a.PolicyVersion, a.At)
		case a.PolicyVersion == 3:
			require.False(t, a.At.Before(ahead), "before it is in force")
		default:
			require.True(t, a.At.After(began[0]), "version 2 before it was published")
		}
	}
	count := kinds(answers, func(a seen) string { return fmt.Sprint(a.PolicyVersion) })
	require.Len(t, count, 3, "%v", count)
}
