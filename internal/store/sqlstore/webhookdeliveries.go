package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Redeliver implements store.Webhooks.
func (s *Store) Redeliver(
	ctx context.Context, webhookID, accountID string, seq int64, announce store.Announce, now time.Time,
) error {
	return s.write(ctx, "redeliver", func(ctx context.Context, tx *transaction) error {
		if _, err := webhookOf(ctx, tx, webhookID, s.dialect.lockRow()); err != nil {
			return err
		}
		c, err := entryOf(ctx, tx, store.Delivery{AccountID: accountID, Seq: seq})
		if err != nil {
			return err
		}
		a, told := announce(c)
		if !told || accountID == "" {
			return store.ErrNotFound
		}
		return requeue(ctx, tx, webhookID, c, a, now)
	})
}

// RedeliverRange implements store.Webhooks.
func (s *Store) RedeliverRange(
	ctx context.Context, webhookID string, r store.LogRange, announce store.Announce, now time.Time,
) (queued int, next store.LogPlace, err error) {
	if r.Limit < 1 || r.Limit > maxPage {
		return 0, next, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	err = s.write(ctx, "redeliver a range", func(ctx context.Context, tx *transaction) error {
		queued, next = 0, store.LogPlace{}
		w, err := webhookOf(ctx, tx, webhookID, s.dialect.lockRow())
		if err != nil {
			return err
		}
		page, last, err := logPage(ctx, tx, r)
		if err != nil {
			return err
		}
		for _, c := range page {
			a, told := announce(c)
			if !told || !wants(w, a.Type) {
				continue
			}
			if err := requeue(ctx, tx, webhookID, c, a, now); err != nil {
				return err
			}
			queued++
		}
		if len(page) == r.Limit {
			next = last
		}
		return nil
	})
	return queued, next, err
}

func logPage(ctx context.Context, tx *transaction, r store.LogRange) (page []lifecycle.Change, last store.LogPlace, err error) {
	after := []any{bound(r.From), int64(0)}
	if !r.After.RecordedAt.IsZero() {
		after = []any{bound(r.After.RecordedAt), r.After.Position}
	}
	err = each(ctx, tx, `SELECT recorded_at, position, body FROM events WHERE (recorded_at, position) > (?, ?) AND recorded_at < ?
		ORDER BY recorded_at, position LIMIT ?`, append(after, bound(r.To), r.Limit), func(scan func(...any) error) error {
		var body []byte
		if err := scan(scanTime(&last.RecordedAt), &last.Position, &body); err != nil {
			return err
		}
		c, err := decodeEntry(body)
		page = append(page, c)
		return err
	})
	return page, last, err
}

// requeue queues an entry again: as a new delivery of the same message or, if one is pending, as that one without delay.
func requeue(ctx context.Context, tx *transaction, webhookID string, c lifecycle.Change, a store.Announcement, now time.Time) error {
	n, err := tx.exec(ctx, `UPDATE webhook_deliveries SET attempts = 0,
		due_at = CASE WHEN due_at IS NULL OR claim <> '' THEN due_at ELSE CAST(? AS BIGINT) END
		WHERE webhook_id = ? AND message_id = ? AND state = 'pending'`, instant(now), webhookID, a.MessageID)
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.exec(ctx, `DELETE FROM webhook_deliveries WHERE webhook_id = ? AND message_id = ?`, webhookID, a.MessageID)
	if err != nil {
		return err
	}
	return insertDelivery(ctx, tx, store.Delivery{
		WebhookID: webhookID, MessageID: a.MessageID, Type: a.Type, AccountID: c.AccountID, Seq: c.Seq, CreatedAt: now,
	})
}

// insertDelivery queues a message and puts its account's messages in order.
func insertDelivery(ctx context.Context, tx *transaction, d store.Delivery) error {
	n, err := tx.exec(ctx, `INSERT INTO webhook_deliveries
		(webhook_id, message_id, type, account_id, seq, state, attempts, created_at, claim, status, fault)
		VALUES (?, ?, ?, ?, ?, 'pending', 0, ?, '', 0, '') ON CONFLICT (webhook_id, message_id) DO NOTHING`,
		d.WebhookID, d.MessageID, d.Type, d.AccountID, d.Seq, instant(d.CreatedAt))
	if err != nil || n == 0 {
		return err
	}
	return settle(ctx, tx, d.WebhookID, d.AccountID, d.CreatedAt)
}

// PutTestDelivery implements store.Webhooks.
func (s *Store) PutTestDelivery(ctx context.Context, webhookID string, a store.Announcement, now time.Time) error {
	return s.write(ctx, "put a test delivery", func(ctx context.Context, tx *transaction) error {
		if _, err := webhookOf(ctx, tx, webhookID, s.dialect.lockRow()); err != nil {
			return err
		}
		return insertDelivery(ctx, tx, store.Delivery{WebhookID: webhookID, MessageID: a.MessageID, Type: a.Type, CreatedAt: now})
	})
}

// Deliveries implements store.Webhooks.
func (s *Store) Deliveries(ctx context.Context, f store.DeliveryFilter) ([]store.Delivery, error) {
	const most = 500
	if f.Limit < 1 || f.Limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	where, args := `WHERE webhook_id = ?`, []any{f.WebhookID}
	if f.State != "" {
		where, args = where+` AND state = ?`, append(args, string(f.State))
	}
	if f.Before > 0 {
		where, args = where+` AND delivery_id < ?`, append(args, f.Before)
	}
	page, err := deliveries(ctx, reader{s}, where+` ORDER BY delivery_id DESC LIMIT ?`, append(args, f.Limit)...)
	return page, s.fault(ctx, "read deliveries", err)
}

func deliveries(ctx context.Context, q querier, where string, args ...any) ([]store.Delivery, error) {
	var all []store.Delivery
	err := each(ctx, q, `SELECT delivery_id, webhook_id, message_id, type, account_id, seq, state, attempts, created_at, due_at, last_at,
		status, fault FROM webhook_deliveries `+where, args, func(scan func(...any) error) error {
		var d store.Delivery
		err := scan(&d.ID, &d.WebhookID, &d.MessageID, &d.Type, &d.AccountID, &d.Seq, &d.State, &d.Attempts, scanTime(&d.CreatedAt),
			scanTime(&d.DueAt), scanTime(&d.LastAt), &d.Status, &d.Fault)
		all = append(all, d)
		return err
	})
	return all, err
}

// Backlog implements store.Webhooks.
func (s *Store) Backlog(ctx context.Context) (store.Backlog, error) {
	var b store.Backlog
	err := row(ctx, reader{s}, `SELECT recorded_at FROM outbox WHERE topic = 'change' ORDER BY position LIMIT 1`, nil, scanTime(&b.Oldest))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return b, s.fault(ctx, "read the outbox", err)
	}
	err = row(ctx, reader{s}, `SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'pending'`, nil, &b.Pending)
	return b, s.fault(ctx, "count deliveries", err)
}

