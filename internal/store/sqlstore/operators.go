package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// orNull is a text parameter; nothing is NULL, which several rows may have in a unique column.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// AddOperator implements store.Operators.
func (s *Store) AddOperator(ctx context.Context, o store.Operator) error {
	local, provided := o.Login != "" && o.Password != "", o.Issuer != "" && o.Subject != ""
	if o.ID == "" || o.Role == "" || o.CreatedAt.IsZero() || local == provided {
		return fmt.Errorf("%w: an operator needs an id, a role, an instant, and either a login name with a password or an identity", store.ErrInvalid)
	}
	if err := checkInstant("created_at", o.CreatedAt); err != nil {
		return err
	}
	return s.write(ctx, "add an operator", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `INSERT INTO operators (operator_id, login, name, role, password, issuer, subject, disabled, created_at,
			created_by, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			o.ID, orNull(o.Login), o.Name, o.Role, o.Password, orNull(o.Issuer), orNull(o.Subject), flag(o.Disabled), instant(o.CreatedAt),
			o.CreatedBy, instant(o.CreatedAt))
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: somebody has this id, login name or identity", store.ErrConflict)
		}
		return err
	})
}

const operatorColumns = `o.operator_id, COALESCE(o.login, ''), o.name, o.role, o.password, COALESCE(o.issuer, ''),
	COALESCE(o.subject, ''), o.disabled, o.created_at, o.created_by, o.changed_at, o.signed_in_at`

// operatorInto are the places that operatorColumns are scanned into; settle completes them.
func operatorInto(o *store.Operator, disabled *int) []any {
	return []any{
		&o.ID, &o.Login, &o.Name, &o.Role, &o.Password, &o.Issuer, &o.Subject, disabled, scanTime(&o.CreatedAt), &o.CreatedBy,
		scanTime(&o.ChangedAt), scanTime(&o.SignedInAt),
	}
}

func operatorBy(ctx context.Context, q querier, where string, args ...any) (store.Operator, error) {
	var o store.Operator
	var disabled int
	if err := row(ctx, q, `SELECT `+operatorColumns+` FROM operators o WHERE `+where, args, operatorInto(&o, &disabled)...); err != nil {
		return store.Operator{}, err
	}
	o.Disabled = disabled != 0
	return o, nil
}

// Operator implements store.Operators.
func (s *Store) Operator(ctx context.Context, id string) (store.Operator, error) {
	o, err := operatorBy(ctx, reader{s}, `o.operator_id = ?`, id)
	return o, s.fault(ctx, "read an operator", err)
}

// OperatorByLogin implements store.Operators.
func (s *Store) OperatorByLogin(ctx context.Context, login string) (store.Operator, error) {
	o, err := operatorBy(ctx, reader{s}, `o.login = ?`, login)
	return o, s.fault(ctx, "read an operator", err)
}

// OperatorByIdentity implements store.Operators.
func (s *Store) OperatorByIdentity(ctx context.Context, issuer, subject string) (store.Operator, error) {
	o, err := operatorBy(ctx, reader{s}, `o.issuer = ? AND o.subject = ?`, issuer, subject)
	return o, s.fault(ctx, "read an operator", err)
}

// Operators implements store.Operators.
func (s *Store) Operators(ctx context.Context, after string, limit int) ([]store.Operator, error) {
	var all []store.Operator
	err := each(ctx, reader{s}, `SELECT `+operatorColumns+` FROM operators o WHERE o.operator_id > ? ORDER BY o.operator_id LIMIT ?`,
		[]any{after, limit}, func(scan func(...any) error) error {
			var o store.Operator
			var disabled int
			if err := scan(operatorInto(&o, &disabled)...); err != nil {
				return err
			}
			o.Disabled = disabled != 0
			all = append(all, o)
			return nil
		})
	return all, s.fault(ctx, "list operators", err)
}

// ChangeOperator implements store.Operators.
func (s *Store) ChangeOperator(ctx context.Context, id string, c store.OperatorChange) (before, after store.Operator, err error) {
	if c.At.IsZero() {
		return before, after, fmt.Errorf("%w: a change needs an instant", store.ErrInvalid)
	}
	if err := checkInstant("at", c.At); err != nil {
		return before, after, err
	}
	err = s.write(ctx, "change an operator", func(ctx context.Context, tx *transaction) error {
		if err := tx.alone(ctx, "operators"); err != nil { // of two administrators who disable each other, one stays
			return err
		}
		if before, err = operatorBy(ctx, tx, `o.operator_id = ?`+s.dialect.lockRow(), id); err != nil {
			return err
		}
		after = changedOperator(before, c)
		if after == before {
			return nil
		}
		if err := mayChange(ctx, tx, before, after, c.ByProvider); err != nil {
			return err
		}
		after.ChangedAt = c.At
		if _, err := tx.exec(ctx, `UPDATE operators SET name = ?, role = ?, disabled = ?, password = ?, changed_at = ? WHERE operator_id = ?`,
			after.Name, after.Role, flag(after.Disabled), after.Password, instant(c.At), id); err != nil {
			return err
		}
		if after.Role == before.Role && after.Password == before.Password && (!after.Disabled || before.Disabled) {
			return nil
		}
		_, err := tx.exec(ctx, `UPDATE operator_sessions SET ended_at = ? WHERE operator_id = ? AND ended_at IS NULL`, instant(c.At), id)
		return err
	})
	if err != nil {
		return store.Operator{}, store.Operator{}, err
	}
	return before, after, nil
}

func changedOperator(o store.Operator, c store.OperatorChange) store.Operator {
	if c.Name != nil {
		o.Name = *c.Name
	}
	if c.Role != nil {
		o.Role = *c.Role
	}
	if c.Disabled != nil {
		o.Disabled = *c.Disabled
	}
	if c.Password != nil {
		o.Password = *c.Password
	}
	return o
}

// mayChange refuses what would lock everybody out, and what another place decides.
func mayChange(ctx context.Context, tx *transaction, before, after store.Operator, byProvider bool) error {
	provided := before.Issuer != ""
	if provided && (after.Password != before.Password || after.Role != before.Role && !byProvider) {
		return store.ErrElsewhere
	}
	was, stays := before.Role == store.AdminRole && !before.Disabled, after.Role == store.AdminRole && !after.Disabled
	if !was || stays || byProvider {
		return nil
	}
	var others int
	err := row(ctx, tx, `SELECT COUNT(*) FROM operators WHERE role = ? AND disabled = 0 AND operator_id <> ?`,
		[]any{store.AdminRole, before.ID}, &others)
	if err == nil && others == 0 {
		err = store.ErrLastAdmin
	}
	return err
}

// RehashPassword implements store.Operators.
func (s *Store) RehashPassword(ctx context.Context, id, from, to string) error {
	if from == "" || to == "" {
		return fmt.Errorf("%w: a hash must not be empty", store.ErrInvalid)
	}
	return s.write(ctx, "rehash a password", func(ctx context.Context, tx *transaction) error {
		_, err := tx.exec(ctx, `UPDATE operators SET password = ? WHERE operator_id = ? AND password = ?`, to, id, from)
		return err
	})
}

// BeginOperatorSession implements store.Operators. The update is the decision: who is disabled, or whose password was
// changed, while the one given was still being compared, does not get in.
func (s *Store) BeginOperatorSession(ctx context.Context, begun store.OperatorSession, password string) error {
	if len(begun.Hash) == 0 || begun.CreatedAt.IsZero() || begun.ExpiresAt.IsZero() {
		return fmt.Errorf("%w: a session needs a hash, a beginning and an end", store.ErrInvalid)
	}
	if err := errors.Join(checkInstant("created_at", begun.CreatedAt), checkInstant("expires_at", begun.ExpiresAt)); err != nil {
		return err
	}
	return s.write(ctx, "begin a session", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `UPDATE operators SET signed_in_at = ? WHERE operator_id = ? AND disabled = 0 AND password = ?`,
			instant(begun.CreatedAt), begun.OperatorID, password)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := operatorBy(ctx, tx, `o.operator_id = ?`, begun.OperatorID); err != nil {
				return err
			}
			return store.ErrEnded
		}
		_, err = tx.exec(ctx, `INSERT INTO operator_sessions (session_hash, operator_id, address, created_at, seen_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?)`, begun.Hash, begun.OperatorID, begun.Address, instant(begun.CreatedAt), instant(begun.CreatedAt),
			instant(begun.ExpiresAt))
		return err
	})
}

// OperatorSession implements store.Operators.
func (s *Store) OperatorSession(ctx context.Context, hash []byte) (store.OperatorSession, store.Operator, error) {
	var found store.OperatorSession
	var o store.Operator
	var disabled int
	err := row(ctx, reader{s}, `SELECT `+operatorColumns+`, s.session_hash, s.address, s.created_at, s.seen_at, s.expires_at, s.ended_at
		FROM operator_sessions s JOIN operators o ON o.operator_id = s.operator_id WHERE s.session_hash = ?`, []any{hash},
		append(operatorInto(&o, &disabled), &found.Hash, &found.Address, scanTime(&found.CreatedAt), scanTime(&found.SeenAt),
			scanTime(&found.ExpiresAt), scanTime(&found.EndedAt))...)
	if err != nil {
		return store.OperatorSession{}, store.Operator{}, s.fault(ctx, "read a session", err)
	}
	o.Disabled, found.OperatorID = disabled != 0, o.ID
	return found, o, nil
}

// TouchOperatorSession implements store.Operators.
func (s *Store) TouchOperatorSession(ctx context.Context, hash []byte, at time.Time) error {
	return s.changeSession(ctx, "touch a session", hash,
		`UPDATE operator_sessions SET seen_at = CASE WHEN seen_at < ? THEN ? ELSE seen_at END WHERE session_hash = ?`, bound(at), bound(at), hash)
}

// EndOperatorSession implements store.Operators.
func (s *Store) EndOperatorSession(ctx context.Context, hash []byte, at time.Time) error {
	return s.changeSession(ctx, "end a session", hash,
		`UPDATE operator_sessions SET ended_at = COALESCE(ended_at, ?) WHERE session_hash = ?`, bound(at), hash)
}

// SignedInFrom implements store.Operators.
func (s *Store) SignedInFrom(ctx context.Context, operatorID, address string, since time.Time) (bool, error) {
	var one int
	err := row(ctx, reader{s}, `SELECT 1 FROM operator_sessions WHERE operator_id = ? AND address = ? AND created_at >= ? LIMIT 1`,
		[]any{operatorID, address, bound(since)}, &one)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, s.fault(ctx, "look for a session", err)
}

// ForgetOperatorSessions implements store.Operators.
func (s *Store) ForgetOperatorSessions(ctx context.Context, before time.Time) (int, error) {
	forgotten := 0
	err := s.write(ctx, "forget sessions", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `DELETE FROM operator_sessions WHERE expires_at < ?`, bound(before))
		forgotten = int(n)
		return err
	})
	return forgotten, err
}
