package app

import (
	"context"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/notify/guard"
	"github.com/verigate/verigate/internal/telemetry"
)

// webhookParts are what others need of the webhooks.
type webhookParts struct {
	manage  *notify.Webhooks
	metrics *telemetry.WebhookMetrics
}

// stopMargin is what a stop leaves of its time for recording what was under way.
const stopMargin = time.Second

// startWebhooks delivers the changes of all accounts, if this process serves the API and is to do it.
func (a *App) startWebhooks(serving bool) error {
	c := a.config.Webhooks
	networks, err := c.Networks()
	if err != nil {
		return fmt.Errorf("webhooks.allowed_networks: %w", err)
	}
	door := guard.New(guard.Config{Allowed: networks, HTTP: c.AllowHTTP, HeaderTimeout: c.Timeout, ConnsPerHost: c.PerWebhook})
	a.webhooks = webhookParts{
		manage:  notify.NewWebhooks(a.store, a.secrets, door.Check),
		metrics: telemetry.NewWebhookMetrics(a.store.Backlog, a.clock.Now),
	}
	if !c.Deliver || !serving {
		return nil
	}
	dispatcher, err := notify.NewDispatcher(notify.DispatcherConfig{
		Queue: a.store, Seals: a.secrets, Client: a.watch.traces.Client("webhook", door), Now: a.clock.Now, Wall: time.Now, Logger: a.log,
		Concurrency: c.Concurrency, PerWebhook: c.PerWebhook, Timeout: c.Timeout, DisableAfter: c.DisableAfter,
		Grace: max(stopMargin, a.config.HTTP.ShutdownTimeout/2-stopMargin), Count: a.webhooks.metrics.Count,
		Ticks: func() (<-chan time.Time, func()) {
			ticker := time.NewTicker(c.PollInterval)
			return ticker.C, ticker.Stop
		},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		dispatcher.Run(ctx)
	}()
	a.stack.push("webhooks", func(stopping context.Context) error {
		cancel()
		defer door.CloseIdleConnections()
		return within(stopping, func() { <-done })
	})
	return nil
}

// forgetAtOnce is how many deliveries one transaction forgets, so that nobody else waits long for the database.
const forgetAtOnce = 1000

// tidyWebhooks forgets deliveries that were finished long ago.
func (a *App) tidyWebhooks(ctx context.Context) error {
	before := a.clock.Now().Add(-a.config.Webhooks.Keep)
	total := 0
	for ctx.Err() == nil {
		n, err := a.store.ForgetDeliveries(ctx, before, forgetAtOnce)
		if err != nil {
			if ctx.Err() == nil {
				a.log.Warn("what is old could not be forgotten", "what", "deliveries", "error", err)
			}
			return err
		}
		if total += n; n < forgetAtOnce {
			break
		}
	}
	if total > 0 {
		a.log.Debug("what is old was forgotten", "what", "deliveries", "count", total)
	}
	return nil
}
