package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

var (
	errOpenTwice = fmt.Errorf("%w: the rule restricts the account already", store.ErrConflict)
	errNotOpen   = fmt.Errorf("%w: no open restriction of the rule has this number", store.ErrConflict)
)

// countRestrictions writes into the account's row how many restrictions are open: lists by it read one index.
func countRestrictions(ctx context.Context, tx *transaction, accountID string) error {
	_, err := tx.exec(ctx, `UPDATE accounts SET restricted = (SELECT COUNT(*) FROM restrictions WHERE account_id = ? AND lifted_seq IS NULL)
		WHERE account_id = ?`, accountID, accountID)
	return err
}

// openedBy is by how many an entry changes the number of open restrictions.
func openedBy(e stamped) int {
	switch {
	case e.Ignored:
		return 0
	case e.Event == lifecycle.Restrict:
		return 1
	case e.Event == lifecycle.Lift:
		return -1
	default:
		return 0
	}
}

// liftEpisodes writes the end of the episodes that entries lift.
func liftEpisodes(ctx context.Context, tx *transaction, log ...stamped) error {
	rows := make([][]any, len(log))
	for i, e := range log {
		r := e.Detail.Restricted
		rows[i] = []any{e.AccountID, r.Policy, r.Rule, r.Opened, e.Seq, instant(e.At), e.Reason}
	}
	n, err := insertTyped(ctx, tx, `WITH lifts (account_id, policy_name, rule_id, opened_seq, seq, at, reason) AS (VALUES`,
		[]string{"TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT"}, rows, `)
		UPDATE restrictions SET lifted_seq = l.seq, lifted_at = l.at, lift_reason = l.reason FROM lifts AS l
		WHERE restrictions.account_id = l.account_id AND restrictions.policy_name = l.policy_name AND restrictions.rule_id = l.rule_id
		AND restrictions.opened_seq = l.opened_seq AND restrictions.lifted_seq IS NULL`)
	if err == nil && n < len(log) {
		err = errNotOpen
	}
	return err
}

// openEpisodes writes the episodes that entries restrict begin.
func openEpisodes(ctx context.Context, tx *transaction, log ...stamped) error {
	rows := make([][]any, len(log))
	for i, e := range log {
		r := e.Detail.Restricted
		actions, err := encodeDetail("actions", r.Actions)
		if err != nil {
			return err
		}
		rows[i] = []any{
			e.AccountID, r.Policy, r.Rule, e.Seq, r.PolicyVersion, instant(r.Since), instant(e.At), instant(e.RecordedAt), actions, r.Sweep,
		}
	}
	n, err := insertRows(ctx, tx, `INSERT INTO restrictions (account_id, policy_name, rule_id, opened_seq, policy_version, since, opened_at,
		recorded_at, actions, sweep) VALUES`, rows, ` ON CONFLICT DO NOTHING`)
	if err == nil && n < len(log) {
		err = errOpenTwice
	}
	return err
}

// episodesOf folds a log into what the table has to hold.
func episodesOf(log []store.Entry) []store.Restriction {
	var all []store.Restriction
	for _, e := range log {
		r := e.Detail.Restricted
		switch {
		case r == nil || e.Ignored:
		case e.Event == lifecycle.Restrict:
			all = append(all, store.Restriction{
				AccountID: e.AccountID, PolicyName: r.Policy, PolicyVersion: r.PolicyVersion, RuleID: r.Rule, Since: r.Since.UTC(),
				Actions: r.Actions, Sweep: r.Sweep, OpenedSeq: e.Seq, OpenedAt: e.At.UTC(), RecordedAt: e.RecordedAt.UTC(),
			})
		case e.Event == lifecycle.Lift:
			for i := range all {
				if all[i].OpenedSeq == r.Opened {
					all[i].LiftedSeq, all[i].LiftedAt, all[i].LiftReason = e.Seq, e.At.UTC(), e.Reason
				}
			}
		}
	}
	return all
}

// restrictionsQuery is followed by a condition and an order.
const restrictionsQuery = `SELECT r.account_id, r.policy_name, r.policy_version, r.rule_id, r.since, r.actions, r.sweep, r.opened_seq,
	r.opened_at, r.recorded_at, COALESCE(r.lifted_seq, 0), r.lifted_at, COALESCE(r.lift_reason, '') FROM restrictions r WHERE `

func restrictions(ctx context.Context, q querier, query string, args []any) ([]store.Restriction, error) {
	var all []store.Restriction
	err := each(ctx, q, restrictionsQuery+query, args, func(scan func(...any) error) error {
		var r store.Restriction
		var actions []byte
		err := scan(&r.AccountID, &r.PolicyName, &r.PolicyVersion, &r.RuleID, scanTime(&r.Since), &actions, &r.Sweep, &r.OpenedSeq,
			scanTime(&r.OpenedAt), scanTime(&r.RecordedAt), &r.LiftedSeq, scanTime(&r.LiftedAt), &r.LiftReason)
		if err == nil && json.Unmarshal(actions, &r.Actions) != nil {
			err = fmt.Errorf("%w: actions of a restriction are not readable", ErrDiverged)
		}
		all = append(all, r)
		return err
	})
	return all, err
}

// Restrictions implements store.Restrictions.
func (s *Store) Restrictions(ctx context.Context, accountID string) ([]store.Restriction, error) {
	all, err := episodes(ctx, reader{s}, accountID)
	if err == nil && len(all) == 0 {
		_, err = account(ctx, reader{s}, accountID)
	}
	return all, s.fault(ctx, "read restrictions", err)
}

func episodes(ctx context.Context, q querier, accountID string) ([]store.Restriction, error) {
	all, err := restrictions(ctx, q, `r.account_id = ?`, []any{accountID})
	slices.SortFunc(all, func(a, b store.Restriction) int { return cmp.Compare(a.OpenedSeq, b.OpenedSeq) })
	return all, err
}

// OpenRestrictions implements store.Restrictions.
func (s *Store) OpenRestrictions(ctx context.Context, f store.RestrictionFilter) ([]store.Restriction, error) {
	const most = 500
	if f.Limit < 1 || f.Limit > most {
		return nil, fmt.Errorf("%w: limit must be 1 to %d", store.ErrInvalid, most)
	}
	query := `r.lifted_seq IS NULL AND (r.policy_name, r.rule_id, r.account_id) > (?, ?, ?)`
	args := []any{f.AfterPolicy, f.AfterRule, f.AfterAccount}
	if f.PolicyName != "" {
		query, args = query+` AND r.policy_name = ?`, append(args, f.PolicyName)
	}
	if f.RuleID != "" {
		query, args = query+` AND r.rule_id = ?`, append(args, f.RuleID)
	}
	query += ` ORDER BY r.policy_name, r.rule_id, r.account_id LIMIT ?`
	page, err := restrictions(ctx, reader{s}, query, append(args, f.Limit))
	return page, s.fault(ctx, "list restrictions", err)
}
