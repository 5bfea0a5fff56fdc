package app

import (
	"context"
	"errors"
	"time"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/vault"
)

// ErrNotMigrated means that the schema is behind and may not be brought up to date here.
var ErrNotMigrated = errors.New("app: the database's schema is behind; run: verigate migrate")

// openStore opens the configured database.
func openStore(ctx context.Context, c config.Store, now func() time.Time) (*sqlstore.Store, error) {
	return sqlstore.Open(ctx, sqlstore.Config{Path: c.Path, Now: now})
}

func (a *App) startStore(ctx context.Context) (err error) {
	a.store, err = openStore(ctx, a.config.Store, a.clock.Now)
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

func migrated(ctx context.Context, s *sqlstore.Store) error {
	all, err := s.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.AppliedAt.IsZero() {
			return ErrNotMigrated
		}
	}
	return nil
}

// isGone reports that a row or a record is not there, as opposed to a database that does not answer.
func isGone(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, vault.ErrNotFound)
}
