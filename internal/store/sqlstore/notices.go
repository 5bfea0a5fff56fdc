package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// deriveRemind writes the notice of a remind entry. One that is there keeps what became of it.
func deriveRemind(ctx context.Context, tx *transaction, c lifecycle.Change) error {
	r := c.Detail.Reminder
	if r == nil || r.Deadline.IsZero() {
		return nil // an entry that names no deadline announces nothing
	}
	if err := checkInstant("deadline", r.Deadline); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `INSERT INTO notices (account_id, seq, channel, notice_id, policy_name, rule_id, milestone, deadline,
		state, code, provider_id, attempts, next_at, created_at, changed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, ?, ?, ?) ON CONFLICT (account_id, seq, channel) DO NOTHING`,
		c.AccountID, c.Seq, store.ChannelSMS, noticeID(c.AccountID, c.Seq), r.Policy, r.Rule, r.Milestone, instant(r.Deadline),
		string(store.NoticePending), instant(c.At), instant(c.At), instant(c.At))
	return err
}

func noticeID(accountID string, seq int64) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(store.ChannelSMS+"/"+accountID+"/"+strconv.FormatInt(seq, 10))).String()
}

// PutContact implements store.Notices.
func (s *Store) PutContact(ctx context.Context, accountID, ref string) (string, error) {
	if ref == "" {
		return "", fmt.Errorf("%w: ref is empty", store.ErrInvalid)
	}
	replaced := ""
	err := s.write(ctx, "put a contact", func(ctx context.Context, tx *transaction) error {
		err := each(ctx, tx, `SELECT ref FROM contacts WHERE account_id = ?`, []any{accountID},
			func(scan func(...any) error) error { return scan(&replaced) })
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO contacts (account_id, ref, recorded_at) VALUES (?, ?, ?)
			ON CONFLICT (account_id) DO UPDATE SET ref = excluded.ref, recorded_at = excluded.recorded_at`,
			accountID, ref, instant(s.now()))
		return err
	})
	if err != nil {
		return "", err
	}
	return replaced, nil
}

// Contact implements store.Notices.
func (s *Store) Contact(ctx context.Context, accountID string) (string, error) {
	var ref string
	err := row(ctx, reader{s}, `SELECT ref FROM contacts WHERE account_id = ?`, []any{accountID}, &ref)
	return ref, s.fault(ctx, "read a contact", err)
}

// DeleteContact implements store.Notices.
func (s *Store) DeleteContact(ctx context.Context, accountID string) error {
	return s.write(ctx, "delete a contact", func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `DELETE FROM contacts WHERE account_id = ?`, accountID)
		return err
	})
}

const noticeColumns = `SELECT notice_id, account_id, seq, channel, policy_name, rule_id, milestone, deadline, state, code, provider_id,
	attempts, attempted_at, next_at, created_at, changed_at FROM notices `

func notices(ctx context.Context, q querier, where string, args ...any) ([]store.Notice, error) {
	var all []store.Notice
	err := each(ctx, q, noticeColumns+where, args, func(scan func(...any) error) error {
		n, err := scanNotice(scan)
		all = append(all, n)
		return err
	})
	return all, err
}

func scanNotice(scan func(...any) error) (n store.Notice, err error) {
	err = scan(&n.ID, &n.AccountID, &n.Seq, &n.Channel, &n.Policy, &n.Rule, &n.Milestone, scanTime(&n.Deadline), &n.State, &n.Code,
		&n.ProviderID, &n.Attempts, scanTime(&n.AttemptedAt), scanTime(&n.NextAt), scanTime(&n.CreatedAt), scanTime(&n.ChangedAt))
	return n, err
}

// OpenNotices implements store.Notices.
func (s *Store) OpenNotices(ctx context.Context, policy string, now time.Time, limit int) ([]store.Notice, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	page, err := notices(ctx, reader{s}, `WHERE policy_name = ? AND next_at IS NOT NULL AND next_at <= ?
		ORDER BY next_at, notice_id LIMIT ?`, policy, bound(now), limit)
	return page, s.fault(ctx, "read open notices", err)
}

// Notice implements store.Notices.
func (s *Store) Notice(ctx context.Context, id string) (store.Notice, error) {
	found, err := notices(ctx, reader{s}, `WHERE notice_id = ?`, id)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Notice{}, s.fault(ctx, "read a notice", err)
	}
	return found[0], nil
}

// NoticesOf implements store.Notices.
func (s *Store) NoticesOf(ctx context.Context, accountID string) ([]store.Notice, error) {
	all, err := notices(ctx, reader{s}, `WHERE account_id = ? ORDER BY seq, channel`, accountID)
	return all, s.fault(ctx, "read notices", err)
}

// BeginNotice implements store.Notices. The update is the claim.
func (s *Store) BeginNotice(ctx context.Context, id string, attempts int, now, retry time.Time) (bool, error) {
	return s.changeNotice(ctx, "begin a notice", `UPDATE notices SET state = ?, attempts = attempts + 1, attempted_at = ?, next_at = ?,
		changed_at = ? WHERE notice_id = ? AND attempts = ? AND next_at IS NOT NULL`,
		string(store.NoticeSending), instant(now), instant(retry), instant(now), id, attempts)
}

// SettleNotice implements store.Notices.
func (s *Store) SettleNotice(ctx context.Context, id string, attempts int, o store.NoticeOutcome, now time.Time) (bool, error) {
	return s.changeNotice(ctx, "settle a notice", `UPDATE notices SET state = ?, code = ?, provider_id = ?, next_at = ?, changed_at = ?
		WHERE notice_id = ? AND attempts = ? AND next_at IS NOT NULL`,
		string(o.State), o.Code, o.ProviderID, instant(o.NextAt), instant(now), id, attempts)
}

// ReportNotice implements store.Notices.
func (s *Store) ReportNotice(ctx context.Context, id string, o store.NoticeOutcome, now time.Time) (bool, error) {
	if o.State != store.NoticeDelivered && o.State != store.NoticeFailed {
		return false, fmt.Errorf("%w: a report says delivered or failed", store.ErrInvalid)
	}
	return s.changeNotice(ctx, "report a notice", `UPDATE notices SET state = ?, code = ?, changed_at = ? WHERE notice_id = ? AND state = ?`,
		string(o.State), o.Code, instant(now), id, string(store.NoticeSent))
}

func (s *Store) changeNotice(ctx context.Context, op, query string, args ...any) (bool, error) {
	changed := false
	err := s.write(ctx, op, func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, query, args...)
		changed = n == 1
		return err
	})
	return changed && err == nil, err
}

// Reminded implements store.Notices.
func (s *Store) Reminded(ctx context.Context, changeID string, accountIDs []string) (map[string]bool, error) {
	found := map[string]bool{}
	if len(accountIDs) == 0 {
		return found, nil
	}
	wanted, err := s.dialect.anyArg(accountIDs)
	if err != nil {
		return nil, s.fault(ctx, "look for reminders", err)
	}
	err = each(ctx, reader{s}, `SELECT DISTINCT account_id FROM events WHERE `+s.dialect.anyOf("account_id")+` AND change_id = ?`,
		[]any{wanted, changeID}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			found[id] = true
			return err
		})
	return found, s.fault(ctx, "look for reminders", err)
}
