// Command testrun runs the tests of the module in groups, each as it can bear it, and closes with one line of totals:
//
//	N passed, N failed, N skipped
//
// Packages that come to import the embedded engine (go.temporal.io/server, some 1,300 packages) are tested without the
// race detector, because it would compile the engine a second time; all others are tested with it. The end-to-end
// tests drive finished binaries. Which package belongs where is asked of the go command, never listed by hand.
//
// Each test and subtest counts as one; a package that fails without a failing test (it does not build, its TestMain
// complains, it times out) counts as one failure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
}

const usage = "usage: testrun [-C dir] list|test [group…]   groups: race, engine, e2e, cluster, browser, tools, release, deploy"

var errFailed = errors.New("tests failed")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("testrun", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprintln(stderr, usage) }
	dir := flags.String("C", ".", "root of the module")
	if err := flags.Parse(args); err != nil {
		return err
	}
	verb, names := flags.Arg(0), flags.Args()
	if verb != "list" && verb != "test" {
		return errors.New(usage)
	}
	groups, err := plan(ctx, *dir)
	if err != nil {
		return err
	}
	chosen, err := choose(groups, names[1:])
	if err != nil {
		return err
	}
	if verb == "list" {
		for _, g := range chosen {
			for _, p := range g.packages {
				fmt.Fprintln(stdout, p)
			}
		}
		return nil
	}
	return test(ctx, *dir, chosen, stdout, stderr)
}

// choose picks groups by name; no name means all.
func choose(groups []group, names []string) ([]group, error) {
	if len(names) == 0 {
		return groups, nil
	}
	var chosen []group
	for _, name := range names {
		i := slices.IndexFunc(groups, func(g group) bool { return g.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no group %q; %s", name, usage)
		}
		chosen = append(chosen, groups[i])
	}
	return chosen, nil
}

func test(ctx context.Context, dir string, groups []group, stdout, stderr io.Writer) error {
	var sum totals
	for _, g := range groups {
		fmt.Fprintf(stdout, "== %s: %s (%d packages)\n", g.name, g.about, len(g.packages))
		if len(g.packages) == 0 {
			continue
		}
		one, err := runGroup(ctx, dir, g, stdout, stderr)
		if err != nil {
			fmt.Fprintf(stderr, "testrun: group %s: %v\n", g.name, err)
			one.failed = max(one.failed, 1)
		}
		sum = sum.plus(one)
	}
	fmt.Fprintln(stdout, sum)
	if sum.failed > 0 || ctx.Err() != nil {
		return errFailed
	}
	return nil
}
