package limit

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSubscriber(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "pipe": "pipe",
	} {
		require.Equal(t, want, Subscriber(address), address)
	}
}

func TestClientIPIsThePeer(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.RemoteAddr = "[2001:db8::7]:1234"
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	r.Header.Set("Forwarded", "for=192.0.2.1")
	require.Equal(t, "2001:db8::7", Peer(r))
}

// TestLimiterForgets: a flood of callers cannot grow it, and does not give a limited one new tokens at once.
func TestLimiterForgets(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_600_000_000, 0)
	l := New(Rate{PerSecond: 1, Burst: 1}, func() time.Time { return at })
	require.Zero(t, l.Take("victim"))
	require.Equal(t, time.Second, l.Take("victim"))
	for i := range MaxCallers + 10 {
		l.Take(fmt.Sprint(i))
	}
	require.Equal(t, time.Second, l.Take("victim"), "not forgotten after one generation")
	require.LessOrEqual(t, len(l.recent)+len(l.older), 2*MaxCallers)
}

func TestLimiterThatAllowsNothing(t *testing.T) {
	t.Parallel()
	l := New(Rate{}, time.Now)
	require.Positive(t, l.Take("x"))
}
