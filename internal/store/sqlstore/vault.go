package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/verigate/verigate/internal/pause"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

// VaultRecords keeps the sealed records of the vault in the same database. It sees no plaintext and no key.
type VaultRecords struct {
	s *Store
}

var _ vault.Records = VaultRecords{}

// VaultRecords returns the part of the store that the vault seals its records into.
func (s *Store) VaultRecords() VaultRecords { return VaultRecords{s} }

// PutRecord implements vault.Records.
func (r VaultRecords) PutRecord(ctx context.Context, rec vault.Record) error {
	return vaultFault(r.s.write(ctx, "put a record", func(ctx context.Context, tx *transaction) error {
		if err := tx.vaultOf(ctx, rec.AccountID); err != nil {
			return err
		}
		if err := errors.Join(unlessDestroyed(ctx, tx, rec.KeyID), unlessErasing(ctx, tx, rec)); err != nil {
			return err
		}
		now, err := tx.now(ctx)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO vault_records (account_id, ref, kind, sealed, key_id, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
			rec.AccountID, rec.Ref, rec.Kind, rec.Sealed, rec.KeyID, instant(now))
		return err
	}))
}

// vaultOf has an account's records to itself: a record must not come between the look at what there is and its erasure.
func (t *transaction) vaultOf(ctx context.Context, accountID string) error {
	return t.alone(ctx, "vault", accountID)
}

// unlessDestroyed keeps a record from a key that is noted as destroyed.
func unlessDestroyed(ctx context.Context, tx *transaction, keyID string) error {
	var n int
	if err := row(ctx, tx, `SELECT COUNT(*) FROM destroyed_keys WHERE key_id = ?`, []any{keyID}, &n); err != nil {
		return err
	}
	if n > 0 {
		return vault.ErrKeyDestroyed
	}
	return nil
}

// Record implements vault.Records.
func (r VaultRecords) Record(ctx context.Context, accountID, ref string) (vault.Record, error) {
	rec := vault.Record{AccountID: accountID, Ref: ref}
	err := row(ctx, reader{r.s}, `SELECT kind, sealed, key_id FROM vault_records WHERE account_id = ? AND ref = ?`,
		[]any{accountID, ref}, &rec.Kind, &rec.Sealed, &rec.KeyID)
	if err != nil {
		return vault.Record{}, vaultFault(r.s.fault(ctx, "read a record", err))
	}
	return rec, nil
}

// DeleteRecord implements vault.Records. When it returns nil, no byte of the record is left in the database's files;
// an error means that some may be, and the same call again goes on.
func (r VaultRecords) DeleteRecord(ctx context.Context, accountID, ref string) error {
	return r.remove(ctx, "delete a record", func(ctx context.Context, tx *transaction) (int64, error) {
		return tx.exec(ctx, `DELETE FROM vault_records WHERE account_id = ? AND ref = ?`, accountID, ref)
	})
}

// remove runs a transaction that deletes, and has what it deleted scrubbed from the files.
func (r VaultRecords) remove(ctx context.Context, op string, do func(context.Context, *transaction) (int64, error)) error {
	deleted := false
	err := r.s.write(ctx, op, func(ctx context.Context, tx *transaction) error {
		n, err := do(ctx, tx)
		deleted = n > 0
		return err
	})
	if err != nil {
		return vaultFault(err)
	}
	if deleted {
		r.s.scrubs.Store(true)
	}
	return vaultFault(r.s.scrub(ctx))
}

// Holdings implements vault.Records.
func (r VaultRecords) Holdings(ctx context.Context, accountID string) ([]vault.Holding, error) {
	var all []vault.Holding
	err := each(ctx, reader{r.s}, `SELECT kind, key_id, COUNT(*), MIN(created_at) FROM vault_records WHERE account_id = ?
		GROUP BY kind, key_id ORDER BY kind, key_id`, []any{accountID}, func(scan func(...any) error) error {
		var h vault.Holding
		err := scan(&h.Kind, &h.KeyID, &h.Records, scanTime(&h.Oldest))
		all = append(all, h)
		return err
	})
	return all, vaultFault(r.s.fault(ctx, "list holdings", err))
}

