package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/verigate/verigate/internal/campaign"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// scene is one population before, at and after its deadline: a database of Verigate's, and one of the baselines'.
type scene struct {
	Config

	*rig
	sweeper   *enforce.Sweeper
	plain     *plainDB
	plainName string
	file      string // the population
	accounts  int
	sweeps    int // so far

	questions    int // put to the gate so far
	firstBlocks  int // of those
	rest, during asked
}

func (c Config) newScene(ctx context.Context, name, file string, accounts int) (_ *scene, err error) {
	s := &scene{Config: c, file: file, accounts: accounts, plainName: name + "-plain"}
	if s.rig, err = c.newRig(ctx, name, nil); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	s.sweeper = enforce.New(s.store, rulebook.New(s.store), s.clock)
	if s.plain, err = c.create(ctx, s.plainName); err != nil {
		return nil, err
	}
	s.plain.SetMaxOpenConns(1)
	return s, nil
}

func (s *scene) close(ctx context.Context) error {
	err := s.rig.close(ctx)
	if s.plain != nil {
		err = errors.Join(err, s.plain.Close())
	}
	return errors.Join(err, s.remove(ctx, s.plainName))
}

// Of ten accounts of a mixed population the rule covers three.
const (
	ten          = 10
	coveredOfTen = 3
)

// mixed is the nth account of a population of which the rule covers 30 %.
func mixed(n int) policy.Account {
	a := account(n)
	if n%ten >= coveredOfTen {
		a.Region = "US"
	}
	return a
}

func (s *scene) covered() int { return s.accounts/ten*coveredOfTen + min(s.accounts%ten, coveredOfTen) }

// nthCovered is the id of the nth account that the rule covers.
func nthCovered(n int) string { return accountID(n/coveredOfTen*ten + n%coveredOfTen) }

// nthFree is the id of the nth account that it does not cover.
func nthFree(n int) string {
	const free = ten - coveredOfTen
	return accountID(n/free*ten + coveredOfTen + n%free)
}

// timed measures work that is counted in n, with the resident memory meanwhile; what earlier steps held is given back
// before.
func (s *scene) timed(ctx context.Context, n int, do func() error) (sample, error) {
	debug.FreeOSMemory()
	resident := watchResident(ctx)
	begun := s.Now()
	err := do()
	return sample{operations: n, took: s.Now().Sub(begun), allocs: -1, resident: resident()}, err
}

func (s *scene) bulkInsert(ctx context.Context) (sample, error) {
	debug.FreeOSMemory()
	return s.insertInto(ctx, s.plain, s.accounts, mixed)
}

func (s *scene) importFile(ctx context.Context) (sample, error) {
	debug.FreeOSMemory()
	return s.importInto(ctx, s.rig, s.file, s.accounts)
}

func (s *scene) preview(ctx context.Context) (sample, error) {
	const days, workers = 30, 4
	return s.timed(ctx, s.accounts, func() error {
		snapshot, err := rulebook.New(s.store).Now(ctx)
		if err != nil {
			return err
		}
		plan, err := impact.NewPlan(snapshot, impact.Question{From: announced(), At: announced().AddDate(0, 0, days), Days: days})
		if err != nil {
			return err
		}
		seen, err := impact.Run(ctx, s.store, plan, workers)
		if err == nil && seen.Total.Blocked != int64(s.covered()) {
			err = fmt.Errorf("%d accounts will be blocked instead of %d", seen.Total.Blocked, s.covered())
		}
		return err
	})
}

func (s *scene) report(ctx context.Context) (sample, error) {
	return s.timed(ctx, s.accounts, func() error {
		published, err := s.store.Policies(ctx)
		if err != nil {
			return err
		}
		version, err := campaign.Find(published, "bench", 1)
		if err != nil {
			return err
		}
		var lines lineCounter
		err = campaign.Report{Source: s.store, Sweeps: s.store, Version: version, At: s.clock()}.Write(ctx, campaign.JSON, &lines)
		if err == nil && int(lines) < s.covered() {
			err = fmt.Errorf("%d lines for %d accounts", lines, s.covered())
		}
		return err
	})
}

// lineCounter throws away what is written, but counts its lines.
type lineCounter int

// Write implements io.Writer.
func (l *lineCounter) Write(text []byte) (int, error) {
	*l += lineCounter(bytes.Count(text, []byte("\n")))
	return len(text), nil
}

func (s *scene) restrict(ctx context.Context) (sample, error) {
	s.move(enforced())
	return s.sweep(ctx)
}

// lift pulls the brake before it sweeps.
func (s *scene) lift(ctx context.Context) (sample, error) {
	s.move(enforced().Add(time.Hour))
	if err := s.brake(ctx, false); err != nil {
		return sample{}, err
	}
	return s.sweep(ctx)
}

func (s *scene) move(now time.Time) { s.now.Store(&now) }

func (s *scene) brake(ctx context.Context, released bool) error {
	revision, err := s.store.PoliciesRevision(ctx)
	if err != nil {
		return err
	}
	return s.store.PutBrake(ctx, store.Brake{Name: "bench", Released: released, EffectiveAt: s.clock(), Actor: "bench", Reason: "measured"}, revision)
}

// sweepPage is the page of a worker's sweep; it needs one writing transaction for the 30 % of it.
const sweepPage = 500

// sweep goes over everybody page by page, and times each.
func (s *scene) sweep(ctx context.Context) (sample, error) {
	var pages []time.Duration
	s.sweeps++
	got, err := s.timed(ctx, s.covered(), func() error {
		page := enforce.Page{Policy: "bench", Sweep: fmt.Sprint("bench.", s.sweeps), Limit: sweepPage}
		written := 0
		for {
			begun := s.Now()
			done, err := s.sweeper.Page(ctx, page)
			if err != nil {
				return err
			}
			if done.Accounts == 0 {
				break
			}
			pages = append(pages, s.Now().Sub(begun))
			page.After, written = done.Last, written+done.Restricted+done.Lifted
		}
		if written != s.covered() {
			return fmt.Errorf("%d entries were written instead of %d", written, s.covered())
		}
		return nil
	})
	got.each = pages
	return got, err
}
