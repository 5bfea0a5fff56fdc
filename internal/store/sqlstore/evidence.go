package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const evidenceColumns = `SELECT e.evidence_id, e.account_id, e.kind, e.media_type, e.ref, e.digest, e.bytes, e.width, e.height,
	e.uploaded_by, e.uploaded_at, e.decided_at, e.delete_after, e.deleted_at FROM evidence e `

// currentEvidence is what store.Evidence.Current says, as a condition.
const currentEvidence = ` e.account_id = ? AND e.decided_at IS NULL AND e.delete_after IS NULL AND e.deleted_at IS NULL `

func evidence(ctx context.Context, q querier, where string, args ...any) ([]store.Evidence, error) {
	var all []store.Evidence
	err := each(ctx, q, evidenceColumns+where, args, func(scan func(...any) error) error {
		var e store.Evidence
		err := scan(&e.ID, &e.AccountID, &e.Kind, &e.MediaType, &e.Ref, &e.Digest, &e.Bytes, &e.Width, &e.Height,
			&e.UploadedBy, scanTime(&e.UploadedAt), scanTime(&e.DecidedAt), scanTime(&e.DeleteAfter), scanTime(&e.DeletedAt))
		all = append(all, e)
		return err
	})
	return all, err
}

// PutEvidence implements store.Evidences.
func (s *Store) PutEvidence(ctx context.Context, e store.Evidence, most int) (filed store.Evidence, replaced []store.Evidence, err error) {
	if e.ID == "" || e.Kind == "" || e.Ref == "" || e.Digest == "" || e.UploadedAt.IsZero() || most < 1 {
		return filed, nil, fmt.Errorf("%w: evidence needs id, kind, reference, digest, instant and a bound", store.ErrInvalid)
	}
	if err := checkInstant("uploaded_at", e.UploadedAt); err != nil {
		return filed, nil, err
	}
	err = s.write(ctx, "put evidence", func(ctx context.Context, tx *transaction) error {
		replaced = nil
		seq, err := s.reviewed(ctx, tx, e.AccountID)
		if err != nil {
			return err
		}
		there, err := evidence(ctx, tx, `WHERE`+currentEvidence+`AND e.kind = ? ORDER BY e.uploaded_at, e.evidence_id`, e.AccountID, e.Kind)
		if err != nil {
			return err
		}
		for _, known := range there {
			if known.Digest == e.Digest {
				filed = known
				return nil
			}
		}
		if replaced, err = giveWay(ctx, tx, there, most, e.UploadedAt); err != nil {
			return err
		}
		filed = e
		if err := unapprove(ctx, tx, e.AccountID, e.UploadedAt); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO evidence (evidence_id, account_id, seq, kind, media_type, ref, digest, bytes, width, height,
			uploaded_by, uploaded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			e.ID, e.AccountID, seq, e.Kind, e.MediaType, e.Ref, e.Digest, e.Bytes, e.Width, e.Height, e.UploadedBy, instant(e.UploadedAt))
		return err
	})
	if err != nil {
		return store.Evidence{}, nil, err
	}
	return filed, replaced, nil
}

// unapprove takes the first of two approvals back: it was given for other evidence than there is now. Its step keeps
// that, so that a case that is derived anew does not have the approval again.
func unapprove(ctx context.Context, tx *transaction, accountID string, at time.Time) error {
	_, err := tx.exec(ctx, `UPDATE review_steps SET taken_back_at = ? WHERE account_id = ? AND act = ? AND taken_back_at IS NULL
		AND case_seq = (SELECT r.seq FROM reviews r WHERE r.account_id = review_steps.account_id)`,
		instant(at), accountID, string(store.ReviewApproved))
	if err == nil {
		_, err = tx.exec(ctx, `UPDATE reviews SET approved_by = '', approved_at = NULL WHERE account_id = ? AND approved_by <> ''`, accountID)
	}
	return err
}

// reviewed locks an account and returns the head of its log if the account is open and in the manual review.
func (s *Store) reviewed(ctx context.Context, tx *transaction, accountID string) (seq int64, err error) {
	h, err := s.lockHead(ctx, tx, accountID)
	switch {
	case err != nil:
		return 0, err
	case !h.account.ClosedAt.IsZero():
		return 0, &lifecycle.Refusal{Code: lifecycle.CodeAccountClosed, State: h.fold.State, Allowed: h.fold.Steps()}
	case h.fold.State != lifecycle.ManualReview:
		return 0, &lifecycle.Refusal{Code: lifecycle.CodeStepNotAllowed, State: h.fold.State, Allowed: h.fold.Steps()}
	}
	return h.fold.Seq, nil
}

// giveWay makes room for one more.
func giveWay(ctx context.Context, tx *transaction, there []store.Evidence, most int, at time.Time) ([]store.Evidence, error) {
	switch {
	case len(there) < most:
		return nil, nil
	case most > 1:
		return nil, store.ErrFull
	}
	for i := range there {
		there[i].DeleteAfter = at.UTC()
		if _, err := tx.exec(ctx, `UPDATE evidence SET delete_after = ? WHERE evidence_id = ?`, instant(at), there[i].ID); err != nil {
			return nil, err
		}
	}
	return there, nil
}

// Evidence implements store.Evidences.
func (s *Store) Evidence(ctx context.Context, accountID, id string) (store.Evidence, error) {
	found, err := evidence(ctx, reader{s}, `WHERE e.account_id = ? AND e.evidence_id = ?`, accountID, id)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Evidence{}, s.fault(ctx, "read evidence", err)
	}
	return found[0], nil
}

