// Package guard keeps requests to addresses that others name away from what is not theirs: it opens connections to
// public addresses only, judged by the very address that is dialled, so that a name which resolves otherwise a moment
// later does not help.
package guard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

var (
	// ErrURL means that an address cannot be used at all.
	ErrURL = errors.New("guard: address not allowed")
	// ErrNetwork means that a name led to an address that is not public. It never says which.
	ErrNetwork = errors.New("guard: network not allowed")
)

// maxURL is the greatest length of an address in bytes.
const maxURL = 2048

// Config says what a Guard lets through.
type Config struct {
	// Allowed are networks that may be reached although they are not public, as a platform's own.
	Allowed []netip.Prefix
	// HTTP lets unencrypted requests through, to Allowed networks only.
	HTTP bool
	// RootCAs are whom servers' certificates are checked against; nil: the system's.
	RootCAs *x509.CertPool
	// DialTimeout bounds connecting, TLS included; default 10 s.
	DialTimeout time.Duration
	// HeaderTimeout bounds the wait for an answer's header; default 15 s.
	HeaderTimeout time.Duration
	// ConnsPerHost bounds connections to one host; default 32.
	ConnsPerHost int
}

// Guard is an http.RoundTripper for addresses that others name. It uses no proxy.
type Guard struct {
	allowed       []netip.Prefix
	http          bool
	public, plain *http.Transport
}

var _ http.RoundTripper = (*Guard)(nil)

// New returns a guard.
func New(c Config) *Guard {
	if c.DialTimeout == 0 {
		c.DialTimeout = 10 * time.Second
	}
	if c.HeaderTimeout == 0 {
		c.HeaderTimeout = 15 * time.Second
	}
	if c.ConnsPerHost == 0 {
		c.ConnsPerHost = 32
	}
	g := &Guard{allowed: c.Allowed, http: c.HTTP}
	g.public = c.transport(g.control(func(a netip.Addr) bool { return Public(a) || g.exempt(a) }))
	g.plain = c.transport(g.control(g.exempt))
	return g
}

func (c Config) transport(control func(network, address string, _ syscall.RawConn) error) *http.Transport {
	dialer := &net.Dialer{Timeout: c.DialTimeout, Control: control}
	return &http.Transport{
		Proxy:                  nil, // a proxy would dial in our place, without this judgement
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.DialTimeout,
		ResponseHeaderTimeout:  c.HeaderTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        time.Minute,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    c.ConnsPerHost,
		MaxConnsPerHost:        c.ConnsPerHost,
		MaxResponseHeaderBytes: 32 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
}

// RoundTrip implements http.RoundTripper.
func (g *Guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.Check(r.URL.String()); err != nil {
		return nil, err
	}
	if r.URL.Scheme == "http" {
		return g.plain.RoundTrip(r)
	}
	return g.public.RoundTrip(r)
}

// CloseIdleConnections closes the connections that nobody uses.
func (g *Guard) CloseIdleConnections() {
	g.public.CloseIdleConnections()
	g.plain.CloseIdleConnections()
}

// Client returns a client over the guard that follows no redirect.
func (g *Guard) Client(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: g, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Check judges an address by its text, as far as that is possible without asking anybody: ErrURL with what is wrong.
// The text itself is not repeated.
func (g *Guard) Check(text string) error {
	fault := func(words string) error { return fmt.Errorf("%w: %s", ErrURL, words) }
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return fault(fmt.Sprintf("must be at most %d bytes long", maxURL))
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return fault("must be an absolute URL, such as https://hooks.example.com/verigate")
	case u.Scheme != "https" && (u.Scheme != "http" || !g.http):
		return fault("must begin with https://")
	case u.User != nil:
		return fault("must hold no user and password; deliveries are signed")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return fault("must have no fragment")
	case u.Port() == "0" || strings.HasSuffix(u.Host, ":"):
		return fault("must name a port or none")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !Public(a) && !g.exempt(a) {
		return fault("must lead to a public address")
	}
	return nil
}

// control judges an address just before it is connected to.
func (g *Guard) control(allowed func(netip.Addr) bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || (network != "tcp4" && network != "tcp6") || !allowed(at.Addr()) {
			return ErrNetwork
		}
		return nil
	}
}

func (g *Guard) exempt(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	return slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(a) })
}
