package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/workflows/policy"
)

// asked is what one client waited for, who asks one question after the other: each tenth about an account that was not
// blocked before, whose block is written before it is answered.
type asked struct{ allowed, blocked sample }

func (s *scene) askAtRest(ctx context.Context) (sample, error) {
	s.move(enforced().Add(2 * time.Hour))
	if err := s.brake(ctx, true); err != nil {
		return sample{}, err
	}
	blocks := max(1, min(s.requests()/ten, s.covered()/2)) // half of the accounts is left to be blocked during the sweep
	var err error
	s.rest, err = s.ask(ctx, func() bool { return s.firstBlocks >= blocks })
	return s.rest.allowed, err
}

func (s *scene) askDuringSweep(ctx context.Context) (sample, error) {
	var ended atomic.Bool
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer ended.Store(true)
		_, err := s.sweep(ctx)
		return err
	})
	group.Go(func() (err error) {
		s.during, err = s.ask(ctx, ended.Load)
		return err
	})
	err := group.Wait()
	return s.during.allowed, err
}

func (s *scene) blockedAtRest(context.Context) (sample, error) { return s.rest.blocked, nil }

func (s *scene) blockedDuringSweep(context.Context) (sample, error) { return s.during.blocked, nil }

// ask asks until it is enough, at least ten times.
func (s *scene) ask(ctx context.Context, enough func() bool) (asked, error) {
	all := asked{sample{allocs: -1, cpu: untold}, sample{allocs: -1, cpu: untold}}
	for done := false; !done; done = enough() {
		if s.firstBlocks < s.covered() {
			id := nthCovered(s.firstBlocks * stride % s.covered())
			s.firstBlocks++
			if err := s.question(ctx, id, policy.Block, &all.blocked); err != nil {
				return all, err
			}
		}
		for range ten - 1 {
			id := nthFree(s.questions * stride % (s.accounts - s.covered()))
			s.questions++
			if err := s.question(ctx, id, policy.Allow, &all.allowed); err != nil {
				return all, err
			}
		}
	}
	if all.blocked.operations == 0 {
		return all, errors.New("no account was left to be blocked")
	}
	return all, nil
}

func (s *scene) question(ctx context.Context, id string, want policy.Effect, to *sample) error {
	begun := s.Now()
	answer, err := s.gate.Decide(ctx, id, "create_label")
	took := s.Now().Sub(begun)
	if err == nil && answer.Effect != want {
		err = fmt.Errorf("the gate answers %s instead of %s", answer.Effect, want)
	}
	to.operations, to.took, to.each = to.operations+1, to.took+took, append(to.each, took)
	return err
}
