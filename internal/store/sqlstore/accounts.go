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
		for i, p := range puts {
			if err := caller.Err(); err != nil {
				return fmt.Errorf("%w: put accounts: %w", store.ErrUnavailable, err)
			}
			outcome, imported, err := s.put(ctx, tx, p, allowChange)
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
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range moved {
		s.hub.publish(topic{logTopic, id})
	}
	return outcomes, nil
}

// put judges everything before it writes anything, so that a refused line leaves no trace.
func (s *Store) put(ctx context.Context, tx *transaction, p store.PutAccount, allowChange bool) (store.PutOutcome, bool, error) {
	if err := checkAccount(p.Account); err != nil {
		return store.PutOutcome{}, false, err
	}
	now := s.now()
	known, err := account(ctx, tx, p.Account.ID)
	isNew := errors.Is(err, store.ErrNotFound)
	if err != nil && !isNew {
		return store.PutOutcome{}, false, err
	}
	next, result, err := succeed(known, isNew, p.Account, allowChange, now)
	if err != nil {
		return store.PutOutcome{}, false, err
	}
	plan, err := s.planImport(ctx, tx, p, isNew)
	if err != nil {
		return store.PutOutcome{}, false, err
	}
	if result != store.Unchanged {
		if err := writeVersion(ctx, tx, next, isNew, p); err != nil {
			return store.PutOutcome{}, false, err
		}
	}
	if plan == nil {
		return store.PutOutcome{Account: next, Result: result}, false, nil
	}
	if result == store.Unchanged {
		result = store.Updated
	}
	_, err = s.extend(ctx, tx, plan.head, plan.changeID, plan.drafts)
	return store.PutOutcome{Account: next, Result: result}, true, err
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

func writeVersion(ctx context.Context, tx *transaction, a store.Account, isNew bool, p store.PutAccount) error {
	var err error
	if isNew {
		_, err = tx.exec(ctx, `INSERT INTO accounts (account_id, kind, region, registered_at, closed_at, version, recorded_at,
			seq, state, turn) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
			a.ID, string(a.Kind), a.Region, instant(a.RegisteredAt), instant(a.ClosedAt), a.Version, instant(a.RecordedAt),
			string(lifecycle.Unverified), string(lifecycle.Unverified.Turn()))
	} else {
		_, err = tx.exec(ctx, `UPDATE accounts SET kind = ?, region = ?, registered_at = ?, closed_at = ?, version = ?,
			recorded_at = ? WHERE account_id = ?`,
			string(a.Kind), a.Region, instant(a.RegisteredAt), instant(a.ClosedAt), a.Version, instant(a.RecordedAt), a.ID)
	}
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO account_versions (account_id, version, kind, region, registered_at, closed_at, recorded_at,
		actor_kind, actor_id, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.Version, string(a.Kind), a.Region, instant(a.RegisteredAt), instant(a.ClosedAt), instant(a.RecordedAt),
		string(p.Actor.Kind), p.Actor.ID, p.Reason)
	return err
}

// importPlan is an import that will be appended.
type importPlan struct {
	head     head
	changeID string
	drafts   []lifecycle.Change
}

// planImport decides what of p.Import remains to be written: nil if there is none, or if it was written before.
func (s *Store) planImport(ctx context.Context, tx *transaction, p store.PutAccount, isNew bool) (*importPlan, error) {
	if p.Import == nil {
		return nil, nil
	}
	changeID := p.Import.ChangeID
	if err := checkDrafts(changeID, []lifecycle.Change{*p.Import}); err != nil {
		return nil, err
	}
	head := head{fold: lifecycle.New(p.Account.ID)}
	if !isNew {
		written, err := entriesOf(ctx, tx, p.Account.ID, changeID)
		if err != nil || len(written) > 0 {
			return nil, err
		}
		if head, err = s.lockHead(ctx, tx, p.Account.ID); err != nil {
			return nil, err
		}
	}
	drafts, err := head.fold.Decide(*p.Import, lifecycle.DefaultLimits())
	if err != nil {
		var refusal *lifecycle.Refusal
		if errors.As(err, &refusal) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: import: %w", store.ErrInvalid, err)
	}
	return &importPlan{head, changeID, drafts}, nil
}

const accountColumns = `kind, region, registered_at, closed_at, version, recorded_at`

// Account implements store.Accounts.
func (s *Store) Account(ctx context.Context, id string) (store.Account, error) {
	a, err := account(ctx, reader{s}, id)
	return a, s.fault(ctx, "read an account", err)
}

func account(ctx context.Context, q querier, id string) (store.Account, error) {
	a := store.Account{Account: policy.Account{ID: id}}
	err := row(ctx, q, `SELECT `+accountColumns+` FROM accounts WHERE account_id = ?`, []any{id},
		&a.Kind, &a.Region, scanTime(&a.RegisteredAt), scanTime(&a.ClosedAt), &a.Version, scanTime(&a.RecordedAt))
	if err != nil {
		return store.Account{}, err
	}
	return a, nil
}
