package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// EntriesBetween implements store.Campaigns.
func (s *Store) EntriesBetween(ctx context.Context, after, last string, events []lifecycle.Event, visit func(store.Entry) error) error {
	if len(events) == 0 {
		return nil
	}
	args := []any{after, last}
	for _, e := range events {
		args = append(args, string(e))
	}
	query := `SELECT recorded_at, body FROM events WHERE account_id > ? AND account_id <= ? AND event IN (?` +
		strings.Repeat(", ?", len(events)-1) + `) ORDER BY account_id, seq`
	var stopped error // the visitor's own, which is not the database's
	err := each(ctx, reader{s}, query, args, func(scan func(...any) error) error {
		var e store.Entry
		var body []byte
		if err := scan(scanTime(&e.RecordedAt), &body); err != nil {
			return err
		}
		if err := json.Unmarshal(body, &e.Change); err != nil {
			return fmt.Errorf("%w: an entry is not readable", lifecycle.ErrBrokenLog)
		}
		stopped = visit(e)
		return stopped
	})
	if stopped != nil {
		return stopped
	}
	return s.fault(ctx, "read entries of many accounts", err)
}

// NoticesBetween implements store.Campaigns.
func (s *Store) NoticesBetween(ctx context.Context, after, last string, visit func(store.Notice) error) error {
	query := noticeColumns + `WHERE account_id > ? AND account_id <= ? ORDER BY account_id, seq, channel`
	var stopped error
	err := each(ctx, reader{s}, query, []any{after, last}, func(scan func(...any) error) error {
		n, err := scanNotice(scan)
		if err != nil {
			return err
		}
		stopped = visit(n)
		return stopped
	})
	if stopped != nil {
		return stopped
	}
	return s.fault(ctx, "read notices of many accounts", err)
}
