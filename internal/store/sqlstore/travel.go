package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// FactsAt implements store.Accounts.
func (s *Store) FactsAt(ctx context.Context, id string, at time.Time, basis store.Basis) (store.Facts, error) {
	recordedBy := maxInstant
	switch basis {
	case store.Did:
		recordedBy = bound(at)
	case store.Would:
	default:
		return store.Facts{}, fmt.Errorf("%w: basis must be %q or %q", store.ErrInvalid, store.Did, store.Would)
	}
	var facts store.Facts
	err := s.snapshot(ctx, "read facts of another instant", func(q querier) error {
		var err error
		if facts.Account, err = accountAt(ctx, q, id, recordedBy); err != nil {
			return err
		}
		var log []lifecycle.Change
		err = entries(ctx, q, `WHERE account_id = ? AND recorded_at <= ? AND at <= ? ORDER BY seq`, []any{id, recordedBy, bound(at)},
			func(e store.Entry) { log = append(log, e.Change) })
		if err != nil {
			return err
		}
		v, err := refold(id, log)
		if err != nil {
			return err
		}
		facts.Standing, facts.Seq = v.Standing(), lastSeq(log)
		facts.Extensions, err = granted(ctx, q, id, recordedBy)
		return err
	})
	if err != nil {
		return store.Facts{}, err
	}
	return facts, nil
}

// accountAt returns the latest facts that were recorded by an instant.
func accountAt(ctx context.Context, q querier, id string, recordedBy int64) (policy.Account, error) {
	a := policy.Account{ID: id}
	err := row(ctx, q, `SELECT kind, region, registered_at, closed_at FROM account_versions
		WHERE account_id = ? AND recorded_at <= ? ORDER BY version DESC LIMIT 1`, []any{id, recordedBy},
		&a.Kind, &a.Region, scanTime(&a.RegisteredAt), scanTime(&a.ClosedAt))
	return a, err
}

// refold folds the entries that were in effect. Their sequence may have gaps: an entry with an earlier instant can
// follow one with a later (an import tells of the past). What no longer fits without the entry that is missing is
// passed over, like news that does not apply.
func refold(accountID string, log []lifecycle.Change) (lifecycle.Verification, error) {
	v := lifecycle.New(accountID)
	for _, c := range log {
		next, _, err := v.Extend(c)
		if errors.Is(err, lifecycle.ErrBrokenLog) {
			c.Ignored = true
			next, _, err = v.Extend(c)
		}
		if err != nil {
			return v, err
		}
		v = next
	}
	return v, nil
}

func lastSeq(log []lifecycle.Change) int64 {
	if len(log) == 0 {
		return 0
	}
	return log[len(log)-1].Seq
}
