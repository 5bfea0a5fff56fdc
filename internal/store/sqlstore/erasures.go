package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

const erasureColumns = `SELECT erasure_id, account_id, kinds, reason, rule, actor_kind, actor_id, requested_at, held, completed_at, key_id, signature FROM erasures `

func erasures(ctx context.Context, q querier, where string, args ...any) ([]store.Erasure, error) {
	var all []store.Erasure
	err := each(ctx, q, erasureColumns+where, args, func(scan func(...any) error) error {
		var e store.Erasure
		var kinds string
		var held *string
		if err := scan(&e.ID, &e.AccountID, &kinds, &e.Reason, &e.Rule, &e.Actor.Kind, &e.Actor.ID, scanTime(&e.RequestedAt), &held,
			scanTime(&e.CompletedAt), &e.KeyID, &e.Signature); err != nil {
			return err
		}
		if held == nil {
			held = new(string)
			*held = "null"
		}
		if json.Unmarshal([]byte(kinds), &e.Kinds) != nil || json.Unmarshal([]byte(*held), &e.Held) != nil {
			return fmt.Errorf("%w: an erasure is not readable", ErrDiverged)
		}
		all = append(all, e)
		return nil
	})
	return all, err
}

func erasure(ctx context.Context, q querier, id string) (store.Erasure, error) {
	found, err := erasures(ctx, q, `WHERE erasure_id = ?`, id)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Erasure{}, err
	}
	return found[0], nil
}

// RequestErasure implements store.Erasures.
func (s *Store) RequestErasure(ctx context.Context, e store.Erasure) (kept store.Erasure, err error) {
	if e.ID == "" || e.AccountID == "" || len(e.Kinds) == 0 || e.Reason == "" || e.RequestedAt.IsZero() {
		return kept, fmt.Errorf("%w: an erasure needs id, account, kinds, reason and instant", store.ErrInvalid)
	}
	if err := checkInstant("requested_at", e.RequestedAt); err != nil {
		return kept, err
	}
	kinds, err := encodeDetail("kinds", e.Kinds)
	if err != nil {
		return kept, err
	}
	err = s.write(ctx, "request an erasure", func(ctx context.Context, tx *transaction) error {
		if err := tx.vaultOf(ctx, e.AccountID); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `INSERT INTO erasures (erasure_id, account_id, kinds, reason, rule, actor_kind, actor_id, requested_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (erasure_id) DO NOTHING`,
			e.ID, e.AccountID, kinds, e.Reason, e.Rule, string(e.Actor.Kind), e.Actor.ID, instant(e.RequestedAt)); err != nil {
			return err
		}
		kept, err = erasure(ctx, tx, e.ID)
		return err
	})
	return kept, err
}

// Erasure implements store.Erasures.
func (s *Store) Erasure(ctx context.Context, id string) (store.Erasure, error) {
	e, err := erasure(ctx, reader{s}, id)
	return e, s.fault(ctx, "read an erasure", err)
}

// ErasuresOf implements store.Erasures.
func (s *Store) ErasuresOf(ctx context.Context, accountID string) ([]store.Erasure, error) {
	all, err := erasures(ctx, reader{s}, `WHERE account_id = ? ORDER BY position DESC LIMIT 500`, accountID)
	return all, s.fault(ctx, "list erasures", err)
}

// OpenErasures implements store.Erasures.
func (s *Store) OpenErasures(ctx context.Context, limit int) ([]store.Erasure, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	all, err := erasures(ctx, reader{s}, `WHERE completed_at IS NULL ORDER BY position LIMIT ?`, limit)
	return all, s.fault(ctx, "list erasures", err)
}

// HoldErasure implements store.Erasures.
func (s *Store) HoldErasure(ctx context.Context, id string, held []store.ErasedHolding) (store.Erasure, error) {
	if held == nil {
		held = []store.ErasedHolding{}
	}
	text, err := encodeDetail("held", held)
	if err != nil {
		return store.Erasure{}, err
	}
	return s.changeErasure(ctx, id, `UPDATE erasures SET held = ? WHERE erasure_id = ? AND held IS NULL`, text, id)
}

// CompleteErasure implements store.Erasures.
func (s *Store) CompleteErasure(ctx context.Context, id string, at time.Time, keyID string, signature []byte) (store.Erasure, error) {
	if at.IsZero() || keyID == "" || len(signature) == 0 {
		return store.Erasure{}, fmt.Errorf("%w: a completed erasure needs instant and signature", store.ErrInvalid)
	}
	return s.changeErasure(ctx, id, `UPDATE erasures SET completed_at = ?, key_id = ?, signature = ? WHERE erasure_id = ? AND completed_at IS NULL`,
		instant(at), keyID, signature, id)
}

func (s *Store) changeErasure(ctx context.Context, id, query string, args ...any) (changed store.Erasure, err error) {
	err = s.write(ctx, "change an erasure", func(ctx context.Context, tx *transaction) error {
		if _, err := tx.exec(ctx, query, args...); err != nil {
			return err
		}
		changed, err = erasure(ctx, tx, id)
		return err
	})
	return changed, err
}

// DueErasures implements store.Erasures.
func (s *Store) DueErasures(ctx context.Context, rule store.RetentionRule, kinds []string, before time.Time, limit int) ([]string, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	wanted, err := s.dialect.anyArg(kinds)
	if err != nil {
		return nil, fmt.Errorf("%w: kinds cannot be encoded", store.ErrInvalid)
	}
	holds := ` AND EXISTS (SELECT 1 FROM vault_records r WHERE r.account_id = x.account_id AND ` + s.dialect.anyOf("r.kind") + `)
		AND NOT EXISTS (SELECT 1 FROM erasures e WHERE e.account_id = x.account_id AND e.completed_at IS NULL)`
	query := `SELECT x.account_id FROM accounts x WHERE x.closed_at < ?` + holds + ` ORDER BY x.account_id LIMIT ?`
	if rule == store.RetentionConsents {
		// A consent that is in force, or that ended lately, keeps the details of all.
		query = `SELECT DISTINCT x.account_id FROM consents x WHERE x.ended_at < ?` + holds + ` AND NOT EXISTS
			(SELECT 1 FROM consents c WHERE c.account_id = x.account_id AND (c.ended_at IS NULL OR c.ended_at >= ?)) ORDER BY x.account_id LIMIT ?`
	}
	args := []any{bound(before), wanted}
	if rule == store.RetentionConsents {
		args = append(args, bound(before))
	}
	var all []string
	err = each(ctx, reader{s}, query, append(args, limit), func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		all = append(all, id)
		return err
	})
	return all, s.fault(ctx, "list due erasures", err)
}

// unlessErasing keeps a record out while an erasure of its kind goes on: it would be destroyed although nobody asked.
func unlessErasing(ctx context.Context, tx *transaction, rec vault.Record) error {
	open, err := erasures(ctx, tx, `WHERE account_id = ? AND completed_at IS NULL ORDER BY position`, rec.AccountID)
	if err != nil {
		return err
	}
	for _, e := range open {
		if slices.Contains(e.Kinds, string(rec.Kind)) {
			return vault.ErrErasing
		}
	}
	return nil
}
