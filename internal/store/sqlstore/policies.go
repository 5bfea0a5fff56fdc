package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/verigate/verigate/internal/store"
)

// PublishPolicy implements store.Policies.
func (s *Store) PublishPolicy(ctx context.Context, p store.PublishedPolicy) error {
	if p.Name == "" || p.Version < 1 {
		return fmt.Errorf("%w: a policy needs a name and a version of 1 or more", store.ErrInvalid)
	}
	if err := checkInstant("effective_from", p.EffectiveFrom); err != nil {
		return err
	}
	digest := sha256.Sum256(p.Text)
	return s.write(ctx, "publish a policy", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `INSERT INTO policies (name, version, text, digest, effective_from, recorded_at, author, note)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name, version) DO NOTHING`,
			p.Name, p.Version, p.Text, hex.EncodeToString(digest[:]), instant(p.EffectiveFrom), instant(s.now()), p.Author, p.Note)
		if err != nil || n == 1 {
			return err
		}
		var text []byte
		err = row(ctx, tx, `SELECT text FROM policies WHERE name = ? AND version = ?`, []any{p.Name, p.Version}, &text)
		if err == nil && !bytes.Equal(text, p.Text) {
			err = fmt.Errorf("%w: this version is published with another text; give the new text a new number", store.ErrConflict)
		}
		return err
	})
}

// Policies implements store.Policies.
func (s *Store) Policies(ctx context.Context) ([]store.PublishedPolicy, error) {
	var all []store.PublishedPolicy
	err := each(ctx, reader{s}, `SELECT name, version, text, digest, effective_from, recorded_at, author, note
		FROM policies ORDER BY recorded_at, position`, nil, func(scan func(...any) error) error {
		var p store.PublishedPolicy
		err := scan(&p.Name, &p.Version, &p.Text, &p.Digest, scanTime(&p.EffectiveFrom), scanTime(&p.RecordedAt), &p.Author, &p.Note)
		all = append(all, p)
		return err
	})
	return all, s.fault(ctx, "read policies", err)
}

// PoliciesRevision implements store.Policies.
func (s *Store) PoliciesRevision(ctx context.Context) (int64, error) {
	var revision int64
	err := row(ctx, reader{s}, `SELECT COALESCE(MAX(position), 0) FROM policies`, nil, &revision)
	return revision, s.fault(ctx, "read the policies' revision", err)
}
