package sqlstore

import (
	"context"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// factsQuery reads everything of an account that a decision needs in one statement, so from one moment: a row for
// each approved extension, or one row without. A revoked one ends with its revocation. The condition on the account follows.
const factsQuery = factsColumns + `accounts` + factsJoined + ` WHERE `

const factsColumns = `SELECT a.account_id, a.kind, a.region, a.registered_at, a.closed_at,
	a.seq, a.state, a.since, a.turn_since, a.verified_at,
	e.extension_id, e.rule_id, COALESCE(e.revoked_at, e.until), e.granted_at,
	(SELECT revision FROM policies_revision)
	FROM `

const factsJoined = ` a LEFT JOIN extensions e ON e.account_id = a.account_id AND e.granted_at IS NOT NULL`

// Facts implements store.Accounts.
func (s *Store) Facts(ctx context.Context, id string) (store.Facts, error) {
	var facts store.Facts
	if err := ctx.Err(); err != nil {
		return facts, s.fault(ctx, "read facts", err)
	}
	err := each(s.dialect.short(ctx), reader{s}, factsQuery+`a.account_id = ? ORDER BY e.granted_at, e.extension_id`, []any{id},
		func(scan func(...any) error) error { return scanFacts(scan, &facts) })
	if err == nil && facts.Account.ID == "" {
		err = store.ErrNotFound
	}
	return facts, s.fault(ctx, "read facts", err)
}

// FactsOf implements store.Accounts.
func (s *Store) FactsOf(ctx context.Context, ids []string) ([]store.Facts, error) {
	answer := make([]store.Facts, len(ids))
	if len(ids) == 0 {
		return answer, nil
	}
	wanted, err := s.dialect.anyArg(ids)
	if err != nil {
		return nil, s.fault(ctx, "read facts", err)
	}
	query := factsQuery + s.dialect.anyOf("a.account_id") + factsOrder
	page, err := factsPage(ctx, reader{s}, query, []any{wanted}, len(ids))
	if err != nil {
		return nil, s.fault(ctx, "read facts", err)
	}
	found := make(map[string]*store.Facts, len(page))
	for i := range page {
		found[page[i].Account.ID] = &page[i]
	}
	for i, id := range ids {
		if facts := found[id]; facts != nil {
			answer[i] = *facts
		}
	}
	return answer, nil
}

// FactsAfter implements store.Accounts.
func (s *Store) FactsAfter(ctx context.Context, after, last string, limit int) ([]store.Facts, error) {
	page, err := factsAfter(ctx, reader{s}, after, last, limit)
	return page, s.fault(ctx, "read a page of facts", err)
}

func factsAfter(ctx context.Context, q querier, after, last string, limit int) ([]store.Facts, error) {
	const most = 10_000
	if limit < 1 || limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	// Selected as whole rows: joined to their ids, PostgreSQL would read the whole table for each page of a smaller population.
	page, args := `(SELECT * FROM accounts WHERE account_id > ?`, []any{after}
	if last != "" {
		page, args = page+` AND account_id <= ?`, append(args, last)
	}
	page += ` ORDER BY account_id LIMIT ?)`
	return factsPage(ctx, q, factsColumns+page+factsJoined+factsOrder, append(args, limit), limit)
}

// Split implements store.Accounts.
func (s *Store) Split(ctx context.Context, ranges int) ([]string, error) {
	if ranges < 1 {
		return nil, fmt.Errorf("%w: ranges must be 1 or more", store.ErrInvalid)
	}
	var ids []string
	err := s.snapshot(ctx, "split the accounts", func(q querier) error {
		var all int
		if err := row(ctx, q, `SELECT COUNT(*) FROM accounts`, nil, &all); err != nil {
			return err
		}
		ranges = min(ranges, all)
		for i := 1; i < ranges; i++ {
			var id string
			err := row(ctx, q, `SELECT account_id FROM accounts ORDER BY account_id LIMIT 1 OFFSET ?`, []any{all*i/ranges - 1}, &id)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}

const factsOrder = ` ORDER BY a.account_id, e.granted_at, e.extension_id`

// factsPage reads facts by account id, joining the rows of an account's extensions.
func factsPage(ctx context.Context, q querier, query string, args []any, about int) ([]store.Facts, error) {
	page := make([]store.Facts, 0, about)
	err := each(ctx, q, query, args, func(scan func(...any) error) error {
		facts := store.Facts{}
		if err := scanFacts(scan, &facts); err != nil {
			return err
		}
		if n := len(page); n > 0 && page[n-1].Account.ID == facts.Account.ID {
			page[n-1].Extensions = append(page[n-1].Extensions, facts.Extensions...)
			return nil
		}
		page = append(page, facts)
		return nil
	})
	return page, err
}

// scanFacts scans one row of factsQuery and adds its extension, if it has one.
func scanFacts(scan func(...any) error, f *store.Facts) error {
	var id, rule *string
	var e policy.Extension
	err := scan(&f.Account.ID, &f.Account.Kind, &f.Account.Region, scanTime(&f.Account.RegisteredAt), scanTime(&f.Account.ClosedAt),
		&f.Seq, &f.Standing.State, scanTime(&f.Standing.Since), scanTime(&f.Standing.TurnSince), scanTime(&f.Standing.VerifiedAt),
		&id, &rule, scanTime(&e.Until), scanTime(&e.GrantedAt), &f.PoliciesRevision)
	if err == nil && id != nil && rule != nil {
		e.ID, e.RuleID, e.AccountID = *id, *rule, f.Account.ID
		f.Extensions = append(f.Extensions, e)
	}
	return err
}
