package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// deriveReview brings an account into a queue and out of it.
func deriveReview(ctx context.Context, tx *transaction, v lifecycle.Verification, c lifecycle.Change) error {
	if c.From == c.To {
		return nil
	}
	if store.QueueOf(c.From) != "" {
		if _, err := tx.exec(ctx, `DELETE FROM reviews WHERE account_id = ?`, c.AccountID); err != nil {
			return err
		}
	}
	queue := store.QueueOf(c.To)
	if queue == "" {
		return nil
	}
	found := slices.Clone(v.Findings)
	if queue == store.QueueManual && slices.ContainsFunc(v.Attempts, func(a lifecycle.Attempt) bool { return a.Result == lifecycle.AttemptFailed }) {
		found = append(found, store.FindingFaceFailed)
	}
	findings, err := encodeDetail("findings", found)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO reviews (account_id, queue, since, seq, revision, findings, ease, holder, returned_by, escalated_by, approved_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, '', '', '', '')`,
		c.AccountID, string(queue), instant(v.Since), c.Seq, v.Revision, findings, store.MaxRisk-store.RiskOf(found))
	return err
}

// verifyReview compares the queues with the fold of an account's log.
func verifyReview(ctx context.Context, q querier, v lifecycle.Verification) error {
	found, err := reviewCase(ctx, q, v.AccountID, "")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if queue := store.QueueOf(v.State); found.Queue != queue || queue != "" && v.CheckCase(found.Case()) != nil {
		return fmt.Errorf("%w: queue of reviews", ErrDiverged)
	}
	steps, err := reviewSteps(ctx, q, v.AccountID)
	if err != nil {
		return err
	}
	var escalated, approved string
	for _, step := range steps {
		switch {
		case step.CaseSeq != found.Seq || !step.TakenBackAt.IsZero():
		case step.Act == store.ReviewApproved:
			approved = step.Actor
		default:
			escalated = step.Actor
		}
	}
	if found.EscalatedBy != escalated || found.ApprovedBy != approved {
		return fmt.Errorf("%w: steps of reviews", ErrDiverged)
	}
	return nil
}

// restoreReviewSteps writes into a case that was derived anew what reviewers did with it. Claims are not kept: they would
// end by themselves.
func restoreReviewSteps(ctx context.Context, tx *transaction, accountID string) error {
	steps, err := reviewSteps(ctx, tx, accountID)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := markReview(ctx, tx, step); err != nil {
			return err
		}
	}
	return nil
}

const reviewColumns = `SELECT account_id, queue, since, seq, revision, findings, ease, holder, claimed_at, claimed_until,
	escalated_by, escalated_at, approved_by, approved_at FROM reviews `

func readReviews(ctx context.Context, q querier, where string, args ...any) ([]store.ReviewCase, error) {
	var found []store.ReviewCase
	err := each(ctx, q, reviewColumns+where, args, func(scan func(...any) error) error {
		var c store.ReviewCase
		var findings []byte
		var ease int
		err := scan(&c.AccountID, &c.Queue, scanTime(&c.Since), &c.Seq, &c.Revision, &findings, &ease, &c.Claim.Holder, scanTime(&c.Claim.At),
			scanTime(&c.Claim.Until), &c.EscalatedBy, scanTime(&c.EscalatedAt), &c.ApprovedBy, scanTime(&c.ApprovedAt))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(findings, &c.Findings); err != nil {
			return fmt.Errorf("%w: findings are not readable", ErrDiverged)
		}
		c.Risk = store.MaxRisk - ease
		found = append(found, c)
		return nil
	})
	return found, err
}

// reviewCase reads one case, and locks its row where lock is what the dialect locks with.
func reviewCase(ctx context.Context, q querier, accountID, lock string) (store.ReviewCase, error) {
	found, err := readReviews(ctx, q, `WHERE account_id = ?`+lock, accountID)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.ReviewCase{}, err
	}
	return found[0], nil
}

// ReviewCase implements store.Reviews.
func (s *Store) ReviewCase(ctx context.Context, accountID string) (store.ReviewCase, error) {
	c, err := reviewCase(ctx, reader{s}, accountID, "")
	return c, s.fault(ctx, "read a case", err)
}

// reviewsWhere is the condition of a filter, without its place.
func (s *Store) reviewsWhere(f store.ReviewFilter) (string, []any, error) {
	if !slices.Contains(store.Queues(), f.Queue) {
		return "", nil, fmt.Errorf("%w: there is no such queue", store.ErrInvalid)
	}
	if (f.Free || f.Held || f.Holder != "") && f.Now.IsZero() {
		return "", nil, fmt.Errorf("%w: to judge claims needs a clock", store.ErrInvalid)
	}
	where, args := `WHERE queue = ?`, []any{string(f.Queue)}
	add := func(wanted bool, condition string, more ...any) {
		if wanted {
			where, args = where+` AND `+condition, append(args, more...)
		}
	}
	if f.Within.Bound() {
		condition, values := among(`account_id`, f.Within)
		add(true, condition, values...)
	}
	add(f.Free, `(claimed_until IS NULL OR claimed_until <= ?)`, bound(f.Now))
	add(f.Held, `claimed_until > ?`, bound(f.Now))
	add(f.Holder != "", `holder = ? AND claimed_until > ?`, f.Holder, bound(f.Now))
	add(f.Escalated, `escalated_by > ''`)
	since := `since`
	if f.Order == store.ByRisk {
		since = s.dialect.unindexed(`since`) // SQLite is to filter along the index of risks: by age all would have to be read and sorted
	}
	add(!f.After.IsZero(), since+` > ?`, bound(f.After))
	add(!f.To.IsZero(), since+` <= ?`, bound(f.To))
	return where, args, nil
}

// orderOf is the columns of an order, which an index has behind the queue.
func orderOf(o store.ReviewOrder) (string, error) {
	switch o {
	case store.OldestFirst:
		return `since, account_id`, nil
	case store.ByRisk:
		return `ease, since, account_id`, nil
	default:
		return "", fmt.Errorf("%w: there is no such order of reviews", store.ErrInvalid)
	}
}

// Reviews implements store.Reviews.
func (s *Store) Reviews(ctx context.Context, f store.ReviewFilter) ([]store.ReviewCase, error) {
	const most = 500
	if f.Limit < 1 || f.Limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	order, err := orderOf(f.Order)
	if err != nil {
		return nil, err
	}
	where, args, err := s.reviewsWhere(f)
	if err != nil {
		return nil, err
	}
	if f.Held || f.Holder != "" || f.Escalated {
		order = `+` + order // these are few: they are found by their own index and sorted, not looked for along the queue
	}
	switch p := f.Place; {
	case p.AccountID == "":
	case f.Order == store.ByRisk:
		where, args = where+` AND (`+order+`) > (?, ?, ?)`, append(args, store.MaxRisk-p.Risk, bound(p.Since), p.AccountID)
	default:
		where, args = where+` AND (`+order+`) > (?, ?)`, append(args, bound(p.Since), p.AccountID)
	}
	page, err := readReviews(ctx, reader{s}, where+` ORDER BY `+order+` LIMIT ?`, append(args, f.Limit)...)
	return page, s.fault(ctx, "list reviews", err)
}

// CountReviews implements store.Reviews.
func (s *Store) CountReviews(ctx context.Context, f store.ReviewFilter, most int) (int, error) {
	where, args, err := s.reviewsWhere(f)
	if err != nil {
		return 0, err
	}
	var n int
	err = row(ctx, reader{s}, `SELECT COUNT(*) FROM (SELECT 1 FROM reviews `+where+` LIMIT ?) counted`, append(args, most), &n)
	return n, s.fault(ctx, "count reviews", err)
}

func checkClaim(c store.ReviewClaim) error {
	if c.Holder == "" || !c.Until.After(c.At) {
		return fmt.Errorf("%w: a claim needs a holder, and an end after its beginning", store.ErrInvalid)
	}
	return errors.Join(checkInstant("at", c.At), checkInstant("until", c.Until))
}

// ClaimReview implements store.Reviews.
func (s *Store) ClaimReview(ctx context.Context, accountID string, queue store.Queue, c store.ReviewClaim) (taken store.ReviewCase, fresh bool, err error) {
	if err := checkClaim(c); err != nil {
		return taken, false, err
	}
	wanted := c
	err = s.write(ctx, "claim a case", func(ctx context.Context, tx *transaction) error {
		c := wanted
		taken, err = reviewCase(ctx, tx, accountID, s.dialect.lockRow())
		switch {
		case err != nil:
			return err
		case queue != "" && taken.Queue != queue:
			return store.ErrNotFound
		case taken.Claim.Holds(c.At) && taken.Claim.Holder != c.Holder:
			return &store.ClaimedError{Claim: taken.Claim}
		}
		fresh = !taken.Claim.Holds(c.At)
		if !fresh {
			c.At = taken.Claim.At // it is the same claim
		}
		return claim(ctx, tx, &taken, c)
	})
	return taken, fresh, err
}

func claim(ctx context.Context, tx *transaction, on *store.ReviewCase, c store.ReviewClaim) error {
	on.Claim = c
	_, err := tx.exec(ctx, `UPDATE reviews SET holder = ?, claimed_at = ?, claimed_until = ? WHERE account_id = ?`,
		c.Holder, instant(c.At), instant(c.Until), on.AccountID)
	return err
}

// ClaimNextReview implements store.Reviews.
func (s *Store) ClaimNextReview(ctx context.Context, next store.NextReview, c store.ReviewClaim) (store.ReviewCase, error) {
	if err := checkClaim(c); err != nil {
		return store.ReviewCase{}, err
	}
	order, err := orderOf(next.Order)
	if err != nil {
		return store.ReviewCase{}, err
	}
	where, args, err := s.reviewsWhere(store.ReviewFilter{Queue: next.Queue, Within: next.Within, Now: c.At, Free: true, Escalated: next.Escalated})
	if err != nil {
		return store.ReviewCase{}, err
	}
	if !next.Escalated {
		where += ` AND escalated_at IS NULL`
	}
	where, args = where+` AND approved_by <> ?`, append(args, c.Holder)
	var taken store.ReviewCase
	err = s.write(ctx, "claim the next case", func(ctx context.Context, tx *transaction) error {
		for _, returned := range []string{` AND returned_by <> ?`, ` AND returned_by = ?`} {
			found, err := readReviews(ctx, tx, where+returned+` ORDER BY `+order+` LIMIT 1`+s.dialect.lockFree("reviews"),
				append(slices.Clone(args), c.Holder)...)
			if err != nil {
				return err
			}
			if len(found) > 0 {
				taken = found[0]
				return claim(ctx, tx, &taken, c)
			}
		}
		return store.ErrNotFound
	})
	return taken, err
}

// ReleaseReview implements store.Reviews.
func (s *Store) ReleaseReview(ctx context.Context, accountID, holder string, at time.Time, returned bool) (store.ReviewCase, error) {
	var released store.ReviewCase
	err := s.write(ctx, "release a case", func(ctx context.Context, tx *transaction) (err error) {
		released, err = heldBy(ctx, tx, accountID, holder, at)
		if err != nil || released.Claim.Holder != holder {
			return err
		}
		released.Claim = store.ReviewClaim{}
		if returned {
			_, err = tx.exec(ctx, `UPDATE reviews SET holder = '', claimed_at = NULL, claimed_until = NULL, returned_by = ? WHERE account_id = ?`,
				holder, accountID)
			return err
		}
		_, err = tx.exec(ctx, `UPDATE reviews SET holder = '', claimed_at = NULL, claimed_until = NULL WHERE account_id = ?`, accountID)
		return err
	})
	return released, err
}

// heldBy reads and locks a case that nobody else holds.
func heldBy(ctx context.Context, tx *transaction, accountID, holder string, at time.Time) (store.ReviewCase, error) {
	c, err := reviewCase(ctx, tx, accountID, tx.s.dialect.lockRow())
	if err == nil && c.Claim.Holds(at) && c.Claim.Holder != holder {
		err = &store.ClaimedError{Claim: c.Claim}
	}
	return c, err
}
