package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Append implements store.Log.
func (s *Store) Append(ctx context.Context, a lifecycle.Append) (lifecycle.AppendResult, error) {
	if err := checkDrafts(a.ChangeID, a.Changes); err != nil {
		return lifecycle.AppendResult{}, err
	}
	var result lifecycle.AppendResult
	err := s.write(ctx, "append", func(ctx context.Context, tx *transaction) error {
		head, err := s.lockHead(ctx, tx, a.AccountID)
		if err != nil {
			return err
		}
		result = lifecycle.AppendResult{}
		result.Written, err = entriesOf(ctx, tx, a.AccountID, a.ChangeID)
		switch {
		case err != nil:
			return err
		case len(result.Written) > 0:
			result.Outcome = lifecycle.Duplicate
		case a.Head != lifecycle.AnyHead && a.Head != head.fold.Seq:
			result.Outcome = lifecycle.HeadMoved
		default:
			if err := head.open(a.Changes); err != nil {
				return err
			}
			if err := checkSeen(ctx, tx, head.fold, a.Seen); err != nil {
				return err
			}
			result.Outcome = lifecycle.Appended
			if result.Written, err = tx.extend(ctx, head, a.ChangeID, a.Changes); err != nil {
				return err
			}
		}
		result.Log, err = entriesAfter(ctx, tx, a.AccountID, a.Known)
		return err
	})
	if err != nil {
		return lifecycle.AppendResult{}, err
	}
	if result.Outcome == lifecycle.Appended {
		s.publish(topic{logTopic, a.AccountID})
	}
	return result, nil
}

// checkDrafts refuses what could be stamped but not kept or folded.
func checkDrafts(changeID string, drafts []lifecycle.Change) error {
	if changeID == "" {
		return fmt.Errorf("%w: change_id is empty", store.ErrInvalid)
	}
	if len(drafts) == 0 {
		return fmt.Errorf("%w: changes are empty", store.ErrInvalid)
	}
	for _, c := range drafts {
		if c.At.IsZero() {
			return fmt.Errorf("%w: at of %s is missing", store.ErrInvalid, c.Event)
		}
		if c.Event == lifecycle.IssueQR && !c.Ignored && c.Detail.Lease == nil {
			return fmt.Errorf("%w: lease of %s is missing", store.ErrInvalid, c.Event)
		}
		if (c.Event == lifecycle.Restrict || c.Event == lifecycle.Lift) && c.Detail.Restricted == nil {
			return fmt.Errorf("%w: restricted of %s is missing", store.ErrInvalid, c.Event)
		}
		if r := c.Detail.Restricted; r != nil {
			if err := checkInstant("since", r.Since); err != nil {
				return err
			}
		}
		if r := c.Detail.Reminder; r != nil {
			if err := checkInstant("deadline", r.Deadline); err != nil {
				return err
			}
		}
		if err := checkInstant("at", c.At); err != nil {
			return err
		}
	}
	return nil
}

// head is the end of an account's log, with the account's row locked.
type head struct {
	fold       lifecycle.Verification
	recordedAt time.Time      // of the last entry
	hash       []byte         // of the last entry
	account    policy.Account // its closing; nothing else of it is read
}

