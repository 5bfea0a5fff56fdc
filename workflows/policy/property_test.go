package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestDecideAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		for _, at := range s.probes() {
			want, got := s.model(at), s.decide(at)
			require.Equal(t, want.effect, got.Effect, "effect at %s", at)
			require.Equal(t, want.reason, got.Reason, "reason at %s", at)
			require.Equal(t, want.rule, got.RuleID, "rule at %s", at)
			require.Equal(t, want.would, got.WouldBe, "would be at %s", at)
			require.True(t, want.since.Equal(got.Since), "since at %s: want %s, got %s", at, want.since, got.Since)
			s.requireDeadline(t, got, at)
		}
	})
}

func (s *scene) requireDeadline(t *rapid.T, got policy.Decision, at time.Time) {
	var want time.Time
	if !slices.Contains([]policy.Reason{policy.ReasonNotCovered, policy.ReasonNotRestricted, policy.ReasonVerified}, got.Reason) {
		for _, p := range s.policies {
			for _, r := range p.Rules {
				if r.ID == got.RuleID {
					want = s.modelDeadline(r, at)
				}
			}
		}
	}
	require.True(t, want.Equal(got.Deadline), "deadline at %s: want %s, got %s", at, want, got.Deadline)
}

func TestDecideIsDeterministicInEveryZone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		at := rapid.SampledFrom(s.probes()).Draw(t, "at")
		first := s.decide(at)
		for _, zone := range sceneZones {
			moved := *s
			moved.account.RegisteredAt = s.account.RegisteredAt.In(zone)
			moved.standing.Since, moved.standing.TurnSince = s.standing.Since.In(zone), s.standing.TurnSince.In(zone)
			moved.standing.VerifiedAt = s.standing.VerifiedAt.In(zone)
			moved.extensions = slices.Clone(s.extensions)
			for i := range moved.extensions {
				e := &moved.extensions[i]
				e.GrantedAt, e.Until = e.GrantedAt.In(zone), e.Until.In(zone)
			}
			equal := first == moved.decide(at.In(zone)) // the very operator that Decision promises
			require.True(t, equal, "the zone %s of the facts changed the answer", zone)
		}
		slices.Reverse(s.extensions)
		equal := first == s.decide(at)
		require.True(t, equal, "the order of extensions changed the answer")
	})
}

// No account that stays unverified is ever let off again by the mere passing of time.
func TestEffectNeverWeakens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		if s.standing.State == lifecycle.Verified {
			s.standing.State = lifecycle.Unverified
		}
		for i := range s.extensions { // a grant on the way would be a new fact
			s.extensions[i].GrantedAt = time.Time{}
		}
		before := policy.Allow
		for _, at := range s.probes() {
			d := s.decide(at)
			require.False(t, before.Stricter(d.Effect), "%s after %s at %s", d.Effect, before, at)
			before = d.Effect
		}
	})
}

func TestNextChangeIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		probes := s.probes()
		for i, at := range probes {
			now := s.decide(at)
			require.True(t, now.NextChangeAt.IsZero() || now.NextChangeAt.After(at), "the next change lies behind")
			require.Equal(t, now.NextChangeAt, policy.NextChange(s.set, s.account, s.standing, s.extensions, s.action, at))
			for _, later := range probes[i+1:] {
				if !now.NextChangeAt.IsZero() && !later.Before(now.NextChangeAt) {
					break
				}
				then := s.decide(later)
				require.True(t, same(now, then), "asked at %s, the answer changes at %s, not at %s", at, later, now.NextChangeAt)
			}
			if !now.NextChangeAt.IsZero() {
				require.False(t, same(now, s.decide(now.NextChangeAt)), "nothing changes at %s", now.NextChangeAt)
			}
		}
	})
}

func same(a, b policy.Decision) bool { return a.Effect == b.Effect && a.Reason == b.Reason }

// Decide is total: facts out of any range, states and kinds that do not exist.
func TestDecideIsTotal(t *testing.T) {
	t.Parallel()
	anyTime := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64().Draw(t, "seconds"), rapid.Int64().Draw(t, "nanoseconds"))
	})
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		s.action = rapid.OneOf(rapid.SampledFrom(sceneActions), rapid.String()).Draw(t, "any action")
		s.account = policy.Account{
			ID: rapid.String().Draw(t, "any id"), Kind: policy.Kind(rapid.String().Draw(t, "any kind")),
			Region: rapid.String().Draw(t, "any region"), RegisteredAt: anyTime.Draw(t, "registered any time"),
		}
		s.standing = lifecycle.Standing{
			State: lifecycle.State(rapid.OneOf(rapid.SampledFrom([]string{"verified", "under_review"}), rapid.String()).Draw(t, "any state")),
			Since: anyTime.Draw(t, "since any time"), TurnSince: anyTime.Draw(t, "turn any time"), VerifiedAt: anyTime.Draw(t, "verified any time"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "more extensions") {
			s.extensions = append(s.extensions, policy.Extension{
				AccountID: s.account.ID, GrantedAt: anyTime.Draw(t, "granted any time"), Until: anyTime.Draw(t, "until any time"),
			})
		}
		d := s.decide(anyTime.Draw(t, "at any time"))
		require.Contains(t, policy.Effects(), d.Effect)
		require.Contains(t, policy.Reasons(), d.Reason)
		require.NotNil(t, d.Zone)
	})
}
