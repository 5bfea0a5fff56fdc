// Package border is what stands between the network and the handlers: TLS with certificates that may change, bounds on
// connections, on waiting for bodies and on what one address asks for, and who a caller behind proxies is.
//
// It adds what net/http leaves open. A header that does not arrive, or is too long, net/http ends by itself.
package border
