package sqlstore

import (
	"context"
	"fmt"

	"github.com/verigate/verigate/internal/store"
)

// CloseAccount implements store.Versions.
func (s *Store) CloseAccount(ctx context.Context, c store.Closing) (store.Account, store.PutResult, error) {
	if err := checkInstant("closed_at", c.ClosedAt); err != nil {
		return store.Account{}, "", err
	}
	var next store.Account
	result := store.Unchanged
	err := s.write(ctx, "close an account", func(ctx context.Context, tx *transaction) error {
		if err := lockAccount(ctx, s, tx, c.AccountID); err != nil {
			return err
		}
		known, err := account(ctx, tx, c.AccountID)
		if err != nil {
			return err
		}
		next = known
		if known.ClosedAt.Equal(c.ClosedAt) {
			return nil
		}
		next.ClosedAt = c.ClosedAt.UTC()
		next.Version, next.RecordedAt, result = known.Version+1, later(s.now(), known.RecordedAt), store.Updated
		return writeVersion(ctx, tx, next, store.PutAccount{Actor: c.Actor, Reason: c.Reason})
	})
	if err != nil {
		return store.Account{}, "", err
	}
	return next, result, nil
}

func lockAccount(ctx context.Context, s *Store, tx *transaction, id string) error {
	var version int
	return row(ctx, tx, `SELECT version FROM accounts WHERE account_id = ?`+s.dialect.lockRow(), []any{id}, &version)
}

// AccountVersions implements store.Versions.
func (s *Store) AccountVersions(ctx context.Context, id string, after, limit int) ([]store.AccountVersion, error) {
	const most = 500
	if limit < 1 || limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	var page []store.AccountVersion
	err := s.snapshot(ctx, "read versions of an account", func(q querier) error {
		if _, err := account(ctx, q, id); err != nil {
			return err
		}
		return each(ctx, q, `SELECT `+accountColumns+`, actor_kind, actor_id, reason FROM account_versions
			WHERE account_id = ? AND version > ? ORDER BY version LIMIT ?`, []any{id, after, limit}, func(scan func(...any) error) error {
			v := store.AccountVersion{}
			v.ID = id
			err := scan(&v.Kind, &v.Region, scanTime(&v.RegisteredAt), scanTime(&v.ClosedAt), &v.Version, scanTime(&v.RecordedAt),
				&v.Actor.Kind, &v.Actor.ID, &v.Reason)
			page = append(page, v)
			return err
		})
	})
	return page, err
}
