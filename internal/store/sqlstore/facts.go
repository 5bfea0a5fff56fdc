package sqlstore

import (
	"context"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

// factsQuery reads everything of an account that a decision needs in one statement, so from one moment: a row for
// each extension, or one row without. The condition on the account follows.
const factsQuery = `SELECT a.account_id, a.kind, a.region, a.registered_at, a.closed_at,
	a.seq, a.state, a.since, a.turn_since, a.verified_at,
	e.extension_id, e.rule_id, e.until, e.granted_at,
	(SELECT COALESCE(MAX(position), 0) FROM policies)
	FROM accounts a LEFT JOIN extensions e ON e.account_id = a.account_id
	WHERE `

// Facts implements store.Accounts.
func (s *Store) Facts(ctx context.Context, id string) (store.Facts, error) {
	var facts store.Facts
	err := each(ctx, reader{s}, factsQuery+`a.account_id = ? ORDER BY e.granted_at, e.extension_id`, []any{id},
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
	found := make(map[string]*store.Facts, len(ids))
	query := factsQuery + s.dialect.anyOf("a.account_id") + ` ORDER BY a.account_id, e.granted_at, e.extension_id`
	last := &store.Facts{}
	err = each(ctx, reader{s}, query, []any{wanted}, func(scan func(...any) error) error {
		facts := store.Facts{}
		if err := scanFacts(scan, &facts); err != nil {
			return err
		}
		if facts.Account.ID == last.Account.ID {
			last.Extensions = append(last.Extensions, facts.Extensions...)
			return nil
		}
		last = &facts
		found[facts.Account.ID] = last
		return nil
	})
	if err != nil {
		return nil, s.fault(ctx, "read facts", err)
	}
	for i, id := range ids {
		if facts := found[id]; facts != nil {
			answer[i] = *facts
		}
	}
	return answer, nil
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
