package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const always = 1000 // more often than a test asks

// truthful are the faults through which the truth is heard all the same: late, in another form, with a certificate
// number that plain keys do not need.
func truthful() []string { return []string{"delay", "passed_array", "cert_sn"} }

// TestFaultsOfQueries: whatever the provider does when it is asked, nobody is verified but who passed, nobody fails
// for it, and the state recovers by itself.
func TestFaultsOfQueries(t *testing.T) {
	t.Parallel()
	eachFault(t, "query", 4, func(t *testing.T, d *demo, kind string) { faultyQueries(t, d, kind) })
}

// eachFault runs a test for each kind of fault. Faults strike whoever asks next, so a demonstration has one at a
// time, and several demonstrations share the kinds. The first has the one that every call waits for.
func eachFault(t *testing.T, op string, shards int, run func(*testing.T, *demo, string)) {
	t.Helper()
	for shard := range shards {
		t.Run(fmt.Sprintf("shard %d", shard), func(t *testing.T) {
			t.Parallel()
			d := startDemo(t)
			for i, kind := range d.kinds(t, op) {
				mine := 1 + i%(shards-1)
				if kind == "never_answers" {
					mine = 0
				}
				if mine == shard {
					t.Run(kind, func(t *testing.T) { run(t, d, kind) })
				}
			}
		})
	}
}

// kinds lists the faults of an operation, the ones that the provider knows and not a list of ours.
func (d *demo) kinds(t *testing.T, op string) []string {
	t.Helper()
	var kinds []string
	for kind, ops := range d.phone(t).armed().Kinds {
		if slices.Contains(ops, op) {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	require.Greater(t, len(kinds), 15)
	return kinds
}

func faultyQueries(t *testing.T, d *demo, kind string) {
	a, hand := d.account(t), d.phone(t)
	t.Cleanup(hand.disarm)
	id := hand.scan(a.showQR())
	require.Equal(t, "scanned", a.await("scanned").State)

	hand.arm(fault{Kind: kind, Op: "query", Times: always, DelayMS: 300})
	if kind != "flip_late" { // which strikes only who has passed
		hand.awaitStrike(1)
	}
	require.Equal(t, "scanned", a.status().State, "nobody has passed, and no fault is a failure")

	hand.disarm()
	hand.arm(fault{Kind: kind, Op: "query", Times: always, DelayMS: 300})
	hand.decide(id, "pass")
	if slices.Contains(truthful(), kind) {
		a.await("verified")
		return
	}
	// The second strike is surely one after the pass.
	hand.awaitStrike(2)
	got := a.service.send(request{method: http.MethodPost, path: a.path("verification/refresh"), body: map[string]any{}})
	require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusUnprocessableEntity}, got.status, "%s", got.body)
	require.Equal(t, "scanned", a.status().State, "only a signed answer to the very question verifies")
	a.requireGate("block", "enforced")

	hand.disarm()
	a.await("verified")
	require.Equal(t, []string{"submit", "begin_review", "approve", "issue_qr", "scan", "pass"}, a.events())
}

// awaitStrike waits until the armed fault has struck that often.
func (p phone) awaitStrike(times int) {
	p.t.Helper()
	eventually(p.t, patience, "the fault strikes", func() bool {
		armed := p.armed().Faults
		require.Len(p.t, armed, 1)
		return always-armed[0].Times >= times
	})
}

// TestFaultsOfOrders: whatever the provider does when it is sent an order, at most one order is shown, and an order
// whose answer was lost verifies nobody.
func TestFaultsOfOrders(t *testing.T) {
	t.Parallel()
	eachFault(t, "initialize", 2, func(t *testing.T, d *demo, kind string) {
		t.Run("once", func(t *testing.T) { faultyOrder(t, d, kind) })
		t.Run("always", func(t *testing.T) { faultyOrders(t, d, kind) })
	})
}

// faultyOrder: one fault. If another number helps, the merchant sees nothing of it.
func faultyOrder(t *testing.T, d *demo, kind string) {
	a, hand := d.account(t), d.phone(t)
	t.Cleanup(hand.disarm)
	a.submit("approved")
	before := len(hand.orders())
	hand.arm(fault{Kind: kind, Op: "initialize", Times: 1, DelayMS: 300})
	got := a.service.send(request{method: http.MethodPost, path: a.path("verification/start-face"), body: consent()})
	if got.status == http.StatusUnprocessableEntity {
		require.Equal(t, "provider_refused", decoded[refusal](t, got.body).Code)
		require.Equal(t, "approved", a.status().State)
		return
	}
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	a.finishOnly(a.qr(decoded[status](t, got.body)), before)
}

// faultyOrders: the fault stays. The command was not taken, says so, and works when the fault is gone.
func faultyOrders(t *testing.T, d *demo, kind string) {
	a, hand := d.account(t), d.phone(t)
	t.Cleanup(hand.disarm)
	a.submit("approved")
	before := len(hand.orders())
	hand.arm(fault{Kind: kind, Op: "initialize", Times: always, DelayMS: 300})
	start := keyed(a.path("verification/start-face"), "start", consent())
	got := a.service.send(start)
	if slices.Contains(truthful(), kind) {
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		a.finishOnly(a.qr(decoded[status](t, got.body)), before)
		return
	}
	p := decoded[refusal](t, got.body)
	require.Contains(t, []string{"provider_unavailable 503", "provider_refused 422"}, fmt.Sprintf("%s %d", p.Code, p.Status))
	if p.Status == http.StatusServiceUnavailable {
		require.NotEmpty(t, got.header.Get("Retry-After"))
		require.Equal(t, "not_taken", p.Command)
	}
	s := a.status()
	require.Equal(t, "approved", s.State)
	require.Nil(t, s.QR)
	require.Zero(t, s.Attempts.Used, "what the provider did not take costs no attempt")

	hand.disarm()
	for _, lost := range hand.orders()[before:] {
		hand.decide(lost.CertifyID, "pass")
	}
	require.Equal(t, "approved", a.command("refresh", map[string]any{}).State, "an order that nobody was shown verifies nobody")
	if p.Status == http.StatusServiceUnavailable {
		got = a.service.insist(start) // the same command, as the answer says
	} else {
		got = a.service.send(keyed(a.path("verification/start-face"), "another-start", consent()))
	}
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	a.finishOnly(a.qr(decoded[status](t, got.body)), len(hand.orders())-1)
}

// finishOnly passes the order that is shown, and only that one verifies: of the orders since before, any other was
// abandoned.
func (a *account) finishOnly(qr qrCode, before int) {
	a.t.Helper()
	hand := a.d.phone(a.t)
	shown := hand.scan(qr)
	for _, o := range hand.orders()[before:] {
		if o.CertifyID != shown {
			hand.decide(o.CertifyID, "pass")
			require.Equal(a.t, "scanned", a.command("refresh", map[string]any{}).State, "an abandoned order verifies nobody")
		}
	}
	require.Equal(a.t, 1, a.status().Attempts.Used)
	hand.finish(qr, "pass")
	a.await("verified")
	require.Len(a.t, attempts(a.settled()), 1)
}
