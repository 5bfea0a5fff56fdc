package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gotest.tools/gotestsum/testjson"
)

// totals counts tests. The zero value is none.
type totals struct{ passed, failed, skipped int }

func (t totals) plus(o totals) totals {
	return totals{t.passed + o.passed, t.failed + o.failed, t.skipped + o.skipped}
}

func (t totals) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
}

// runGroup runs go test on the group's packages, prints a line for each and the output of what fails, and counts. An
// error means that the count cannot be trusted, or that go test failed without a failing test.
func runGroup(ctx context.Context, dir string, g group, stdout, stderr io.Writer) (totals, error) {
	if err := prepared(ctx, g); err != nil {
		return totals{}, err
	}
	// -vet=off: make vet has judged the same packages already, and with all analysers.
	args := append([]string{"test", "-json", "-vet=off"}, g.flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, g.packages...)...)
	cmd.Dir = filepath.Join(dir, g.dir)
	cmd.Env = append(os.Environ(), g.set...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return totals{}, err
	}
	errOut, err := cmd.StderrPipe()
	if err != nil {
		return totals{}, err
	}
	if err := cmd.Start(); err != nil {
		return totals{}, err
	}
	sum, countErr := count(out, errOut, stdout, stderr)
	return sum, verdict(sum, countErr, cmd.Wait())
}

// verdict forgives go test an exit status that the count explains.
func verdict(sum totals, countErr, exit error) error {
	var status *exec.ExitError
	if sum.failed > 0 && errors.As(exit, &status) {
		exit = nil
	}
	return errors.Join(countErr, exit)
}

// prepared tells what a group lacks, before go test fails on it in its own words, or hundreds of tests skip.
func prepared(ctx context.Context, g group) error {
	for _, name := range g.env {
		if os.Getenv(name) == "" {
			return fmt.Errorf("%s is not set; make test builds the binary and sets it", name)
		}
	}
	for _, f := range g.flags {
		if f != "-race" {
			continue
		}
		out, err := exec.CommandContext(ctx, "go", "env", "CGO_ENABLED").Output()
		if err != nil || strings.TrimSpace(string(out)) != "1" {
			return errors.New("the race detector needs cgo and a C compiler; on Debian: apt-get install gcc libc6-dev")
		}
	}
	return nil
}

// count reads the stream of go test -json.
func count(events, errText io.Reader, stdout, stderr io.Writer) (totals, error) {
	format := testjson.NewEventFormatter(stdout, "pkgname-and-test-fails",
		testjson.FormatOptions{Icons: "text", HideEmptyPackages: true})
	exec, err := testjson.ScanTestOutput(testjson.ScanConfig{
		Stdout: events, Stderr: errText, IgnoreNonJSONOutputLines: true,
		Handler: printer{format, stdout, stderr},
	})
	if exec == nil {
		return totals{}, err
	}
	sum := totals{failed: len(exec.Failed()), skipped: len(exec.Skipped())}
	for _, name := range exec.Packages() {
		sum.passed += len(exec.Package(name).Passed)
	}
	return sum, err
}

// printer shows what testjson reads: one line a package, the output of failing tests, and what the compiler says.
type printer struct {
	format         testjson.EventFormatter
	stdout, stderr io.Writer
}

func (p printer) Event(event testjson.TestEvent, exec *testjson.Execution) error {
	if event.Action == testjson.ActionBuild {
		_, err := io.WriteString(p.stdout, event.Output)
		return err
	}
	if event.PackageEvent() && event.Action == testjson.ActionFail && exec.Package(event.Package).TestMainFailed() {
		if err := exec.Package(event.Package).WriteOutputTo(stringWriter{p.stdout}, 0); err != nil {
			return err
		}
	}
	return p.format.Format(event, exec)
}

func (p printer) Err(text string) error {
	_, err := fmt.Fprintln(p.stderr, text)
	return err
}

type stringWriter struct{ io.Writer }

func (w stringWriter) WriteString(s string) (int, error) { return io.WriteString(w.Writer, s) }
