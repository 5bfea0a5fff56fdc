package border_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/border"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// settings are those of a server in a test: short, so that nobody waits.
func settings(h http.Handler) border.Config {
	return border.Config{
		Handler: h, ReadHeaderTimeout: 300 * time.Millisecond, WriteTimeout: 10 * time.Second, IdleTimeout: 5 * time.Second,
		BodyWait: 300 * time.Millisecond, MaxHeaderBytes: 8 << 10, ErrorLog: slog.DiscardHandler,
	}
}

// serve runs a server and returns its address.
func serve(t *testing.T, c border.Config, bounds border.Connections) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := border.New(c)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(bounds.Listen(listener)) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return listener.Addr().String()
}

// pair writes a certificate of that name and its key.
func pair(t *testing.T, dir, name string, ends time.Time) (pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(ends.Unix()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: ends.Add(-3000 * time.Hour), NotAfter: ends, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	put(t, dir, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	put(t, dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	pool = x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool.AddCert(leaf)
	return pool
}

// put replaces a file as deployments do: at once.
func put(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	next := filepath.Join(dir, name+".next")
	require.NoError(t, os.WriteFile(next, content, 0o600))
	require.NoError(t, os.Rename(next, filepath.Join(dir, name)))
}

// raw is a connection on which a test writes what it likes.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return &raw{t, conn, bufio.NewReader(conn)}
}

func (r *raw) send(text string) *raw {
	_, _ = io.WriteString(r.conn, text) // the server may have closed it, which is what is looked at
	return r
}

// status reads one answer; 0 means that the connection was closed instead.
func (r *raw) status() int {
	r.t.Helper()
	response, err := http.ReadResponse(r.in, nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode
}

// over reports whether the server closed the connection, without anything more on it.
func (r *raw) over() bool {
	_, err := r.in.ReadByte()
	var timeout net.Error
	return err != nil && !(asTimeout(err, &timeout) && timeout.Timeout())
}
