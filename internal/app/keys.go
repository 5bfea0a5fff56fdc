package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
)

// Admin works on the database beside a running program: keys, migrations.
type Admin struct {
	config config.Config
	store  *sqlstore.Store
	clock  Clock
}

// OpenAdmin opens the configured database. Close it.
func OpenAdmin(ctx context.Context, c config.Config, clock Clock) (*Admin, error) {
	s, err := openStore(ctx, c, clock)
	if err != nil {
		return nil, err
	}
	return &Admin{c, s, clock}, nil
}

// Close closes the database.
func (a *Admin) Close() error { return a.store.Close() }

// NewKey describes an API key to make.
type NewKey struct {
	Label    string
	Scopes   []api.Scope
	Accounts store.AccountSet // that it may reach; empty: all
	For      time.Duration    // until it expires; zero: never
}

// CreateKey makes an API key and returns its secret, which is shown this once.
func (a *Admin) CreateKey(ctx context.Context, k NewKey) (secret string, err error) {
	return createKey(ctx, a.store, a.clock, k)
}

func createKey(ctx context.Context, s *sqlstore.Store, clock Clock, k NewKey) (string, error) {
	secret, key, err := api.NewKey(k.Label, k.Scopes)
	if err != nil {
		return "", err
	}
	key.CreatedAt, key.Accounts = clock.Now(), k.Accounts
	if k.For > 0 {
		key.ExpiresAt = key.CreatedAt.Add(k.For)
	}
	if err := s.PutKey(ctx, key); err != nil {
		return "", fmt.Errorf("app: keep the key: %w", err)
	}
	return secret, nil
}

// Keys lists every key; their secrets are not known.
func (a *Admin) Keys(ctx context.Context) ([]store.Key, error) { return a.store.AllKeys(ctx) }

// RotateKey gives a key another secret and returns it, which is shown this once. The present one opens for the overlap as
// well; without one every old secret ends now. It fails with store.ErrNotFound, or ErrKeyEnded for a key that is disabled
// or expired.
func (a *Admin) RotateKey(ctx context.Context, id string, overlap time.Duration) (secret string, err error) {
	now := a.clock.Now()
	key, err := a.store.Key(ctx, id)
	if err != nil {
		return "", err
	}
	if key.Disabled || !key.ExpiresAt.IsZero() && !now.Before(key.ExpiresAt) {
		return "", ErrKeyEnded
	}
	secret, hash := api.NewSecret(id)
	_, _, err = a.store.ChangeKey(ctx, id, store.KeyChange{Hash: hash, At: now, OldUntil: now.Add(overlap)})
	return secret, err
}

// ErrKeyEnded means that a key opens nothing any more.
var ErrKeyEnded = errors.New("app: the key is disabled or expired")

// DisableKey closes a key for good. It fails with store.ErrNotFound.
func (a *Admin) DisableKey(ctx context.Context, id string) error {
	_, _, err := a.store.ChangeKey(ctx, id, store.KeyChange{Disable: true})
	return err
}

// Migrate brings the schemas of the data and, if it is on a server, of the database of keys up to date. It returns every
// step, the ones applied just now among them.
func (a *Admin) Migrate(ctx context.Context) (all []sqlstore.Migration, applied int, err error) {
	err = a.eachSchema(ctx, func(m migrating) error {
		versions, err := m.Migrate(ctx)
		applied += len(versions)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	all, err = a.Migrations(ctx)
	return all, applied, err
}

// Migrations lists every step of the same schemas without applying any.
func (a *Admin) Migrations(ctx context.Context) (all []sqlstore.Migration, err error) {
	err = a.eachSchema(ctx, func(m migrating) error {
		steps, err := m.Migrations(ctx)
		all = append(all, steps...)
		return err
	})
	return all, err
}

// eachSchema does something with the data, then with the keys. A file of keys is made and migrated by whoever opens it.
func (a *Admin) eachSchema(ctx context.Context, do func(migrating) error) error {
	if err := do(a.store); err != nil || !a.config.Vault.KeysURL.IsSet() {
		return err
	}
	keys, err := openKeyServer(ctx, a.config, a.clock)
	if err != nil {
		return err
	}
	if err := do(keys); err != nil {
		return errors.Join(fmt.Errorf("vault.keys_url: %w", err), keys.Close())
	}
	return keys.Close()
}
