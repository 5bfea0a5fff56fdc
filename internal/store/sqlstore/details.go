package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Entries implements store.Details.
func (s *Store) Entries(ctx context.Context, accountID string, f store.EntryFilter) ([]store.Entry, error) {
	if f.Limit < 1 || f.Limit > maxPage {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, maxPage)
	}
	where, args := `WHERE account_id = ?`, []any{accountID}
	if len(f.Events) > 0 {
		where += ` AND event IN (?` + strings.Repeat(", ?", len(f.Events)-1) + `)`
		for _, e := range f.Events {
			args = append(args, string(e))
		}
	}
	order := ` ORDER BY seq LIMIT ?`
	switch {
	case f.Newest && f.Beyond > 0:
		where, args = where+` AND seq < ?`, append(args, f.Beyond)
	case !f.Newest:
		where, args = where+` AND seq > ?`, append(args, f.Beyond)
	}
	if f.Newest {
		order = ` ORDER BY seq DESC LIMIT ?`
	}
	var page []store.Entry
	err := entries(ctx, reader{s}, where+order, append(args, f.Limit), func(e store.Entry) { page = append(page, e) })
	return page, s.fault(ctx, "read entries", err)
}

// AttemptsOf implements store.Details.
func (s *Store) AttemptsOf(ctx context.Context, accountID string) ([]store.AttemptRecord, error) {
	var all []store.AttemptRecord
	err := s.snapshot(ctx, "read attempts", func(q querier) error {
		byID := map[string]int{}
		err := each(ctx, q, `SELECT t.body, r.returned_at FROM attempts t LEFT JOIN returns r ON r.attempt_id = t.attempt_id
			WHERE t.account_id = ? ORDER BY COALESCE(t.ends_at, 0) DESC, t.attempt_id LIMIT ?`, []any{accountID, store.MostDetails},
			func(scan func(...any) error) error {
				var a store.AttemptRecord
				err := scanDetail(scan, &a.Attempt, &a.ReturnedAt)
				byID[a.ID] = len(all)
				all = append(all, a)
				return err
			})
		if err != nil {
			return err
		}
		return each(ctx, q, `SELECT body FROM leases WHERE account_id = ?`, []any{accountID}, func(scan func(...any) error) error {
			var lease lifecycle.Lease
			err := scanDetail(scan, &lease)
			if i, ok := byID[lease.AttemptID]; ok {
				all[i].Leases = append(all[i].Leases, lease)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		slices.SortFunc(a.Leases, func(x, y lifecycle.Lease) int { return cmp.Or(x.IssuedAt.Compare(y.IssuedAt), cmp.Compare(x.ID, y.ID)) })
	}
	slices.SortFunc(all, func(x, y store.AttemptRecord) int {
		return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.ID, y.ID))
	})
	return all, nil
}

// ConsentsOf implements store.Details.
func (s *Store) ConsentsOf(ctx context.Context, accountID string) ([]store.ConsentRecord, error) {
	var all []store.ConsentRecord
	err := each(ctx, reader{s}, `SELECT body, ended_at, ended_via FROM consents WHERE account_id = ? ORDER BY generation DESC, consent_id LIMIT ?`,
		[]any{accountID, store.MostDetails}, func(scan func(...any) error) error {
			var c store.ConsentRecord
			err := scanDetail(func(to ...any) error { return scan(append(to, &c.EndedVia)...) }, &c.Consent, &c.EndedAt)
			all = append(all, c)
			return err
		})
	slices.SortFunc(all, func(x, y store.ConsentRecord) int {
		return cmp.Or(x.AgreedAt.Compare(y.AgreedAt), cmp.Compare(x.ID, y.ID))
	})
	supersede(all)
	return all, s.fault(ctx, "read consents", err)
}

// scanDetail reads a row of a detail's JSON and instants.
func scanDetail(scan func(...any) error, to any, at ...*time.Time) error {
	var body []byte
	targets := []any{&body}
	for _, instant := range at {
		targets = append(targets, scanTime(instant))
	}
	if err := scan(targets...); err != nil {
		return err
	}
	if err := json.Unmarshal(body, to); err != nil {
		return fmt.Errorf("%w: a detail is not readable", ErrDiverged)
	}
	return nil
}
