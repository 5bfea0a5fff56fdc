package sqlstore

import (
	"context"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// Extension implements store.Extensions.
func (s *Store) Extension(ctx context.Context, id string) (store.Extension, error) {
	var e store.Extension
	err := s.snapshot(ctx, "read an extension", func(q querier) (err error) {
		e, err = extension(ctx, q, id)
		return err
	})
	return e, err
}

// lockExtension reads an extension that the transaction is about to change, and locks its account first: what the
// account's row tells of its extensions changes with each of them.
func lockExtension(ctx context.Context, s *Store, tx *transaction, id string) (store.Extension, error) {
	var version int
	var accountID string
	if err := row(ctx, tx, `SELECT account_id FROM extensions WHERE extension_id = ?`, []any{id}, &accountID); err != nil {
		return store.Extension{}, err
	}
	if err := lockAccount(ctx, tx, accountID); err != nil {
		return store.Extension{}, err
	}
	err := row(ctx, tx, `SELECT version FROM extensions WHERE extension_id = ?`+s.dialect.lockRow(), []any{id}, &version)
	if err != nil {
		return store.Extension{}, err
	}
	return extension(ctx, tx, id)
}

const (
	extensionColumns = `SELECT e.extension_id, e.account_id, e.rule_id, e.until, e.batch_id FROM extensions e `
	stepColumns      = `SELECT s.extension_id, s.state, s.at, s.recorded_at, s.actor_kind, s.actor_id, s.reason FROM extension_steps s `
)

func extension(ctx context.Context, q querier, id string) (store.Extension, error) {
	found, err := readExtensions(ctx, q, extensionColumns+`WHERE e.extension_id = ?`,
		stepColumns+`WHERE s.extension_id = ? ORDER BY s.version`, []any{id}, func([]store.Extension) (any, error) { return id, nil })
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Extension{}, err
	}
	return found[0], nil
}

// readExtensions reads extensions and then their steps, whose statement takes what argOf makes of the extensions.
func readExtensions(
	ctx context.Context, q querier, query, steps string, args []any, argOf func([]store.Extension) (any, error),
) ([]store.Extension, error) {
	var found []store.Extension
	place := map[string]int{}
	err := each(ctx, q, query, args, func(scan func(...any) error) error {
		var e store.Extension
		err := scan(&e.ID, &e.AccountID, &e.RuleID, scanTime(&e.Until), &e.BatchID)
		place[e.ID] = len(found)
		found = append(found, e)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	arg, err := argOf(found)
	if err != nil {
		return nil, err
	}
	err = each(ctx, q, steps, []any{arg}, func(scan func(...any) error) error {
		var id string
		var step store.ExtensionStep
		err := scan(&id, &step.State, scanTime(&step.At), scanTime(&step.RecordedAt), &step.Actor.Kind, &step.Actor.ID, &step.Reason)
		if i, ok := place[id]; ok {
			found[i].Steps = append(found[i].Steps, step)
		}
		return err
	})
	return found, err
}

// Extensions implements store.Extensions.
func (s *Store) Extensions(ctx context.Context, f store.ExtensionFilter) ([]store.Extension, error) {
	const most = 500
	if f.Limit < 1 || f.Limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	if f.State != "" && f.Now.IsZero() {
		return nil, fmt.Errorf("%w: the state of an extension needs a clock", store.ErrInvalid)
	}
	where, args := `WHERE (e.requested_at, e.extension_id) > (?, ?)`, []any{bound(f.After.RequestedAt), f.After.ID}
	add := func(condition string, more ...any) {
		where, args = where+` AND `+condition, append(args, more...)
	}
	for _, equal := range []struct{ column, value string }{
		{"e.account_id", f.AccountID}, {"e.rule_id", f.RuleID}, {"e.batch_id", f.BatchID},
	} {
		if equal.value != "" {
			add(equal.column+` = ?`, equal.value)
		}
	}
	if f.Within.Bound() {
		condition, values := among(`e.account_id`, f.Within)
		add(condition, values...)
	}
	switch now := bound(f.Now); f.State {
	case "":
	case store.ExtensionRequested, store.ExtensionApproved:
		add(`e.state = ? AND e.until > ?`, string(f.State), now)
	case store.ExtensionLapsed:
		add(`e.state IN ('requested', 'approved') AND e.until <= ?`, now)
	case store.ExtensionRejected, store.ExtensionRevoked:
		add(`e.state = ?`, string(f.State))
	default:
		return nil, fmt.Errorf("%w: there is no such state of an extension", store.ErrInvalid)
	}
	if f.BatchID != "" {
		add(`e.batch_id <> ''`) // what the index says
	}
	var page []store.Extension
	err := s.snapshot(ctx, "list extensions", func(q querier) (err error) {
		page, err = readExtensions(ctx, q, extensionColumns+where+` ORDER BY e.requested_at, e.extension_id LIMIT ?`,
			stepColumns+`WHERE `+s.dialect.anyOf("s.extension_id")+` ORDER BY s.extension_id, s.version`,
			append(args, f.Limit), func(found []store.Extension) (any, error) {
				ids := make([]string, len(found))
				for i, e := range found {
					ids[i] = e.ID
				}
				return s.dialect.anyArg(ids)
			})
		return err
	})
	return page, err
}

// granted returns an account's extensions as the gate saw them by an instant: approved by then, and ending with their
// revocation if that was recorded by then.
func granted(ctx context.Context, q querier, accountID string, recordedBy int64) ([]policy.Extension, error) {
	var all []policy.Extension
	err := each(ctx, q, `SELECT e.extension_id, e.rule_id, COALESCE(r.at, e.until), g.at FROM extensions e
		JOIN extension_steps g ON g.extension_id = e.extension_id AND g.state = 'approved' AND g.recorded_at <= ?
		LEFT JOIN extension_steps r ON r.extension_id = e.extension_id AND r.state = 'revoked' AND r.recorded_at <= ?
		WHERE e.account_id = ? ORDER BY g.at, e.extension_id`, []any{recordedBy, recordedBy, accountID},
		func(scan func(...any) error) error {
			e := policy.Extension{AccountID: accountID}
			err := scan(&e.ID, &e.RuleID, scanTime(&e.Until), scanTime(&e.GrantedAt))
			all = append(all, e)
			return err
		})
	return all, err
}
