package sqlstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// ErrDiverged means that what was derived from a log is not what the log says, or that the log's chain is broken.
var ErrDiverged = errors.New("sqlstore: projection differs from the log")

// VerifyProjection folds an account's whole log again, checks its chain and compares the projection with the fold:
// ErrDiverged or lifecycle.ErrBrokenLog if they differ, store.ErrNotFound if the account is not registered.
func (s *Store) VerifyProjection(ctx context.Context, accountID string) error {
	return s.snapshot(ctx, "verify a projection", func(q querier) error {
		var log []store.Entry
		replayed, err := replay(ctx, q, accountID, func(_ lifecycle.Verification, e store.Entry) error {
			log = append(log, e)
			return nil
		})
		if err != nil {
			return err
		}
		restricted, err := episodes(ctx, q, accountID)
		if err != nil {
			return err
		}
		if err := verifyReview(ctx, q, replayed.fold); err != nil {
			return err
		}
		var state, turn string
		var seq int64
		var open int
		var standing lifecycle.Standing
		var digest *string
		var hash []byte
		err = row(ctx, q, `SELECT seq, state, turn, since, turn_since, verified_at, identity_digest, head_hash, restricted
			FROM accounts WHERE account_id = ?`, []any{accountID}, &seq, &state, &turn, scanTime(&standing.Since),
			scanTime(&standing.TurnSince), scanTime(&standing.VerifiedAt), &digest, &hash, &open)
		if err != nil {
			return err
		}
		projected, err := foldOf(ctx, q, accountID)
		if err != nil {
			return err
		}
		v := replayed.fold
		switch {
		case !bytes.Equal(hash, replayed.hash):
			return fmt.Errorf("%w: the chain does not end in the head's hash", ErrDiverged)
		case !sameJSON(projected, v):
			return fmt.Errorf("%w: fold", ErrDiverged)
		case seq != v.Seq, state != string(v.State), turn != string(v.State.Turn()), !standing.Since.Equal(v.Since),
			!standing.TurnSince.Equal(v.TurnSince), !standing.VerifiedAt.Equal(v.VerifiedAt), !sameDigest(digest, v.Identity):
			return fmt.Errorf("%w: standing", ErrDiverged)
		case !sameJSON(restricted, episodesOf(log)), open != openEpisodesOf(restricted):
			return fmt.Errorf("%w: restrictions", ErrDiverged)
		}
		return nil
	})
}

// Rebuild writes an account's projection, attempts, leases, consents and restrictions anew from its log. It mends no log: one that
// cannot be folded, or whose chain is broken, is reported and nothing is written.
func (s *Store) Rebuild(ctx context.Context, accountID string) error {
	return s.write(ctx, "rebuild a projection", func(ctx context.Context, tx *transaction) error {
		if err := lockAccount(ctx, tx, accountID); err != nil {
			return err
		}
		returns, err := takeReturns(ctx, tx, accountID)
		if err != nil {
			return err
		}
		for _, table := range []string{"leases", "consents", "attempts", "restrictions", "reviews"} {
			if _, err := tx.exec(ctx, `DELETE FROM `+table+` WHERE account_id = ?`, accountID); err != nil {
				return err
			}
		}
		if err := countRestrictions(ctx, tx, accountID); err != nil {
			return err
		}
		replayed, err := replay(ctx, tx, accountID, func(v lifecycle.Verification, e store.Entry) error {
			return derive(ctx, tx, stamped{Entry: e, after: v})
		})
		if err != nil {
			return err
		}
		for attemptID, at := range returns {
			if err := writeReturn(ctx, tx, attemptID, at); err != nil {
				return err
			}
		}
		if err := restoreReviewSteps(ctx, tx, accountID); err != nil {
			return err
		}
		return project(ctx, tx, stamped{Entry: store.Entry{RecordedAt: replayed.recordedAt}, after: replayed.fold, hash: replayed.hash})
	})
}

// replay folds a log from its first entry and follows its chain. visit sees each entry after the fold.
func replay(ctx context.Context, q querier, accountID string, visit func(lifecycle.Verification, store.Entry) error) (head, error) {
	h := head{fold: lifecycle.New(accountID)}
	type stored struct {
		recordedAt time.Time
		body, hash []byte
	}
	var log []stored // read to the end first: visit writes on the same connection
	err := each(ctx, q, `SELECT recorded_at, body, hash FROM events WHERE account_id = ? ORDER BY seq`, []any{accountID},
		func(scan func(...any) error) error {
			var e stored
			err := scan(scanTime(&e.recordedAt), &e.body, &e.hash)
			log = append(log, e)
			return err
		})
	if err != nil {
		return h, err
	}
	for _, e := range log {
		var c lifecycle.Change
		if err := json.Unmarshal(e.body, &c); err != nil {
			return h, fmt.Errorf("%w: an entry is not readable", lifecycle.ErrBrokenLog)
		}
		h.hash, h.recordedAt = chain(accountID, h.hash, e.recordedAt, e.body), e.recordedAt
		if !bytes.Equal(h.hash, e.hash) {
			return h, fmt.Errorf("%w: the chain breaks at seq %d", ErrDiverged, c.Seq)
		}
		if h.fold, err = h.fold.Apply(c); err != nil {
			return h, err
		}
		if err := visit(h.fold, store.Entry{Change: c, RecordedAt: e.recordedAt}); err != nil {
			return h, err
		}
	}
	return h, nil
}

func sameJSON[T any](a, b T) bool {
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}

// openEpisodesOf counts episodes that have not ended.
func openEpisodesOf(episodes []store.Restriction) (open int) {
	for _, e := range episodes {
		if e.LiftedSeq == 0 {
			open++
		}
	}
	return open
}

func sameDigest(column *string, identity *lifecycle.Identity) bool {
	stored, want := "", ""
	if column != nil {
		stored = *column
	}
	if identity != nil {
		want = identity.Digest
	}
	return stored == want
}
