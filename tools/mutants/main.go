// Command mutants proves the tests that guard controls: it takes one control away at a time, through an overlay so that
// the tree stays as it is, and has the named test run. A test that passes without its control guards nothing.
//
//	mutants [-C dir] [-run regexp] [-check]
//
// The list is mutants.json beside this file. -check only says whether every text that is to be taken away is still there,
// once.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed mutants.json
var list []byte

// mutant is a control taken away.
type mutant struct {
	Control string `json:"control"` // in words
	File    string `json:"file"`
	Old     string `json:"old"` // occurs once
	New     string `json:"new"`
	Package string `json:"package"`
	Test    string `json:"test"` // regular expression, as of go test -run
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	dir := flags.String("C", ".", "root of the module")
	only := flags.String("run", "", "only controls that this regular expression finds")
	check := flags.Bool("check", false, "only look whether the texts are there")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var all []mutant
	if err := json.Unmarshal(list, &all); err != nil {
		return fmt.Errorf("mutants.json: %w", err)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	caught, failed := 0, 0
	for _, m := range all {
		if !wanted.MatchString(m.Control) {
			continue
		}
		verdict := m.stands(*dir)
		if verdict == nil && !*check {
			verdict = m.try(ctx, *dir)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		word := "caught"
		if *check {
			word = "stands"
		}
		if verdict != nil {
			failed++
			word = verdict.Error()
		} else {
			caught++
		}
		fmt.Fprintf(out, "%-60s %s %s: %s\n", m.Control, m.Package, m.Test, word)
	}
	fmt.Fprintf(out, "%d good, %d bad\n", caught, failed)
	if failed > 0 {
		return errors.New("not every control is guarded")
	}
	return nil
}

// stands reports whether the text that is taken away occurs once.
func (m mutant) stands(dir string) error {
	source, err := os.ReadFile(filepath.Join(dir, m.File))
	if err != nil {
		return err
	}
	if n := strings.Count(string(source), m.Old); n != 1 {
		return fmt.Errorf("STALE: its text occurs %d times in %s", n, m.File)
	}
	return nil
}

// try runs the test without the control, and with it if that was not caught for a good reason.
func (m mutant) try(ctx context.Context, dir string) error {
	overlay, clean, err := m.overlay(dir)
	if err != nil {
		return err
	}
	defer clean()
	text, failed := test(ctx, dir, "-overlay="+overlay, m)
	switch {
	case !failed:
		return errors.New("SURVIVED")
	case !strings.Contains(text, "--- FAIL"):
		return fmt.Errorf("NOT TRIED: it does not build, or no test runs: %s", lastLine(text))
	}
	if text, failed := test(ctx, dir, "-overlay=", m); failed || strings.Contains(text, "no tests to run") {
		return errors.New("NOT TRIED: the test fails with the control, too")
	}
	return nil
}

func test(ctx context.Context, dir, overlay string, m mutant) (text string, failed bool) {
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", overlay, "-run", m.Test, "./"+m.Package)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err != nil
}

// overlay writes the file without the control, and what tells the go command to read it instead.
func (m mutant) overlay(dir string) (file string, clean func(), err error) {
	folder, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(folder) }
	path, err := filepath.Abs(filepath.Join(dir, m.File))
	if err != nil {
		return "", clean, err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return "", clean, err
	}
	changed, file := filepath.Join(folder, "changed.go"), filepath.Join(folder, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", clean, err
	}
	return file, clean, errors.Join(
		os.WriteFile(changed, []byte(strings.Replace(string(source), m.Old, m.New, 1)), 0o600), os.WriteFile(file, text, 0o600))
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