// open refuses what a closed account cannot have any more.
func (h head) open(drafts []lifecycle.Change) error {
	for _, c := range drafts {
		if h.account.Closed(c.At) {
			if err := h.fold.RefuseClosed(c.Event); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) lockHead(ctx context.Context, tx *transaction, accountID string) (head, error) {
	var h head
	var seq int64
	err := row(ctx, tx, `SELECT seq, head_recorded_at, head_hash, closed_at FROM accounts WHERE account_id = ?`+s.dialect.lockRow(),
		[]any{accountID}, &seq, scanTime(&h.recordedAt), &h.hash, scanTime(&h.account.ClosedAt))
	if err != nil {
		return h, err
	}
	h.fold, err = foldOf(ctx, tx, accountID)
	if err == nil && h.fold.Seq != seq {
		err = fmt.Errorf("%w: fold and account row differ in seq", ErrDiverged)
	}
	return h, err
}

// foldOf reads the projection of a registered account.
func foldOf(ctx context.Context, q querier, accountID string) (lifecycle.Verification, error) {
	var text []byte
	err := row(ctx, q, `SELECT fold FROM verifications WHERE account_id = ?`, []any{accountID}, &text)
	if errors.Is(err, store.ErrNotFound) {
		return lifecycle.New(accountID), nil
	}
	if err != nil {
		return lifecycle.Verification{}, err
	}
	return decodeFold(text)
}

func decodeFold(text []byte) (lifecycle.Verification, error) {
	var v lifecycle.Verification
	if err := json.Unmarshal(text, &v); err != nil {
		return v, fmt.Errorf("%w: the fold is not readable", ErrDiverged)
	}
	return v, nil
}

// stamped is an entry ready to be written.
type stamped struct {
	store.Entry
	after      lifecycle.Verification // the fold with it
	body, hash []byte
}

// stamp folds drafts onto a head and chains them.
func (t *transaction) stamp(ctx context.Context, h head, changeID string, drafts []lifecycle.Change) ([]stamped, error) {
	now, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	recordedAt := later(now, h.recordedAt)
	v, hash := h.fold, h.hash
	log := make([]stamped, 0, len(drafts))
	for _, draft := range drafts {
		draft.ChangeID = changeID
		next, changes, err := v.Extend(draft)
		if err != nil {
			return nil, err
		}
		body, c, err := encodeEntry(changes[0])
		if err != nil {
			return nil, err
		}
		v, hash = next, chain(c.AccountID, hash, recordedAt, body)
		log = append(log, stamped{store.Entry{Change: c, RecordedAt: recordedAt}, v, body, hash})
	}
	return log, nil
}

// extend stamps drafts, folds them and writes everything that follows from them.
func (t *transaction) extend(ctx context.Context, h head, changeID string, drafts []lifecycle.Change) ([]lifecycle.Change, error) {
	log, err := t.stamp(ctx, h, changeID, drafts)
	if err != nil {
		return nil, err
	}
	return writeLog(ctx, t, log)
}

// writeLog writes the entries of one account, what is derived from them, and the head. It returns them as they will be
// read.
func writeLog(ctx context.Context, tx *transaction, log []stamped) ([]lifecycle.Change, error) {
	if err := writeEntries(ctx, tx, log); err != nil {
		return nil, err
	}
	written := make([]lifecycle.Change, len(log))
	for i, e := range log {
		if err := derive(ctx, tx, e); err != nil {
			return nil, err
		}
		written[i] = e.Change
	}
	last := log[len(log)-1]
	return written, project(ctx, tx, last)
}

// encodeEntry returns an entry as it is stored, and as it will be read.
func encodeEntry(c lifecycle.Change) ([]byte, lifecycle.Change, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, c, fmt.Errorf("%w: %s cannot be encoded", store.ErrInvalid, c.Event)
	}
	var read lifecycle.Change
	if err := json.Unmarshal(body, &read); err != nil {
		return nil, c, fmt.Errorf("%w: %s cannot be decoded", store.ErrInvalid, c.Event)
	}
	return body, read, nil
}

func writeEntries(ctx context.Context, tx *transaction, log []stamped) error {
	events, outbox := make([][]any, len(log)), make([][]any, len(log))
	for i, e := range log {
		events[i] = []any{e.AccountID, e.Seq, e.ChangeID, string(e.Event), instant(e.At), instant(e.RecordedAt), string(e.body), e.hash}
		outbox[i] = []any{"change", e.AccountID, e.Seq, instant(e.RecordedAt)}
	}
	err := addRows(ctx, tx, "events", []string{"account_id", "seq", "change_id", "event", "at", "recorded_at", "body", "hash"}, events)
	if err != nil {
		return err
	}
	return addRows(ctx, tx, "outbox", []string{"topic", "account_id", "seq", "recorded_at"}, outbox)
}

// writeFolds writes the last fold of each account.
func writeFolds(ctx context.Context, tx *transaction, last ...lifecycle.Verification) error {
	folds := make([][]any, len(last))
	for i, v := range last {
		fold, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%w: the fold cannot be encoded", store.ErrInvalid)
		}
		folds[i] = []any{v.AccountID, v.Seq, string(fold)}
	}
	_, err := insertRows(ctx, tx, `INSERT INTO verifications (account_id, seq, fold) VALUES`, folds,
		` ON CONFLICT (account_id) DO UPDATE SET seq = excluded.seq, fold = excluded.fold`)
	return err
}

// project writes the fold and the standing that the gate reads, as they are after an entry.
func project(ctx context.Context, tx *transaction, last stamped) error {
	if err := writeFolds(ctx, tx, last.after); err != nil {
		return err
	}
	return writeStanding(ctx, tx, last)
}

func writeStanding(ctx context.Context, tx *transaction, last stamped) error {
	_, err := tx.exec(ctx, `UPDATE accounts SET `+strings.Join(standingColumns(), " = ?, ")+` = ? WHERE account_id = ?`,
		append(standingOf(last.after, last.RecordedAt, last.hash).columns(), last.after.AccountID)...)
	return err
}

// writeEnd is writeStanding for accounts whose state does not change, and whose open restrictions become more or fewer
// by a number: it leaves the columns alone that have indexes for another reason.
func writeEnd(ctx context.Context, tx *transaction, last stamped, restricted int) error {
	v := last.after
	set, args := "seq = ?, since = ?, turn_since = ?, head_recorded_at = ?, head_hash = ?",
		[]any{v.Seq, instant(v.Since), instant(v.TurnSince), instant(last.RecordedAt), last.hash}
	if restricted != 0 {
		set, args = set+", restricted = restricted + ?", append(args, restricted)
	}
	_, err := tx.exec(ctx, `UPDATE accounts SET `+set+` WHERE account_id = ?`, append(args, v.AccountID)...)
	return err
}
