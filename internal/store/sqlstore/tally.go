package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Kinds of rows of the table tally.
const (
	tallyEvent  = "event"
	tallyBegun  = "attempt" // begun
	tallyReason = "reason/" // and the event
	tallyStay   = "stay"
)

// tallyKey is a row of the table tally.
type tallyKey struct {
	hour       int64
	kind, name string
	bin        int
}

// tally counts one batch of entries.
type tally struct {
	from   int64 // hour; earlier ones are not kept
	counts map[tallyKey]int64
	since  map[string]time.Time // when the account came into its state, for those seen
}

// logged is an entry as a batch reads it.
type logged struct {
	position int64
	entry    store.Entry
}

// TallyLog implements store.Figures. It reads beside the writers, and writes only what it counted; whoever moved the
// position first has counted the batch.
func (s *Store) TallyLog(ctx context.Context, limit int) (int, error) {
	if limit < 1 || limit > maxPage {
		return 0, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	now, err := s.Now(ctx)
	if err != nil {
		return 0, err
	}
	from := now.Add(-store.TallyFor)
	t := &tally{from: hourOf(from), counts: map[tallyKey]int64{}, since: map[string]time.Time{}}
	var at *int64
	var batch []logged
	err = s.atRest(ctx, "read the log to count it", func(q querier) (err error) {
		if at, err = tallyPosition(ctx, q); err != nil {
			return err
		}
		begin, err := tallyBegin(ctx, q, at, from)
		if err != nil {
			return err
		}
		if batch, err = loggedAfter(ctx, q, begin, limit); err != nil {
			return err
		}
		for i := range batch {
			if err := t.add(ctx, q, &batch[i].entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	taken := false
	err = s.write(ctx, "count the log", func(ctx context.Context, tx *transaction) (err error) {
		taken, err = t.save(ctx, tx, at, batch[len(batch)-1])
		return err
	})
	if err != nil || !taken {
		return 0, err
	}
	return len(batch), nil
}

func tallyPosition(ctx context.Context, q querier) (at *int64, err error) {
	err = row(ctx, q, `SELECT position FROM tally_position`, nil, &at)
	return at, err
}

// tallyBegin is the position after which to count: where the last count ended or, of a log that was never counted, before
// the first entry that is young enough.
func tallyBegin(ctx context.Context, q querier, at *int64, from time.Time) (int64, error) {
	if at != nil {
		return *at, nil
	}
	var first int64
	err := row(ctx, q, `SELECT position FROM events WHERE recorded_at >= ? ORDER BY recorded_at, position LIMIT 1`, []any{bound(from)}, &first)
	if errors.Is(err, store.ErrNotFound) {
		return maxInstant, nil // nothing to count, until something is recorded
	}
	return first - 1, err
}

// loggedAfter reads entries by position. What can be counted by its name alone, which is most of a sweep, is not decoded.
func loggedAfter(ctx context.Context, q querier, after int64, limit int) ([]logged, error) {
	var batch []logged
	err := each(ctx, q, `SELECT position, account_id, seq, event, at, recorded_at, body FROM events WHERE position > ? ORDER BY position LIMIT ?`,
		[]any{after, limit}, func(scan func(...any) error) error {
			var l logged
			var body []byte
			c := &l.entry.Change
			err := scan(&l.position, &c.AccountID, &c.Seq, &c.Event, scanTime(&c.At), scanTime(&l.entry.RecordedAt), &body)
			if err == nil && moves(c.Event) {
				*c, err = decodeEntry(body)
			}
			batch = append(batch, l)
			return err
		})
	return batch, err
}

// moves reports whether an event can lead from one state to another.
func moves(e lifecycle.Event) bool {
	switch e {
	case lifecycle.Prompt, lifecycle.Remind, lifecycle.Restrict, lifecycle.Lift:
		return false
	default:
		return true
	}
}

func hourOf(t time.Time) int64 { return t.Unix() / int64(time.Hour/time.Second) }

func (t *tally) add(ctx context.Context, q querier, e *store.Entry) error {
	c := &e.Change
	if c.Ignored {
		return nil
	}
	hour := hourOf(c.At)
	count := func(kind, name string, bin int) {
		if hour >= t.from {
			t.counts[tallyKey{hour, kind, name, bin}]++
		}
	}
	count(tallyEvent, string(c.Event), 0)
	if c.Event == lifecycle.IssueQR && c.Detail.Attempt != nil {
		count(tallyBegun, "", 0)
	}
	switch c.Event {
	case lifecycle.Reject, lifecycle.RejectManual, lifecycle.Fail:
		count(tallyReason+string(c.Event), c.Reason, 0)
	default:
	}
	if !moves(c.Event) || c.From == c.To {
		return nil
	}
	since, err := t.entered(ctx, q, c)
	if err != nil {
		return err
	}
	t.since[c.AccountID] = c.At
	if !since.IsZero() && !c.At.Before(since) {
		count(tallyStay, string(c.From), store.StayBin(c.At.Sub(since)))
	}
	return nil
}

// entered is when the account came into the state that an entry leads it out of; zero if nothing led it there.
func (t *tally) entered(ctx context.Context, q querier, c *lifecycle.Change) (time.Time, error) {
	if since, ok := t.since[c.AccountID]; ok {
		return since, nil
	}
	const few = 8
	for before := c.Seq; before > 1; {
		var since time.Time
		lowest := before
		err := entries(ctx, q, `WHERE account_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, []any{c.AccountID, before, few}, func(e store.Entry) {
			lowest = e.Seq
			if since.IsZero() && !e.Ignored && e.From != e.To {
				since = e.At
			}
		})
		if err != nil || !since.IsZero() || lowest == before {
			return since, err
		}
		before = lowest
	}
	return time.Time{}, nil
}

// save writes the counts, unless somebody else has counted the same.
func (t *tally) save(ctx context.Context, tx *transaction, at *int64, last logged) (bool, error) {
	expected, args := ` IS NULL`, []any{last.position, instant(last.entry.RecordedAt)}
	if at != nil {
		expected, args = ` = ?`, append(args, *at)
	}
	n, err := tx.exec(ctx, `UPDATE tally_position SET position = ?, recorded_at = ? WHERE position`+expected, args...)
	if err != nil || n == 0 {
		return false, err
	}
	rows := make([][]any, 0, len(t.counts))
	for k, n := range t.counts {
		rows = append(rows, []any{k.hour, k.kind, k.name, k.bin, n})
	}
	_, err = insertRows(ctx, tx, `INSERT INTO tally (hour, kind, name, bin, n) VALUES`, rows,
		` ON CONFLICT (hour, kind, name, bin) DO UPDATE SET n = tally.n + excluded.n`)
	if err == nil {
		_, err = tx.exec(ctx, `DELETE FROM tally WHERE hour < ?`, t.from)
	}
	return true, err
}
