// Package freeport finds ports on 127.0.0.1 that are free, for servers that are told their port before they listen.
package freeport

import (
	"crypto/rand"
	"math/big"
	"net"
)

// Ports are drawn from below the range from which systems take the ports of outgoing connections: between the choice of a
// port and its use, nobody but another one that chooses so could take it.
const (
	lowest  = 20000
	highest = 32000
	draws   = 100
)

// Listen listens on a port of 127.0.0.1, or on a free one for 0.
func Listen(port int) (l net.Listener, failed error) {
	if port != 0 {
		return listen(port)
	}
	for range draws {
		drawn, err := rand.Int(rand.Reader, big.NewInt(highest-lowest))
		if err != nil {
			return nil, err
		}
		if l, failed = listen(lowest + int(drawn.Int64())); failed == nil {
			return l, nil
		}
	}
	return nil, failed
}

func listen(port int) (net.Listener, error) {
	return net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

// Fill gives each port that is 0 a free one, no two the same; those that are set must be free. Negative ones stay. All are
// free when it returns.
func Fill(ports ...*int) error {
	release, err := Hold(ports...)
	release()
	return err
}

// Hold is Fill, but nobody else gets the ports until release is called, just before they are used. Call it also after an
// error; twice is once.
func Hold(ports ...*int) (release func(), err error) {
	var held []net.Listener
	release = func() {
		for _, l := range held {
			_ = l.Close()
		}
		held = nil
	}
	for _, port := range ports {
		if *port < 0 {
			continue
		}
		l, err := Listen(*port)
		if err != nil {
			return release, err
		}
		held = append(held, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return release, nil
}
