package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

// schema says which tables a file has.
type schema int

const (
	dataSchema schema = iota
	keySchema
)

// KeyFile keeps wrapped data keys in an SQLite file or a PostgreSQL database of its own, apart from what they seal.
type KeyFile struct {
	s *Store
}

var _ vault.Keys = KeyFile{}

// OpenKeys opens the key file, made if it is not there, or the database of keys, and brings its schema up to date. It fails
// with ErrTogether if data is there.
func OpenKeys(ctx context.Context, c Config) (KeyFile, error) {
	f, err := OpenKeysAsTheyAre(ctx, c)
	if err != nil {
		return KeyFile{}, err
	}
	if _, err := f.Migrate(ctx); err != nil {
		return KeyFile{}, errors.Join(fmt.Errorf("the data keys: %w", err), f.Close())
	}
	return f, nil
}

// OpenKeysAsTheyAre is OpenKeys without a change of the schema: see Migrate.
func OpenKeysAsTheyAre(ctx context.Context, c Config) (KeyFile, error) {
	s, err := Open(ctx, c)
	if err != nil {
		return KeyFile{}, fmt.Errorf("the data keys: %w", err)
	}
	s.schema = keySchema
	return KeyFile{s}, nil
}

// Migrate is Store.Migrate.
func (f KeyFile) Migrate(ctx context.Context) ([]int64, error) { return f.s.Migrate(ctx) }

// Migrations is Store.Migrations, with names that begin with keys/.
func (f KeyFile) Migrations(ctx context.Context) ([]Migration, error) {
	all, err := f.s.Migrations(ctx)
	for i := range all {
		all[i].Name = "keys/" + all[i].Name
	}
	return all, err
}

// Close closes the file.
func (f KeyFile) Close() error { return f.s.Close() }

const keyColumns = `SELECT key_id, account_id, kind, wrapped, kek_id, current, created_at, destroyed_at FROM data_keys `

func (f KeyFile) list(ctx context.Context, q querier, where string, args ...any) ([]vault.DataKey, error) {
	var all []vault.DataKey
	err := each(ctx, q, keyColumns+where, args, func(scan func(...any) error) error {
		var k vault.DataKey
		err := scan(&k.ID, &k.AccountID, &k.Kind, &k.Wrapped, &k.KEK, &k.Current, scanTime(&k.CreatedAt), scanTime(&k.DestroyedAt))
		all = append(all, k)
		return err
	})
	return all, err
}

func (f KeyFile) one(ctx context.Context, where string, args ...any) (vault.DataKey, error) {
	all, err := f.list(ctx, reader{f.s}, where, args...)
	if err == nil && len(all) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return vault.DataKey{}, vaultFault(f.s.fault(ctx, "read a data key", err))
	}
	return all[0], nil
}

// CurrentKey implements vault.Keys.
func (f KeyFile) CurrentKey(ctx context.Context, accountID string, kind vault.Kind) (vault.DataKey, error) {
	return f.one(ctx, `WHERE account_id = ? AND kind = ? AND current = 1`, accountID, kind)
}

// DataKey implements vault.Keys.
func (f KeyFile) DataKey(ctx context.Context, id string) (vault.DataKey, error) {
	return f.one(ctx, `WHERE key_id = ?`, id)
}

// AddKey implements vault.Keys.
func (f KeyFile) AddKey(ctx context.Context, k vault.DataKey, instead string) (kept vault.DataKey, err error) {
	if k.ID == "" || k.AccountID == "" || !k.Kind.Valid() || len(k.Wrapped) == 0 || k.KEK == "" {
		return kept, fmt.Errorf("%w: a data key needs id, account, kind, the wrapped key and what wrapped it", store.ErrInvalid)
	}
	err = f.s.write(ctx, "add a data key", func(ctx context.Context, tx *transaction) error {
		if err := tx.vaultOf(ctx, k.AccountID); err != nil {
			return err
		}
		there, err := f.list(ctx, tx, `WHERE account_id = ? AND kind = ? AND current = 1`, k.AccountID, k.Kind)
		if err != nil {
			return err
		}
		if len(there) > 0 && there[0].ID != instead {
			kept = there[0]
			return nil
		}
		if len(there) > 0 {
			if _, err := tx.exec(ctx, `UPDATE data_keys SET current = 0 WHERE key_id = ?`, instead); err != nil {
				return err
			}
		}
		kept = k
		_, err = tx.exec(ctx, `INSERT INTO data_keys (key_id, account_id, kind, wrapped, kek_id, current, created_at) VALUES (?, ?, ?, ?, ?, 1, ?)`,
			k.ID, k.AccountID, k.Kind, k.Wrapped, k.KEK, instant(k.CreatedAt))
		return err
	})
	return kept, vaultFault(err)
}

