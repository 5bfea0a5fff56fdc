package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// PutLink implements store.Links.
func (s *Store) PutLink(ctx context.Context, l store.Link) (store.Link, error) {
	if l.ID == "" || l.CreatedAt.IsZero() || l.ExpiresAt.IsZero() {
		return store.Link{}, fmt.Errorf("%w: a link needs an id, a beginning and an end", store.ErrInvalid)
	}
	if err := errors.Join(checkInstant("created_at", l.CreatedAt), checkInstant("expires_at", l.ExpiresAt)); err != nil {
		return store.Link{}, err
	}
	var kept store.Link
	err := s.write(ctx, "put a link", func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `INSERT INTO links (link_id, account_id, purpose, return_url, created_by, created_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (link_id) DO NOTHING`,
			l.ID, l.AccountID, l.Purpose, l.ReturnURL, l.CreatedBy, instant(l.CreatedAt), instant(l.ExpiresAt))
		if err != nil {
			return err
		}
		if kept, err = linkOf(ctx, tx, l.ID); err == nil && kept.AccountID != l.AccountID {
			err = fmt.Errorf("%w: another account's link has this id", store.ErrConflict)
		}
		return err
	})
	if err != nil {
		return store.Link{}, err
	}
	return kept, nil
}

// Link implements store.Links.
func (s *Store) Link(ctx context.Context, id string) (store.Link, error) {
	l, err := linkOf(ctx, reader{s}, id)
	return l, s.fault(ctx, "read a link", err)
}

func linkOf(ctx context.Context, q querier, id string) (store.Link, error) {
	var l store.Link
	err := row(ctx, q, `SELECT link_id, account_id, purpose, return_url, created_by, created_at, expires_at, used_at FROM links
		WHERE link_id = ?`, []any{id}, &l.ID, &l.AccountID, &l.Purpose, &l.ReturnURL, &l.CreatedBy,
		scanTime(&l.CreatedAt), scanTime(&l.ExpiresAt), scanTime(&l.UsedAt))
	if err != nil {
		return store.Link{}, err
	}
	return l, nil
}

// OpenLink implements store.Links. The update is the decision: of two browsers that press at once, one wins.
func (s *Store) OpenLink(ctx context.Context, linkID string, begun store.Session) (store.Session, error) {
	if len(begun.Hash) == 0 || begun.CreatedAt.IsZero() || begun.ExpiresAt.IsZero() {
		return store.Session{}, fmt.Errorf("%w: a session needs a hash, a beginning and an end", store.ErrInvalid)
	}
	if err := errors.Join(checkInstant("created_at", begun.CreatedAt), checkInstant("expires_at", begun.ExpiresAt)); err != nil {
		return store.Session{}, err
	}
	err := s.write(ctx, "open a link", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `UPDATE links SET used_at = ? WHERE link_id = ? AND used_at IS NULL AND expires_at > ?`,
			instant(begun.CreatedAt), linkID, instant(begun.CreatedAt))
		if err != nil {
			return err
		}
		l, err := linkOf(ctx, tx, linkID)
		switch {
		case err != nil:
			return err
		case n == 0 && l.UsedAt.IsZero():
			return store.ErrEnded
		case n == 0:
			return store.ErrUsed
		}
		begun = store.Session{
			Hash: begun.Hash, LinkID: linkID, AccountID: l.AccountID, ReturnURL: l.ReturnURL,
			CreatedAt: begun.CreatedAt, SeenAt: begun.CreatedAt, ExpiresAt: begun.ExpiresAt,
		}
		_, err = tx.exec(ctx, `INSERT INTO sessions (session_hash, link_id, notice, created_at, seen_at, expires_at)
			VALUES (?, ?, '', ?, ?, ?)`, begun.Hash, linkID, instant(begun.CreatedAt), instant(begun.SeenAt), instant(begun.ExpiresAt))
		return err
	})
	if err != nil {
		return store.Session{}, err
	}
	return begun, nil
}

