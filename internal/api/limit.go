package api

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

// limiter keeps a bucket per caller. It forgets callers in generations, so a flood of addresses cannot grow it.
type limiter struct {
	rate Rate
	now  func() time.Time

	mu            sync.Mutex
	recent, older map[string]*rate.Limiter
}

// maxCallers bounds one of the two generations.
const maxCallers = 20_000

func newLimiter(r Rate, now func() time.Time) *limiter {
	return &limiter{rate: r, now: now, recent: map[string]*rate.Limiter{}}
}

// take returns how long the caller has to wait; zero if it may go on.
func (l *limiter) take(caller string) time.Duration {
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

func (l *limiter) bucket(caller string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.recent[caller]; ok {
		return b
	}
	b, ok := l.older[caller]
	if !ok {
		b = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
	}
	if len(l.recent) >= maxCallers {
		l.recent, l.older = map[string]*rate.Limiter{}, l.recent
	}
	l.recent[caller] = b
	return b
}

// Peer is the peer of the connection: headers that name another one can be written by anybody. Config.ClientIP
// replaces it behind a trusted proxy.
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
