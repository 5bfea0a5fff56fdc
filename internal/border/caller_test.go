package border

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCallerBehindProxies(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tc := range []struct {
		peer, want string
		forwarded  []string
	}{
		{"203.0.113.7:1", "203.0.113.7", nil},
		{"203.0.113.7:1", "203.0.113.7", []string{"198.51.100.1"}}, // not a proxy of ours: anybody can write this
		{"10.0.0.1:1", "198.51.100.1", []string{"198.51.100.1"}},
		{"10.0.0.1:1", "198.51.100.1", []string{"1.2.3.4, 198.51.100.1"}}, // what stands before was written by the caller
		{"10.0.0.1:1", "198.51.100.1", []string{"1.2.3.4", "198.51.100.1, 10.0.0.2"}},
		{"[fd00::1]:1", "2001:db8::1", []string{"2001:db8::1"}},
		{"10.0.0.1:1", "10.0.0.1", nil},
		{"10.0.0.1:1", "10.0.0.1", []string{"unknown"}},
		{"10.0.0.1:1", "10.0.0.9", []string{"10.0.0.9"}},
		{"[::ffff:10.0.0.1]:1", "198.51.100.1", []string{"198.51.100.1"}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tc.peer
		r.Header["X-Forwarded-For"] = tc.forwarded
		require.Equal(t, tc.want, CallerBehind(proxies)(r), tc.forwarded)
	}
}

func TestWhatProxiesSent(t *testing.T) {
	t.Parallel()
	from := FromProxy([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for peer, want := range map[string]bool{"10.0.0.1:1": true, "[::ffff:10.0.0.1]:1": true, "192.0.2.1:1": false, "nonsense": false} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "10.0.0.1")
		require.Equal(t, want, from(r), peer)
	}
}
