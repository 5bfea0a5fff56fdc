package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

type accountsCmd struct {
	Import importCmd `cmd:"" help:"Import accounts from a file, one JSON object a line."`
}

type importCmd struct {
	connection
	File string `arg:"" help:"File of lines as in POST /v1/accounts:import, or - for standard input."`
	JSON bool   `name:"json" help:"Print the API's answer, one JSON object a line."`
}

// Help is the manual page.
func (importCmd) Help() string {
	return `Sends the lines to a running API and shows what became of each. A bad line is reported and the rest goes on; repeating an import changes nothing, so one that broke off is simply sent again.

A line: {"account_id":"a1","kind":"individual","region":"CN","registered_at":"2020-11-01T09:00:00+08:00"}
With the result of an older process: "verified":{"at":…,"method":…,"evidence":…} or "real_name":{"at":…,"evidence":…}

Exits with 1 if a line was bad.`
}

// imported is one line of the answer.
type imported struct {
	Line      int         `json:"line"`
	AccountID string      `json:"account_id"`
	Result    string      `json:"result"`
	Problem   *apiProblem `json:"problem"`
	Summary   *struct {
		Lines     int         `json:"lines"`
		Created   int         `json:"created"`
		Updated   int         `json:"updated"`
		Unchanged int         `json:"unchanged"`
		Errors    int         `json:"errors"`
		Problem   *apiProblem `json:"problem"`
	} `json:"summary"`
}

// Run imports.
func (c importCmd) Run(w *world) error {
	in, err := w.input(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	res, err := c.do(w, http.MethodPost, "/v1/accounts:import", "application/x-ndjson", io.NopCloser(in))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return c.report(w, res.Body)
}

// input opens a file, or standard input for -.
func (w *world) input(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(w.stdin), nil
	}
	file, err := os.Open(name) //nolint:gosec // reading the file named is the command
	if err != nil {
		return nil, usageError{err}
	}
	return file, nil
}

// report reads the answer line by line while the request is still being sent.
func (c importCmd) report(w *world, body io.Reader) error {
	progress := newProgress(w)
	defer progress.end()
	lines := bufio.NewReader(body)
	for {
		text, err := lines.ReadBytes('\n')
		if len(text) == 0 {
			if errors.Is(err, io.EOF) {
				err = errors.New("the answer ended without a summary; send the file again")
			}
			return err
		}
		if c.JSON {
			_, _ = w.stdout.Write(text)
		}
		var line imported
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("the answer is not what an import answers: %w", err)
		}
		if line.Summary != nil {
			progress.end()
			return c.summary(w, line)
		}
		progress.line(line.Line)
		if line.Problem != nil && !c.JSON {
			progress.end()
			w.warn("line %d: %s\n", line.Line, describe(*line.Problem))
		}
	}
}

func (c importCmd) summary(w *world, line imported) error {
	s := line.Summary
	if !c.JSON {
		w.say("%d lines: %d created, %d updated, %d unchanged, %d errors\n", s.Lines, s.Created, s.Updated, s.Unchanged, s.Errors)
	}
	switch {
	case s.Problem != nil:
		return fmt.Errorf("the import ended early: %s; send the file again", describe(*s.Problem))
	case s.Errors > 0:
		return errQuiet
	default:
		return nil
	}
}

func describe(p apiProblem) string {
	if len(p.Errors) == 0 {
		return or(p.Detail, or(p.Title, p.Code))
	}
	faults := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		faults[i] = e.Field + " " + e.Message
	}
	return strings.Join(faults, "; ")
}

// progress shows on a terminal how far a long command has come.
type progress struct {
	w     *world
	on    bool
	shown time.Time
	open  bool // a line is begun
}

func newProgress(w *world) *progress { return &progress{w: w, on: isTerminal(w.stderr)} }

func (p *progress) line(n int) {
	if !p.on || time.Since(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown, p.open = time.Now(), true
	p.w.warn("\r%d lines", n)
}

func (p *progress) end() {
	if p.open {
		p.w.warn("\n")
		p.open = false
	}
}
