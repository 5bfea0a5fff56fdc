package guard

import (
	"net/netip"
	"slices"
)

// Public reports whether an address is one that anybody on the internet has: not private, not of this machine or link,
// not shared by a carrier, not for many at once, not for documentation, and no way to any of these through an IPv6
// address that holds an IPv4 one. The lists follow IANA's registries of special-purpose addresses.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap() // ::ffff:10.0.0.1 is 10.0.0.1
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	if a.Is4() {
		return !slices.ContainsFunc(special4(), within)
	}
	return netip.MustParsePrefix("2000::/3").Contains(a) && !slices.ContainsFunc(special6(), within)
}

func special4() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared by carriers; also some clouds' metadata
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local; also most clouds' metadata
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarking
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, and broadcast
	)
}

// special6 are those within 2000::/3; loopback, link-local, unique local, multicast, NAT64 (64:ff9b::/96) and
// IPv4-compatible addresses lie outside it.
func special6() []netip.Prefix {
	return prefixes(
		"2001::/23",     // protocol assignments, Teredo among them
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4: holds an IPv4 address
		"3fff::/20",     // documentation
	)
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}
