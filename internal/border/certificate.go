package border

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// lookEvery is how often at most the files are looked at.
	lookEvery = 10 * time.Second
	// soon is how long before its end a certificate is complained about.
	soon = 7 * 24 * time.Hour
)

// Certificate is a certificate with its key from two PEM files. When the files change, connections from then on get the
// new one; those that are open go on. A pair that cannot be used is complained about, and the old one stays.
type Certificate struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	seen    string // what the files looked like when they were last read
	present *tls.Certificate
}

// NewCertificate reads the files. The error names neither their content nor where in them something is wrong.
func NewCertificate(cert, key string, now func() time.Time, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, now: now, log: log, looked: now()}
	c.seen = c.looks()
	return c, c.read()
}

// get is for tls.Config.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if since := c.now().Sub(c.looked); since < 0 || since >= lookEvery {
		c.looked = c.now()
		c.look()
	}
	return c.present, nil
}

// look reads the files again if they changed. It complains once about what it finds.
func (c *Certificate) look() {
	if looks := c.looks(); looks != c.seen {
		c.seen = looks
		if err := c.read(); err != nil {
			c.log.Error("the certificate changed and cannot be used; the one before stays", "error", err)
			return
		}
		c.log.Info("the certificate changed", "ends", c.present.Leaf.NotAfter)
	}
}

func (c *Certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("http.tls.cert_file and http.tls.key_file must be a certificate chain and its key in PEM: %w", err)
	}
	now := c.now()
	if now.After(pair.Leaf.NotAfter) && c.present != nil && now.Before(c.present.Leaf.NotAfter) {
		return fmt.Errorf("http.tls.cert_file holds a certificate that ended at %s", pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	if pair.Leaf.NotAfter.Sub(now) < soon {
		c.log.Warn("the certificate ends soon, or has ended; renew http.tls.cert_file", "ends", pair.Leaf.NotAfter)
	}
	c.present = &pair
	return nil
}

// looks tells two states of the files apart without reading them.
func (c *Certificate) looks() string {
	text := ""
	for _, path := range []string{c.cert, c.key} {
		if info, err := os.Stat(path); err == nil {
			text += fmt.Sprintf("%d %d ", info.ModTime().UnixNano(), info.Size())
		} else {
			text += "missing "
		}
	}
	return text
}
