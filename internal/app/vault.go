package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/transit"
)

// openVault opens the data keys of a configuration and the vault over a store. closeKeys closes where the keys lie.
func openVault(ctx context.Context, c config.Config, s *sqlstore.Store, clock Clock) (_ *vault.Sealed, closeKeys func() error, err error) {
	keyset, err := vault.ParseKeyset([]byte(c.Secrets.VaultKeyset.Reveal()))
	if err != nil {
		return nil, nil, fmt.Errorf("secrets.vault_keyset: %w", err)
	}
	kek, err := newKEK(c.Vault, keyset)
	if err != nil {
		return nil, nil, err
	}
	keys, err := openKeys(ctx, c, clock)
	if err != nil {
		return nil, nil, err
	}
	v, err := vault.New(vault.Config{Records: s.VaultRecords(), Keys: keys, KEK: kek, Keyset: keyset, Now: clock.Now})
	if err != nil {
		return nil, nil, errors.Join(err, keys.Close())
	}
	return v, keys.Close, nil
}

func newKEK(c config.Vault, keyset vault.Keyset) (vault.KEK, error) {
	before, err := keyset.KEK()
	if err != nil || c.KEK != config.KEKTransit {
		return before, err
	}
	t := c.Transit
	kek, err := transit.New(transit.Config{
		Address: t.Address, Mount: t.Mount, Key: t.Key, Namespace: t.Namespace, Token: t.Token.Reveal(), TokenFile: t.TokenFile,
		CAFile: t.CAFile, Timeout: t.Timeout,
	})
	if err != nil {
		return nil, fmt.Errorf("vault.transit: %w", err)
	}
	return vault.Moved(kek, before, vault.KeysetIDs), nil
}

// startVault opens the vault, finishes what a process that died has begun to destroy, and refuses to go on if keys are
// missing without which personal data cannot be read.
func (a *App) startVault(ctx context.Context) error {
	v, closeKeys, err := openVault(ctx, a.config, a.store, a.clock)
	if err != nil {
		return err
	}
	a.stack.push("vault", func(context.Context) error { return errors.Join(v.Close(), closeKeys()) })
	finished, err := v.FinishDestroying(ctx)
	if err != nil {
		return err
	}
	if finished > 0 {
		a.log.Info("data keys that were noted as destroyed are destroyed now", "count", finished)
	}
	switch away := v.Ping(ctx); {
	case errors.Is(away, vault.ErrUnavailable) && a.API != "":
		a.log.Warn("the key service cannot be used: decisions go on, names and numbers are neither read nor taken until it can", "error", away)
	default:
		if err := v.Check(ctx); err != nil {
			return fmt.Errorf("secrets.vault_keyset or vault.transit: %w", err)
		}
	}
	a.secrets, a.vault = v, v
	return nil
}
