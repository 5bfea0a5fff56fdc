package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store/sqlstore"
)

// Elsewhere are servers that a demonstration uses in place of files beside it. The zero value is none.
type Elsewhere struct {
	Store     string `json:"store_url"` // PostgreSQL, an empty database
	Keys      string `json:"keys_url"`  // PostgreSQL, another one, of data keys
	Temporal  string `json:"temporal"`  // host:port of a frontend
	Namespace string `json:"namespace"` // at it; made where it is missing
}

// Errors of servers that a demonstration cannot use.
var (
	ErrNotEmpty  = errors.New("app: a demonstration fills its own database; name an empty one")
	ErrElsewhere = errors.New("app: this demonstration began on other servers; --fresh begins a new one, on empty databases")
)

// elsewhereFile remembers them, so that the next run and the commands beside it find the data.
const elsewhereFile = "elsewhere.json"

// Use has the demonstration use servers. Those of an earlier run stay where none are named; others are refused, and so is a
// database that holds anything: it is somebody's.
func (d DemoDir) Use(ctx context.Context, e Elsewhere, log *slog.Logger) error {
	if e == (Elsewhere{}) {
		return nil
	}
	var before Elsewhere
	known, err := readJSON(d.file(elsewhereFile), &before)
	if err != nil {
		return err
	}
	if known && before != e {
		return ErrElsewhere
	}
	c := config.Default()
	e.set(&c)
	if !known {
		if err := empty(ctx, c); err != nil {
			return err
		}
	}
	if c.Temporal.Mode == config.Remote {
		if err := prepareRemote(ctx, c, log); err != nil {
			return err
		}
	}
	return writeJSON(d.file(elsewhereFile), e)
}

// empty makes sure that nothing lies in the databases yet.
func empty(ctx context.Context, c config.Config) (err error) {
	if c.Store.Driver != config.Postgres {
		return nil
	}
	data, err := openStore(ctx, c, Clock{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	keys, err := openKeyServer(ctx, c, Clock{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	for name, m := range map[string]migrating{"--store-url": data, "--keys-url": keys} {
		all, err := m.Migrations(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if slices.ContainsFunc(all, func(one sqlstore.Migration) bool { return !one.AppliedAt.IsZero() }) {
			return fmt.Errorf("%s: %w", name, ErrNotEmpty)
		}
	}
	return nil
}

// set writes the servers into a configuration.
func (e Elsewhere) set(c *config.Config) {
	if e.Store != "" {
		c.Store.Driver, c.Store.URL, c.Vault.KeysURL = config.Postgres, config.NewSecret(e.Store), config.NewSecret(e.Keys)
	}
	if e.Temporal != "" {
		c.Temporal.Mode, c.Temporal.Address, c.Temporal.Namespace = config.Remote, e.Temporal, e.Namespace
	}
}

// elsewhere writes the servers that the demonstration uses into its configuration.
func (d DemoDir) elsewhere(c *config.Config) error {
	var e Elsewhere
	if _, err := readJSON(d.file(elsewhereFile), &e); err != nil {
		return err
	}
	e.set(c)
	return nil
}
