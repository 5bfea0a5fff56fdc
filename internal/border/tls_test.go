package border_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/border"
)

// said keeps what was logged.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.b.String()
	s.b.Reset()
	return text
}

func client(t *testing.T, pool *x509.CertPool, change func(*tls.Config)) *http.Client {
	t.Helper()
	c := &tls.Config{RootCAs: pool, ServerName: "pay.example", MinVersion: tls.VersionTLS10}
	if change != nil {
		change(c)
	}
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &said{}
	at := &clock{at: time.Now()}
	first := pair(t, dir, "pay.example", at.now().Add(1000*time.Hour))
	certificate, err := border.NewCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), at.now, slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	c := settings(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	c.Certificate, c.Strict, c.Subdomains = certificate, time.Hour, true
	address := serve(t, c, border.Connections{})
	ask := func(c *http.Client) (seen, string, error) {
		r, err := c.Get("https://" + address + "/") //nolint:noctx // a test with a bound
		if err != nil {
			return seen{}, "", err
		}
		text, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		return seen{r.TLS, r.Header}, string(text), err
	}
	open := client(t, first, nil)
	got, text, err := ask(open)
	require.NoError(t, err)
	require.Equal(t, "HTTP/2.0", text)
	require.EqualValues(t, tls.VersionTLS13, got.TLS.Version)
	require.Equal(t, "max-age=3600; includeSubDomains", got.Header.Get("Strict-Transport-Security"))

	got, _, err = ask(client(t, first, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }))
	require.NoError(t, err)
	require.EqualValues(t, tls.VersionTLS12, got.TLS.Version)
	_, _, err = ask(client(t, first, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }))
	require.ErrorContains(t, err, "protocol version")
	require.Equal(t, http.StatusBadRequest, dial(t, address).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status(), "in clear nothing is answered")

	// Another pair: who comes from then on gets it, who is there goes on.
	second := pair(t, dir, "pay.example", at.now().Add(2000*time.Hour))
	_, _, err = ask(client(t, second, nil))
	require.Error(t, err, "the files are not looked at with every connection")
	at.advance(10 * time.Second)
	_, _, err = ask(client(t, second, nil))
	require.NoError(t, err)
	require.Contains(t, log.take(), "the certificate changed")
	_, _, err = ask(client(t, first, nil))
	require.ErrorContains(t, err, "certificate")
	_, _, err = ask(open)
	require.NoError(t, err, "the connection from before")

	// A broken one, one without its key, one that ended, and none: complained about once, and the old one stays.
	for name, spoil := range map[string]func(){
		"broken": func() {
			put(t, dir, "cert.pem", []byte("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n"))
		},
		"alone":   func() { pair(t, t.TempDir(), "x", at.now()); put(t, dir, "key.pem", []byte("not a key")) },
		"ended":   func() { pair(t, dir, "pay.example", at.now().Add(-time.Hour)) },
		"missing": func() { put(t, dir, "cert.pem", nil) },
	} {
		spoil()
		at.advance(10 * time.Second)
		_, _, err = ask(client(t, second, nil))
		require.NoError(t, err, name)
		text := log.take()
		require.Contains(t, text, "the one before stays", name)
		require.NotContains(t, text, "c2VjcmV0")
		at.advance(10 * time.Second)
		_, _, err = ask(client(t, second, nil))
		require.NoError(t, err)
		require.Empty(t, log.take(), "once")
	}
	third := pair(t, dir, "pay.example", at.now().Add(24*time.Hour))
	at.advance(10 * time.Second)
	_, _, err = ask(client(t, third, nil))
	require.NoError(t, err)
	require.Contains(t, log.take(), "ends soon")
}

// seen is what a test looks at of an answer.
type seen struct {
	TLS    *tls.ConnectionState
	Header http.Header
}

func TestCertificatesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	_, err := border.NewCertificate("none.pem", "none.pem", time.Now, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "http.tls.cert_file and http.tls.key_file must be")
}

func TestNoStrictWithoutTLS(t *testing.T) {
	t.Parallel()
	address := serve(t, settings(http.NotFoundHandler()), border.Connections{})
	r, err := http.Get("http://" + address) //nolint:noctx // a test with a bound
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Empty(t, r.Header.Get("Strict-Transport-Security"))
	http.DefaultClient.CloseIdleConnections()
}
