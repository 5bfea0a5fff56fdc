package sqlstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Tally implements store.Figures.
func (s *Store) Tally(ctx context.Context, since time.Time) (store.Tally, error) {
	t := store.Tally{
		Events: map[lifecycle.Event]int64{}, Reasons: map[lifecycle.Event]map[string]int64{}, Stays: map[lifecycle.State]map[int]int64{},
	}
	err := each(ctx, reader{s}, `SELECT kind, name, bin, SUM(n) FROM tally WHERE hour >= ? GROUP BY kind, name, bin`, []any{hourOf(since)},
		func(scan func(...any) error) error {
			var kind, name string
			var bin int
			var n int64
			if err := scan(&kind, &name, &bin, &n); err != nil {
				return err
			}
			switch event, isReason := strings.CutPrefix(kind, tallyReason); {
			case isReason:
				add(t.Reasons, lifecycle.Event(event), name, n)
			case kind == tallyBegun:
				t.Attempts = n
			case kind == tallyStay:
				add(t.Stays, lifecycle.State(name), bin, n)
			default:
				t.Events[lifecycle.Event(name)] = n
			}
			return nil
		})
	return t, s.fault(ctx, "read counts", err)
}

func add[K, L comparable](to map[K]map[L]int64, key K, name L, n int64) {
	if to[key] == nil {
		to[key] = map[L]int64{}
	}
	to[key][name] = n
}

// Tallied implements store.Figures.
func (s *Store) Tallied(ctx context.Context) (at time.Time, behind bool, err error) {
	now, err := s.Now(ctx)
	if err != nil {
		return at, false, err
	}
	err = s.snapshot(ctx, "read how far the log is counted", func(q querier) error {
		var position *int64
		var last int64
		var recorded time.Time
		if err := row(ctx, q, `SELECT position, recorded_at FROM tally_position`, nil, &position, scanTime(&at)); err != nil {
			return err
		}
		err := row(ctx, q, `SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1`, nil, &last, scanTime(&recorded))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if position == nil { // what is too old is never counted
			behind = !recorded.Before(now.Add(-store.TallyFor))
			return err
		}
		behind = *position < last
		return err
	})
	return at, behind, err
}

// OpenByRule implements store.Figures.
func (s *Store) OpenByRule(ctx context.Context) ([]store.RuleCount, error) {
	var all []store.RuleCount
	err := each(ctx, reader{s}, `SELECT policy_name, rule_id, COUNT(*) FROM restrictions WHERE lifted_seq IS NULL
		GROUP BY policy_name, rule_id ORDER BY policy_name, rule_id`, nil, func(scan func(...any) error) error {
		var c store.RuleCount
		err := scan(&c.Policy, &c.Rule, &c.Accounts)
		all = append(all, c)
		return err
	})
	return all, s.fault(ctx, "count restrictions", err)
}

// BlockedSince implements store.Figures.
func (s *Store) BlockedSince(ctx context.Context, since time.Time) ([]store.BlockedCount, error) {
	var all []store.BlockedCount
	err := each(ctx, reader{s}, `SELECT action, COUNT(*), COUNT(DISTINCT account_id) FROM blocks WHERE observed = 0 AND at >= ?
		GROUP BY action ORDER BY action`, []any{bound(since)}, func(scan func(...any) error) error {
		var c store.BlockedCount
		err := scan(&c.Action, &c.Refusals, &c.Accounts)
		all = append(all, c)
		return err
	})
	return all, s.fault(ctx, "count blocks", err)
}

// Outstanding implements store.Figures.
func (s *Store) Outstanding(ctx context.Context, since time.Time) (store.Outstanding, error) {
	var o store.Outstanding
	err := s.snapshot(ctx, "count what is outstanding", func(q querier) error {
		for _, one := range []struct {
			query string
			args  []any
			to    *int64
		}{
			{`SELECT COUNT(*) FROM notices WHERE next_at IS NOT NULL`, nil, &o.NoticesWaiting},
			{`SELECT COUNT(*) FROM notices WHERE state IN ('failed', 'no_contact') AND changed_at >= ?`, []any{bound(since)}, &o.NoticesFailed},
			{`SELECT COUNT(*) FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.webhook_id
				WHERE d.state = 'failed' AND d.finished_at >= ?`, []any{bound(since)}, &o.WebhooksFailed},
		} {
			if err := row(ctx, q, one.query, one.args, one.to); err != nil {
				return err
			}
		}
		err := row(ctx, q, `SELECT created_at FROM webhook_deliveries WHERE delivery_id =
			(SELECT MIN(delivery_id) FROM webhook_deliveries WHERE state = 'pending')`, nil, scanTime(&o.OldestPending))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return o, err
}
