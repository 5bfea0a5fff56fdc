package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// CheckAudit implements store.Audit.
func (s *Store) CheckAudit(ctx context.Context, after store.ChainLink, limit int) (store.AuditCheck, error) {
	var check store.AuditCheck
	if limit < 1 || limit > maxPage {
		return check, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	err := s.snapshot(ctx, "check the audit log", func(q querier) error {
		last, read := after, 0
		err := auditEntries(ctx, q, `WHERE audit_id > ? ORDER BY audit_id LIMIT ?`, []any{after.Number, limit}, func(e store.AuditEntry) error {
			read++
			if kind := fits(last, e); kind != "" {
				check.Fault = &store.Fault{Log: "audit", Entry: last.Number + 1, Kind: kind}
				return errEnough
			}
			last = store.ChainLink{Number: e.ID, Hash: e.Hash}
			check.Links = append(check.Links, last)
			return nil
		})
		if err != nil && check.Fault == nil {
			return err
		}
		check.Done = check.Fault != nil || read < limit
		if !check.Done || check.Fault != nil {
			return nil
		}
		head, at, err := s.auditHead(ctx, q, "")
		if err != nil {
			return err
		}
		var lastAt time.Time
		err = row(ctx, q, `SELECT MAX(at) FROM audit WHERE audit_id = ?`, []any{last.Number}, scanTime(&lastAt))
		if err == nil && (head.Number != last.Number || !bytes.Equal(head.Hash, last.Hash) || !at.Equal(lastAt)) {
			check.Fault = &store.Fault{Log: "audit", Entry: min(head.Number, last.Number) + 1, Kind: store.FaultEnd}
		}
		return err
	})
	if err != nil {
		return store.AuditCheck{}, err
	}
	return check, nil
}

// fits tells whether an entry is the next one of the chain, and in which way it is not.
func fits(last store.ChainLink, e store.AuditEntry) store.FaultKind {
	switch {
	case e.ID != last.Number+1:
		return store.FaultMissing
	case !bytes.Equal(chain(auditLog, last.Hash, e.At, auditText(e)), e.Hash):
		return store.FaultAltered
	default:
		return ""
	}
}

// CheckLogs implements store.Audit. It reads the entries of all the accounts in one go and holds one at a time.
func (s *Store) CheckLogs(ctx context.Context, after string, limit int) (store.LogsCheck, error) {
	var check store.LogsCheck
	if limit < 1 || limit > maxPage {
		return check, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	err := s.snapshot(ctx, "check logs", func(q querier) error {
		heads, err := logHeads(ctx, q, after, limit)
		if err != nil {
			return err
		}
		check.Done = len(heads) < limit
		where, args := `account_id > ?`, []any{after}
		if after == "" {
			where = `account_id >= ?` // nobody has the empty id; an entry that claims it is found
		}
		if len(heads) > 0 {
			check.Last = heads[len(heads)-1].AccountID
		}
		if !check.Done { // the last page looks beyond the last account, too
			where, args = where+` AND account_id <= ?`, append(args, check.Last)
		}
		walk := logWalk{check: &check, heads: heads}
		err = each(ctx, q, `SELECT position, account_id, seq, change_id, event, at, recorded_at, body, hash FROM events
			WHERE `+where+` ORDER BY account_id, seq`, args, walk.entry)
		if err == nil {
			walk.upTo("", true)
		}
		return err
	})
	if err != nil {
		return store.LogsCheck{}, err
	}
	return check, nil
}

// logHeads reads where the logs of some accounts are recorded to end; number 0 where there is none.
func logHeads(ctx context.Context, q querier, after string, limit int) ([]logHead, error) {
	heads := make([]logHead, 0, limit)
	err := each(ctx, q, `SELECT account_id, seq, head_hash, head_recorded_at FROM accounts WHERE account_id > ? ORDER BY account_id LIMIT ?`, []any{after, limit},
		func(scan func(...any) error) error {
			var h logHead
			err := scan(&h.AccountID, &h.Number, &h.Hash, scanTime(&h.recordedAt))
			heads = append(heads, h)
			return err
		})
	return heads, err
}

// logHead is where an account's log is recorded to end, and when that entry was recorded.
type logHead struct {
	store.LogEnd
	recordedAt time.Time
}

// logWalk follows the chains of several accounts, one after the other.
type logWalk struct {
	check *store.LogsCheck
	heads []logHead // of the accounts that are still to come

	account string             // the present one
	at      time.Time          // when its last entry was recorded
	last    store.PlacedLink   // of its log
	links   []store.PlacedLink // of its log
	fault   bool               // its log does not fit
}

// entry looks at the next entry.
func (w *logWalk) entry(scan func(...any) error) error {
	var position, seq int64
	var accountID, changeID, event string
	var at, recordedAt time.Time
	var body, hash []byte
	if err := scan(&position, &accountID, &seq, &changeID, &event, scanTime(&at), scanTime(&recordedAt), &body, &hash); err != nil {
		return err
	}
	if accountID != w.account {
		w.upTo(accountID, false)
	}
	w.check.Entries++
	if w.fault {
		return nil
	}
	c, err := decodeEntry(body)
	switch {
	case seq != w.last.Number+1:
		w.failed(w.last.Number+1, store.FaultMissing)
	case !bytes.Equal(chain(accountID, w.last.Hash, recordedAt, body), hash):
		w.failed(seq, store.FaultAltered)
	case err != nil:
		w.failed(seq, store.FaultUnreadable)
	case c.AccountID != accountID, c.Seq != seq, c.ChangeID != changeID, string(c.Event) != event, !c.At.Equal(at):
		w.failed(seq, store.FaultAltered) // a column that repeats something of the entry
	case position <= w.last.Position:
		w.failed(seq, store.FaultAltered) // it was written after the one before
	default:
		w.last = store.PlacedLink{ChainLink: store.ChainLink{Number: seq, Hash: hash}, Position: position}
		w.links, w.at = append(w.links, w.last), recordedAt
	}
	return nil
}

// upTo ends the accounts before one, or all of them, and begins that one.
func (w *logWalk) upTo(accountID string, all bool) {
	w.close()
	for len(w.heads) > 0 && (all || w.heads[0].AccountID < accountID) {
		w.account = w.heads[0].AccountID // it has no entry
		w.close()
	}
	w.account = accountID
}

// close ends the present account: its log must end where it is recorded to.
func (w *logWalk) close() {
	var head logHead
	if len(w.heads) > 0 && w.heads[0].AccountID == w.account {
		head, w.heads = w.heads[0], w.heads[1:]
	}
	if !w.fault && (head.Number != w.last.Number || !bytes.Equal(head.Hash, w.last.Hash) || !head.recordedAt.Equal(w.at)) {
		w.failed(min(head.Number, w.last.Number)+1, store.FaultEnd)
	}
	if head.Number > 0 || w.last.Number > 0 {
		w.check.Accounts++
	}
	if len(w.links) > 0 {
		w.check.Logs = append(w.check.Logs, store.AccountLog{AccountID: w.account, Links: w.links})
	}
	w.account, w.last, w.links, w.fault = "", store.PlacedLink{}, nil, false
	w.at = time.Time{}
}

func (w *logWalk) failed(entry int64, kind store.FaultKind) {
	w.fault = true
	w.check.Faults = append(w.check.Faults, store.Fault{Log: "account/" + w.account, Entry: entry, Kind: kind})
}
