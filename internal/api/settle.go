package api

import (
	"context"
	"time"
)

// Settler brings what is recorded of an account's restrictions in step with its facts and the rules. The gate does
// not wait for it: it answers from the facts themselves.
type Settler interface {
	Settle(ctx context.Context, accountID string) error
}

// settleWait bounds how long one account is waited for.
const settleWait = 5 * time.Second

// settle follows a change that is made already, so what it cannot do is logged and left to the next sweep.
func (s *Server) settle(ctx context.Context, accountID string) {
	if s.cfg.Settler == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWait)
	defer cancel()
	if err := s.cfg.Settler.Settle(ctx, accountID); err != nil {
		s.cfg.Logger.WarnContext(ctx, "restrictions were not settled at once; the next sweep does it", "error", err)
	}
}

// settleAll does the same for many, after the request was answered. A server that closes leaves the rest to the sweep.
func (s *Server) settleAll(accountIDs []string) {
	if s.cfg.Settler == nil || len(accountIDs) == 0 || !s.tasks.Begin() {
		return
	}
	go func() {
		defer s.tasks.Done()
		for _, id := range accountIDs {
			if s.tasks.Context().Err() != nil {
				return
			}
			s.settle(s.tasks.Context(), id)
		}
	}()
}
