package notify

import (
	"context"
	"errors"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// Drain does what Run does until nothing is due any more. It fails if what is under way could not be recorded.
func (d *Dispatcher) Drain(ctx context.Context) error {
	for {
		more := d.start(ctx, ctx)
		if !more && d.running == 0 {
			return nil
		}
		if d.running > 0 {
			d.done(<-d.results)
		}
		d.take()
		d.record(ctx)
		if len(d.unrecorded) > 0 {
			return errors.New("results were not recorded")
		}
	}
}

// Waits are the delays between tries.
func Waits() []time.Duration { return waits() }

// HealthAfter gives tests the rule of health.
func HealthAfter(h store.WebhookHealth, succeeded bool, retryAfter time.Duration, at time.Time) store.WebhookHealth {
	return healthAfter(h, succeeded, retryAfter, at)
}
