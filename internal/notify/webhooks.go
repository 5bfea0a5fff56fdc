package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

var (
	// ErrTooMany means that as many webhooks are enabled as may be.
	ErrTooMany = errors.New("notify: too many webhooks are enabled")
	// ErrNoWebhook means that there is no such webhook.
	ErrNoWebhook = errors.New("notify: no such webhook")
	// ErrNoMessage means that no log entry has this message.
	ErrNoMessage = errors.New("notify: no such message")
	// ErrDisabled means that a webhook is disabled, so that nothing would be sent.
	ErrDisabled = errors.New("notify: webhook is disabled")
)

// Store is what Webhooks needs of the database.
type Store interface {
	PutWebhook(ctx context.Context, w store.Webhook, secret store.WebhookSecret, most int) (store.Webhook, error)
	Webhook(ctx context.Context, id string) (store.Webhook, error)
	AllWebhooks(ctx context.Context) ([]store.Webhook, error)
	ChangeWebhook(ctx context.Context, id string, c store.WebhookChange, most int) (store.Webhook, error)
	RotateWebhookSecret(ctx context.Context, id string, s store.WebhookSecret, overlap time.Time) error
	WebhookSecrets(ctx context.Context, id string, now time.Time) ([]store.WebhookSecret, error)
	Redeliver(ctx context.Context, webhookID, accountID string, seq int64, announce store.Announce, now time.Time) error
	RedeliverRange(ctx context.Context, webhookID string, r store.LogRange, announce store.Announce, now time.Time) (int, store.LogPlace, error)
	PutTestDelivery(ctx context.Context, webhookID string, a store.Announcement, now time.Time) error
	Deliveries(ctx context.Context, f store.DeliveryFilter) ([]store.Delivery, error)
}

// Webhooks is what people and services do with webhooks.
type Webhooks struct {
	store Store
	seals Seals
	check func(url string) error
}

// NewWebhooks returns them over a store. check judges addresses: a guard's Check.
func NewWebhooks(s Store, seals Seals, check func(url string) error) *Webhooks {
	return &Webhooks{store: s, seals: seals, check: check}
}

// CheckURL judges an address: guard.ErrURL, with what is wrong.
func (w *Webhooks) CheckURL(url string) error { return w.check(url) }

// Create adds a webhook, enabled, and returns its secret, which is shown this once. ID, URL, Description, Types, CreatedAt
// and CreatedBy are the caller's; command names what makes the secret. The same id again creates nothing and returns the
// webhook as it stands; its secret only while the one of that command is still the newest.
func (w *Webhooks) Create(ctx context.Context, wh store.Webhook, command string) (store.Webhook, string, error) {
	secret, err := w.newSecret(ctx, wh.ID, command, wh.CreatedAt)
	if err != nil {
		return store.Webhook{}, "", err
	}
	kept, err := w.store.PutWebhook(ctx, wh, secret, MaxWebhooks)
	if err != nil {
		return store.Webhook{}, "", fault(err)
	}
	text, err := w.reveal(ctx, wh.ID, command, wh.CreatedAt)
	return kept, text, err
}

func (w *Webhooks) newSecret(ctx context.Context, webhookID, command string, now time.Time) (store.WebhookSecret, error) {
	sealed, err := w.seals.SealSecret(ctx, store.WebhookSecretName(webhookID, command), []byte(newSecret()))
	if err != nil {
		return store.WebhookSecret{}, fmt.Errorf("notify: seal a webhook's secret: %w", err)
	}
	return store.WebhookSecret{ID: command, Sealed: sealed, CreatedAt: now}, nil
}

