package devserver

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// host is where everything listens. It is not configurable: see the package essay.
const host = "127.0.0.1"

// Config says where the engine keeps its files and what it offers.
type Config struct {
	// Dir is the directory of the database files. It must exist.
	Dir string
	// Port of the gRPC frontend. 0 takes a free one.
	Port int
	// UIPort is the port of the web UI. 0 takes a free one; negative runs no UI.
	UIPort int
	// MetricsPort serves Prometheus metrics under /metrics. 0 serves none.
	MetricsPort int
	// Namespace is created at the first start. Default: verigate.
	Namespace string
	// SearchAttributes of the namespace, by name; they are fixed at its creation.
	SearchAttributes map[string]enumspb.IndexedValueType
	// Retention is how long closed runs can still be looked at. Default: 72 h.
	Retention time.Duration
	// LongPoll bounds one wait for news of a workflow; a client simply asks again. Default: 3 s.
	LongPoll time.Duration
	// Logger gets the engine's own log. nil discards it.
	Logger *slog.Logger
	// UICodecEndpoint is where the UI has payloads decrypted, with the cookies that the browser has for that place; empty
	// shows them as they are.
	UICodecEndpoint string
	// UISignIn is where readers of the UI sign in to see payloads.
	UISignIn string
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("devserver: Dir is empty; name the directory of the database files")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, err
	}
	c.Dir = dir
	if c.Namespace == "" {
		c.Namespace = "verigate"
	}
	if c.Retention == 0 {
		c.Retention = 72 * time.Hour
	}
	if c.LongPoll == 0 {
		c.LongPoll = 3 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// ports holds one port for each listener. The four services find each other by them; no port is needed for
// membership, because the hosts are static.
type ports struct {
	frontend, http, history, matching, worker, ui int
}

// choosePorts fills what the configuration leaves open. The ports are free when it returns; another process may
// take one before the engine does, which Start then reports.
func choosePorts(c Config) (ports, error) {
	p := ports{frontend: c.Port, ui: c.UIPort}
	want := []*int{&p.frontend, &p.http, &p.history, &p.matching, &p.worker, &p.ui}
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, port := range want {
		if *port < 0 {
			continue
		}
		l, err := hold(*port)
		if err != nil {
			return p, err
		}
		held = append(held, l) // kept until all are chosen, so that none is chosen twice
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

// Ports that are left open are drawn from below the range from which systems take the ports of outgoing connections:
// between the choice and the engine's use of a port, nobody but another engine could take it.
const (
	lowestPort  = 20000
	highestPort = 32000
	draws       = 100
)

// hold listens on a port, or on a free one for 0.
func hold(port int) (l net.Listener, failed error) {
	if port != 0 {
		return net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(host), Port: port})
	}
	for range draws {
		drawn, err := rand.Int(rand.Reader, big.NewInt(highestPort-lowestPort))
		if err != nil {
			return nil, err
		}
		port := lowestPort + int(drawn.Int64())
		if l, failed = net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(host), Port: port}); failed == nil {
			return l, nil
		}
	}
	return nil, failed
}
