package app

import (
	"context"
	"time"
)

const (
	// countEvery is how often the log is counted for the figures, whether or not anybody looks at them: so nobody who
	// looks after a week waits for the week to be counted.
	countEvery = 5 * time.Second
	// countBatch is how many entries are counted at a time.
	countBatch = 1000
)

// startCounting counts the log as it grows. A store that was never counted is caught up with here.
func (a *App) startCounting(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	ticker, done := time.NewTicker(countEvery), make(chan struct{})
	go func() {
		defer close(done)
		failing := false
		for {
			n, err := a.store.TallyLog(ctx, countBatch)
			if err != nil && !failing && ctx.Err() == nil {
				a.log.Warn("the figures of the log are behind", "error", err)
			}
			failing = err != nil
			if n == countBatch && ctx.Err() == nil {
				continue // there is more
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	a.stack.push("counting", func(context.Context) error {
		ticker.Stop()
		cancel()
		<-done
		return nil
	})
	return nil
}

// nextSweep is when the next sweep begins by itself: daily, and at every instant at which what is blocked may change.
func (a *App) nextSweep(ctx context.Context) (time.Time, error) {
	boundaries, zone, err := a.sweeper.Boundaries(ctx)
	if err != nil {
		return time.Time{}, err
	}
	return firstDue(boundaries, zone, a.config.Sweeps.Daily, a.clock.Now()), nil
}

// firstDue returns the first boundary or daily instant after an instant.
func firstDue(boundaries []time.Time, zone *time.Location, daily time.Duration, after time.Time) time.Time {
	due := dailyAt(after, 1, daily, zone)
	for _, at := range append([]time.Time{dailyAt(after, 0, daily, zone)}, boundaries...) {
		if at.After(after) && at.Before(due) {
			due = at
		}
	}
	return due
}
