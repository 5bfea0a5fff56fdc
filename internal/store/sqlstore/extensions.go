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

// RequestExtensions implements store.Extensions.
func (s *Store) RequestExtensions(ctx context.Context, requests []store.ExtensionRequest) ([]store.ExtensionOutcome, error) {
	outcomes := make([]store.ExtensionOutcome, len(requests))
	ids := make([]string, len(requests))
	for i, r := range requests {
		ids[i] = r.AccountID
	}
	err := s.write(ctx, "request extensions", func(ctx context.Context, tx *transaction) error {
		if err := lockAccounts(ctx, tx, ids); err != nil {
			return err
		}
		for i, r := range requests {
			e, created, err := s.request(ctx, tx, r)
			switch {
			case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrInvalid), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrClosed):
				outcomes[i] = store.ExtensionOutcome{Err: err}
			case err != nil:
				return err
			default:
				outcomes[i] = store.ExtensionOutcome{Extension: e, Created: created}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

func (s *Store) request(ctx context.Context, tx *transaction, r store.ExtensionRequest) (store.Extension, bool, error) {
	if err := checkRequest(r); err != nil {
		return store.Extension{}, false, err
	}
	known, err := extension(ctx, tx, r.ID)
	switch {
	case err == nil && (known.AccountID != r.AccountID || known.RuleID != r.RuleID || known.BatchID != r.BatchID || !known.Until.Equal(r.Until)):
		return known, false, errOtherExtension
	case !errors.Is(err, store.ErrNotFound):
		return known, false, err
	}
	of, err := account(ctx, tx, r.AccountID)
	if err == nil && of.Closed(r.At) {
		err = store.ErrClosed
	}
	if err != nil {
		return store.Extension{}, false, err
	}
	now, err := tx.now(ctx)
	if err != nil {
		return store.Extension{}, false, err
	}
	e := store.Extension{ID: r.ID, AccountID: r.AccountID, RuleID: r.RuleID, BatchID: r.BatchID, Until: r.Until.UTC()}
	e.Steps = []store.ExtensionStep{{
		State: store.ExtensionRequested, At: r.At.UTC(), RecordedAt: now.UTC(), Actor: r.Actor, Reason: r.Reason,
	}}
	_, err = tx.exec(ctx, `INSERT INTO extensions (extension_id, account_id, rule_id, until, batch_id, state, version, requested_at,
		requested_by) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)`, e.ID, e.AccountID, e.RuleID, instant(e.Until), e.BatchID,
		string(store.ExtensionRequested), instant(r.At), r.Actor.ID)
	err = s.orAgain(err)
	if err == nil {
		err = writeStep(ctx, tx, e)
	}
	if err == nil {
		err = noteExtensions(ctx, tx, e.AccountID)
	}
	if err == nil && r.Approved {
		e, err = s.step(ctx, tx, e, store.ExtensionVerdict{To: store.ExtensionApproved, At: r.At, Actor: r.Actor, Reason: r.Reason})
	}
	return e, true, err
}

func checkRequest(r store.ExtensionRequest) error {
	switch {
	case r.ID == "", r.AccountID == "":
		return fmt.Errorf("%w: an extension needs an id and an account", store.ErrInvalid)
	case r.Until.IsZero():
		return fmt.Errorf("%w: until is missing", store.ErrInvalid)
	case r.At.IsZero():
		return fmt.Errorf("%w: at is missing", store.ErrInvalid)
	}
	return errors.Join(checkInstant("until", r.Until), checkInstant("at", r.At))
}

// DecideExtension implements store.Extensions.
func (s *Store) DecideExtension(ctx context.Context, id string, v store.ExtensionVerdict) (e store.Extension, decided bool, err error) {
	if err := checkVerdict(v); err != nil {
		return e, false, err
	}
	err = s.write(ctx, "decide an extension", func(ctx context.Context, tx *transaction) error {
		decided = false
		if e, err = lockExtension(ctx, s, tx, id); err != nil {
			return err
		}
		last := e.Last()
		switch {
		case last.State == v.To && last.Actor == v.Actor:
			return nil
		case e.Steps[0].Actor.ID == v.Actor.ID && !v.Alone:
			return store.ErrSameActor
		case e.StateAt(v.At) != v.To.Before():
			return store.ErrDecided
		}
		decided = true
		e, err = s.step(ctx, tx, e, v)
		return err
	})
	return e, decided && err == nil, err
}

func checkVerdict(v store.ExtensionVerdict) error {
	switch {
	case v.To.Before() == "":
		return fmt.Errorf("%w: a verdict is approved, rejected or revoked", store.ErrInvalid)
	case v.At.IsZero():
		return fmt.Errorf("%w: at is missing", store.ErrInvalid)
	}
	return checkInstant("at", v.At)
}

// step writes the next version of an extension. Its instants do not run backwards when clocks do.
func (s *Store) step(ctx context.Context, tx *transaction, e store.Extension, v store.ExtensionVerdict) (store.Extension, error) {
	last := e.Last()
	now, err := tx.now(ctx)
	if err != nil {
		return e, err
	}
	e.Steps = append(e.Steps, store.ExtensionStep{
		State: v.To, At: later(v.At, last.At), RecordedAt: later(now, last.RecordedAt), Actor: v.Actor, Reason: v.Reason,
	})
	_, err = tx.exec(ctx, `UPDATE extensions SET state = ?, version = ?, granted_at = ?, revoked_at = ? WHERE extension_id = ?`,
		string(v.To), len(e.Steps), instant(e.When(store.ExtensionApproved)), instant(e.When(store.ExtensionRevoked)), e.ID)
	if err == nil {
		err = writeStep(ctx, tx, e)
	}
	if err == nil {
		err = noteExtensions(ctx, tx, e.AccountID)
	}
	return e, err
}

// noteExtensions writes the ends of the account's extensions into its row: lists by them read one index.
func noteExtensions(ctx context.Context, tx *transaction, accountID string) error {
	_, err := tx.exec(ctx, `UPDATE accounts SET
		extended_until = (SELECT MAX(until) FROM extensions WHERE account_id = ? AND state = 'approved'),
		requested_until = (SELECT MAX(until) FROM extensions WHERE account_id = ? AND state = 'requested')
		WHERE account_id = ?`, accountID, accountID, accountID)
	return err
}

// writeStep writes the last step.
func writeStep(ctx context.Context, tx *transaction, e store.Extension) error {
	step := e.Last()
	_, err := tx.exec(ctx, `INSERT INTO extension_steps (extension_id, version, state, at, recorded_at, actor_kind, actor_id, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, e.ID, len(e.Steps), string(step.State), instant(step.At), instant(step.RecordedAt),
		string(step.Actor.Kind), step.Actor.ID, step.Reason)
	return err
}

// batchChunk is how many extensions of a batch one transaction decides: other writers need not wait for all of them.
const batchChunk = 500

// DecideBatch implements store.Extensions.
func (s *Store) DecideBatch(ctx context.Context, batchID string, expected int, v store.ExtensionVerdict) (store.BatchVerdict, error) {
	var verdict store.BatchVerdict
	if err := checkVerdict(v); err != nil {
		return verdict, err
	}
	open, all, err := s.openOf(ctx, batchID, v)
	switch {
	case err != nil:
		return verdict, err
	case all == 0:
		return verdict, store.ErrNotFound
	case expected != store.AnyCount && expected != len(open):
		return verdict, fmt.Errorf("%w: the batch has another number of extensions to decide", store.ErrConflict)
	}
	for len(open) > 0 {
		chunk := open[:min(batchChunk, len(open))]
		open = open[len(chunk):]
		var accounts []string
		err := s.write(ctx, "decide a batch of extensions", func(ctx context.Context, tx *transaction) error {
			accounts = nil
			for _, id := range chunk {
				e, err := lockExtension(ctx, s, tx, id)
				if err != nil {
					return err
				}
				if e.StateAt(v.At) != v.To.Before() {
					continue // somebody else was quicker
				}
				if _, err := s.step(ctx, tx, e, v); err != nil {
					return err
				}
				accounts = append(accounts, e.AccountID)
			}
			return nil
		})
		if err != nil {
			return verdict, err
		}
		verdict.Accounts = append(verdict.Accounts, accounts...)
	}
	verdict.Left = all - len(verdict.Accounts)
	return verdict, nil
}

// openOf returns the extensions of a batch that a verdict fits and how many the batch has. Whoever asked for one that
// it fits may not decide any.
func (s *Store) openOf(ctx context.Context, batchID string, v store.ExtensionVerdict) (open []string, all int, err error) {
	if batchID == "" {
		return nil, 0, nil
	}
	where, args := `WHERE batch_id = ?`, []any{batchID}
	if v.Within.Bound() {
		condition, values := among(`account_id`, v.Within)
		where, args = where+` AND `+condition, append(args, values...)
	}
	own := false
	err = each(ctx, reader{s}, `SELECT extension_id, state, until, requested_by FROM extensions `+where+`
		ORDER BY requested_at, extension_id`, args, func(scan func(...any) error) error {
		var id, by string
		var state store.ExtensionState
		var until time.Time
		if err := scan(&id, &state, scanTime(&until), &by); err != nil {
			return err
		}
		all++
		if state == v.To.Before() && v.At.Before(until) {
			open, own = append(open, id), own || by == v.Actor.ID
		}
		return nil
	})
	if err == nil && own && !v.Alone {
		err = store.ErrSameActor
	}
	return open, all, s.fault(ctx, "read a batch of extensions", err)
}

// PutExtension implements store.Extensions.
func (s *Store) PutExtension(ctx context.Context, e policy.Extension, actor lifecycle.Actor, reason string) error {
	at := e.GrantedAt
	if at.IsZero() {
		var err error
		if at, err = s.Now(ctx); err != nil {
			return err
		}
	}
	outcomes, err := s.RequestExtensions(ctx, []store.ExtensionRequest{{
		ID: e.ID, AccountID: e.AccountID, RuleID: e.RuleID, Until: e.Until, At: at, Actor: actor, Reason: reason, Approved: true,
	}})
	if err != nil {
		return err
	}
	if err := outcomes[0].Err; err != nil {
		return err
	}
	granted := outcomes[0].Extension.When(store.ExtensionApproved)
	if !e.GrantedAt.IsZero() && !granted.Equal(e.GrantedAt) {
		return errOtherExtension
	}
	return nil
}