// reveal returns the secret that a command made, "" if another one is the newest.
func (w *Webhooks) reveal(ctx context.Context, webhookID, command string, now time.Time) (string, error) {
	secrets, err := w.store.WebhookSecrets(ctx, webhookID, now)
	if err != nil || len(secrets) == 0 || secrets[0].ID != command {
		return "", err
	}
	text, err := w.seals.OpenSecret(ctx, store.WebhookSecretName(webhookID, command), secrets[0].Sealed)
	if err != nil {
		return "", fmt.Errorf("notify: open a webhook's secret: %w", err)
	}
	return string(text), nil
}

// Webhook returns one, or ErrNoWebhook.
func (w *Webhooks) Webhook(ctx context.Context, id string) (store.Webhook, error) {
	found, err := w.store.Webhook(ctx, id)
	return found, fault(err)
}

// All lists every webhook, oldest first.
func (w *Webhooks) All(ctx context.Context) ([]store.Webhook, error) { return w.store.AllWebhooks(ctx) }

// Change changes a webhook: ErrNoWebhook, or ErrTooMany if it would enable one too many.
func (w *Webhooks) Change(ctx context.Context, id string, c store.WebhookChange) (store.Webhook, error) {
	c.Reason = ReasonOperator
	changed, err := w.store.ChangeWebhook(ctx, id, c, MaxWebhooks)
	return changed, fault(err)
}

// Rotate makes a new secret and returns it, shown this once. Until overlap has passed messages carry signatures of the old
// one, too. The same command again rotates nothing.
func (w *Webhooks) Rotate(ctx context.Context, id, command string, now time.Time, overlap time.Duration) (string, error) {
	secret, err := w.newSecret(ctx, id, command, now)
	if err != nil {
		return "", err
	}
	if err := w.store.RotateWebhookSecret(ctx, id, secret, now.Add(overlap)); err != nil {
		return "", fault(err)
	}
	return w.reveal(ctx, id, command, now)
}

// Deliveries lists deliveries, newest first.
func (w *Webhooks) Deliveries(ctx context.Context, f store.DeliveryFilter) ([]store.Delivery, error) {
	return w.store.Deliveries(ctx, f)
}

// Redeliver queues a message again: ErrNoWebhook, ErrNoMessage.
func (w *Webhooks) Redeliver(ctx context.Context, id, messageID string, now time.Time) error {
	account, seq, ok := ParseMessageID(messageID)
	if !ok {
		return ErrNoMessage
	}
	if _, err := w.Webhook(ctx, id); err != nil {
		return err
	}
	err := w.store.Redeliver(ctx, id, account, seq, Announce, now)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoMessage
	}
	return err
}

// redeliverPages bounds the work of one call.
const (
	redeliverPage  = 500
	redeliverPages = 20
)

// RedeliverRange queues the messages of a part of the log again, as far as the webhook wants them. It looks at no more than
// 10,000 entries; next is where to go on, zero when the range is done.
func (w *Webhooks) RedeliverRange(ctx context.Context, id string, r store.LogRange, now time.Time) (queued int, next store.LogPlace, err error) {
	r.Limit = redeliverPage
	for range redeliverPages {
		var n int
		n, next, err = w.store.RedeliverRange(ctx, id, r, Announce, now)
		if err != nil {
			return queued, next, fault(err)
		}
		queued += n
		if next == (store.LogPlace{}) {
			break
		}
		r.After = next
	}
	return queued, next, nil
}

// Test queues a message that tells of nothing and is tried once: ErrNoWebhook, ErrDisabled. The same command again queues
// nothing.
func (w *Webhooks) Test(ctx context.Context, id, command string, now time.Time) (messageID string, err error) {
	found, err := w.Webhook(ctx, id)
	if err != nil {
		return "", err
	}
	if found.State != store.WebhookEnabled {
		return "", ErrDisabled
	}
	messageID = "test_" + command
	return messageID, fault(w.store.PutTestDelivery(ctx, id, store.Announcement{MessageID: messageID, Type: TypeTest}, now))
}

func fault(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNoWebhook
	case errors.Is(err, store.ErrConflict):
		return ErrTooMany
	default:
		return err
	}
}
