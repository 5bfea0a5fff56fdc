package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// FanOut implements store.Webhooks. Taking the entries from the outbox and queueing their deliveries is one
// transaction: a crash loses neither and doubles neither.
func (s *Store) FanOut(ctx context.Context, announce store.Announce, now time.Time, limit int) (int, error) {
	if limit < 1 || limit > maxPage {
		return 0, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	var waiting int64
	err := row(ctx, reader{s}, `SELECT position FROM outbox WHERE topic = 'change' LIMIT 1`, nil, &waiting)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil // no transaction is begun for nothing
	}
	taken := 0
	err = s.write(ctx, "fan out", func(ctx context.Context, tx *transaction) error {
		if err := tx.alone(ctx, "outbox"); err != nil { // or an account's messages might be queued out of order
			return err
		}
		enabled, err := webhooks(ctx, tx, `WHERE state = ? ORDER BY webhook_id`+s.dialect.lockRow(), string(store.WebhookEnabled))
		if err != nil {
			return err
		}
		positions, entries, err := outbox(ctx, tx, limit)
		if err != nil {
			return err
		}
		taken = len(positions)
		for i, c := range entries {
			if err := fanOut(ctx, tx, enabled, c, announce, now); err != nil {
				return err
			}
			if _, err := tx.exec(ctx, `DELETE FROM outbox WHERE position = ?`, positions[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return taken, err
}

func outbox(ctx context.Context, tx *transaction, limit int) (positions []int64, entries []lifecycle.Change, err error) {
	err = each(ctx, tx, `SELECT o.position, e.body FROM outbox o JOIN events e ON e.account_id = o.account_id AND e.seq = o.seq
		WHERE o.topic = 'change' ORDER BY o.position LIMIT ?`, []any{limit}, func(scan func(...any) error) error {
		var position int64
		var body []byte
		if err := scan(&position, &body); err != nil {
			return err
		}
		c, err := decodeEntry(body)
		positions, entries = append(positions, position), append(entries, c)
		return err
	})
	return positions, entries, err
}

// fanOut queues one entry. It is due at once unless an older message of the account is not finished.
func fanOut(ctx context.Context, tx *transaction, to []store.Webhook, c lifecycle.Change, announce store.Announce, now time.Time) error {
	a, told := announce(c)
	if !told {
		return nil
	}
	for _, w := range to {
		if !wants(w, a.Type) {
			continue
		}
		_, err := tx.exec(ctx, `INSERT INTO webhook_deliveries
			(webhook_id, message_id, type, account_id, seq, state, attempts, created_at, due_at, claim, status, fault)
			VALUES (?, ?, ?, ?, ?, 'pending', 0, ?, CASE WHEN EXISTS (SELECT 1 FROM webhook_deliveries
			WHERE webhook_id = ? AND account_id = ? AND state = 'pending') THEN NULL ELSE CAST(? AS BIGINT) END, '', 0, '')
			ON CONFLICT (webhook_id, message_id) DO NOTHING`,
			w.ID, a.MessageID, a.Type, c.AccountID, c.Seq, instant(now), w.ID, c.AccountID, instant(now))
		if err != nil {
			return err
		}
	}
	return nil
}

func wants(w store.Webhook, eventType string) bool {
	return len(w.Types) == 0 || slices.Contains(w.Types, eventType)
}

// settle makes the oldest pending message of an account the one that may be tried, unless another one is being tried
// just now: then it is done again when that one's result is recorded.
func settle(ctx context.Context, tx *transaction, webhookID, accountID string, now time.Time) error {
	var oldest, holder int64
	err := row(ctx, tx, `SELECT delivery_id FROM webhook_deliveries WHERE webhook_id = ? AND account_id = ? AND state = 'pending'
		ORDER BY seq, delivery_id LIMIT 1`, []any{webhookID, accountID}, &oldest)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var dueAt time.Time
	var claim string
	err = row(ctx, tx, `SELECT delivery_id, due_at, claim FROM webhook_deliveries WHERE webhook_id = ? AND account_id = ?
		AND due_at IS NOT NULL`, []any{webhookID, accountID}, &holder, scanTime(&dueAt), &claim)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case holder == oldest, claim != "" && dueAt.After(now):
		return nil
	default:
		n, err := tx.exec(ctx, `UPDATE webhook_deliveries SET due_at = NULL, claim = '' WHERE delivery_id = ? AND (claim = '' OR due_at <= ?)`,
			holder, instant(now))
		if err != nil || n == 0 { // claimed just now
			return err
		}
	}
	_, err = tx.exec(ctx, `UPDATE webhook_deliveries SET due_at = ? WHERE delivery_id = ?`, instant(now), oldest)
	return err
}

// ClaimDeliveries implements store.Webhooks. The update is the decision: of two processes that see the same due
// delivery, one moves its due_at. What another one is about to move is passed over.
func (s *Store) ClaimDeliveries(ctx context.Context, c store.Claim) ([]store.Claimed, error) {
	if c.Token == "" || c.Limit < 1 || c.Limit > maxPage || !c.Until.After(c.Now) {
		return nil, fmt.Errorf("%w: a claim needs a token, an end after its beginning and a limit of 1 to %d", store.ErrInvalid, maxPage)
	}
	due, err := dueDeliveries(ctx, reader{s}, c, "")
	if err != nil || len(due) == 0 {
		return nil, s.fault(ctx, "look for deliveries", err)
	}
	var claimed []store.Claimed
	err = s.write(ctx, "claim deliveries", func(ctx context.Context, tx *transaction) error {
		claimed = nil
		due, err := dueDeliveries(ctx, tx, c, s.dialect.lockFree("webhook_deliveries"))
		if err != nil {
			return err
		}
		for _, d := range due {
			n, err := tx.exec(ctx, `UPDATE webhook_deliveries SET due_at = ?, claim = ? WHERE delivery_id = ? AND due_at <= ?`,
				instant(c.Until), c.Token, d.ID, instant(c.Now))
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			d.DueAt = c.Until
			entry, err := entryOf(ctx, tx, d)
			if err != nil {
				return err
			}
			claimed = append(claimed, store.Claimed{Delivery: d, Entry: entry})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

func dueDeliveries(ctx context.Context, q querier, c store.Claim, lock string) ([]store.Delivery, error) {
	return deliveries(ctx, q, `WHERE webhook_id = ? AND due_at <= ?
		AND EXISTS (SELECT 1 FROM webhooks w WHERE w.webhook_id = webhook_deliveries.webhook_id AND w.state = 'enabled')
		ORDER BY due_at, delivery_id LIMIT ?`+lock, c.WebhookID, instant(c.Now), c.Limit)
}

func entryOf(ctx context.Context, q querier, d store.Delivery) (lifecycle.Change, error) {
	if d.AccountID == "" {
		return lifecycle.Change{}, nil
	}
	var body []byte
	if err := row(ctx, q, `SELECT body FROM events WHERE account_id = ? AND seq = ?`, []any{d.AccountID, d.Seq}, &body); err != nil {
		return lifecycle.Change{}, err
	}
	return decodeEntry(body)
}

// RecordDeliveries implements store.Webhooks.
func (s *Store) RecordDeliveries(ctx context.Context, results []store.DeliveryResult, outcomes []store.WebhookOutcome) error {
	for _, r := range results {
		if err := errors.Join(checkInstant("at", r.At), checkInstant("due_at", r.DueAt)); err != nil {
			return err
		}
		if r.Token == "" || r.At.IsZero() || (r.State == store.DeliveryPending) == r.DueAt.IsZero() {
			return fmt.Errorf("%w: a result needs its claim's token, an instant and, if and only if it is pending, the instant of the next try", store.ErrInvalid)
		}
	}
	return s.write(ctx, "record deliveries", func(ctx context.Context, tx *transaction) error {
		if err := s.lockWebhooks(ctx, tx, results, outcomes); err != nil {
			return err
		}
		for _, r := range results {
			if err := recordDelivery(ctx, tx, r); err != nil {
				return err
			}
		}
		for _, o := range outcomes {
			if err := recordOutcome(ctx, tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// lockWebhooks locks the webhooks that results and outcomes are of.
func (s *Store) lockWebhooks(ctx context.Context, tx *transaction, results []store.DeliveryResult, outcomes []store.WebhookOutcome) error {
	if s.turn != nil {
		return nil // nobody else writes
	}
	var ids []string
	for _, o := range outcomes {
		ids = append(ids, o.WebhookID)
	}
	for _, r := range results {
		err := each(ctx, tx, `SELECT webhook_id FROM webhook_deliveries WHERE delivery_id = ?`, []any{r.ID}, func(scan func(...any) error) error {
			ids = append(ids, "")
			return scan(&ids[len(ids)-1])
		})
		if err != nil {
			return err
		}
	}
	wanted, err := s.dialect.anyArg(slices.Compact(slices.Sorted(slices.Values(ids))))
	if err != nil {
		return err
	}
	_, err = webhooks(ctx, tx, `WHERE `+s.dialect.anyOf("webhook_id")+` ORDER BY webhook_id`+s.dialect.lockRow(), wanted)
	return err
}

func recordDelivery(ctx context.Context, tx *transaction, r store.DeliveryResult) error {
	var webhookID, accountID string
	err := row(ctx, tx, `SELECT webhook_id, account_id FROM webhook_deliveries WHERE delivery_id = ? AND claim = ?`+tx.s.dialect.lockRow(),
		[]any{r.ID, r.Token}, &webhookID, &accountID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // the claim ended before the result came; whoever has it now records
	}
	if err != nil {
		return err
	}
	var finishedAt any
	if r.State != store.DeliveryPending {
		finishedAt = instant(r.At)
	}
	if r.Counted {
		_, err = tx.exec(ctx, `UPDATE webhook_deliveries SET state = ?, claim = '', attempts = attempts + 1, due_at = ?, finished_at = ?,
			last_at = ?, status = ?, fault = ? WHERE delivery_id = ?`,
			string(r.State), instant(r.DueAt), finishedAt, instant(r.At), r.Status, r.Fault, r.ID)
	} else {
		_, err = tx.exec(ctx, `UPDATE webhook_deliveries SET claim = '', due_at = ? WHERE delivery_id = ?`, instant(r.DueAt), r.ID)
	}
	if err != nil {
		return err
	}
	return settle(ctx, tx, webhookID, accountID, r.At)
}

func recordOutcome(ctx context.Context, tx *transaction, o store.WebhookOutcome) error {
	h := o.Health
	_, err := tx.exec(ctx, `UPDATE webhooks SET failing_since = ?, last_failure_at = ?, paused_until = ? WHERE webhook_id = ? AND state = 'enabled'`,
		instant(h.FailingSince), instant(h.LastFailureAt), instant(h.PausedUntil), o.WebhookID)
	if err != nil || o.Disable == "" {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE webhooks SET state = 'disabled', reason = ?, changed_at = ? WHERE webhook_id = ? AND state = 'enabled'`,
		o.Disable, instant(o.At), o.WebhookID)
	return err
}
