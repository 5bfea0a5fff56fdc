package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// PutExtension implements store.Accounts.
func (s *Store) PutExtension(ctx context.Context, e policy.Extension, actor lifecycle.Actor, reason string) error {
	if err := checkExtension(e); err != nil {
		return err
	}
	return s.write(ctx, "grant an extension", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `INSERT INTO extensions (extension_id, account_id, rule_id, until, granted_at, recorded_at,
			actor_kind, actor_id, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (extension_id) DO NOTHING`,
			e.ID, e.AccountID, e.RuleID, instant(e.Until), instant(e.GrantedAt), instant(s.now()),
			string(actor.Kind), actor.ID, reason)
		if err != nil || n == 1 {
			return err
		}
		first := policy.Extension{ID: e.ID}
		err = row(ctx, tx, `SELECT account_id, rule_id, until, granted_at FROM extensions WHERE extension_id = ?`, []any{e.ID},
			&first.AccountID, &first.RuleID, scanTime(&first.Until), scanTime(&first.GrantedAt))
		if err != nil {
			return err
		}
		if first.AccountID != e.AccountID || first.RuleID != e.RuleID || !first.Until.Equal(e.Until) || !first.GrantedAt.Equal(e.GrantedAt) {
			return errOtherExtension
		}
		return nil
	})
}

// Extensions implements store.Accounts.
func (s *Store) Extensions(ctx context.Context, accountID string) ([]policy.Extension, error) {
	all, err := extensions(ctx, reader{s}, accountID, maxInstant)
	return all, s.fault(ctx, "read extensions", err)
}

// extensions returns an account's extensions that were recorded by an instant, by instant of grant.
func extensions(ctx context.Context, q querier, accountID string, recordedBy int64) ([]policy.Extension, error) {
	var all []policy.Extension
	err := each(ctx, q, `SELECT extension_id, rule_id, until, granted_at FROM extensions
		WHERE account_id = ? AND recorded_at <= ? ORDER BY granted_at, extension_id`, []any{accountID, recordedBy},
		func(scan func(...any) error) error {
			e := policy.Extension{AccountID: accountID}
			err := scan(&e.ID, &e.RuleID, scanTime(&e.Until), scanTime(&e.GrantedAt))
			all = append(all, e)
			return err
		})
	return all, err
}

func checkExtension(e policy.Extension) error {
	switch {
	case e.ID == "", e.AccountID == "":
		return fmt.Errorf("%w: an extension needs an id and an account", store.ErrInvalid)
	case e.Until.IsZero():
		return fmt.Errorf("%w: until is missing", store.ErrInvalid)
	}
	return errors.Join(checkInstant("until", e.Until), checkInstant("granted_at", e.GrantedAt))
}
