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
	if err := checkPolicy(p); err != nil {
		return err
	}
	return s.write(ctx, "publish a policy", func(ctx context.Context, tx *transaction) error {
		var revision int64
		err := row(ctx, tx, `SELECT revision FROM policies_revision`+s.dialect.lockRow(), nil, &revision)
		if err == nil {
			p.RecordedAt, err = tx.now(ctx)
		}
		if err != nil {
			return err
		}
		written, err := insertPolicy(ctx, tx, p)
		if err != nil {
			return err
		}
		if !written {
			return samePolicy(ctx, tx, p)
		}
		err = insertRuling(ctx, tx, store.PolicyRuling{
			Name: p.Name, Version: p.Version, Ruling: store.Approved, EffectiveFrom: p.EffectiveFrom, RecordedAt: p.RecordedAt,
			Actor: p.Author, Reason: p.Note,
		})
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE policies_revision SET revision = revision + 1`)
		return err
	})
}

// ProposePolicy implements store.Policies.
func (s *Store) ProposePolicy(ctx context.Context, p store.PublishedPolicy, revision int64) error {
	if err := checkPolicy(p); err != nil {
		return err
	}
	return s.write(ctx, "propose a policy", func(ctx context.Context, tx *transaction) error {
		if err := advance(ctx, tx, revision); err != nil {
			return err
		}
		var err error
		if p.RecordedAt, err = tx.now(ctx); err != nil {
			return err
		}
		written, err := insertPolicy(ctx, tx, p)
		if err == nil && !written {
			err = fmt.Errorf("%w: this version is known already", store.ErrConflict)
		}
		return err
	})
}

// RulePolicy implements store.Policies.
func (s *Store) RulePolicy(ctx context.Context, r store.PolicyRuling, revision int64) error {
	if err := checkInstant("effective_from", r.EffectiveFrom); err != nil {
		return err
	}
	return s.write(ctx, "rule on a policy", func(ctx context.Context, tx *transaction) error {
		if err := advance(ctx, tx, revision); err != nil {
			return err
		}
		var err error
		if r.RecordedAt, err = tx.now(ctx); err != nil {
			return err
		}
		if r.Ruling == store.Approved && r.EffectiveFrom.Before(r.RecordedAt) {
			r.EffectiveFrom = r.RecordedAt // a rule that began earlier would change what the gate has said since
		}
		return insertRuling(ctx, tx, r)
	})
}

// PutBrake implements store.Policies.
func (s *Store) PutBrake(ctx context.Context, b store.Brake, revision int64) error {
	if b.Name == "" {
		return fmt.Errorf("%w: a brake needs the name of a policy", store.ErrInvalid)
	}
	return s.write(ctx, "put a brake", func(ctx context.Context, tx *transaction) error {
		if err := advance(ctx, tx, revision); err != nil {
			return err
		}
		at, err := tx.now(ctx)
		if err != nil {
			return err
		}
		now := instant(at)
		_, err = tx.exec(ctx, `INSERT INTO brakes (name, rule_id, released, effective_at, recorded_at, actor, reason)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, b.Name, b.RuleID, flag(b.Released), now, now, b.Actor, b.Reason)
		return err
	})
}

// Policies implements store.Policies.
func (s *Store) Policies(ctx context.Context) ([]store.PublishedPolicy, error) {
	var all []store.PublishedPolicy
	err := each(ctx, reader{s}, `SELECT p.name, p.version, p.text, p.digest, r.effective_from, r.recorded_at, p.author, p.note
		FROM policies p JOIN policy_rulings r ON r.name = p.name AND r.version = p.version AND r.ruling = 'approved'
		WHERE NOT EXISTS (SELECT 1 FROM policy_rulings w WHERE w.name = p.name AND w.version = p.version AND w.ruling = 'withdrawn')
		ORDER BY r.recorded_at, r.position`, nil, func(scan func(...any) error) error {
		p, err := scanPolicy(scan)
		all = append(all, p)
		return err
	})
	return all, s.fault(ctx, "read policies", err)
}

