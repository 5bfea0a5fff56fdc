package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/vault"
)

// ErrNotMigrated means that the schema is behind and may not be brought up to date here.
var ErrNotMigrated = errors.New("app: the database's schema is behind; run: verigate migrate")

// openStore opens the configured database. PostgreSQL's clock is the server's, shifted as the program's.
func openStore(ctx context.Context, c config.Config, clock Clock) (*sqlstore.Store, error) {
	if c.Store.Driver != config.Postgres {
		return sqlstore.Open(ctx, sqlstore.Config{Path: c.Store.Path, Now: clock.Now})
	}
	s, err := sqlstore.Open(ctx, postgres(c.Store, c.Store.URL, clock))
	if err != nil {
		return nil, fmt.Errorf("store.url: %w", err)
	}
	return s, nil
}

// openKeys opens where the data keys lie. The schema of a file is brought up to date, that of a database if store.migrate
// says so: the role of a program that serves need not be allowed to.
func openKeys(ctx context.Context, c config.Config, clock Clock) (sqlstore.KeyFile, error) {
	if !c.Vault.KeysURL.IsSet() {
		keys, err := sqlstore.OpenKeys(ctx, sqlstore.Config{Path: c.KeysFile(), Now: clock.Now})
		if err != nil {
			return keys, fmt.Errorf("vault.keys_path: %w", err)
		}
		return keys, nil
	}
	keys, err := openKeyServer(ctx, c, clock)
	if err != nil {
		return keys, err
	}
	if c.Store.Migrate {
		_, err = keys.Migrate(ctx)
	} else {
		err = migrated(ctx, keys)
	}
	if err != nil {
		return sqlstore.KeyFile{}, errors.Join(fmt.Errorf("vault.keys_url: %w", err), keys.Close())
	}
	return keys, nil
}

func openKeyServer(ctx context.Context, c config.Config, clock Clock) (sqlstore.KeyFile, error) {
	keys, err := sqlstore.OpenKeysAsTheyAre(ctx, postgres(c.Store, c.Vault.KeysURL, clock))
	if err != nil {
		return keys, fmt.Errorf("vault.keys_url: %w", err)
	}
	return keys, nil
}

func postgres(c config.Store, url config.Secret, clock Clock) sqlstore.Config {
	return sqlstore.Config{URL: url.Reveal(), Shift: clock.Offset, Connections: c.Connections, StatementTimeout: c.StatementTimeout}
}

func (a *App) startStore(ctx context.Context) (err error) {
	a.store, err = openStore(ctx, a.config, a.clock)
	if err != nil {
		return err
	}
	a.stack.push("store", func(context.Context) error { return a.store.Close() })
	if a.config.Store.Migrate {
		_, err = a.store.Migrate(ctx)
	} else {
		err = migrated(ctx, a.store)
	}
	if err != nil {
		return err
	}
	if err := a.startVault(ctx); err != nil {
		return err
	}
	a.sweeper = enforce.New(a.store, rulebook.New(a.store), a.clock.Now)
	return nil
}

// migrating is a database with a schema.
type migrating interface {
	Migrate(ctx context.Context) ([]int64, error)
	Migrations(ctx context.Context) ([]sqlstore.Migration, error)
}

func migrated(ctx context.Context, m migrating) error {
	all, err := m.Migrations(ctx)
	if err != nil {
		return err
	}
	if (Migrated{Schema: all}).Pending() {
		return ErrNotMigrated
	}
	return nil
}

// isGone reports that a row or a record is not there, as opposed to a database that does not answer.
func isGone(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, vault.ErrNotFound)
}
