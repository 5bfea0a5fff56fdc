package api_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// newGraceful is the fixture under a version of the founding rule that gives grace.
func newGraceful(t *testing.T, grace string) *fixture {
	t.Helper()
	f := newFixture(t, "2020-12-01 00:00:00")
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	second := strings.Replace(strings.Replace(string(text), "version: 1", "version: 2", 1), "    mode: enforce\n", "    mode: enforce\n    grace: "+grace+"\n", 1)
	require.NotEqual(t, string(text), second)
	require.NoError(t, f.store.PublishPolicy(t.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 2, Text: []byte(second), EffectiveFrom: beijing(t, "2020-11-20 00:00:00"), Author: "test",
	}))
	return f
}

// TestGraceWhileTheReviewIsLate: submitted in time, reviewed late; the block waits, and no longer than the bound.
func TestGraceWhileTheReviewIsLate(t *testing.T) {
	t.Parallel()
	f := newGraceful(t, "{bound: 3d, lead: 12h}")
	deadline := beijing(t, "2020-12-04 00:00:00")
	submitted := func(id string, at time.Time) {
		f.clock.set(at)
		f.account(id)
		f.post("/v1/accounts/"+id+"/verification/submit", realName()).is(http.StatusOK)
	}
	submitted("early", deadline.Add(-12*time.Hour))
	submitted("quick", deadline.Add(-12*time.Hour))
	submitted("late", deadline.Add(-12*time.Hour).Add(1))
	f.account("idle")
	f.clock.set(deadline.Add(-1))
	for _, id := range []string{"early", "late", "idle"} {
		require.Equal(t, "allow announced", f.effect(id), id)
	}
	f.clock.set(deadline)
	require.Equal(t, "allow grace", f.effect("early"))
	require.Equal(t, "block enforced", f.effect("late"), "a nanosecond too late")
	require.Equal(t, "block enforced", f.effect("idle"), "the delay is the merchant's")

	d := f.post("/v1/accounts/early/decisions", object{"action": "create_label"}).is(http.StatusOK)
	require.Equal(t, "2020-12-07T00:00:00+08:00", d["next_change_at"])
	require.Equal(t, "2020-12-04T00:00:00+08:00", d["deadline"])
	said, err := f.gate.VerifyReceipt(d["receipt"].(string))
	require.NoError(t, err)
	require.Equal(t, "grace", string(said.Reason))
	require.True(t, said.NextChangeAt.Equal(beijing(t, "2020-12-07 00:00:00")), "the receipt names the end of the grace")
	require.Equal(t, 2, said.PolicyVersion)
	require.Equal(t, "2020-12-07T00:00:00+08:00", f.get("/v1/accounts/early").is(http.StatusOK)["grace_until"])
	require.Nil(t, f.get("/v1/accounts/idle").is(http.StatusOK)["grace_until"])
	login := f.post("/v1/accounts/early/logins", object{}).is(http.StatusOK)
	require.Equal(t, "prompt", login["decision"].(object)["effect"], "grace silences no prompt")

	f.clock.set(beijing(t, "2020-12-05 10:00:00"))
	f.post("/v1/reviews/quick", object{"decision": "approve"}).is(http.StatusOK)
	require.Equal(t, "block enforced", f.effect("quick"), "reviewed at last: the rest is the merchant's")
	f.clock.set(beijing(t, "2020-12-07 00:00:00").Add(-1))
	require.Equal(t, "allow grace", f.effect("early"))
	f.clock.set(beijing(t, "2020-12-07 00:00:00"))
	require.Equal(t, "block enforced", f.effect("early"), "bounded")
	require.Equal(t, "allow grace", f.effectAt("early", deadline, "did"))
	require.Equal(t, "allow grace", f.effectAt("early", deadline, "would"))
	blocks, err := f.store.Blocks(t.Context(), "early")
	require.NoError(t, err)
	require.Len(t, blocks, 1)
	require.True(t, blocks[0].At.Equal(beijing(t, "2020-12-07 00:00:00")), "while it had grace nothing was refused")
}

