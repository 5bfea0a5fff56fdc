package limit

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket: so many a second, and so many at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limiter keeps a bucket per caller. It forgets callers in generations, so a flood of addresses cannot grow it.
type Limiter struct {
	rate Rate
	now  func() time.Time

	mu            sync.Mutex
	recent, older map[string]*rate.Limiter
}

// MaxCallers bounds each of the two generations that a limiter remembers.
const MaxCallers = 20_000

// New returns a limiter that lets each caller do as much as r says.
func New(r Rate, now func() time.Time) *Limiter {
	return &Limiter{rate: r, now: now, recent: map[string]*rate.Limiter{}}
}

// Take returns how long the caller has to wait; zero if it may go on.
func (l *Limiter) Take(caller string) time.Duration {
	now := l.now()
	reservation := l.bucket(caller).ReserveN(now, 1)
	if !reservation.OK() {
		return time.Minute
	}
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

func (l *Limiter) bucket(caller string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.recent[caller]; ok {
		return b
	}
	b, ok := l.older[caller]
	if !ok {
		b = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
	}
	if len(l.recent) >= MaxCallers {
		l.recent, l.older = map[string]*rate.Limiter{}, l.recent
	}
	l.recent[caller] = b
	return b
}

// Peer is the peer of the connection: headers that name another one can be written by anybody. Package
// border tells whom a trusted proxy speaks for.
func Peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Subscriber is what rates are counted by: an IPv4 address, or the /64 that one IPv6 subscriber has.
func Subscriber(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// Len is how many callers are remembered.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.recent) + len(l.older)
}
