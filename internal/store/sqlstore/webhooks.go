package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// liveSecrets is how many secrets a webhook's messages are signed with at most.
const liveSecrets = 3

// PutWebhook implements store.Webhooks.
func (s *Store) PutWebhook(ctx context.Context, w store.Webhook, secret store.WebhookSecret, most int) (store.Webhook, error) {
	if w.ID == "" || w.URL == "" || w.CreatedAt.IsZero() {
		return store.Webhook{}, fmt.Errorf("%w: a webhook needs an id, a url and an instant", store.ErrInvalid)
	}
	if err := checkInstant("created_at", w.CreatedAt); err != nil {
		return store.Webhook{}, err
	}
	types, err := encodeTypes(w.Types)
	if err != nil {
		return store.Webhook{}, err
	}
	var kept store.Webhook
	err = s.write(ctx, "put a webhook", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `INSERT INTO webhooks (webhook_id, url, description, types, state, reason, created_at, created_by, changed_at)
			VALUES (?, ?, ?, ?, ?, '', ?, ?, ?) ON CONFLICT (webhook_id) DO NOTHING`,
			w.ID, w.URL, w.Description, types, string(store.WebhookEnabled), instant(w.CreatedAt), w.CreatedBy, instant(w.CreatedAt))
		if err != nil {
			return err
		}
		if n == 1 {
			if err := tx.alone(ctx, "webhooks"); err != nil { // so that they can be counted
				return err
			}
			if err := errors.Join(checkMost(ctx, tx, most), putSecret(ctx, tx, w.ID, secret)); err != nil {
				return err
			}
		}
		kept, err = webhookOf(ctx, tx, w.ID, "")
		return err
	})
	if err != nil {
		return store.Webhook{}, err
	}
	return kept, nil
}

func encodeTypes(types []string) (string, error) {
	if types == nil {
		types = []string{}
	}
	text, err := json.Marshal(types)
	if err != nil {
		return "", fmt.Errorf("%w: types cannot be encoded", store.ErrInvalid)
	}
	return string(text), nil
}

// checkMost refuses what has just been enabled if it is one too many.
func checkMost(ctx context.Context, tx *transaction, most int) error {
	var enabled int
	err := row(ctx, tx, `SELECT COUNT(*) FROM webhooks WHERE state = ?`, []any{string(store.WebhookEnabled)}, &enabled)
	if err == nil && enabled > most {
		err = fmt.Errorf("%w: at most %d webhooks may be enabled; disable one", store.ErrConflict, most)
	}
	return err
}

func putSecret(ctx context.Context, tx *transaction, webhookID string, secret store.WebhookSecret) error {
	if secret.ID == "" || len(secret.Sealed) == 0 {
		return fmt.Errorf("%w: a secret needs an id and its sealed text", store.ErrInvalid)
	}
	_, err := tx.exec(ctx, `INSERT INTO webhook_secrets (webhook_id, secret_id, sealed, created_at) VALUES (?, ?, ?, ?)`,
		webhookID, secret.ID, secret.Sealed, instant(secret.CreatedAt))
	return err
}

// Webhook implements store.Webhooks.
func (s *Store) Webhook(ctx context.Context, id string) (store.Webhook, error) {
	w, err := webhookOf(ctx, reader{s}, id, "")
	return w, s.fault(ctx, "read a webhook", err)
}

// AllWebhooks implements store.Webhooks.
func (s *Store) AllWebhooks(ctx context.Context) ([]store.Webhook, error) {
	all, err := webhooks(ctx, reader{s}, `ORDER BY created_at, webhook_id`)
	return all, s.fault(ctx, "read webhooks", err)
}

// webhookOf reads one webhook, and locks its row where lock is what the dialect locks with. Whoever changes which of its
// messages may be tried has locked it: what one leaves waiting, another could otherwise believe to be somebody else's.
func webhookOf(ctx context.Context, q querier, id, lock string) (store.Webhook, error) {
	found, err := webhooks(ctx, q, `WHERE webhook_id = ?`+lock, id)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Webhook{}, err
	}
	return found[0], nil
}

