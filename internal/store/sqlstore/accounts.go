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

// PutAccount implements store.Accounts.
func (s *Store) PutAccount(ctx context.Context, p store.PutAccount, allowChange bool) (store.Account, store.PutResult, error) {
	outcomes, err := s.PutAccounts(ctx, []store.PutAccount{p}, allowChange)
	if err != nil {
		return store.Account{}, "", err
	}
	return outcomes[0].Account, outcomes[0].Result, outcomes[0].Err
}

// PutAccounts implements store.Accounts.
func (s *Store) PutAccounts(ctx context.Context, puts []store.PutAccount, allowChange bool) ([]store.PutOutcome, error) {
	outcomes := make([]store.PutOutcome, len(puts))
	var moved []string
	caller := ctx
	err := s.write(ctx, "put accounts", func(ctx context.Context, tx *transaction) error {
		moved = nil
		r, err := s.newRegistration(ctx, tx, puts, allowChange)
		if err != nil {
			return err
		}
		for i, p := range puts {
			if err := caller.Err(); err != nil {
				return fmt.Errorf("%w: put accounts: %w", store.ErrUnavailable, err)
			}
			outcome, imported, err := r.put(ctx, p)
			var refusal *lifecycle.Refusal
			switch {
			case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrInvalid), errors.As(err, &refusal):
				outcome = store.PutOutcome{Err: err}
			case err != nil:
				return err
			case imported:
				moved = append(moved, p.Account.ID)
			}
			outcomes[i] = outcome
		}
		return r.flush(ctx)
	})
	if err != nil {
		return nil, err
	}
	for _, id := range moved {
		s.publish(topic{logTopic, id})
	}
	return outcomes, nil
}

func checkAccount(a policy.Account) error {
	switch {
	case a.ID == "":
		return fmt.Errorf("%w: account id is empty", store.ErrInvalid)
	case a.RegisteredAt.IsZero():
		return fmt.Errorf("%w: registered_at is missing", store.ErrInvalid)
	}
	return errors.Join(checkInstant("registered_at", a.RegisteredAt), checkInstant("closed_at", a.ClosedAt))
}

// succeed returns the version that follows from facts, and what that is to known.
func succeed(known store.Account, isNew bool, facts policy.Account, allowChange bool, now time.Time) (store.Account, store.PutResult, error) {
	facts.RegisteredAt, facts.ClosedAt = facts.RegisteredAt.UTC(), facts.ClosedAt.UTC()
	if isNew {
		return store.Account{Account: facts, Version: 1, RecordedAt: now.UTC()}, store.Created, nil
	}
	if facts.ClosedAt.IsZero() {
		facts.ClosedAt = known.ClosedAt
	}
	same := facts.Kind == known.Kind && facts.Region == known.Region && facts.RegisteredAt.Equal(known.RegisteredAt)
	switch {
	case same && facts.ClosedAt.Equal(known.ClosedAt):
		return known, store.Unchanged, nil
	case !same && !allowChange:
		return known, "", fmt.Errorf("%w: kind, region or registered_at of a known account differs", store.ErrConflict)
	}
	return store.Account{Account: facts, Version: known.Version + 1, RecordedAt: later(now, known.RecordedAt)}, store.Updated, nil
}

// later keeps instants of recording from running backwards when the clock does.
func later(now, last time.Time) time.Time {
	if now.Before(last) {
		return last.UTC()
	}
	return now.UTC()
}

const accountColumns = `kind, region, registered_at, closed_at, version, recorded_at`

// Account implements store.Accounts.
func (s *Store) Account(ctx context.Context, id string) (store.Account, error) {
	a, err := account(ctx, reader{s}, id)
	return a, s.fault(ctx, "read an account", err)
}

func account(ctx context.Context, q querier, id string) (store.Account, error) {
	a := store.Account{Account: policy.Account{ID: id}}
	err := row(ctx, q, `SELECT `+accountColumns+` FROM accounts WHERE account_id = ?`, []any{id}, accountFields(&a)...)
	if err != nil {
		return store.Account{}, err
	}
	return a, nil
}

// accountFields scan accountColumns.
func accountFields(a *store.Account) []any {
	return []any{&a.Kind, &a.Region, scanTime(&a.RegisteredAt), scanTime(&a.ClosedAt), &a.Version, scanTime(&a.RecordedAt)}
}