// ForgetRecords implements vault.Records.
func (r VaultRecords) ForgetRecords(ctx context.Context, keys []vault.DestroyedKey, accountID string, old []vault.Kind) (int, error) {
	var forgotten int64
	err := r.remove(ctx, "forget records", func(ctx context.Context, tx *transaction) (int64, error) {
		forgotten = 0
		if err := tx.vaultOf(ctx, accountID); err != nil {
			return 0, err
		}
		for _, k := range keys {
			if err := noteDestroyed(ctx, tx, k); err != nil {
				return 0, err
			}
			n, err := tx.exec(ctx, `DELETE FROM vault_records WHERE account_id = ? AND key_id = ?`, accountID, k.ID)
			if err != nil {
				return 0, err
			}
			forgotten += n
		}
		for _, kind := range old {
			n, err := tx.exec(ctx, `DELETE FROM vault_records WHERE account_id = ? AND key_id = '' AND kind = ?`, accountID, kind)
			if err != nil {
				return 0, err
			}
			forgotten += n
		}
		return forgotten, nil
	})
	return int(forgotten), err
}

func noteDestroyed(ctx context.Context, tx *transaction, k vault.DestroyedKey) error {
	_, err := tx.exec(ctx, `INSERT INTO destroyed_keys (key_id, account_id, kind, destroyed_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.ID, k.AccountID, k.Kind, instant(k.DestroyedAt))
	return err
}

// NoteUnused implements vault.Records.
func (r VaultRecords) NoteUnused(ctx context.Context, k vault.DestroyedKey) (unused bool, err error) {
	err = r.s.write(ctx, "note a destroyed key", func(ctx context.Context, tx *transaction) error {
		if err := tx.vaultOf(ctx, k.AccountID); err != nil {
			return err
		}
		var n int
		if err := row(ctx, tx, `SELECT COUNT(*) FROM vault_records WHERE account_id = ? AND key_id = ?`, []any{k.AccountID, k.ID}, &n); err != nil {
			return err
		}
		if unused = n == 0; unused {
			return noteDestroyed(ctx, tx, k)
		}
		return nil
	})
	return unused && err == nil, vaultFault(err)
}

// DestroyedKeys implements vault.Records.
func (r VaultRecords) DestroyedKeys(ctx context.Context, after string, limit int) ([]vault.DestroyedKey, error) {
	var all []vault.DestroyedKey
	err := each(ctx, reader{r.s}, `SELECT key_id, account_id, kind, destroyed_at FROM destroyed_keys WHERE key_id > ? ORDER BY key_id LIMIT ?`,
		[]any{after, limit}, func(scan func(...any) error) error {
			var k vault.DestroyedKey
			err := scan(&k.ID, &k.AccountID, &k.Kind, scanTime(&k.DestroyedAt))
			all = append(all, k)
			return err
		})
	return all, vaultFault(r.s.fault(ctx, "list destroyed keys", err))
}

const (
	scrubPatience = 5 * time.Second       // how long scrub waits for readers to let go of old pages
	scrubPause    = 20 * time.Millisecond // between its tries, for writers to go on
)

// scrub removes from the files what was deleted since the last time.
func (s *Store) scrub(ctx context.Context) error {
	s.scrubbing.Lock() // who finds nothing left to do must not return before the other is done
	defer s.scrubbing.Unlock()
	if !s.scrubs.Swap(false) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, scrubPatience)
	defer cancel()
	for {
		err := s.dialect.scrub(ctx, s.writer)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errBusyReaders), pause.For(ctx, scrubPause) != nil:
			s.scrubs.Store(true)
			return s.fault(ctx, "scrub", err)
		}
	}
}

// vaultFault says in the vault's words what the store said in its own.
func vaultFault(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return vault.ErrNotFound
	case errors.Is(err, store.ErrUnavailable):
		return errors.Join(vault.ErrUnavailable, err)
	default:
		return err
	}
}