func webhooks(ctx context.Context, q querier, where string, args ...any) ([]store.Webhook, error) {
	var all []store.Webhook
	err := each(ctx, q, `SELECT webhook_id, url, description, types, state, reason, created_at, created_by, changed_at,
		failing_since, last_failure_at, paused_until FROM webhooks `+where, args, func(scan func(...any) error) error {
		var w store.Webhook
		var types []byte
		err := scan(&w.ID, &w.URL, &w.Description, &types, &w.State, &w.Reason, scanTime(&w.CreatedAt), &w.CreatedBy, scanTime(&w.ChangedAt),
			scanTime(&w.Health.FailingSince), scanTime(&w.Health.LastFailureAt), scanTime(&w.Health.PausedUntil))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(types, &w.Types); err != nil {
			return fmt.Errorf("%w: types of a webhook are not readable", ErrDiverged)
		}
		all = append(all, w)
		return nil
	})
	return all, err
}

// ChangeWebhook implements store.Webhooks. A webhook that is enabled begins in good health.
func (s *Store) ChangeWebhook(ctx context.Context, id string, c store.WebhookChange, most int) (store.Webhook, error) {
	if err := checkInstant("at", c.At); err != nil {
		return store.Webhook{}, err
	}
	var kept store.Webhook
	err := s.write(ctx, "change a webhook", func(ctx context.Context, tx *transaction) error {
		if err := tx.alone(ctx, "webhooks"); err != nil {
			return err
		}
		w, err := webhookOf(ctx, tx, id, s.dialect.lockRow())
		if err != nil {
			return err
		}
		if c.Description != nil {
			w.Description = *c.Description
		}
		if c.Types != nil {
			w.Types = *c.Types
		}
		turned := c.State != nil && *c.State != w.State
		if turned {
			w.State, w.Reason, w.ChangedAt, w.Health = *c.State, "", c.At, store.WebhookHealth{}
			if w.State == store.WebhookDisabled {
				w.Reason = c.Reason
			}
		}
		if err := updateWebhook(ctx, tx, w); err != nil {
			return err
		}
		kept = w
		if turned && w.State == store.WebhookEnabled {
			return checkMost(ctx, tx, most)
		}
		return nil
	})
	if err != nil {
		return store.Webhook{}, err
	}
	return kept, nil
}

func updateWebhook(ctx context.Context, tx *transaction, w store.Webhook) error {
	types, err := encodeTypes(w.Types)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE webhooks SET description = ?, types = ?, state = ?, reason = ?, changed_at = ?, failing_since = ?,
		last_failure_at = ?, paused_until = ? WHERE webhook_id = ?`,
		w.Description, types, string(w.State), w.Reason, instant(w.ChangedAt), instant(w.Health.FailingSince),
		instant(w.Health.LastFailureAt), instant(w.Health.PausedUntil), w.ID)
	return err
}

// RotateWebhookSecret implements store.Webhooks.
func (s *Store) RotateWebhookSecret(ctx context.Context, id string, secret store.WebhookSecret, overlap time.Time) error {
	if err := errors.Join(checkInstant("created_at", secret.CreatedAt), checkInstant("overlap", overlap)); err != nil {
		return err
	}
	return s.write(ctx, "rotate a webhook's secret", func(ctx context.Context, tx *transaction) error {
		if _, err := webhookOf(ctx, tx, id, s.dialect.lockRow()); err != nil {
			return err
		}
		var known int
		err := row(ctx, tx, `SELECT COUNT(*) FROM webhook_secrets WHERE webhook_id = ? AND secret_id = ?`, []any{id, secret.ID}, &known)
		if err != nil || known > 0 {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE webhook_secrets SET ends_at = ? WHERE webhook_id = ? AND (ends_at IS NULL OR ends_at > ?)`,
			instant(overlap), id, instant(overlap))
		if err != nil {
			return err
		}
		return putSecret(ctx, tx, id, secret)
	})
}

// WebhookSecrets implements store.Webhooks.
func (s *Store) WebhookSecrets(ctx context.Context, id string, now time.Time) ([]store.WebhookSecret, error) {
	var all []store.WebhookSecret
	err := each(ctx, reader{s}, `SELECT secret_id, sealed, created_at, ends_at FROM webhook_secrets
		WHERE webhook_id = ? AND (ends_at IS NULL OR ends_at > ?) ORDER BY position DESC LIMIT ?`, []any{id, bound(now), liveSecrets},
		func(scan func(...any) error) error {
			var w store.WebhookSecret
			err := scan(&w.ID, &w.Sealed, scanTime(&w.CreatedAt), scanTime(&w.EndsAt))
			all = append(all, w)
			return err
		})
	return all, s.fault(ctx, "read a webhook's secrets", err)
}
