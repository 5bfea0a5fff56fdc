package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Head implements store.Log.
func (s *Store) Head(ctx context.Context, accountID string) (lifecycle.Verification, error) {
	var text *string
	err := row(ctx, reader{s}, `SELECT v.fold FROM accounts a LEFT JOIN verifications v ON v.account_id = a.account_id
		WHERE a.account_id = ?`, []any{accountID}, &text)
	switch {
	case err != nil:
		return lifecycle.Verification{}, s.fault(ctx, "read a head", err)
	case text == nil:
		return lifecycle.New(accountID), nil
	}
	return decodeFold([]byte(*text))
}

// Heads implements store.Log.
func (s *Store) Heads(ctx context.Context, accountIDs []string) ([]lifecycle.Verification, error) {
	answer := make([]lifecycle.Verification, len(accountIDs))
	if len(accountIDs) == 0 {
		return answer, nil
	}
	wanted, err := s.dialect.anyArg(accountIDs)
	if err != nil {
		return nil, s.fault(ctx, "read heads", err)
	}
	found := make(map[string]lifecycle.Verification, len(accountIDs))
	err = each(ctx, reader{s}, `SELECT a.account_id, v.fold FROM accounts a LEFT JOIN verifications v ON v.account_id = a.account_id
		WHERE `+s.dialect.anyOf("a.account_id"), []any{wanted}, func(scan func(...any) error) error {
		v, err := scanHead(scan)
		found[v.AccountID] = v
		return err
	})
	if err != nil {
		return nil, s.fault(ctx, "read heads", err)
	}
	for i, id := range accountIDs {
		answer[i] = found[id]
	}
	return answer, nil
}

// scanHead scans an account's id and its fold, which it has none of while its log is empty.
func scanHead(scan func(...any) error) (lifecycle.Verification, error) {
	var id string
	var text []byte
	if err := scan(&id, &text); err != nil || text == nil {
		return lifecycle.New(id), err
	}
	return decodeFold(text)
}

const maxPage = 1000

// Events implements store.Log.
func (s *Store) Events(ctx context.Context, accountID string, after int64, limit int) ([]store.Entry, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	var page []store.Entry
	err := entries(ctx, reader{s}, `WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?`, []any{accountID, after, limit},
		func(e store.Entry) { page = append(page, e) })
	return page, s.fault(ctx, "read entries", err)
}

// Written implements store.Log.
func (s *Store) Written(ctx context.Context, accountID, changeID string) ([]lifecycle.Change, error) {
	written, err := entriesOf(ctx, reader{s}, accountID, changeID)
	if err == nil && len(written) == 0 {
		err = store.ErrNotFound
	}
	return written, s.fault(ctx, "read an append", err)
}

func entriesOf(ctx context.Context, q querier, accountID, changeID string) ([]lifecycle.Change, error) {
	var written []lifecycle.Change
	err := entries(ctx, q, `WHERE account_id = ? AND change_id = ? ORDER BY seq`, []any{accountID, changeID},
		func(e store.Entry) { written = append(written, e.Change) })
	return written, err
}

func entriesAfter(ctx context.Context, q querier, accountID string, after int64) ([]lifecycle.Change, error) {
	var log []lifecycle.Change
	err := entries(ctx, q, `WHERE account_id = ? AND seq > ? ORDER BY seq`, []any{accountID, after},
		func(e store.Entry) { log = append(log, e.Change) })
	return log, err
}

// entries reads log entries; where selects and orders them.
func entries(ctx context.Context, q querier, where string, args []any, visit func(store.Entry)) error {
	return each(ctx, q, `SELECT recorded_at, body FROM events `+where, args, func(scan func(...any) error) error {
		var e store.Entry
		var body []byte
		if err := scan(scanTime(&e.RecordedAt), &body); err != nil {
			return err
		}
		var err error
		if e.Change, err = decodeEntry(body); err != nil {
			return err
		}
		visit(e)
		return nil
	})
}

func decodeEntry(body []byte) (lifecycle.Change, error) {
	var c lifecycle.Change
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("%w: an entry is not readable", lifecycle.ErrBrokenLog)
	}
	return c, nil
}

// Verifications implements store.Log.
func (s *Store) Verifications(ctx context.Context, f store.Filter) ([]lifecycle.Verification, error) {
	const most = 500
	if f.Limit < 1 || f.Limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	query, args := `SELECT a.account_id, v.fold FROM accounts a LEFT JOIN verifications v ON v.account_id = a.account_id
		WHERE a.account_id > ?`, []any{f.After}
	switch {
	case f.State != "" && f.Turn != "" && f.State.Turn() != f.Turn:
		return nil, nil
	case f.State != "": // it decides the turn
		query, args = query+` AND a.state = ?`, append(args, string(f.State))
	case f.Turn != "":
		query, args = query+` AND a.turn = ?`, append(args, string(f.Turn))
	}
	switch {
	case f.Rule != "":
		query += ` AND a.account_id IN (SELECT account_id FROM restrictions WHERE lifted_seq IS NULL AND rule_id = ?)`
		args = append(args, f.Rule)
	case f.Restricted:
		query += ` AND EXISTS (SELECT 1 FROM restrictions r WHERE r.account_id = a.account_id AND r.lifted_seq IS NULL)`
	}
	var page []lifecycle.Verification
	err := each(ctx, reader{s}, query+` ORDER BY a.account_id LIMIT ?`, append(args, f.Limit), func(scan func(...any) error) error {
		v, err := scanHead(scan)
		page = append(page, v)
		return err
	})
	return page, s.fault(ctx, "list verifications", err)
}

// VerifiedElsewhere implements store.Log.
func (s *Store) VerifiedElsewhere(ctx context.Context, accountID, digest string) (bool, error) {
	if digest == "" {
		return false, nil
	}
	var one int
	err := row(ctx, reader{s}, `SELECT 1 FROM accounts WHERE identity_digest = ? AND account_id <> ?
		AND state NOT IN ('unverified', 'submitted', 'under_review', 'rejected') LIMIT 1`, []any{digest, accountID}, &one)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, s.fault(ctx, "look for an identity", err)
}

// Lease implements store.Log.
func (s *Store) Lease(ctx context.Context, leaseID string) (string, lifecycle.Lease, error) {
	var lease lifecycle.Lease
	accountID, err := s.detail(ctx, `SELECT account_id, body FROM leases WHERE lease_id = ?`, leaseID, &lease)
	return accountID, lease, err
}

// Attempt implements store.Log.
func (s *Store) Attempt(ctx context.Context, attemptID string) (string, lifecycle.Attempt, error) {
	var attempt lifecycle.Attempt
	accountID, err := s.detail(ctx, `SELECT account_id, body FROM attempts WHERE attempt_id = ?`, attemptID, &attempt)
	return accountID, attempt, err
}

func (s *Store) detail(ctx context.Context, query, id string, to any) (accountID string, err error) {
	var body []byte
	if err := row(ctx, reader{s}, query, []any{id}, &accountID, &body); err != nil {
		return "", s.fault(ctx, "read a detail", err)
	}
	if err := json.Unmarshal(body, to); err != nil {
		return "", fmt.Errorf("%w: a detail is not readable", ErrDiverged)
	}
	return accountID, nil
}
