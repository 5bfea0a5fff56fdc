package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTimeline watches the rule begin: the gate flips for everybody at the very instant, with nothing having run.
func TestTimeline(t *testing.T) {
	t.Parallel()
	d := startDemo(t, withArgs("--timeline"))
	flip := instant(t, "2020-12-04T00:00:00+08:00")
	a, extended := d.account(t), d.account(t)
	for _, c := range boundaryCases(t) {
		if len(c.Extensions) > 0 && c.Extensions[0].GrantedAt.IsZero() {
			askCase(t, d, c)
		}
	}
	extended.extend(flip.AddDate(0, 0, 7))

	var before, after int
	eventually(t, 3*time.Minute, "the rule begins", func() bool {
		got := a.decide("create_label")
		if got.At.Before(flip) {
			before++
			require.Equal(t, "allow announced", effectOf(got), "at %s", got.At)
			require.True(t, got.NextChangeAt.Equal(flip))
			return false
		}
		after++
		require.Equal(t, "block enforced", effectOf(got), "at %s", got.At)
		require.True(t, got.Since.Equal(flip))
		return true
	})
	require.NotZero(t, before, "the demonstration began too late to see anything")
	require.NotZero(t, after)
	require.Equal(t, "allow extended", effectOf(extended.decide("create_label")))
	require.Equal(t, "prompt enforced", effectOf(extended.decide("login")), "an extension silences no prompt")
	require.Equal(t, "allow verified", effectOf(d.known(t, "sample-verified", person{}).decide("create_label")))
	require.Equal(t, "block enforced", effectOf(d.known(t, "sample-at", person{}).decide("create_label")), "by the rule for registration")
	require.Equal(t, "allow not_covered", effectOf(d.known(t, "sample-enterprise", person{}).decide("create_label")))

	// An extension that is granted after the fact begins with its grant.
	granted := a.extend(flip.AddDate(0, 0, 7)).GrantedAt
	require.Equal(t, "allow extended", effectOf(a.decide("create_label")))
	earlier := a.decideAt("create_label", granted.Add(-time.Nanosecond), "")
	require.Equal(t, "block enforced", effectOf(earlier))
	require.True(t, earlier.NextChangeAt.Equal(granted))

	// Who watches the terminal sees it too.
	eventually(t, patience, "the terminal shows it", func() bool {
		text, err := os.ReadFile(d.path("stdout"))
		require.NoError(t, err)
		return strings.Contains(string(text), "2020-12-03 23:59:") && strings.Contains(string(text), "block (enforced)")
	})

	// On the shifted clock a verification goes its way as on any day.
	b, hand := d.account(t), d.phone(t)
	hand.finish(b.showQR(), "pass")
	b.await("verified")
	b.requireGate("allow", "verified")
}
