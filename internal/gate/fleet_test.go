package gate_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/policy"
)

// counted is a store that counts how often the policies were read.
type counted struct {
	*sqlstore.Store
	policies atomic.Int64
}

func (c *counted) Policies(ctx context.Context) ([]store.PublishedPolicy, error) {
	c.policies.Add(1)
	return c.Store.Policies(ctx)
}

// process is a gate with a store of its own on a database that others use too.
type process struct {
	t     *testing.T
	store *counted
	gate  *gate.Gate
}

func newProcess(t *testing.T, s *sqlstore.Store, now func() time.Time) *process {
	t.Helper()
	p := &process{t: t, store: &counted{Store: s}}
	var err error
	p.gate, err = gate.New(gate.Config{
		Store: p.store, Now: now, Logger: slog.New(slog.DiscardHandler), FlushEvery: time.Hour,
		ReceiptKeys: []gate.Key{{ID: "k1", Secret: make([]byte, 32)}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.gate.Close(context.WithoutCancel(t.Context()))) })
	return p
}

func (p *process) decide() gate.Answer {
	p.t.Helper()
	a, err := p.gate.Decide(p.t.Context(), "a1", "create_label")
	require.NoError(p.t, err)
	return a
}

// TestPoliciesOfAnotherProcessHoldFromTheNextDecision: each process keeps the policies that it has read, and reads them
// again when, and only when, another has published or braked: no time passes and nobody tells it.
func TestPoliciesOfAnotherProcessHoldFromTheNextDecision(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T, now func() time.Time) (one, other *sqlstore.Store){
		"SQLite": func(t *testing.T, now func() time.Time) (one, other *sqlstore.Store) {
			t.Helper()
			path := filepath.Join(t.TempDir(), "verigate.db")
			two := func() *sqlstore.Store {
				return sqlstoretest.Open(t, sqlstoretest.WithPath(path), sqlstoretest.WithNow(now))
			}
			return two(), two()
		},
		"PostgreSQL": func(t *testing.T, now func() time.Time) (one, other *sqlstore.Store) {
			t.Helper()
			url := sqlstoretest.Postgres(t)
			return sqlstoretest.OpenURL(t, url, sqlstoretest.WithNow(now)), sqlstoretest.OpenURL(t, url, sqlstoretest.WithNow(now))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := fixturetest.NewClock(beijing(t, "2020-12-05 00:00:00"))
			a, b := open(t, clock.Now)
			one, other := newProcess(t, a, clock.Now), newProcess(t, b, clock.Now)
			f := &fixture{t: t, clock: clock, store: &faulty{Store: a}}
			f.founding("2020-10-01 00:00:00")
			f.account("a1")
			const often = 20
			both := func(version int, effect policy.Effect, reads int64) {
				t.Helper()
				for range often {
					for _, p := range []*process{other, one} {
						answer := p.decide()
						require.Equal(t, effect, answer.Effect)
						require.Equal(t, version, answer.PolicyVersion)
					}
				}
				require.Equal(t, []int64{reads, reads}, []int64{one.store.policies.Load(), other.store.policies.Load()})
			}
			both(1, policy.Block, 1)
			f.publish(observing(t, founding(t)), policyName, 2, "2020-12-05 00:00:00")
			both(2, policy.Allow, 2)
			f.publish(strings.Replace(founding(t), "version: 1", "version: 3", 1), policyName, 3, "2020-12-05 00:00:00")
			both(3, policy.Block, 3)
			clock.Set(beijing(t, "2020-12-05 00:00:01"))
			f.brake(rulebook.Order{Name: policyName, Actor: "op", Reason: "test"})
			both(3, policy.Allow, 4)
			clock.Set(beijing(t, "2020-12-05 00:00:02"))
			require.NoError(t, f.desk().Release(t.Context(), rulebook.Order{Name: policyName, Actor: "op", Reason: "mended"}))
			both(3, policy.Block, 5)
		})
	}
}