// PolicyVersions implements store.Policies.
func (s *Store) PolicyVersions(ctx context.Context) ([]store.PolicyVersion, error) {
	var all []store.PolicyVersion
	err := s.snapshot(ctx, "read policy versions", func(q querier) error {
		type number struct {
			name    string
			version int
		}
		rulings := map[number][]store.PolicyRuling{}
		err := each(ctx, q, `SELECT name, version, ruling, effective_from, recorded_at, actor, reason FROM policy_rulings ORDER BY position`,
			nil, func(scan func(...any) error) error {
				var r store.PolicyRuling
				err := scan(&r.Name, &r.Version, &r.Ruling, scanTime(&r.EffectiveFrom), scanTime(&r.RecordedAt), &r.Actor, &r.Reason)
				n := number{r.Name, r.Version}
				rulings[n] = append(rulings[n], r)
				return err
			})
		if err != nil {
			return err
		}
		return each(ctx, q, `SELECT name, version, text, digest, effective_from, recorded_at, author, note FROM policies
			ORDER BY name, version`, nil, func(scan func(...any) error) error {
			p, err := scanPolicy(scan)
			all = append(all, store.PolicyVersion{PublishedPolicy: p, Rulings: rulings[number{p.Name, p.Version}]})
			return err
		})
	})
	return all, err
}

// Brakes implements store.Policies.
func (s *Store) Brakes(ctx context.Context) ([]store.Brake, error) {
	var all []store.Brake
	err := each(ctx, reader{s}, `SELECT name, rule_id, released, effective_at, recorded_at, actor, reason FROM brakes ORDER BY position`,
		nil, func(scan func(...any) error) error {
			var b store.Brake
			var released int
			err := scan(&b.Name, &b.RuleID, &released, scanTime(&b.EffectiveAt), scanTime(&b.RecordedAt), &b.Actor, &b.Reason)
			b.Released = released != 0
			all = append(all, b)
			return err
		})
	return all, s.fault(ctx, "read brakes", err)
}

// PoliciesRevision implements store.Policies.
func (s *Store) PoliciesRevision(ctx context.Context) (int64, error) {
	var revision int64
	err := row(ctx, reader{s}, `SELECT revision FROM policies_revision`, nil, &revision)
	return revision, s.fault(ctx, "read the policies' revision", err)
}

// advance moves the revision on. The condition also makes writers wait for each other on databases that let several in.
func advance(ctx context.Context, tx *transaction, from int64) error {
	n, err := tx.exec(ctx, `UPDATE policies_revision SET revision = revision + 1 WHERE revision = ?`, from)
	if err == nil && n == 0 {
		err = store.ErrMoved
	}
	return err
}

func checkPolicy(p store.PublishedPolicy) error {
	if p.Name == "" || p.Version < 1 {
		return fmt.Errorf("%w: a policy needs a name and a version of 1 or more", store.ErrInvalid)
	}
	return checkInstant("effective_from", p.EffectiveFrom)
}

func scanPolicy(scan func(...any) error) (store.PublishedPolicy, error) {
	var p store.PublishedPolicy
	err := scan(&p.Name, &p.Version, &p.Text, &p.Digest, scanTime(&p.EffectiveFrom), scanTime(&p.RecordedAt), &p.Author, &p.Note)
	return p, err
}

// insertPolicy reports false if the number is taken.
func insertPolicy(ctx context.Context, tx *transaction, p store.PublishedPolicy) (bool, error) {
	digest := sha256.Sum256(p.Text)
	n, err := tx.exec(ctx, `INSERT INTO policies (name, version, text, digest, effective_from, recorded_at, author, note)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name, version) DO NOTHING`,
		p.Name, p.Version, p.Text, hex.EncodeToString(digest[:]), instant(p.EffectiveFrom), instant(p.RecordedAt), p.Author, p.Note)
	return n == 1, err
}

func samePolicy(ctx context.Context, tx *transaction, p store.PublishedPolicy) error {
	var text []byte
	err := row(ctx, tx, `SELECT text FROM policies WHERE name = ? AND version = ?`, []any{p.Name, p.Version}, &text)
	if err == nil && !bytes.Equal(text, p.Text) {
		err = fmt.Errorf("%w: this version is published with another text; give the new text a new number", store.ErrConflict)
	}
	return err
}

func insertRuling(ctx context.Context, tx *transaction, r store.PolicyRuling) error {
	_, err := tx.exec(ctx, `INSERT INTO policy_rulings (name, version, ruling, effective_from, recorded_at, actor, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, r.Name, r.Version, string(r.Ruling), instant(r.EffectiveFrom), instant(r.RecordedAt), r.Actor, r.Reason)
	return err
}