// Session implements store.Links.
func (s *Store) Session(ctx context.Context, hash []byte) (store.Session, error) {
	found := store.Session{}
	err := row(ctx, reader{s}, `SELECT s.session_hash, s.link_id, l.account_id, l.return_url, s.notice, s.created_at, s.seen_at,
		s.expires_at, s.ended_at FROM sessions s JOIN links l ON l.link_id = s.link_id WHERE s.session_hash = ?`, []any{hash},
		&found.Hash, &found.LinkID, &found.AccountID, &found.ReturnURL, &found.Notice, scanTime(&found.CreatedAt),
		scanTime(&found.SeenAt), scanTime(&found.ExpiresAt), scanTime(&found.EndedAt))
	if err != nil {
		return store.Session{}, s.fault(ctx, "read a session", err)
	}
	return found, nil
}

// TouchSession implements store.Links.
func (s *Store) TouchSession(ctx context.Context, hash []byte, at time.Time) error {
	if err := checkInstant("at", at); err != nil {
		return err
	}
	return s.changeSession(ctx, "touch a session", hash,
		`UPDATE sessions SET seen_at = CASE WHEN seen_at < ? THEN ? ELSE seen_at END WHERE session_hash = ?`, bound(at), bound(at), hash)
}

// ConfirmNotice implements store.Links.
func (s *Store) ConfirmNotice(ctx context.Context, hash []byte, version string) error {
	return s.changeSession(ctx, "confirm a notice", hash, `UPDATE sessions SET notice = ? WHERE session_hash = ?`, version, hash)
}

// EndSession implements store.Links.
func (s *Store) EndSession(ctx context.Context, hash []byte, at time.Time) error {
	if err := checkInstant("at", at); err != nil {
		return err
	}
	return s.changeSession(ctx, "end a session", hash,
		`UPDATE sessions SET ended_at = COALESCE(ended_at, ?) WHERE session_hash = ?`, bound(at), hash)
}

func (s *Store) changeSession(ctx context.Context, op string, hash []byte, statement string, args ...any) error {
	if len(hash) == 0 {
		return store.ErrNotFound
	}
	return s.write(ctx, op, func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, statement, args...)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

// RevokeLinks implements store.Links.
func (s *Store) RevokeLinks(ctx context.Context, accountID string, at time.Time) (links, sessions int, err error) {
	if err := checkInstant("at", at); err != nil {
		return 0, 0, err
	}
	err = s.write(ctx, "revoke links", func(ctx context.Context, tx *transaction) error {
		if _, err := account(ctx, tx, accountID); err != nil {
			return err
		}
		ended, err := tx.exec(ctx, `UPDATE links SET expires_at = ? WHERE account_id = ? AND used_at IS NULL AND expires_at > ?`,
			bound(at), accountID, bound(at))
		if err != nil {
			return err
		}
		left, err := tx.exec(ctx, `UPDATE sessions SET ended_at = ? WHERE ended_at IS NULL AND expires_at > ?
			AND link_id IN (SELECT link_id FROM links WHERE account_id = ?)`, bound(at), bound(at), accountID)
		links, sessions = int(ended), int(left)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	return links, sessions, nil
}

// ForgetLinks implements store.Links.
func (s *Store) ForgetLinks(ctx context.Context, before time.Time) (int, error) {
	forgotten := 0
	err := s.write(ctx, "forget links", func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `DELETE FROM sessions WHERE expires_at < ? AND link_id IN (SELECT link_id FROM links WHERE expires_at < ?)`,
			bound(before), bound(before))
		if err != nil {
			return err
		}
		n, err := tx.exec(ctx, `DELETE FROM links WHERE expires_at < ? AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.link_id = links.link_id)`,
			bound(before))
		forgotten = int(n)
		return err
	})
	return forgotten, err
}
