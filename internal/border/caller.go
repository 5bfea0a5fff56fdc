package border

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/verigate/verigate/internal/limit"
)

// CallerBehind returns how to tell the caller's address: the connection's peer, or, if that is a proxy of ours, whom
// the proxies say that they speak for. X-Forwarded-For is read from its end, because each proxy adds to it there and
// whatever stands before the first foreign address may have been written by anybody.
func CallerBehind(proxies []netip.Prefix) func(*http.Request) string {
	ours := among(proxies)
	return func(r *http.Request) string {
		caller := limit.Peer(r)
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && ours(caller); i-- {
			hop := strings.TrimSpace(hops[i])
			if _, err := netip.ParseAddr(hop); err != nil {
				return caller
			}
			caller = hop
		}
		return caller
	}
}

// FromProxy returns how to tell whether a request was sent by one of the proxies.
func FromProxy(proxies []netip.Prefix) func(*http.Request) bool {
	ours := among(proxies)
	return func(r *http.Request) bool { return ours(limit.Peer(r)) }
}

func among(networks []netip.Prefix) func(address string) bool {
	return func(text string) bool {
		address, err := netip.ParseAddr(text)
		address = address.Unmap().WithZone("")
		return err == nil && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
	}
}
