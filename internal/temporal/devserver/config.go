package devserver

import (
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/verigate/verigate/internal/freeport"
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
	// Drainage is how late the engine may notice that a version of the workers has no runs left. Default: the server's own,
	// some minutes.
	Drainage time.Duration
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
	return p, freeport.Fill(&p.frontend, &p.http, &p.history, &p.matching, &p.worker, &p.ui)
}
