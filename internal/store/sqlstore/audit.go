package sqlstore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// auditLog names the audit log in its chain. No account can have this id.
const auditLog = "/audit"

// AppendAudit implements store.Audit.
func (s *Store) AppendAudit(ctx context.Context, e store.AuditEntry) (store.AuditEntry, error) {
	if e.Action == "" || e.Outcome == "" {
		return store.AuditEntry{}, fmt.Errorf("%w: an audit entry needs an action and an outcome", store.ErrInvalid)
	}
	for _, part := range []json.RawMessage{e.Before, e.After} {
		if len(part) > 0 && !json.Valid(part) {
			return store.AuditEntry{}, fmt.Errorf("%w: before and after of an audit entry must be JSON", store.ErrInvalid)
		}
	}
	err := s.write(ctx, "append to the audit log", func(ctx context.Context, tx *transaction) error {
		last, at, err := s.auditHead(ctx, tx, s.dialect.lockRow())
		if err != nil {
			return err
		}
		now, err := tx.now(ctx)
		if err != nil {
			return err
		}
		e.ID, e.At = last.Number+1, later(now, at)
		e.Hash = chain(auditLog, last.Hash, e.At, auditText(e))
		_, err = tx.exec(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			e.ID, instant(e.At), e.Actor, e.Role, e.Action, e.Subject, e.Reason, e.Outcome, string(e.Before), string(e.After),
			e.RequestID, e.Address, e.Hash)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE audit_head SET audit_id = ?, at = ?, hash = ? WHERE one = 1`, e.ID, instant(e.At), e.Hash)
		return err
	})
	if err != nil {
		return store.AuditEntry{}, err
	}
	return e, nil
}

// auditHead is where the log is recorded to end.
func (s *Store) auditHead(ctx context.Context, q querier, lock string) (last store.ChainLink, at time.Time, err error) {
	err = row(ctx, q, `SELECT audit_id, at, hash FROM audit_head WHERE one = 1`+lock, nil, &last.Number, scanTime(&at), &last.Hash)
	return last, at, err
}

const auditColumns = `audit_id, at, actor, role, action, subject, reason, outcome, before_change, after_change, request_id, address, hash`

// auditText is everything of an entry that its hash is made of beside its instant: each part behind its length, so that no
// two entries read the same.
func auditText(e store.AuditEntry) []byte {
	text := binary.BigEndian.AppendUint64(nil, uint64(e.ID)) //nolint:gosec // counted from 1
	for _, part := range []string{
		e.Actor, e.Role, e.Action, e.Subject, e.Reason, e.Outcome, string(e.Before), string(e.After), e.RequestID, e.Address,
	} {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	return text
}

// AuditEntries implements store.Audit.
func (s *Store) AuditEntries(ctx context.Context, f store.AuditFilter) ([]store.AuditEntry, error) {
	if f.Limit < 1 || f.Limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	where, args := auditWhere(f)
	page := make([]store.AuditEntry, 0, f.Limit)
	err := auditEntries(ctx, reader{s}, where+` LIMIT ?`, append(args, f.Limit), func(e store.AuditEntry) error {
		page = append(page, e)
		return nil
	})
	return page, s.fault(ctx, "read the audit log", err)
}

// auditWhere is the condition and the order of a filter. Instants grow with the numbers of entries, so bounds of time are
// bounds of numbers, and every list is in the order of one index.
func auditWhere(f store.AuditFilter) (where string, args []any) {
	where = `WHERE audit_id > 0`
	and := func(condition string, values ...any) { where, args = where+` AND `+condition, append(args, values...) }
	for _, c := range []struct{ column, value string }{{"actor", f.Actor}, {"action", f.Action}, {"subject", f.Subject}, {"outcome", f.Outcome}} {
		if c.value != "" {
			and(c.column+` = ?`, c.value)
		}
	}
	if f.Within.Bound() {
		var subjects store.AccountSet
		for _, entry := range f.Within {
			subjects = append(subjects, "account/"+entry, "account/"+entry+"/*") // the latter of what belongs to the account
		}
		condition, values := among(`subject`, subjects)
		and(condition, values...)
	}
	if f.Refused || f.Outcome != "" && f.Outcome != store.OutcomeOK {
		and(`outcome <> 'ok'`) // as the index of refused acts says it
	}
	if !f.From.IsZero() {
		and(`audit_id >= (SELECT audit_id FROM audit WHERE at >= ? ORDER BY at, audit_id LIMIT 1)`, bound(f.From))
	}
	if !f.To.IsZero() {
		and(`audit_id <= (SELECT audit_id FROM audit WHERE at < ? ORDER BY at DESC, audit_id DESC LIMIT 1)`, bound(f.To))
	}
	if f.Oldest {
		and(`audit_id > ?`, f.After)
		return where + ` ORDER BY audit_id`, args
	}
	if f.After > 0 {
		and(`audit_id < ?`, f.After)
	}
	return where + ` ORDER BY audit_id DESC`, args
}

func auditEntries(ctx context.Context, q querier, where string, args []any, visit func(store.AuditEntry) error) error {
	return each(ctx, q, `SELECT `+auditColumns+` FROM audit `+where, args, func(scan func(...any) error) error {
		var e store.AuditEntry
		var before, after string
		err := scan(&e.ID, scanTime(&e.At), &e.Actor, &e.Role, &e.Action, &e.Subject, &e.Reason, &e.Outcome, &before, &after,
			&e.RequestID, &e.Address, &e.Hash)
		if err != nil {
			return err
		}
		e.Before, e.After = textOrNil(before), textOrNil(after)
		return visit(e)
	})
}

func textOrNil(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
