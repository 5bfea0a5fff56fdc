package enforce_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func ctx() context.Context { return context.Background() }

// TestModel: whatever happens to accounts and policies, entries restrict and lift alternate per account and rule, and
// after a sweep the open episodes are exactly what policy.Restrictions says.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		ids := []string{"a1", "a2", "a3"}
		version := 1
		r.publish(rt, version, founding())
		for _, id := range ids {
			r.account(rt, id, nil)
		}
		anyone := rapid.SampledFrom(ids)
		rt.Repeat(map[string]func(*rapid.T){
			"time passes": func(rt *rapid.T) {
				r.at = r.at.Add(time.Duration(rapid.IntRange(1, 96).Draw(rt, "hours")) * time.Hour)
			},
			"act": func(rt *rapid.T) {
				id := anyone.Draw(rt, "account")
				head, err := r.store.Head(ctx(), id)
				require.NoError(rt, err)
				r.append(rt, id, nextEvent(rt, head.State))
			},
			"facts change": func(rt *rapid.T) {
				kind := rapid.SampledFrom(policy.Kinds()).Draw(rt, "kind")
				closed := rapid.IntRange(0, 5).Draw(rt, "closes") == 0
				r.account(rt, anyone.Draw(rt, "account"), func(a *policy.Account) {
					a.Kind = kind
					if closed {
						a.ClosedAt = r.at
					}
				})
			},
			"extend": func(rt *rapid.T) {
				r.extend(rt, anyone.Draw(rt, "account"), r.at.AddDate(0, 0, rapid.IntRange(1, 10).Draw(rt, "days")))
			},
			"publish": func(rt *rapid.T) {
				version++
				var rules []rule
				for _, id := range []string{"existing", "more"}[rapid.IntRange(0, 1).Draw(rt, "from"):] {
					rules = append(rules, rule{
						id: id, kind: rapid.SampledFrom([]string{"individual", "enterprise"}).Draw(rt, "covers"),
						mode:   rapid.SampledFrom([]string{"enforce", "enforce", "observe"}).Draw(rt, "mode"),
						blocks: rapid.IntRange(20, 45).Draw(rt, "blocks"), grace: rapid.Bool().Draw(rt, "grace"),
					})
				}
				r.publish(rt, version, rules...)
			},
			"sweep": func(rt *rapid.T) { r.sweep(rt); r.requireInStep(rt, ids...) },
			"settle": func(rt *rapid.T) {
				id := anyone.Draw(rt, "account")
				_, err := r.Settle(ctx(), id)
				require.NoError(rt, err)
				r.requireInStep(rt, id)
			},
			"": func(rt *rapid.T) {
				for _, id := range ids {
					r.requireAlternating(rt, id)
				}
			},
		})
	})
}

func nextEvent(rt *rapid.T, state lifecycle.State) lifecycle.Event {
	switch state {
	case lifecycle.Unverified:
		return rapid.SampledFrom([]lifecycle.Event{lifecycle.Submit, lifecycle.ImportVerified}).Draw(rt, "event")
	case lifecycle.Submitted:
		return rapid.SampledFrom([]lifecycle.Event{lifecycle.BeginReview, lifecycle.Revoke}).Draw(rt, "event")
	case lifecycle.UnderReview:
		return rapid.SampledFrom([]lifecycle.Event{lifecycle.Approve, lifecycle.Reject}).Draw(rt, "event")
	case lifecycle.Approved:
		return lifecycle.ChooseManual
	case lifecycle.ManualReview:
		return lifecycle.ApproveManual
	default:
		return lifecycle.Revoke
	}
}

// requireInStep: open if and only if the rules block now.
func (r *rig) requireInStep(t require.TestingT, ids ...string) {
	snapshot, err := r.book.Now(ctx())
	require.NoError(t, err)
	force, err := snapshot.InForce(r.at, store.Would)
	require.NoError(t, err)
	for _, id := range ids {
		facts, err := r.store.Facts(ctx(), id)
		require.NoError(t, err)
		want := map[string]bool{}
		if !facts.Account.Closed(r.at) {
			for _, b := range policy.Restrictions(force.Set, facts.Account, facts.Standing, facts.Extensions, r.at) {
				want[b.RuleID] = true
			}
		}
		episodes, err := r.store.Restrictions(ctx(), id)
		require.NoError(t, err)
		got := map[string]bool{}
		for _, e := range episodes {
			if e.Open() {
				got[e.RuleID] = true
			} else {
				require.NotEmpty(t, e.LiftReason)
			}
		}
		require.Equal(t, want, got, id)
		require.NoError(t, r.store.VerifyProjection(ctx(), id))
	}
}

func (r *rig) requireAlternating(t require.TestingT, id string) {
	log, err := r.store.Events(ctx(), id, 0, 1000)
	require.NoError(t, err)
	opened := map[string]int64{}
	for _, e := range log {
		d := e.Detail.Restricted
		if d == nil {
			continue
		}
		switch e.Event {
		case lifecycle.Restrict:
			require.Zero(t, opened[d.Rule], "%s restricted twice", d.Rule)
			opened[d.Rule] = e.Seq
		case lifecycle.Lift:
			require.Equal(t, opened[d.Rule], d.Opened, "%s lifted what is not open", d.Rule)
			opened[d.Rule] = 0
		default:
		}
	}
}

// TestTheGateNeedsNoSweep: decisions flip at the instant with no sweep at all, and a sweep alone changes none.
func TestTheGateNeedsNoSweep(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.publish(t, 1, founding())
	for i, prepare := range []func(id string){
		func(string) {},
		func(id string) { r.append(t, id, lifecycle.Submit) },
		func(id string) { r.append(t, id, lifecycle.ImportVerified) },
		func(id string) { r.extend(t, id, day(36)) },
		func(id string) { r.account(t, id, func(a *policy.Account) { a.Kind = policy.KindEnterprise }) },
		func(id string) { r.account(t, id, func(a *policy.Account) { a.ClosedAt = day(30) }) },
	} {
		id := fmt.Sprint("a", i)
		r.account(t, id, nil)
		prepare(id)
	}
	g, err := gate.New(gate.Config{Store: r.store, Now: r.now, Logger: slog.New(slog.DiscardHandler), ReceiptKeys: []gate.Key{{ID: "k", Secret: make([]byte, 32)}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close(ctx())) })
	decisions := func() map[string]gate.Answer {
		all := map[string]gate.Answer{}
		for i := range 6 {
			id := fmt.Sprint("a", i)
			_, answers, err := g.Preview(ctx(), id)
			require.NoError(t, err)
			for action, a := range answers {
				all[id+" "+action] = a
			}
		}
		require.Len(t, all, 12)
		return all
	}
	r.at = day(34).Add(-1)
	before := decisions()
	require.Equal(t, policy.Allow, before["a0 create_label"].Effect)
	r.at = day(34)
	after := decisions()
	require.Equal(t, policy.Block, after["a0 create_label"].Effect, "the gate flips by itself")
	require.Equal(t, 2, r.sweep(t).Restricted)
	require.Equal(t, after, decisions(), "a sweep alone changes no decision")
	r.at = day(36)
	after = decisions()
	require.Equal(t, policy.Block, after["a3 create_label"].Effect)
	require.Equal(t, 1, r.sweep(t).Restricted)
	require.Equal(t, after, decisions())
}
