package app

import (
	"context"
	"time"
)

const (
	// keepAnswers is how long an Idempotency-Key is remembered at least (a day is the promise, two leave room for clocks),
	// and a link of which nothing is left but that it was used.
	keepAnswers = 48 * time.Hour
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
			a.tidy(ctx)
			a.tidyWebhooks(ctx)
			a.checkpoint(ctx)
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

func (a *App) tidy(ctx context.Context) {
	for what, forget := range map[string]func(context.Context, time.Time) (int, error){
		"answers": a.store.ForgetRequests, "links": a.store.ForgetLinks,
	} {
		forgotten, err := forget(ctx, a.clock.Now().Add(-keepAnswers))
		switch {
		case err != nil && ctx.Err() == nil:
			a.log.Warn("what is old could not be forgotten", "what", what, "error", err)
		case forgotten > 0:
			a.log.Debug("what is old was forgotten", "what", what, "count", forgotten)
		}
	}
}
