package sqlstore

import (
	"context"
	"errors"
	"slices"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// AppendAll implements store.Log.
func (s *Store) AppendAll(ctx context.Context, appends []lifecycle.Append) ([]store.AppendAnswer, error) {
	if len(appends) == 0 {
		return nil, nil
	}
	var answers []store.AppendAnswer
	err := s.write(ctx, "append to many logs", func(ctx context.Context, tx *transaction) error {
		b, err := s.newAppending(ctx, tx, appends)
		if err != nil {
			return err
		}
		answers = make([]store.AppendAnswer, len(appends))
		ends := make([]int64, len(appends)) // of each log when its append was judged
		for i, a := range appends {
			if answers[i], err = b.append(ctx, a); err != nil {
				return err
			}
			ends[i] = b.heads[a.AccountID].fold.Seq
		}
		if err := b.write(ctx); err != nil {
			return err
		}
		for i, a := range appends {
			if err := b.tell(ctx, a, ends[i], &answers[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, a := range appends {
		if answers[i].Err == nil && answers[i].Outcome == lifecycle.Appended {
			s.publish(topic{logTopic, a.AccountID})
		}
	}
	return answers, nil
}

// appending is one call of AppendAll. What it reads it reads once for all, and what it writes it writes at the end.
type appending struct {
	tx      *transaction
	heads   map[string]head                  // with what is to be written
	before  map[appendKey]bool               // appends that were written before this call
	written map[appendKey][]lifecycle.Change // by this call
	log     []stamped
}

// appendKey is what an append is known by.
type appendKey struct{ accountID, changeID string }

func (s *Store) newAppending(ctx context.Context, tx *transaction, appends []lifecycle.Append) (*appending, error) {
	ids, keys := make([]string, len(appends)), make([][]any, len(appends))
	for i, a := range appends {
		ids[i], keys[i] = a.AccountID, []any{a.AccountID, a.ChangeID}
	}
	b := &appending{tx: tx, before: map[appendKey]bool{}, written: map[appendKey][]lifecycle.Change{}}
	var err error
	if b.heads, err = s.lockHeads(ctx, tx, ids); err != nil {
		return nil, err
	}
	if err := tx.readClock(ctx); err != nil {
		return nil, err
	}
	err = chunks(nil, keys, func(parameters string, values []any) error {
		return each(ctx, tx, `WITH wanted (account_id, change_id) AS (VALUES `+parameters+`) SELECT account_id, change_id FROM wanted w
			WHERE EXISTS (SELECT 1 FROM events e WHERE e.account_id = w.account_id AND e.change_id = w.change_id)`, values,
			func(scan func(...any) error) error {
				var k appendKey
				err := scan(&k.accountID, &k.changeID)
				b.before[k] = true
				return err
			})
	})
	return b, err
}

// append judges and stamps one append. Its error is the database's; the append's own is in the answer.
func (b *appending) append(ctx context.Context, a lifecycle.Append) (answer store.AppendAnswer, err error) {
	if answer.Err = checkDrafts(a.ChangeID, a.Changes); answer.Err != nil {
		return answer, nil
	}
	head, known := b.heads[a.AccountID]
	key := appendKey{a.AccountID, a.ChangeID}
	switch {
	case !known:
		answer.Err = store.ErrNotFound
	case b.written[key] != nil:
		answer.Outcome, answer.Written = lifecycle.Duplicate, b.written[key]
	case b.before[key]:
		answer.Outcome = lifecycle.Duplicate
		answer.Written, err = entriesOf(ctx, b.tx, a.AccountID, a.ChangeID)
	case a.Head != lifecycle.AnyHead && a.Head != head.fold.Seq:
		answer.Outcome = lifecycle.HeadMoved
	default:
		if answer.Err, err = b.unseen(ctx, head, a); answer.Err != nil || err != nil {
			return answer, err
		}
		answer.Written, answer.Err = b.stamp(ctx, head, a)
		if answer.Err == nil {
			answer.Outcome = lifecycle.Appended
		}
	}
	return answer, err
}

// unseen judges what an append has seen. A review that this call ends takes its evidence and its first approval along.
func (b *appending) unseen(ctx context.Context, h head, a lifecycle.Append) (refusal, err error) {
	if a.Seen != nil && slices.ContainsFunc(b.log, func(e stamped) bool { return e.AccountID == a.AccountID && endsManualReview(e.Change) }) {
		return h.fold.CheckSeen(*a.Seen, nil, ""), nil
	}
	err = checkSeen(ctx, b.tx, h.fold, a.Seen)
	var r *lifecycle.Refusal
	if errors.As(err, &r) {
		return r, nil
	}
	return nil, err
}

func (b *appending) stamp(ctx context.Context, h head, a lifecycle.Append) ([]lifecycle.Change, error) {
	if err := h.open(a.Changes); err != nil {
		return nil, err
	}
	log, err := b.tx.stamp(ctx, h, a.ChangeID, a.Changes)
	if err != nil {
		return nil, err
	}
	written := make([]lifecycle.Change, len(log))
	for i, e := range log {
		written[i] = e.Change
	}
	last := log[len(log)-1]
	h.fold, h.recordedAt, h.hash = last.after, last.RecordedAt, last.hash
	b.heads[a.AccountID], b.written[appendKey{a.AccountID, a.ChangeID}] = h, written
	b.log = append(b.log, log...)
	return written, nil
}

// tell adds the entries from what the caller knows to the end of the log as the append left it. Most callers know all
// but what they wrote.
func (b *appending) tell(ctx context.Context, a lifecycle.Append, end int64, answer *store.AppendAnswer) error {
	switch written := answer.Written; {
	case answer.Err != nil || a.Known >= end:
		return nil
	case answer.Outcome == lifecycle.Appended && written[0].Seq == a.Known+1:
		answer.Log = written
		return nil
	}
	log, err := entriesAfter(ctx, b.tx, a.AccountID, a.Known)
	for len(log) > 0 && log[len(log)-1].Seq > end {
		log = log[:len(log)-1] // a later append's
	}
	answer.Log = log
	return err
}

// write writes what was stamped: entries, what is derived from them, and the heads.
func (b *appending) write(ctx context.Context) error {
	if err := writeEntries(ctx, b.tx, b.log); err != nil {
		return err
	}
	for log := b.log; len(log) > 0; {
		n := 1
		for n < len(log) && log[n].Event == log[0].Event && log[n].Ignored == log[0].Ignored {
			n++
		}
		if err := deriveAlike(ctx, b.tx, log[:n]); err != nil {
			return err
		}
		log = log[n:]
	}
	return writeHeads(ctx, b.tx, b.log)
}

// deriveAlike is derive for entries of one kind.
func deriveAlike(ctx context.Context, tx *transaction, log []stamped) error {
	if log[0].Ignored {
		return nil
	}
	switch log[0].Event {
	case lifecycle.Restrict:
		return openEpisodes(ctx, tx, log...)
	case lifecycle.Lift:
		return liftEpisodes(ctx, tx, log...)
	case lifecycle.Remind:
		return writeNotices(ctx, tx, log...)
	default:
		for _, e := range log {
			if err := derive(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// writeHeads writes the folds and the standings that entries lead to. Of accounts whose state does not change it leaves
// the columns alone that have indexes.
func writeHeads(ctx context.Context, tx *transaction, log []stamped) error {
	ends := make(map[string]int, len(log)) // the last entry of each account
	moved, restricted := map[string]bool{}, map[string]int{}
	for i, e := range log {
		ends[e.AccountID] = i
		restricted[e.AccountID] += openedBy(e)
		moved[e.AccountID] = moved[e.AccountID] || !leavesState(e.Event)
	}
	folds := make([]lifecycle.Verification, 0, len(ends))
	for i, e := range log {
		if ends[e.AccountID] != i {
			continue
		}
		folds = append(folds, e.after)
		if moved[e.AccountID] {
			if err := writeStanding(ctx, tx, e); err != nil {
				return err
			}
			if restricted[e.AccountID] == 0 {
				continue
			}
		}
		if err := writeEnd(ctx, tx, e, restricted[e.AccountID]); err != nil {
			return err
		}
	}
	return writeFolds(ctx, tx, folds...)
}

// leavesState reports whether entries of a kind change nothing of the standing but its number and instants.
func leavesState(e lifecycle.Event) bool {
	switch e {
	case lifecycle.Restrict, lifecycle.Lift, lifecycle.Remind, lifecycle.Prompt:
		return true
	default:
		return false
	}
}
