package api

import (
	"context"
	"errors"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// held is a case that the caller holds while a decision on it is under way: nobody else can begin another one. It is
// the zero value for a command that was written before, which the engine remembers.
type held struct {
	store.ReviewCase
	fresh bool // it was taken for this decision alone
}

// hold claims a case for a decision. Who holds it already goes on; who does not may decide if nobody does. seq is what
// the caller says to have seen, 0 if nothing.
func (s *Server) hold(ctx context.Context, c *call, queue store.Queue, seq int64) (held, error) {
	if _, err := s.cfg.Store.Written(ctx, c.account, c.change); err == nil {
		return held{}, nil // the same command again, which the engine remembers
	} else if !errors.Is(err, store.ErrNotFound) {
		return held{}, err
	}
	taken, fresh, err := s.cfg.Store.ClaimReview(ctx, c.account, queue, s.lease(c))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return held{}, s.notWaiting(ctx, c, queue)
	case err != nil:
		return held{}, claimProblem(err, s.zone(ctx))
	}
	h := held{taken, fresh}
	if seq != 0 && seq < taken.Seq {
		s.letGo(ctx, c, h)
		p := problem(CodeCaseMoved)
		p.State = queue.State()
		return held{}, p
	}
	return h, nil
}

// notWaiting refuses a decision where no case waits. The engine would refuse it too, but for the moment in which the
// account comes into the queue: then it would be taken for a case that nobody held, looked at or approved first.
func (s *Server) notWaiting(ctx context.Context, c *call, queue store.Queue) error {
	v, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return err
	}
	event := lifecycle.Approve
	if queue == store.QueueManual {
		event = lifecycle.ApproveManual
	}
	if err := v.CheckEvent(event); err != nil {
		return err
	}
	p := problem(CodeCaseMoved) // it came in just now
	p.State = queue.State()
	return p
}

// lease is a claim of the caller, from now on.
func (s *Server) lease(c *call) store.ReviewClaim {
	return store.ReviewClaim{Holder: c.key.ID, At: c.now, Until: c.now.Add(s.cfg.Reviews.Lease)}
}

// letGo gives back what was taken for a decision that was not taken. If that fails, the claim ends by itself.
func (s *Server) letGo(ctx context.Context, c *call, h held) {
	if !h.fresh {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := s.cfg.Store.ReleaseReview(ctx, c.account, c.key.ID, c.now, false)
	var claimed *store.ClaimedError
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.As(err, &claimed) {
		s.cfg.Logger.WarnContext(ctx, "a claim was not given back; it ends by itself", "error", err)
	}
}

// claimProblem says who holds a case until when, and that an account waits in no queue.
func claimProblem(err error, zone *time.Location) error {
	var claimed *store.ClaimedError
	switch {
	case errors.As(err, &claimed):
		p := problem(CodeCaseClaimed)
		p.Holder, p.NextAt = claimed.Claim.Holder, instantIn(claimed.Claim.Until, zone)
		return p
	case errors.Is(err, store.ErrNotFound):
		return problem(CodeCaseNotFound)
	default:
		return err
	}
}

// zone is the zone of answers, UTC if it cannot be read: what is done must not fail for a matter of form.
func (s *Server) zone(ctx context.Context) *time.Location {
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return time.UTC
	}
	return zone
}
