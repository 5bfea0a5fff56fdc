package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// enforcementRows takes a new population a round through what a deadline does to it, each step beside its baseline:
// 30 % of the accounts are restricted by a sweep, lifted by another after the brake was pulled, and restricted once more
// by a third while the gate is asked.
func (c Config) enforcementRows(ctx context.Context, accounts int) (_ []Row, err error) {
	file := filepath.Join(c.Dir, fmt.Sprintf("population-%d.ndjson", accounts))
	if err := writeAccounts(file, accounts, mixed); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	var all []*comparison
	for round := range c.Rounds {
		if err := c.enforcementRound(ctx, fmt.Sprintf("enforcement-%d-%d", accounts, round), file, accounts, &all); err != nil {
			return nil, err
		}
		c.Say("%d accounts: round %d of %d", accounts, round+1, c.Rounds)
	}
	var rows []Row
	for _, k := range all {
		rows = append(rows, k.rows()...)
	}
	return rows, nil
}

func (c Config) enforcementRound(ctx context.Context, name, file string, accounts int, all *[]*comparison) (err error) {
	s, err := c.newScene(ctx, name, file, accounts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	for i, step := range s.steps() {
		if i == len(*all) {
			*all = append(*all, &comparison{what: fmt.Sprintf("%s, %d accounts", step.what, accounts), unit: step.unit, backwards: step.backwards})
		}
		if err := (*all)[i].round(ctx, step.sides...); err != nil {
			return err
		}
	}
	return nil
}

// step is a comparison with its sides; the steps of a scene follow on each other.
type step struct {
	what, unit string
	backwards  bool // as of a comparison
	sides      []side
}

func (s *scene) steps() []step {
	return []step{
		{"import", "accounts/s", false, []side{{"bulk insert", s.bulkInsert}, {"import", s.importFile}}},
		{"preview", "accounts/s", false, []side{{"select", s.selectFacts}, {"preview", s.preview}}},
		{"sweep that restricts", "entries/s", true, []side{{"plain SQL", s.plainRestrict}, {"sweep", s.restrict}}},
		{"sweep that lifts", "entries/s", true, []side{{"plain SQL", s.plainLift}, {"sweep", s.lift}}},
		{"gate, allowed", "/s", false, []side{{"at rest", s.askAtRest}, {"during a sweep", s.askDuringSweep}}},
		{"gate, first block", "/s", false, []side{{"at rest", s.blockedAtRest}, {"during a sweep", s.blockedDuringSweep}}},
		{"report", "accounts/s", false, []side{{"select", s.selectReport}, {"report", s.report}}},
	}
}
