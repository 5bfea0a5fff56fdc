package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/store"
)

// writeNotices writes the notices of remind entries. One that is there keeps what became of it.
func writeNotices(ctx context.Context, tx *transaction, log ...stamped) error {
	rows := make([][]any, 0, len(log))
	for _, c := range log {
		r := c.Detail.Reminder
		if r == nil || r.Deadline.IsZero() {
			continue // an entry that names no deadline announces nothing
		}
		rows = append(rows, []any{
			c.AccountID, c.Seq, store.ChannelSMS, noticeID(c.AccountID, c.Seq), r.Policy, r.Rule, r.Milestone, instant(r.Deadline),
			string(store.NoticePending), "", "", 0, instant(c.At), instant(c.At), instant(c.At),
		})
	}
	_, err := insertRows(ctx, tx, `INSERT INTO notices (account_id, seq, channel, notice_id, policy_name, rule_id, milestone, deadline,
		state, code, provider_id, attempts, next_at, created_at, changed_at) VALUES`, rows, ` ON CONFLICT (account_id, seq, channel) DO NOTHING`)
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
	var replaced string
	err := s.write(ctx, "put a contact", func(ctx context.Context, tx *transaction) error {
		replaced = ""
		if err := tx.alone(ctx, "contact", accountID); err != nil {
			return err
		}
		now, err := tx.now(ctx)
		if err != nil {
			return err
		}
		err = each(ctx, tx, `SELECT ref FROM contacts WHERE account_id = ?`, []any{accountID},
			func(scan func(...any) error) error { return scan(&replaced) })
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO contacts (account_id, ref, recorded_at) VALUES (?, ?, ?)
			ON CONFLICT (account_id) DO UPDATE SET ref = excluded.ref, recorded_at = excluded.recorded_at`,
			accountID, ref, instant(now))
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

// Contacts implements store.Notices.
func (s *Store) Contacts(ctx context.Context, accountIDs []string) (map[string]string, error) {
	refs := make(map[string]string, len(accountIDs))
	if len(accountIDs) == 0 {
		return refs, nil
	}
	wanted, err := s.dialect.anyArg(accountIDs)
	if err != nil {
		return nil, s.fault(ctx, "read contacts", err)
	}
	err = each(ctx, reader{s}, `SELECT account_id, ref FROM contacts WHERE `+s.dialect.anyOf("account_id"), []any{wanted},
		func(scan func(...any) error) error {
			var id, ref string
			err := scan(&id, &ref)
			refs[id] = ref
			return err
		})
	return refs, s.fault(ctx, "read contacts", err)
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

// OpenNoticesOf implements store.Notices.
func (s *Store) OpenNoticesOf(ctx context.Context, accountIDs []string) ([]store.Notice, error) {
	if len(accountIDs) == 0 {
		return nil, nil
	}
	wanted, err := s.dialect.anyArg(accountIDs)
	if err != nil {
		return nil, s.fault(ctx, "read open notices", err)
	}
	all, err := notices(ctx, reader{s}, `WHERE `+s.dialect.anyOf("account_id")+` AND next_at IS NOT NULL ORDER BY account_id, seq, channel`, wanted)
	return all, s.fault(ctx, "read open notices", err)
}

// BeginNotices implements store.Notices. The update is the claim.
func (s *Store) BeginNotices(ctx context.Context, tries []store.NoticeTry, now, retry time.Time) ([]bool, error) {
	rows := make([][]any, len(tries))
	for i, n := range tries {
		rows[i] = []any{string(store.NoticeSending), instant(now), instant(retry), instant(now), n.ID, n.Attempts}
	}
	return s.changeNotices(ctx, "begin notices", `UPDATE notices SET state = ?, attempts = attempts + 1, attempted_at = ?, next_at = ?,
		changed_at = ? WHERE notice_id = ? AND attempts = ? AND next_at IS NOT NULL`, rows)
}

// SettleNotices implements store.Notices.
func (s *Store) SettleNotices(ctx context.Context, tries []store.NoticeTry, now time.Time) ([]bool, error) {
	rows := make([][]any, len(tries))
	for i, n := range tries {
		rows[i] = []any{string(n.State), n.Code, n.ProviderID, instant(n.NextAt), instant(now), n.ID, n.Attempts}
	}
	return s.changeNotices(ctx, "settle notices", `UPDATE notices SET state = ?, code = ?, provider_id = ?, next_at = ?, changed_at = ?
		WHERE notice_id = ? AND attempts = ? AND next_at IS NOT NULL`, rows)
}

// ReportNotice implements store.Notices.
func (s *Store) ReportNotice(ctx context.Context, id string, o store.NoticeOutcome, now time.Time) (bool, error) {
	if o.State != store.NoticeDelivered && o.State != store.NoticeFailed {
		return false, fmt.Errorf("%w: a report says delivered or failed", store.ErrInvalid)
	}
	changed, err := s.changeNotices(ctx, "report a notice", `UPDATE notices SET state = ?, code = ?, changed_at = ?
		WHERE notice_id = ? AND state = ?`, [][]any{{string(o.State), o.Code, instant(now), id, string(store.NoticeSent)}})
	return err == nil && changed[0], err
}

// changeNotices runs one statement with the parameters of each notice, and tells which of them changed.
func (s *Store) changeNotices(ctx context.Context, op, query string, rows [][]any) ([]bool, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	changed := make([]bool, len(rows))
	err := s.write(ctx, op, func(ctx context.Context, tx *transaction) error {
		for i, args := range rows {
			n, err := tx.exec(ctx, query, args...)
			if err != nil {
				return err
			}
			changed[i] = n == 1
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
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
