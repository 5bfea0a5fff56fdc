package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/verigate/verigate/internal/store"
)

// StepReview implements store.Reviews.
func (s *Store) StepReview(ctx context.Context, step store.ReviewStep) (store.ReviewStep, error) {
	if step.ChangeID == "" || step.Actor == "" || step.At.IsZero() || (step.Act != store.ReviewEscalated && step.Act != store.ReviewApproved) {
		return step, fmt.Errorf("%w: a step of a review needs an act, an actor, an instant and a change_id", store.ErrInvalid)
	}
	if err := checkInstant("at", step.At); err != nil {
		return step, err
	}
	wanted := step
	err := s.write(ctx, "record a step of a review", func(ctx context.Context, tx *transaction) error {
		step = wanted
		h, err := s.lockHead(ctx, tx, step.AccountID)
		if err != nil {
			return err
		}
		before, err := reviewSteps(ctx, tx, step.AccountID)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(before, func(b store.ReviewStep) bool { return b.ChangeID == step.ChangeID }); i >= 0 {
			step = before[i]
			return nil
		}
		c, err := heldBy(ctx, tx, step.AccountID, step.Actor, step.At)
		switch {
		case err != nil:
			return err
		case c.Seq != step.CaseSeq:
			return store.ErrNotFound
		case step.Act == store.ReviewApproved && c.ApprovedBy != "":
			return store.ErrConflict
		}
		if err := checkSeen(ctx, tx, h.fold, step.Seen); err != nil {
			return err
		}
		if step.RecordedAt, err = tx.now(ctx); err != nil {
			return err
		}
		step.Seen = nil
		_, err = tx.exec(ctx, `INSERT INTO review_steps (account_id, step, case_seq, act, at, recorded_at, actor_id, code, note_ref, change_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, step.AccountID, len(before)+1, step.CaseSeq, string(step.Act), instant(step.At),
			instant(step.RecordedAt), step.Actor, step.Code, step.NoteRef, step.ChangeID)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE reviews SET holder = '', claimed_at = NULL, claimed_until = NULL WHERE account_id = ?`, step.AccountID)
		if err != nil {
			return err
		}
		return markReview(ctx, tx, step)
	})
	return step, err
}

// markReview writes into a case what a step made of it, unless the step is one of an earlier case or was taken back.
func markReview(ctx context.Context, tx *transaction, step store.ReviewStep) error {
	if !step.TakenBackAt.IsZero() {
		return nil
	}
	set := `UPDATE reviews SET escalated_by = ?, escalated_at = ?`
	if step.Act == store.ReviewApproved {
		set = `UPDATE reviews SET approved_by = ?, approved_at = ?`
	}
	_, err := tx.exec(ctx, set+` WHERE account_id = ? AND seq = ?`, step.Actor, instant(step.At), step.AccountID, step.CaseSeq)
	return err
}

// ReviewSteps implements store.Reviews.
func (s *Store) ReviewSteps(ctx context.Context, accountID string) ([]store.ReviewStep, error) {
	steps, err := reviewSteps(ctx, reader{s}, accountID)
	return steps, s.fault(ctx, "read the steps of reviews", err)
}

func reviewSteps(ctx context.Context, q querier, accountID string) ([]store.ReviewStep, error) {
	var steps []store.ReviewStep
	err := each(ctx, q, `SELECT case_seq, act, at, recorded_at, actor_id, code, note_ref, change_id, taken_back_at FROM review_steps
		WHERE account_id = ? ORDER BY step`, []any{accountID}, func(scan func(...any) error) error {
		step := store.ReviewStep{AccountID: accountID}
		err := scan(&step.CaseSeq, &step.Act, scanTime(&step.At), scanTime(&step.RecordedAt), &step.Actor, &step.Code, &step.NoteRef, &step.ChangeID,
			scanTime(&step.TakenBackAt))
		steps = append(steps, step)
		return err
	})
	return steps, err
}

// SameIdentity implements store.Reviews.
func (s *Store) SameIdentity(ctx context.Context, accountID string, limit int) ([]store.SameIdentity, error) {
	var found []store.SameIdentity
	err := each(ctx, reader{s}, `SELECT b.account_id, b.state FROM accounts a
		JOIN accounts b ON b.identity_digest = a.identity_digest AND b.account_id <> a.account_id
		WHERE a.account_id = ? ORDER BY b.account_id LIMIT ?`, []any{accountID, limit}, func(scan func(...any) error) error {
		var other store.SameIdentity
		err := scan(&other.AccountID, &other.State)
		found = append(found, other)
		return err
	})
	return found, s.fault(ctx, "look for an identity", err)
}
