package guard_test

import (
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/notify/guard"
)

// refused are addresses that are not public, in the forms in which they come.
func refused() []string {
	return []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
		"127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
		"255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::10.0.0.1",
		"64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::10.0.0.1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
		"2001:10::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1",
		"fe80::1", "fec0::1", "ff02::1", "ff0e::1",
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, text := range refused() {
		require.False(t, guard.Public(netip.MustParseAddr(text)), text)
	}
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255",
		"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2606:4700:4700::1111", "2001:4860:4860::8888", "2400:3200::1", "::ffff:8.8.8.8",
	} {
		require.True(t, guard.Public(netip.MustParseAddr(text)), text)
	}
	require.False(t, guard.Public(netip.Addr{}))
	require.False(t, guard.Public(netip.MustParseAddr("2606:4700::1%eth0")), "an address with a zone is of this machine's links")
}

func TestCheckJudgesTheText(t *testing.T) {
	t.Parallel()
	g := guard.New(guard.Config{})
	for _, good := range []string{
		"https://hooks.example.com", "https://hooks.example.com:8443/a/b?c=d", "https://8.8.8.8/", "https://[2606:4700:4700::1111]/x", "HTTPS://hooks.example.com",
	} {
		require.NoError(t, g.Check(good), good)
	}
	bad := []string{
		"", "hooks.example.com", "/path", "http://hooks.example.com", "ftp://hooks.example.com", "file:///etc/passwd", "gopher://x", "https://",
		"https:hooks.example.com", "https://user:pw@hooks.example.com", "https://user@hooks.example.com", "https://hooks.example.com/#x",
		"https://hooks.example.com#", "https://hooks.example.com:0/", "https://hooks.example.com:/", "https://hooks.example.com:x/",
		"https://hooks example.com", "https://hooks.example.com/" + strings.Repeat("a", 2048), "https://[::1%25lo]/", "//hooks.example.com",
	}
	for _, host := range refused() {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		bad = append(bad, "https://"+host+"/x", "https://"+host+":8443")
	}
	for _, text := range bad {
		err := g.Check(text)
		require.ErrorIs(t, err, guard.ErrURL, text)
		require.NotContains(t, err.Error(), "user:pw")
	}
}

// get returns the status of an answer.
func get(t *testing.T, g *guard.Guard, url string) (int, error) {
	t.Helper()
	t.Cleanup(g.CloseIdleConnections)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	res, err := g.Client(20 * time.Second).Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Body.Close()
}

func server(t *testing.T, tls bool, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // refused handshakes are meant
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func port(t *testing.T, s *httptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	return port
}

func roots(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// TestNamesAreJudgedWhenTheyAreDialled: the text says nothing of where it leads, and forms that only the resolver
// understands end at the same door.
func TestNamesAreJudgedWhenTheyAreDialled(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 100)
	s := server(t, true, func(http.ResponseWriter, *http.Request) { reached <- struct{}{} })
	g := guard.New(guard.Config{RootCAs: roots(s)})
	for _, host := range []string{"localhost", "LOCALHOST"} {
		url := "https://" + host + ":" + port(t, s)
		require.NoError(t, g.Check(url), "a name is not resolved when it is checked")
		_, err := get(t, g, url)
		require.ErrorIs(t, err, guard.ErrNetwork, host)
	}
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"} { // whoever resolves these, we do not connect
		_, err := get(t, g, "https://"+host+":"+port(t, s))
		require.Error(t, err, host)
	}
	require.Empty(t, reached)
}

func TestAllowedNetworks(t *testing.T) {
	t.Parallel()
	secure := server(t, true, func(http.ResponseWriter, *http.Request) {})
	plain := server(t, false, func(http.ResponseWriter, *http.Request) {})
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

	g := guard.New(guard.Config{Allowed: loopback, RootCAs: roots(secure)})
	status, err := get(t, g, secure.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	_, err = get(t, g, plain.URL)
	require.ErrorIs(t, err, guard.ErrURL, "unencrypted")
	_, err = get(t, guard.New(guard.Config{Allowed: loopback}), secure.URL)
	require.ErrorContains(t, err, "certificate", "TLS is checked in an allowed network, too")

	g = guard.New(guard.Config{Allowed: loopback, HTTP: true})
	_, err = get(t, g, plain.URL)
	require.NoError(t, err)
	require.ErrorIs(t, g.Check("http://10.0.0.1/"), guard.ErrURL)
	require.NoError(t, g.Check("http://[::ffff:127.0.0.1]/"), "the same address, written otherwise")
	_, err = get(t, guard.New(guard.Config{HTTP: true}), "http://localhost:"+port(t, plain))
	require.ErrorIs(t, err, guard.ErrNetwork, "without encryption only to networks that are allowed by name")
}

func TestRedirectsAndProxiesAreNotUsed(t *testing.T) { //nolint:paralleltest // sets the environment
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("ALL_PROXY", "http://127.0.0.1:1")
	s := server(t, true, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	g := guard.New(guard.Config{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, RootCAs: roots(s)})
	status, err := get(t, g, s.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, status)
}

func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	s := server(t, true, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("a", 64<<10)) })
	g := guard.New(guard.Config{Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, RootCAs: roots(s)})
	_, err := get(t, g, s.URL)
	require.Error(t, err)
}
