package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/bench"
	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
)

type benchCmd struct {
	Name     string `arg:"" help:"Which one; see below."`
	Rounds   int    `default:"5" help:"How often each side takes its turn."`
	Accounts []int  `placeholder:"N,…" help:"Sizes of the population, for those that have one."`
	Clients  int    `default:"2" help:"How many clients ask at once."`
	Store    string `enum:"sqlite,postgres" default:"sqlite" help:"Database: sqlite, or postgres, which is started for it from the programs of this machine."`
	JSON     bool   `name:"json" help:"Print the report as JSON."`
}

// follow is the name under which a benchmark runs this program as the reader of open pages.
const follow = "follow-pages"

// Help is the manual page.
func (benchCmd) Help() string {
	var b strings.Builder
	b.WriteString("Measures this build on this machine, in a temporary folder and on loopback. What is measured and its baseline take turns, so the ratios hold on a busy machine where the rates do not. Medians, with the least and the most in brackets.\n")
	for _, one := range bench.All() {
		fmt.Fprintf(&b, "\n  %-12s %s", one.Name, one.Words)
	}
	return b.String()
}

// Run measures.
func (c benchCmd) Run(w *world) (err error) {
	if c.Name == follow {
		return bench.Follow(w.ctx, w.stdin, w.stdout)
	}
	all := bench.All()
	i := slices.IndexFunc(all, func(b bench.Benchmark) bool { return b.Name == c.Name })
	switch {
	case i < 0:
		return usageError{fmt.Errorf("there is no benchmark %q; see verigate bench --help", c.Name)}
	case c.Rounds < 1, c.Clients < 1, slices.ContainsFunc(c.Accounts, func(n int) bool { return n < 1000 }):
		return usageError{errors.New("--rounds and --clients must be 1 or more, --accounts 1000 or more")}
	}
	sizes := c.Accounts
	if len(sizes) == 0 {
		sizes = all[i].Sizes
	}
	dir, err := os.MkdirTemp("", "verigate-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	postgres, stop, err := c.postgres(w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	machine := bench.ThisMachine(time.Now())
	report, err := all[i].Run(w.ctx, bench.Config{
		Now: time.Now, Dir: dir, Postgres: postgres, Follower: []string{self, "bench", follow}, Idle: 10 * time.Second, Rounds: c.Rounds, Accounts: sizes, Clients: c.Clients,
		Say: func(format string, args ...any) { w.warn(format+"\n", args...) },
	})
	if err != nil {
		return err
	}
	report.Name, report.Machine = c.Name, machine
	if c.JSON {
		return w.json(report)
	}
	report.Table(w.stdout)
	return nil
}

// postgres starts the database's server, if it is that one.
func (c benchCmd) postgres(w *world) (*pgserver.Server, func() error, error) {
	if c.Store != "postgres" {
		return nil, func() error { return nil }, nil
	}
	settings := pgserver.Durable()
	if c.Name == "pages" {
		settings = pgserver.Counting()
	}
	server, err := pgserver.Start(w.ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	return server, server.Stop, nil
}
