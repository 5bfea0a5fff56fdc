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
	var result store.PutResult
	err := s.write(ctx, "close an account", func(ctx context.Context, tx *transaction) error {
		result = store.Unchanged
		if err := lockAccount(ctx, tx, c.AccountID); err != nil {
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
		now, err := tx.now(ctx)
		if err != nil {
			return err
		}
		next.ClosedAt = c.ClosedAt.UTC()
		next.Version, next.RecordedAt, result = known.Version+1, later(now, known.RecordedAt), store.Updated
		return writeVersion(ctx, tx, next, store.PutAccount{Actor: c.Actor, Reason: c.Reason})
	})
	if err != nil {
		return store.Account{}, "", err
	}
	return next, result, nil
}

func lockAccount(ctx context.Context, tx *transaction, id string) error {
	var version int
	return row(ctx, tx, `SELECT version FROM accounts WHERE account_id = ?`+tx.s.dialect.lockRow(), []any{id}, &version)
}

// lockAccounts locks those of several accounts that there are, in one order.
func lockAccounts(ctx context.Context, tx *transaction, ids []string) error {
	if tx.s.turn != nil {
		return nil // nobody else writes
	}
	wanted, err := tx.s.dialect.anyArg(ids)
	if err != nil {
		return err
	}
	return each(ctx, tx, `SELECT version FROM accounts WHERE `+tx.s.dialect.anyOf("account_id")+` ORDER BY account_id`+tx.s.dialect.lockRow(),
		[]any{wanted}, func(func(...any) error) error { return nil })
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