// ForgetDeliveries implements store.Webhooks. A webhook's secrets that ended are forgotten with them.
func (s *Store) ForgetDeliveries(ctx context.Context, before time.Time, limit int) (int, error) {
	forgotten := 0
	err := s.write(ctx, "forget deliveries", func(ctx context.Context, tx *transaction) error {
		if _, err := tx.exec(ctx, `DELETE FROM webhook_secrets WHERE ends_at < ?`, bound(before)); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `DELETE FROM webhook_deliveries WHERE delivery_id IN
			(SELECT delivery_id FROM webhook_deliveries WHERE finished_at < ? ORDER BY finished_at LIMIT ?)`, bound(before), limit)
		if err != nil {
			return err
		}
		if _, err := webhooks(ctx, tx, `WHERE state = ? ORDER BY webhook_id`+s.dialect.lockRow(), string(store.WebhookDisabled)); err != nil {
			return err
		}
		abandoned, err := deliveries(ctx, tx, `WHERE state = 'pending' AND created_at < ?
			AND webhook_id IN (SELECT webhook_id FROM webhooks WHERE state = 'disabled') LIMIT ?`, bound(before), limit)
		if err != nil {
			return err
		}
		forgotten = int(n) + len(abandoned)
		for _, d := range abandoned {
			if _, err := tx.exec(ctx, `DELETE FROM webhook_deliveries WHERE delivery_id = ?`, d.ID); err != nil {
				return err
			}
			if err := settle(ctx, tx, d.WebhookID, d.AccountID, before); err != nil { // younger ones may wait behind it
				return err
			}
		}
		return nil
	})
	return forgotten, err
}