// EvidenceOf implements store.Evidences.
func (s *Store) EvidenceOf(ctx context.Context, accountID string) ([]store.Evidence, error) {
	all, err := evidence(ctx, reader{s}, `WHERE e.account_id = ? AND e.deleted_at IS NULL ORDER BY e.uploaded_at, e.evidence_id`, accountID)
	return all, s.fault(ctx, "list evidence", err)
}

// TakeBackEvidence implements store.Evidences.
func (s *Store) TakeBackEvidence(ctx context.Context, accountID, id string, at time.Time) (store.Evidence, error) {
	if err := checkInstant("at", at); err != nil {
		return store.Evidence{}, err
	}
	var taken store.Evidence
	err := s.write(ctx, "take evidence back", func(ctx context.Context, tx *transaction) error {
		if _, err := s.lockHead(ctx, tx, accountID); err != nil {
			return err
		}
		found, err := evidence(ctx, tx, `WHERE`+currentEvidence+`AND e.evidence_id = ?`, accountID, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return store.ErrNotFound
		}
		taken = found[0]
		taken.DeleteAfter = at.UTC()
		if err := unapprove(ctx, tx, accountID, at); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE evidence SET delete_after = ? WHERE evidence_id = ?`, instant(at), id)
		return err
	})
	if err != nil {
		return store.Evidence{}, err
	}
	return taken, nil
}

// ForgetEvidence implements store.Evidences.
func (s *Store) ForgetEvidence(ctx context.Context, accountID, id string, at time.Time) error {
	if at.IsZero() {
		return fmt.Errorf("%w: the instant is missing", store.ErrInvalid)
	}
	if err := checkInstant("at", at); err != nil {
		return err
	}
	return s.write(ctx, "forget evidence", func(ctx context.Context, tx *transaction) error {
		n, err := tx.exec(ctx, `UPDATE evidence SET kind = '', media_type = '', ref = '', digest = '', bytes = 0, width = 0, height = 0,
			uploaded_by = '', deleted_at = COALESCE(deleted_at, ?) WHERE account_id = ? AND evidence_id = ?`, instant(at), accountID, id)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

// DateEvidence implements store.Evidences.
func (s *Store) DateEvidence(ctx context.Context, keep time.Duration) (int, error) {
	if keep < 0 {
		return 0, fmt.Errorf("%w: keep is negative", store.ErrInvalid)
	}
	var dated int64
	err := s.write(ctx, "date evidence", func(ctx context.Context, tx *transaction) (err error) {
		dated, err = tx.exec(ctx, `UPDATE evidence SET delete_after = decided_at + ?
			WHERE delete_after IS NULL AND deleted_at IS NULL AND decided_at IS NOT NULL`, keep.Nanoseconds())
		return err
	})
	return int(dated), err
}

// DueEvidence implements store.Evidences.
func (s *Store) DueEvidence(ctx context.Context, now time.Time, keep time.Duration, limit int) ([]store.Evidence, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	due, err := evidence(ctx, reader{s}, `JOIN accounts a ON a.account_id = e.account_id
		WHERE e.deleted_at IS NULL AND (e.delete_after <= ? OR e.delete_after IS NULL AND a.closed_at <= ?)
		ORDER BY e.uploaded_at, e.evidence_id LIMIT ?`, bound(now), bound(now.Add(-keep)), limit)
	return due, s.fault(ctx, "list due evidence", err)
}

// StrayEvidence implements store.Evidences.
func (s *Store) StrayEvidence(ctx context.Context, before time.Time, limit int) ([]store.StrayEvidence, error) {
	if limit < 1 || limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	var all []store.StrayEvidence
	err := each(ctx, reader{s}, `SELECT r.account_id, r.ref FROM vault_records r WHERE r.kind = 'evidence' AND r.created_at < ?
		AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.account_id = r.account_id AND e.ref = r.ref AND e.deleted_at IS NULL)
		ORDER BY r.created_at LIMIT ?`, []any{bound(before), limit}, func(scan func(...any) error) error {
		var stray store.StrayEvidence
		err := scan(&stray.AccountID, &stray.Ref)
		all = append(all, stray)
		return err
	})
	return all, s.fault(ctx, "list stray evidence", err)
}

func endsManualReview(c lifecycle.Change) bool {
	return c.From == lifecycle.ManualReview && c.To != lifecycle.ManualReview
}

// checkSeen judges, with the account's row locked, what an approval was made on: whoever exchanges evidence or takes it
// back locks the same row, so it comes before the approval, which is then refused, or after it and too late.
func checkSeen(ctx context.Context, tx *transaction, v lifecycle.Verification, seen *lifecycle.Seen) error {
	if seen == nil {
		return nil
	}
	there, err := evidence(ctx, tx, `WHERE`+currentEvidence, v.AccountID)
	if err != nil {
		return err
	}
	ids := make([]string, len(there))
	for i, e := range there {
		ids[i] = e.ID
	}
	waiting, err := reviewCase(ctx, tx, v.AccountID, "")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return v.CheckSeen(*seen, ids, waiting.ApprovedBy)
}

// deriveEvidence ends, with the manual review, what was given for it. Evidence that is given later belongs to another
// review, which the sequence number tells when the log is derived again.
func deriveEvidence(ctx context.Context, tx *transaction, c lifecycle.Change) error {
	if !endsManualReview(c) {
		return nil
	}
	_, err := tx.exec(ctx, `UPDATE evidence SET decided_at = ? WHERE account_id = ? AND seq < ? AND decided_at IS NULL AND deleted_at IS NULL`,
		instant(c.At), c.AccountID, c.Seq)
	return err
}
