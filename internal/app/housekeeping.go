package app

import (
	"context"
	"time"

	"github.com/verigate/verigate/internal/access"
)

const (
	// keepAnswers is how long an Idempotency-Key is remembered at least (a day is the promise, two leave room for clocks),
	// and a link of which nothing is left but that it was used.
	keepAnswers = 48 * time.Hour
	// keepSessions is how long a session of the admin pages is remembered past its end: people are known by where they sign
	// in from, see package access.
	keepSessions = access.FamiliarFor
	// tidyEvery is how often what is past it is forgotten.
	tidyEvery = time.Hour
)

// startHousekeeping forgets, hour by hour, what need not be kept.
func (a *App) startHousekeeping(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	ticker, done := time.NewTicker(tidyEvery), make(chan struct{})
	go func() {
		defer close(done)
		for {
			a.keepHouse(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	a.stack.push("housekeeping", func(context.Context) error {
		ticker.Stop()
		cancel()
		<-done
		return nil
	})
	return nil
}

// keepHouse does every chore once, and notes how each ended.
func (a *App) keepHouse(ctx context.Context) {
	for _, chore := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"forgetting", a.tidy}, {"webhooks", a.tidyWebhooks}, {"evidence", a.tidyEvidence}, {"erasures", a.tidyErasures}, {"checkpoint", a.checkpoint},
	} {
		if err := chore.do(ctx); ctx.Err() == nil {
			a.watch.chores.Did(chore.name, err)
		}
	}
}

func (a *App) tidy(ctx context.Context) (failed error) {
	past := map[string]struct {
		forget func(context.Context, time.Time) (int, error)
		keep   time.Duration
	}{
		"answers": {a.store.ForgetRequests, keepAnswers}, "links": {a.store.ForgetLinks, keepAnswers},
		"sessions": {a.store.ForgetOperatorSessions, keepSessions},
	}
	for what, old := range past {
		forgotten, err := old.forget(ctx, a.clock.Now().Add(-old.keep))
		switch {
		case err != nil && ctx.Err() == nil:
			a.log.Warn("what is old could not be forgotten", "what", what, "error", err)
			failed = err
		case forgotten > 0:
			a.log.Debug("what is old was forgotten", "what", what, "count", forgotten)
		}
	}
	return failed
}
