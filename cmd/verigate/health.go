package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

type healthCmd struct {
	URL     string        `name:"url" placeholder:"URL" help:"Base URL of the program (default: VERIGATE_URL, then http://127.0.0.1:8080)."`
	Alive   bool          `help:"Ask only whether the process answers, not whether store and engine do."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer."`
}

// Help is the manual page.
func (healthCmd) Help() string {
	return `Asks a running program whether it can work: its process, its store and its engine. Prints ok, or degraded with what does not work, where decisions go on without it; fails where they do not. For containers that have no shell and no curl; needs no key.

Example:
  verigate health --url http://127.0.0.1:8080`
}

// Run asks once.
func (c healthCmd) Run(w *world) error {
	path := "/readyz"
	if c.Alive {
		path = "/healthz"
	}
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, connection{URL: c.URL}.base(w)+path, nil)
	if err != nil {
		return usageError{errors.New("--url must be an http or https URL")}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	res, err := (&http.Client{Transport: transport, Timeout: c.Timeout}).Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return problemOf(res)
	}
	var told struct {
		Status string
		Parts  []string
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&told); err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	w.say("%s\n", strings.TrimSpace(told.Status+" "+strings.Join(told.Parts, " ")))
	return nil
}
