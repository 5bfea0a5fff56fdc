package border_test

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/border"
)

func asTimeout(err error, to *net.Error) bool { return errors.As(err, to) }

// fakes is a listener whose connections come from wherever a test says.
type fakes struct {
	net.Listener
	from chan string
}

func (f *fakes) Accept() (net.Conn, error) {
	address, ok := <-f.from
	if !ok {
		return nil, net.ErrClosed
	}
	here, there := net.Pipe()
	_ = there.Close()
	return &peer{here, address}, nil
}

type peer struct {
	net.Conn
	address string
}

func (p *peer) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.address))
}

// TestConnectionsAreBounded: by all, by address, by IPv6 subscriber; proxies of ours and this machine are not counted by
// address, and a closed connection makes room, once.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	f := &fakes{from: make(chan string, 100)}
	l := border.Connections{Most: 8, PerAddress: 2, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}.Listen(f)
	accepted := func(addresses ...string) (all []net.Conn) {
		t.Helper()
		for _, a := range addresses {
			f.from <- a
		}
		f.from <- "127.0.0.1:9" // is always let in: the end of what is looked at
		for {
			conn, err := l.Accept()
			require.NoError(t, err)
			if conn.RemoteAddr().String() == "127.0.0.1:9" {
				require.NoError(t, conn.Close())
				return all
			}
			all = append(all, conn)
		}
	}
	first := accepted("192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "[::ffff:192.0.2.1]:4")
	require.Len(t, first, 2)
	require.Len(t, accepted("[2001:db8::1]:1", "[2001:db8::2]:2", "[2001:db8::ffff]:3"), 2)
	require.NoError(t, first[0].Close())
	require.NoError(t, errors.Join(first[0].Close(), first[0].Close()), "closed again, it makes no more room")
	require.Len(t, accepted("192.0.2.1:5", "192.0.2.1:6"), 1)
	require.Len(t, accepted("10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"), 3)
	close(f.from)
	_, err := l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestSlowSocketsAreEnded: many connections that say nothing or little are over soon, and others are served meanwhile.
func TestSlowSocketsAreEnded(t *testing.T) {
	t.Parallel()
	const slow = 200
	address := serve(t, settings(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })),
		border.Connections{Most: slow + 8})
	begun := []string{"", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na"}
	var all []*raw
	for i := range slow {
		all = append(all, dial(t, address).send(begun[i%len(begun)]))
	}
	for range 5 {
		require.Equal(t, http.StatusNoContent, dial(t, address).send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").status())
	}
	for _, r := range all {
		r.status() // an answer that says so, or none
		require.True(t, r.over())
	}
	require.Equal(t, http.StatusNoContent, dial(t, address).send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").status())
}

// TestBeyondTheBoundIsClosed at once, and served again when there is room.
func TestBeyondTheBoundIsClosed(t *testing.T) {
	t.Parallel()
	c := settings(http.NotFoundHandler())
	c.ReadHeaderTimeout = 20 * time.Second
	address := serve(t, c, border.Connections{Most: 2})
	get := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	first, second := dial(t, address), dial(t, address)
	require.Equal(t, http.StatusNotFound, first.send(get).status())
	require.Equal(t, http.StatusNotFound, second.send(get).status())
	require.True(t, dial(t, address).over())
	require.NoError(t, first.conn.Close())
	require.Eventually(t, func() bool { return dial(t, address).send(get).status() == http.StatusNotFound }, 10*time.Second, 10*time.Millisecond)
}
