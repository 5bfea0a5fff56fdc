package sqlstore

import (
	"context"
	"fmt"

	"github.com/verigate/verigate/internal/store"
)

// AuditProof implements store.Audit.
func (s *Store) AuditProof(ctx context.Context) (store.AuditProof, error) {
	var p store.AuditProof
	err := s.atRest(ctx, "read where the logs end", func(q querier) error {
		head, _, err := s.auditHead(ctx, q, "")
		if err != nil {
			return err
		}
		p.Entries, p.Hash = head.Number, head.Hash
		if err := row(ctx, q, `SELECT COALESCE(MAX(position), 0) FROM events`, nil, &p.Position); err != nil {
			return err
		}
		digest := store.NewEndsDigest()
		err = each(ctx, q, `SELECT account_id, seq, head_hash FROM accounts WHERE seq > 0 ORDER BY account_id`, nil,
			func(scan func(...any) error) error {
				var e store.LogEnd
				err := scan(&e.AccountID, &e.Number, &e.Hash)
				digest.Add(e)
				return err
			})
		p.Accounts, p.Digest = digest.Accounts, digest.Sum()
		return err
	})
	if err != nil {
		return store.AuditProof{}, err
	}
	return p, nil
}

// PutCheckpoint implements store.Audit.
func (s *Store) PutCheckpoint(ctx context.Context, c store.Checkpoint) error {
	if c.At.IsZero() || c.KeyID == "" || len(c.Signature) == 0 || len(c.Digest) == 0 {
		return fmt.Errorf("%w: a checkpoint needs an instant, a digest and a signature", store.ErrInvalid)
	}
	if err := checkInstant("at", c.At); err != nil {
		return err
	}
	return s.write(ctx, "put a checkpoint", func(ctx context.Context, tx *transaction) error {
		var last int64
		if err := row(ctx, tx, `SELECT COALESCE(MAX(number), 0) FROM audit_checkpoints`, nil, &last); err != nil {
			return err
		}
		if c.Number != last+1 {
			return fmt.Errorf("%w: the next checkpoint has the number %d", store.ErrConflict, last+1)
		}
		_, err := tx.exec(ctx, `INSERT INTO audit_checkpoints (number, at, entries, hash, position, accounts, digest, key_id, signature)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.Number, instant(c.At), c.Entries, c.Hash, c.Position, c.Accounts, c.Digest, c.KeyID, c.Signature)
		return err
	})
}

// Checkpoints implements store.Audit.
func (s *Store) Checkpoints(ctx context.Context, before int64, limit int) ([]store.Checkpoint, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	query, args := `SELECT number, at, entries, hash, position, accounts, digest, key_id, signature FROM audit_checkpoints`, []any{}
	if before > 0 {
		query, args = query+` WHERE number < ?`, append(args, before)
	}
	var page []store.Checkpoint
	err := each(ctx, reader{s}, query+` ORDER BY number DESC LIMIT ?`, append(args, limit), func(scan func(...any) error) error {
		var c store.Checkpoint
		err := scan(&c.Number, scanTime(&c.At), &c.Entries, &c.Hash, &c.Position, &c.Accounts, &c.Digest, &c.KeyID, &c.Signature)
		page = append(page, c)
		return err
	})
	return page, s.fault(ctx, "read checkpoints", err)
}
