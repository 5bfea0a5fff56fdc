package notify

import (
	"context"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// judge says what becomes of a delivery after a try.
func (d *Dispatcher) judge(r result, now time.Time) store.DeliveryResult {
	c := r.job.claimed
	out := store.DeliveryResult{
		ID: c.ID, Token: d.token, State: store.DeliveryPending, Counted: true, At: now, DueAt: now, Status: r.status, Fault: r.fault,
	}
	delay, again := wait(c.Attempts+1, d.cfg.Random())
	switch {
	case r.brokenOff:
		out.Counted = false
	case r.fault == "":
		out.State, out.DueAt = store.DeliveryDelivered, time.Time{}
	case r.job.claimed.Type == TypeTest, !again: // who tests looks at once
		out.State, out.DueAt = store.DeliveryFailed, time.Time{}
	case r.status == http.StatusGone: // it waits for somebody to enable the webhook
	default:
		out.DueAt = now.Add(max(delay, min(r.retryAfter, longestRetryAfter)))
	}
	return out
}

// counted names what a result is for the counters.
func counted(r store.DeliveryResult) string {
	switch {
	case !r.Counted:
		return "broken_off"
	case r.State == store.DeliveryDelivered:
		return "delivered"
	case r.State == store.DeliveryFailed:
		return "given_up"
	default:
		return "retried"
	}
}

// outcomes says how each webhook fares after the results that are to be recorded. One success outweighs all failures:
// somebody is there. A test says nothing, it may be sent to find out why nothing arrives.
func (d *Dispatcher) outcomes(ctx context.Context, now time.Time) []store.WebhookOutcome {
	type tally struct {
		webhook         store.Webhook
		succeeded, gone bool
		retryAfter      time.Duration
	}
	var order []string
	tallies := map[string]*tally{}
	for _, r := range d.unrecorded {
		if r.brokenOff || r.fault == FaultInternal || r.job.claimed.Type == TypeTest {
			continue
		}
		id := r.job.webhook.ID
		if tallies[id] == nil {
			tallies[id] = &tally{webhook: r.job.webhook}
			order = append(order, id)
		}
		t := tallies[id]
		t.webhook = r.job.webhook // the newest that is known of it
		t.succeeded = t.succeeded || r.fault == ""
		t.gone = t.gone || r.status == http.StatusGone
		t.retryAfter = max(t.retryAfter, r.retryAfter)
	}
	var all []store.WebhookOutcome
	for _, id := range order {
		t := tallies[id]
		o := store.WebhookOutcome{WebhookID: id, At: now, Health: healthAfter(t.webhook.Health, t.succeeded, t.retryAfter, now)}
		switch {
		case t.gone:
			o.Disable = ReasonGone
		case !o.Health.FailingSince.IsZero() && now.Sub(o.Health.FailingSince) >= d.cfg.DisableAfter:
			o.Disable = ReasonFailing
		}
		if o.Disable != "" {
			d.cfg.Logger.WarnContext(ctx, "webhooks: a webhook is disabled", "webhook_id", id, "reason", o.Disable)
		}
		all = append(all, o)
	}
	return all
}
