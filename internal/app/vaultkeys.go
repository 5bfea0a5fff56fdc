package app

import (
	"context"
	"errors"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/vault"
)

// VaultKeys works on the keys of personal data beside a running program.
type VaultKeys struct {
	*vault.Sealed
	store     *sqlstore.Store
	closeKeys func() error
}

// OpenVaultKeys opens the configured databases, and finishes what a process that died has begun to destroy. Close it.
func OpenVaultKeys(ctx context.Context, c config.Config, clock Clock) (_ *VaultKeys, err error) {
	s, err := openStore(ctx, c, clock)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := migrated(ctx, s); err != nil {
		return nil, err
	}
	v, closeKeys, err := openVault(ctx, c, s, clock)
	if err != nil {
		return nil, err
	}
	if _, err := v.FinishDestroying(ctx); err != nil {
		return nil, errors.Join(err, closeKeys())
	}
	return &VaultKeys{v, s, closeKeys}, nil
}

// Close closes the databases.
func (v *VaultKeys) Close() error {
	return errors.Join(v.Sealed.Close(), v.closeKeys(), v.store.Close())
}
