package sqlstore

import (
	"context"
	"fmt"

	"github.com/verigate/verigate/internal/store"
)

// ObservedRules implements store.Decisions.
func (s *Store) ObservedRules(ctx context.Context, policyName string) ([]store.ObservedRule, error) {
	var all []store.ObservedRule
	err := each(ctx, reader{s}, `SELECT policy_version, rule_id, action, COUNT(*), CAST(COUNT(*) + SUM(repeats) AS BIGINT), MIN(at), MAX(at)
		FROM blocks WHERE policy_name = ? AND observed = 1
		GROUP BY policy_version, rule_id, action ORDER BY policy_version, rule_id, action`, []any{policyName},
		func(scan func(...any) error) error {
			var r store.ObservedRule
			err := scan(&r.Version, &r.RuleID, &r.Action, &r.Accounts, &r.Decisions, scanTime(&r.First), scanTime(&r.Last))
			all = append(all, r)
			return err
		})
	return all, s.fault(ctx, "count what was observed", err)
}

// Observed implements store.Decisions.
func (s *Store) Observed(ctx context.Context, f store.ObservedFilter) ([]store.CountedBlock, error) {
	const most = 501
	if f.Limit < 1 || f.Limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	query := `SELECT account_id, action, policy_version, rule_id, reason, since, at, receipt, repeats FROM blocks
		WHERE policy_name = ? AND observed = 1 AND (account_id, action, policy_version, rule_id) > (?, ?, ?, ?)`
	args := []any{f.Name, f.After.AccountID, f.After.Action, f.After.Version, f.After.RuleID}
	if f.Version != 0 {
		query, args = query+` AND policy_version = ?`, append(args, f.Version)
	}
	if f.RuleID != "" {
		query, args = query+` AND rule_id = ?`, append(args, f.RuleID)
	}
	query += ` ORDER BY account_id, action, policy_version, rule_id LIMIT ?`
	var page []store.CountedBlock
	err := each(ctx, reader{s}, query, append(args, f.Limit), func(scan func(...any) error) error {
		b := store.CountedBlock{Block: store.Block{PolicyName: f.Name, Observed: true}}
		err := scan(&b.AccountID, &b.Action, &b.PolicyVersion, &b.RuleID, &b.Reason, scanTime(&b.Since), scanTime(&b.At), &b.Receipt, &b.Repeats)
		page = append(page, b)
		return err
	})
	return page, s.fault(ctx, "list what was observed", err)
}
