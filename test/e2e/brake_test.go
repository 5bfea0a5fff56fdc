package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestABrakeIsAnnounced: what a brake frees is lifted within moments, and what its release blocks is restricted again, though
// both are within a minute; nobody starts a sweep. The gate did not wait for either.
func TestABrakeIsAnnounced(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	lines := coveredLines("braked-", 20)
	d.service(t).importLines(t, lines...)
	c, accounts := d.reviewer(t), idsOf(lines)
	announced := func(open bool, episodes int) {
		t.Helper()
		for _, id := range accounts {
			eventually(t, patience, id+" has its announcement", func() bool {
				all := get[restrictions](c, "/v1/accounts/"+id+"/restrictions").Restrictions
				return len(all) == episodes && (all[episodes-1].LiftedAt == nil) == open
			})
		}
	}
	decided := func(want string) {
		t.Helper()
		got := post[map[string]any](d.service(t), "/v1/accounts/"+accounts[0]+"/decisions", map[string]any{"action": "create_label"})
		require.Equal(t, want, got["effect"])
	}
	startSweep(c)
	announced(true, 1)
	const policy = "/v1/policies/wishpost-face-verification/"
	ask[any](d.operator(t), http.StatusCreated, request{method: http.MethodPost, path: policy + "brake", body: map[string]any{"reason": "tried"}})
	decided("allow")
	announced(false, 1)
	post[any](d.operator(t), policy+"release", map[string]any{"reason": "tried"})
	decided("block")
	announced(true, 2)
}
