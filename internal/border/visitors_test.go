package border_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/border"
	"github.com/verigate/verigate/internal/limit"
)

// visitors counts what gets through to the handlers.
func visitors(proxies ...string) (ask func(peer, path string, headers ...string) *httptest.ResponseRecorder, at *clock) {
	at = &clock{at: time.Unix(1_600_000_000, 0)}
	var trusted []netip.Prefix
	for _, p := range proxies {
		trusted = append(trusted, netip.MustParsePrefix(p))
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	h := border.Visitors(ok, limit.Rate{PerSecond: 1, Burst: 3}, at.now, border.CallerBehind(trusted))
	return func(peer, path string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr = peer
		for i := 0; i < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}, at
}

func through(ask func() *httptest.ResponseRecorder, times int) (n int) {
	for range times {
		if ask().Code == http.StatusNoContent {
			n++
		}
	}
	return n
}

func TestVisitorsAreSlowedDown(t *testing.T) {
	t.Parallel()
	ask, at := visitors()
	for _, path := range []string{"/s/x", "/r/x", "/m/l/x", "/qr/x.png", "/admin/sign-in", "/embed/prompt.js", "/nothing"} {
		peer := fmt.Sprintf("192.0.2.%d:1", len(path))
		require.Equal(t, 3, through(func() *httptest.ResponseRecorder { return ask(peer, path) }, 9), path)
		got := ask(peer, path)
		require.Equal(t, "1", got.Header().Get("Retry-After"))
		require.Contains(t, got.Body.String(), "Too many requests")
		require.Equal(t, "no-store", got.Header().Get("Cache-Control"))
		at.advance(time.Second)
		require.Equal(t, 1, through(func() *httptest.ResponseRecorder { return ask(peer, path) }, 9), path)
		at.advance(time.Minute)
	}
	for _, path := range []string{"/v1/policies", "/healthz", "/readyz", "/metrics"} { // bounded elsewhere, or asked by machines of ours
		require.Equal(t, 50, through(func() *httptest.ResponseRecorder { return ask("192.0.2.1:1", path) }, 50), path)
	}
}

// TestHeadersDoNotEvade: nobody gets more by naming another address, and an IPv6 subscriber is one caller.
func TestHeadersDoNotEvade(t *testing.T) {
	t.Parallel()
	ask, _ := visitors("10.0.0.0/8")
	i := 0
	spoof := func(peer, real string) func() *httptest.ResponseRecorder {
		return func() *httptest.ResponseRecorder {
			i++
			other := fmt.Sprintf("198.51.100.%d", i)
			forwarded := other
			if real != "" {
				forwarded = other + ", " + real
			}
			return ask(peer, "/s/x", "X-Forwarded-For", forwarded, "Forwarded", "for="+other, "X-Real-Ip", other, "Cf-Connecting-Ip", other,
				"True-Client-Ip", other, "X-Client-Ip", other)
		}
	}
	require.Equal(t, 3, through(spoof("192.0.2.1:1", ""), 50), "no proxy of ours")
	require.Equal(t, 3, through(spoof("10.0.0.1:1", "192.0.2.2"), 50), "behind a proxy of ours, which adds whom it speaks for")
	require.Equal(t, 3, through(func() *httptest.ResponseRecorder {
		i++
		return ask(fmt.Sprintf("[2001:db8::%x]:1", i), "/s/x")
	}, 50))
	require.Equal(t, 3, through(func() *httptest.ResponseRecorder { return ask("[2001:db8:0:1::1]:1", "/s/x") }, 50), "the neighbour is another one")
}

// TestAFloodOfAddresses leaves the limiter as small as it was, and gives the one that was slowed down nothing.
func TestAFloodOfAddresses(t *testing.T) {
	t.Parallel()
	at := &clock{at: time.Unix(1_600_000_000, 0)}
	l := limit.New(limit.Rate{PerSecond: 1, Burst: 1}, at.now)
	l.Take("victim")
	require.Positive(t, l.Take("victim"))
	for i := range 300_000 {
		l.Take(fmt.Sprintf("198.%d.%d.%d", i>>16, i>>8&255, i&255))
		if i%15_000 == 0 {
			require.Positive(t, l.Take("victim"))
		}
	}
	require.LessOrEqual(t, l.Len(), 2*limit.MaxCallers)
}
