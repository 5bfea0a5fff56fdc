package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// registration is one call of PutAccounts. Which accounts are known is read once, and new ones are written many to a
// statement: the first import of a population is nothing but new accounts.
type registration struct {
	s           *Store
	tx          *transaction
	allowChange bool
	known       map[string]store.Account // as far as they were put, with those of this call
	new         newcomers
}

func (s *Store) newRegistration(ctx context.Context, tx *transaction, puts []store.PutAccount, allowChange bool) (*registration, error) {
	r := &registration{s: s, tx: tx, allowChange: allowChange, known: make(map[string]store.Account, len(puts))}
	ids := make([]string, len(puts))
	for i, p := range puts {
		ids[i] = p.Account.ID
	}
	wanted, err := s.dialect.anyArg(ids)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, `SELECT account_id, `+accountColumns+` FROM accounts WHERE `+s.dialect.anyOf("account_id")+
		` ORDER BY account_id`+s.dialect.lockRow(), []any{wanted},
		func(scan func(...any) error) error {
			var a store.Account
			err := scan(append([]any{&a.ID}, accountFields(&a)...)...)
			r.known[a.ID] = a
			return err
		})
	return r, err
}

// put judges everything before it writes anything, so that a refused line leaves no trace.
func (r *registration) put(ctx context.Context, p store.PutAccount) (outcome store.PutOutcome, imported bool, err error) {
	if err := checkAccount(p.Account); err != nil {
		return outcome, false, err
	}
	known, isKnown := r.known[p.Account.ID]
	if isKnown && r.new.holds(p.Account.ID) {
		if err := r.flush(ctx); err != nil { // the same account twice in one call
			return outcome, false, err
		}
	}
	now, err := r.tx.now(ctx)
	if err != nil {
		return outcome, false, err
	}
	next, result, err := succeed(known, !isKnown, p.Account, r.allowChange, now)
	if err != nil {
		return outcome, false, err
	}
	plan, err := r.planImport(ctx, p, !isKnown)
	if err != nil {
		return outcome, false, err
	}
	if isKnown {
		err = r.revise(ctx, p, next, result, plan)
	} else {
		err = r.add(ctx, p, next, plan)
	}
	if err != nil {
		return outcome, false, err
	}
	r.known[next.ID] = next
	if plan != nil && result == store.Unchanged {
		result = store.Updated
	}
	return store.PutOutcome{Account: next, Result: result}, plan != nil, nil
}

// revise writes what is new of a known account.
func (r *registration) revise(ctx context.Context, p store.PutAccount, next store.Account, result store.PutResult, plan []stamped) error {
	if result != store.Unchanged {
		if err := writeVersion(ctx, r.tx, next, p); err != nil {
			return err
		}
	}
	if plan == nil {
		return nil
	}
	_, err := writeLog(ctx, r.tx, plan)
	return err
}

// writeVersion writes the facts of a known account as its next version.
func writeVersion(ctx context.Context, tx *transaction, next store.Account, p store.PutAccount) error {
	_, err := tx.exec(ctx, `UPDATE accounts SET kind = ?, region = ?, registered_at = ?, closed_at = ?, version = ?,
		recorded_at = ? WHERE account_id = ?`, string(next.Kind), next.Region, instant(next.RegisteredAt),
		instant(next.ClosedAt), next.Version, instant(next.RecordedAt), next.ID)
	if err != nil {
		return err
	}
	return addVersions(ctx, tx, versionRow(next, p))
}

func (r *registration) add(ctx context.Context, p store.PutAccount, next store.Account, plan []stamped) error {
	if err := r.new.add(next, p, plan); err != nil {
		return err
	}
	if len(r.new.accounts) < maxNewcomers {
		return nil
	}
	return r.flush(ctx)
}

func (r *registration) flush(ctx context.Context) error {
	written := r.new
	r.new = newcomers{}
	return r.s.orAgain(written.write(ctx, r.tx))
}

// planImport decides what of p.Import remains to be written: nil if there is none, or if it was written before.
func (r *registration) planImport(ctx context.Context, p store.PutAccount, isNew bool) ([]stamped, error) {
	if p.Import == nil {
		return nil, nil
	}
	changeID := p.Import.ChangeID
	if err := checkDrafts(changeID, []lifecycle.Change{*p.Import}); err != nil {
		return nil, err
	}
	head := head{fold: lifecycle.New(p.Account.ID)}
	if !isNew {
		written, err := entriesOf(ctx, r.tx, p.Account.ID, changeID)
		if err != nil || len(written) > 0 {
			return nil, err
		}
		if head, err = r.s.lockHead(ctx, r.tx, p.Account.ID); err != nil {
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
	return r.tx.stamp(ctx, head, changeID, drafts)
}
