package sqlstore

import (
	"context"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

func (r VaultRecords) list(ctx context.Context, where string, args ...any) ([]vault.Record, error) {
	var all []vault.Record
	err := each(ctx, reader{r.s}, `SELECT account_id, ref, kind, key_id, sealed FROM vault_records WHERE `+where, args,
		func(scan func(...any) error) error {
			var rec vault.Record
			err := scan(&rec.AccountID, &rec.Ref, &rec.Kind, &rec.KeyID, &rec.Sealed)
			all = append(all, rec)
			return err
		})
	return all, vaultFault(r.s.fault(ctx, "list records", err))
}

// RecordsUnder implements vault.Records.
func (r VaultRecords) RecordsUnder(ctx context.Context, accountID, keyID string, limit int) ([]vault.Record, error) {
	return r.list(ctx, `account_id = ? AND key_id = ? ORDER BY ref LIMIT ?`, accountID, keyID, limit)
}

// OldRecords implements vault.Records.
func (r VaultRecords) OldRecords(ctx context.Context, afterAccount, afterRef string, limit int) ([]vault.Record, error) {
	return r.list(ctx, `key_id = '' AND (account_id, ref) > (?, ?) ORDER BY account_id, ref LIMIT ?`, afterAccount, afterRef, limit)
}

// ResealRecord implements vault.Records.
func (r VaultRecords) ResealRecord(ctx context.Context, rec vault.Record, from string) (done bool, err error) {
	err = r.s.write(ctx, "seal a record anew", func(ctx context.Context, tx *transaction) error {
		if err := tx.vaultOf(ctx, rec.AccountID); err != nil {
			return err
		}
		if err := unlessDestroyed(ctx, tx, rec.KeyID); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `UPDATE vault_records SET sealed = ?, key_id = ? WHERE account_id = ? AND ref = ? AND kind = ? AND key_id = ?`,
			rec.Sealed, rec.KeyID, rec.AccountID, rec.Ref, rec.Kind, from)
		done = n > 0
		return err
	})
	return done, vaultFault(err)
}

// CountRecords implements vault.Records.
func (r VaultRecords) CountRecords(ctx context.Context) (all, old int, err error) {
	err = row(ctx, reader{r.s}, `SELECT (SELECT COUNT(*) FROM vault_records), (SELECT COUNT(*) FROM vault_records WHERE key_id = '')`, nil, &all, &old)
	return all, old, vaultFault(r.s.fault(ctx, "count records", err))
}

// SealedSecrets implements vault.Records: those that sign webhooks.
func (r VaultRecords) SealedSecrets(ctx context.Context) ([]vault.SealedSecret, error) {
	var all []vault.SealedSecret
	err := each(ctx, reader{r.s}, `SELECT webhook_id, secret_id, sealed FROM webhook_secrets ORDER BY position`, nil,
		func(scan func(...any) error) error {
			var webhook, id string
			var s vault.SealedSecret
			err := scan(&webhook, &id, &s.Sealed)
			s.Name = store.WebhookSecretName(webhook, id)
			all = append(all, s)
			return err
		})
	return all, vaultFault(r.s.fault(ctx, "list secrets", err))
}

// ResealSecret implements vault.Records.
func (r VaultRecords) ResealSecret(ctx context.Context, was vault.SealedSecret, sealed []byte) (done bool, err error) {
	err = r.s.write(ctx, "seal a secret anew", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `UPDATE webhook_secrets SET sealed = ? WHERE sealed = ?`, sealed, was.Sealed)
		done = n > 0
		return err
	})
	return done, vaultFault(err)
}
