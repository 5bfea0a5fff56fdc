package sqlstore

import (
	"context"
	"errors"
	"time"

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
		_, err := tx.exec(ctx, `INSERT INTO vault_records (account_id, ref, kind, sealed, created_at) VALUES (?, ?, ?, ?, ?)`,
			rec.AccountID, rec.Ref, rec.Kind, rec.Sealed, instant(r.s.now()))
		return err
	}))
}

// Record implements vault.Records.
func (r VaultRecords) Record(ctx context.Context, accountID, ref string) (vault.Record, error) {
	rec := vault.Record{AccountID: accountID, Ref: ref}
	err := row(ctx, reader{r.s}, `SELECT kind, sealed FROM vault_records WHERE account_id = ? AND ref = ?`, []any{accountID, ref},
		&rec.Kind, &rec.Sealed)
	if err != nil {
		return vault.Record{}, vaultFault(r.s.fault(ctx, "read a record", err))
	}
	return rec, nil
}

// DeleteRecord implements vault.Records. When it returns nil, no byte of the record is left in the database's files;
// an error means that some may be, and the same call again goes on.
func (r VaultRecords) DeleteRecord(ctx context.Context, accountID, ref string) error {
	deleted := false
	err := r.s.write(ctx, "delete a record", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `DELETE FROM vault_records WHERE account_id = ? AND ref = ?`, accountID, ref)
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
		case !errors.Is(err, errBusyReaders), !pause(ctx, scrubPause):
			s.scrubs.Store(true)
			return s.fault(ctx, "scrub", err)
		}
	}
}

// pause reports whether d went by before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
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
