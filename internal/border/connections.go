package border

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/verigate/verigate/internal/limit"
)

// Connections bound the connections that are open at once. Zero bounds nothing.
type Connections struct {
	Most int
	// PerAddress bounds those of one address, or of the /64 of one IPv6 subscriber. Connections of this machine and of
	// the Trusted networks, which are proxies with many callers behind each, are not counted by address.
	PerAddress int
	Trusted    []netip.Prefix
}

// Listen returns a listener that closes at once what is beyond the bounds: who waits with a connection open would cost
// as much as who is served.
func (c Connections) Listen(l net.Listener) net.Listener {
	return &bounded{Listener: l, bounds: c, of: map[string]int{}}
}

type bounded struct {
	net.Listener
	bounds Connections

	mu  sync.Mutex
	all int
	of  map[string]int // open connections by address; none is kept for an address without any
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := b.countedBy(conn)
		if b.take(address) {
			return &counted{Conn: conn, close: sync.OnceFunc(func() { b.release(address) })}, nil
		}
		_ = conn.Close()
	}
}

// countedBy is the address that a connection is counted by, empty for none.
func (b *bounded) countedBy(conn net.Conn) string {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return ""
	}
	address := at.Addr().Unmap().WithZone("")
	if address.IsLoopback() || slices.ContainsFunc(b.bounds.Trusted, func(p netip.Prefix) bool { return p.Contains(address) }) {
		return ""
	}
	return limit.Subscriber(address.String())
}

func (b *bounded) take(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.bounds.Most > 0 && b.all >= b.bounds.Most
	if address != "" && b.bounds.PerAddress > 0 {
		full = full || b.of[address] >= b.bounds.PerAddress
	}
	if full {
		return false
	}
	b.all++
	if address != "" {
		b.of[address]++
	}
	return true
}

func (b *bounded) release(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all--
	if address == "" {
		return
	}
	if b.of[address]--; b.of[address] == 0 {
		delete(b.of, address)
	}
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	close func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.close()
	return c.Conn.Close()
}