// TestGraceWhileTheProviderIsAway: scanned in time and no answer; as long as it is the provider's turn.
func TestGraceWhileTheProviderIsAway(t *testing.T) {
	t.Parallel()
	f := newGraceful(t, "{bound: 1d, lead: 5m}")
	deadline := beijing(t, "2020-12-04 00:00:00")
	f.clock.set(deadline.Add(-6 * time.Minute))
	for _, id := range []string{"scanned", "failed", "shown"} {
		f.approved(id)
		status := f.qr(id)
		if id != "shown" {
			_, err := f.engine.Event(t.Context(), id, "scan", "scan", lifecycle.Change{
				Event: lifecycle.Scan, Detail: lifecycle.Detail{LeaseID: status["qr"].(object)["lease_id"].(string)},
			})
			require.NoError(t, err)
		}
	}
	f.clock.set(deadline)
	require.Equal(t, "allow grace", f.effect("scanned"))
	require.Equal(t, "block enforced", f.effect("shown"), "nobody scanned: it is the merchant's turn")
	require.NoError(t, f.engine.Provider(t.Context(), "failed", lifecycle.Fail))
	require.Equal(t, "block enforced", f.effect("failed"))

	f.clock.advance(4 * time.Minute) // the code ends, and the merchant can scan another
	head, err := f.store.Head(t.Context(), "scanned")
	require.NoError(t, err)
	_, err = f.engine.Event(t.Context(), "scanned", "expire", "expire", lifecycle.Change{Event: lifecycle.Expire, Detail: lifecycle.Detail{LeaseID: head.Lease.ID}})
	require.NoError(t, err)
	require.Equal(t, "block enforced", f.effect("scanned"))
}

// TestNoGraceForLocked: who used all attempts up waits for the clock, not for us.
func TestNoGraceForLocked(t *testing.T) {
	t.Parallel()
	f := newGraceful(t, "{bound: 30d}")
	f.clock.set(beijing(t, "2020-12-03 10:00:00"))
	f.approved("a1")
	for range lifecycle.DefaultLimits().AttemptsPerDay {
		f.clock.advance(time.Minute)
		f.qr("a1")
		require.NoError(t, f.engine.Provider(t.Context(), "a1", lifecycle.Fail))
	}
	require.Equal(t, "locked", f.get("/v1/accounts/a1/verification").is(http.StatusOK)["state"])
	f.clock.set(beijing(t, "2020-12-04 00:00:00"))
	require.Equal(t, "block enforced", f.effect("a1"))
}

// TestNoGraceWithoutTheRule: grace is off unless the rule says so.
func TestNoGraceWithoutTheRule(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-20 00:00:00")
	f.account("a1")
	f.post("/v1/accounts/a1/verification/submit", realName()).is(http.StatusOK)
	f.clock.set(beijing(t, "2020-12-04 00:00:00"))
	require.Equal(t, "block enforced", f.effect("a1"))
}

// TestGraceFromTheExtendedDeadline: an extension moves the deadline from which grace counts.
func TestGraceFromTheExtendedDeadline(t *testing.T) {
	t.Parallel()
	f := newGraceful(t, "{bound: 3d, lead: 12h}")
	f.clock.set(beijing(t, "2020-12-05 10:00:00"))
	f.account("a1")
	require.NoError(t, f.store.PutExtension(t.Context(), policy.Extension{
		ID: "e1", AccountID: "a1", Until: beijing(t, "2020-12-11 00:00:00"), GrantedAt: f.clock.now(),
	}, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "flood"))
	f.post("/v1/accounts/a1/verification/submit", realName()).is(http.StatusOK)
	f.clock.set(beijing(t, "2020-12-11 00:00:00"))
	require.Equal(t, "allow grace", f.effect("a1"))
	f.clock.set(beijing(t, "2020-12-14 00:00:00"))
	require.Equal(t, "block enforced", f.effect("a1"))
}
