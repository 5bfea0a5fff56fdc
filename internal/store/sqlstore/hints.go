package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// MarkReturned implements store.Hints.
func (s *Store) MarkReturned(ctx context.Context, attemptID string, at time.Time) error {
	if at.IsZero() {
		return fmt.Errorf("%w: at is missing", store.ErrInvalid)
	}
	if err := checkInstant("at", at); err != nil {
		return err
	}
	if known, err := s.Returned(ctx, attemptID); err != nil || !known.IsZero() {
		return err
	}
	err := s.write(ctx, "mark a return", func(ctx context.Context, tx *transaction) error {
		return writeReturn(ctx, tx, attemptID, at)
	})
	if err == nil {
		s.publish(topic{returnTopic, attemptID})
	}
	return err
}

func writeReturn(ctx context.Context, tx *transaction, attemptID string, at time.Time) error {
	_, err := tx.exec(ctx, `INSERT INTO returns (attempt_id, returned_at) VALUES (?, ?) ON CONFLICT (attempt_id) DO NOTHING`,
		attemptID, instant(at))
	return err
}

// Returned implements store.Hints.
func (s *Store) Returned(ctx context.Context, attemptID string) (time.Time, error) {
	var at time.Time
	err := row(ctx, reader{s}, `SELECT returned_at FROM returns WHERE attempt_id = ?`, []any{attemptID}, scanTime(&at))
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	return at, s.fault(ctx, "read a return", err)
}

// takeReturns removes the returns of an account's attempts, so that the attempts can be written anew.
func takeReturns(ctx context.Context, tx *transaction, accountID string) (map[string]time.Time, error) {
	returns := map[string]time.Time{}
	err := each(ctx, tx, `SELECT r.attempt_id, r.returned_at FROM returns r JOIN attempts t ON t.attempt_id = r.attempt_id
		WHERE t.account_id = ?`, []any{accountID}, func(scan func(...any) error) error {
		var id string
		var at time.Time
		err := scan(&id, scanTime(&at))
		returns[id] = at
		return err
	})
	if err != nil {
		return nil, err
	}
	for id := range returns {
		if _, err := tx.exec(ctx, `DELETE FROM returns WHERE attempt_id = ?`, id); err != nil {
			return nil, err
		}
	}
	return returns, nil
}
