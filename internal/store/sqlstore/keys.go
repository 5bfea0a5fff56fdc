package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// PutKey implements store.Keys.
func (s *Store) PutKey(ctx context.Context, k store.Key) error {
	if k.ID == "" || len(k.Hash) == 0 {
		return fmt.Errorf("%w: a key needs an id and a hash", store.ErrInvalid)
	}
	if err := errors.Join(checkInstant("created_at", k.CreatedAt), checkInstant("expires_at", k.ExpiresAt)); err != nil {
		return err
	}
	if err := k.Accounts.Check(); err != nil {
		return err
	}
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return fmt.Errorf("%w: scopes cannot be encoded", store.ErrInvalid)
	}
	accounts, err := json.Marshal(append([]string{}, k.Accounts...))
	if err != nil {
		return fmt.Errorf("%w: accounts cannot be encoded", store.ErrInvalid)
	}
	return s.write(ctx, "put a key", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `INSERT INTO api_keys (key_id, hash, label, scopes, accounts, created_at, expires_at, disabled)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (key_id) DO UPDATE SET label = excluded.label, scopes = excluded.scopes, expires_at = excluded.expires_at,
			disabled = excluded.disabled WHERE api_keys.hash = excluded.hash`,
			k.ID, k.Hash, k.Label, string(scopes), string(accounts), instant(k.CreatedAt), instant(k.ExpiresAt), flag(k.Disabled))
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: another key has this id", store.ErrConflict)
		}
		return err
	})
}

const keyQuery = `SELECT key_id, hash, label, scopes, accounts, created_at, expires_at, disabled, last_used_at, old_secrets FROM api_keys `

// Key implements store.Keys.
func (s *Store) Key(ctx context.Context, id string) (store.Key, error) {
	return s.oneKey(ctx, reader{s}, id, "")
}

func (s *Store) oneKey(ctx context.Context, q querier, id, lock string) (store.Key, error) {
	keys, err := s.keys(ctx, q, keyQuery+`WHERE key_id = ?`+lock, id)
	switch {
	case err != nil:
		return store.Key{}, err
	case len(keys) == 0:
		return store.Key{}, store.ErrNotFound
	}
	return keys[0], nil
}

// AllKeys implements store.Keys.
func (s *Store) AllKeys(ctx context.Context) ([]store.Key, error) {
	return s.keys(ctx, reader{s}, keyQuery+`ORDER BY created_at, key_id`)
}

func (s *Store) keys(ctx context.Context, q querier, query string, args ...any) ([]store.Key, error) {
	var all []store.Key
	err := each(ctx, q, query, args, func(scan func(...any) error) error {
		var k store.Key
		var scopes, accounts, old []byte
		var disabled int
		if err := scan(&k.ID, &k.Hash, &k.Label, &scopes, &accounts, scanTime(&k.CreatedAt), scanTime(&k.ExpiresAt), &disabled,
			scanTime(&k.LastUsedAt), &old); err != nil {
			return err
		}
		if err := json.Unmarshal(scopes, &k.Scopes); err != nil {
			return fmt.Errorf("%w: scopes of a key are not readable", ErrDiverged)
		}
		// A set that cannot be read must not be taken for none, which bounds nothing.
		if err := json.Unmarshal(accounts, &k.Accounts); err != nil || k.Accounts == nil {
			return fmt.Errorf("%w: accounts of a key are not readable", ErrDiverged)
		}
		if len(k.Accounts) == 0 {
			k.Accounts = nil
		}
		if err := json.Unmarshal(old, &k.Old); err != nil {
			return fmt.Errorf("%w: old secrets of a key are not readable", ErrDiverged)
		}
		if len(k.Old) == 0 {
			k.Old = nil
		}
		k.Disabled = disabled != 0
		all = append(all, k)
		return nil
	})
	return all, s.fault(ctx, "read keys", err)
}

// ChangeKey implements store.Keys.
func (s *Store) ChangeKey(ctx context.Context, id string, c store.KeyChange) (before, after store.Key, err error) {
	if err := errors.Join(checkInstant("expires_at", c.ExpiresAt), checkInstant("at", c.At), checkInstant("old_until", c.OldUntil)); err != nil {
		return before, after, err
	}
	err = s.write(ctx, "change a key", func(ctx context.Context, tx *transaction) error {
		if before, err = s.oneKey(ctx, tx, id, s.dialect.lockRow()); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `UPDATE api_keys SET expires_at = COALESCE(?, expires_at), disabled = CASE WHEN ? = 1 THEN 1 ELSE disabled END
			WHERE key_id = ?`, instant(c.ExpiresAt), flag(c.Disable), id)
		if err == nil && len(c.Hash) > 0 {
			err = rotateKey(ctx, tx, before, c)
		}
		if err == nil {
			after, err = s.oneKey(ctx, tx, id, "")
		}
		return err
	})
	return before, after, err
}

// rotateKey gives a key another secret.
func rotateKey(ctx context.Context, tx *transaction, k store.Key, c store.KeyChange) error {
	old := []store.OldSecret{}
	if c.OldUntil.After(c.At) {
		old = slices.DeleteFunc(append(k.Old, store.OldSecret{Hash: k.Hash, Until: c.OldUntil}), func(o store.OldSecret) bool { return !o.Until.After(c.At) })
		slices.SortStableFunc(old, func(a, b store.OldSecret) int { return a.Until.Compare(b.Until) })
		old = old[max(0, len(old)-store.MaxOldSecrets):]
	}
	text, err := json.Marshal(old)
	if err != nil {
		return fmt.Errorf("%w: old secrets cannot be encoded", store.ErrInvalid)
	}
	_, err = tx.exec(ctx, `UPDATE api_keys SET hash = ?, old_secrets = ? WHERE key_id = ?`, c.Hash, string(text), k.ID)
	return err
}

// TouchKey implements store.Keys.
func (s *Store) TouchKey(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, "touch a key", func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `UPDATE api_keys SET last_used_at = ? WHERE key_id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
			bound(at), id, bound(at))
		return err
	})
}