// DestroyKeys implements vault.Keys.
func (f KeyFile) DestroyKeys(ctx context.Context, at time.Time, ids ...string) error {
	return VaultRecords(f).remove(ctx, "destroy data keys", func(ctx context.Context, tx *transaction) (int64, error) {
		var destroyed int64
		for _, id := range ids {
			n, err := tx.exec(ctx, `UPDATE data_keys SET wrapped = NULL, current = 0, destroyed_at = ? WHERE key_id = ? AND destroyed_at IS NULL`,
				instant(at), id)
			if err != nil {
				return 0, err
			}
			destroyed += n
		}
		return destroyed, nil
	})
}

// ListKeys implements vault.Keys.
func (f KeyFile) ListKeys(ctx context.Context, filter vault.KeyFilter) ([]vault.DataKey, error) {
	if filter.Limit < 1 || filter.Limit > 1000 {
		return nil, fmt.Errorf("%w: Limit is %d, not 1 to 1000", store.ErrInvalid, filter.Limit)
	}
	where, args := []string{"destroyed_at IS NULL", "key_id > ?"}, []any{filter.After}
	add := func(on bool, condition string, values ...any) {
		if on {
			where, args = append(where, condition), append(args, values...)
		}
	}
	add(filter.AccountID != "", "account_id = ?", filter.AccountID)
	add(filter.Retired, "current = 0")
	add(filter.Current, "current = 1")
	add(filter.NotKEK != "", "kek_id <> ?", filter.NotKEK)
	add(!filter.Before.IsZero(), "created_at < ?", instant(filter.Before))
	if len(filter.IDs) > 0 {
		wanted, err := f.s.dialect.anyArg(filter.IDs)
		if err != nil {
			return nil, fmt.Errorf("%w: IDs cannot be encoded", store.ErrInvalid)
		}
		add(true, f.s.dialect.anyOf("key_id"), wanted)
	}
	all, err := f.list(ctx, reader{f.s}, `WHERE `+strings.Join(where, " AND ")+` ORDER BY key_id LIMIT ?`, append(args, filter.Limit)...)
	return all, vaultFault(f.s.fault(ctx, "list data keys", err))
}

// RewrapKey implements vault.Keys.
func (f KeyFile) RewrapKey(ctx context.Context, was vault.DataKey, wrapped []byte, kek string) (done bool, err error) {
	err = f.s.write(ctx, "wrap a data key anew", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `UPDATE data_keys SET wrapped = ?, kek_id = ? WHERE key_id = ? AND kek_id = ? AND wrapped = ?`,
			wrapped, kek, was.ID, was.KEK, was.Wrapped)
		done = n > 0
		return err
	})
	return done, vaultFault(err)
}

// CountKeys implements vault.Keys.
func (f KeyFile) CountKeys(ctx context.Context) (living []vault.KeyCount, destroyed int, err error) {
	err = f.s.snapshot(ctx, "count data keys", func(q querier) error {
		if err := each(ctx, q, `SELECT kek_id, COUNT(*) FROM data_keys WHERE destroyed_at IS NULL GROUP BY kek_id ORDER BY kek_id`, nil,
			func(scan func(...any) error) error {
				var c vault.KeyCount
				err := scan(&c.KEK, &c.Keys)
				living = append(living, c)
				return err
			}); err != nil {
			return err
		}
		return row(ctx, q, `SELECT COUNT(*) FROM data_keys WHERE destroyed_at IS NOT NULL`, nil, &destroyed)
	})
	return living, destroyed, vaultFault(err)
}
