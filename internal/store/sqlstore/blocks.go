package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/verigate/verigate/internal/store"
)

// RecordBlock implements store.Decisions.
func (s *Store) RecordBlock(ctx context.Context, b store.Block) (bool, error) {
	if err := errors.Join(checkInstant("since", b.Since), checkInstant("at", b.At)); err != nil {
		return false, err
	}
	if s.turn != nil { // a repeat need not wait for the one who writes
		var one int
		err := row(ctx, reader{s}, `SELECT 1 FROM blocks WHERE account_id = ? AND action = ? AND policy_name = ?
			AND policy_version = ? AND rule_id = ? AND `+s.observedIs(),
			[]any{b.AccountID, b.Action, b.PolicyName, b.PolicyVersion, b.RuleID, flag(b.Observed)}, &one)
		if !errors.Is(err, store.ErrNotFound) {
			return false, s.fault(ctx, "record a block", err)
		}
	}
	written, err := s.writeOne(ctx, "record a block", `INSERT INTO blocks (account_id, action, policy_name, policy_version, rule_id, reason, since, at,
		receipt, observed, repeats) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
		ON CONFLICT (account_id, action, policy_name, policy_version, rule_id, observed) DO NOTHING`,
		b.AccountID, b.Action, b.PolicyName, b.PolicyVersion, b.RuleID, b.Reason, instant(b.Since), instant(b.At),
		b.Receipt, flag(b.Observed))
	return written == 1 && err == nil, err
}

// observedIs is a condition that is not searched by: two indexes of blocks have a condition on the column, so SQLite would
// prepare a statement anew for each value that it gets, to see whether they can serve it.
func (s *Store) observedIs() string { return s.dialect.unindexed("observed") + ` = ?` }

// CountBlocks implements store.Decisions.
func (s *Store) CountBlocks(ctx context.Context, repeats map[store.BlockKey]int) error {
	if len(repeats) == 0 {
		return nil
	}
	keys := slices.SortedFunc(maps.Keys(repeats), compareBlocks) // two that count the same do not wait for each other
	return s.write(ctx, "count blocks", func(ctx context.Context, tx *transaction) error {
		for _, k := range keys {
			n := repeats[k]
			_, err := tx.exec(ctx, `UPDATE blocks SET repeats = repeats + ? WHERE account_id = ? AND action = ?
				AND policy_name = ? AND policy_version = ? AND rule_id = ? AND `+s.observedIs(),
				n, k.AccountID, k.Action, k.PolicyName, k.PolicyVersion, k.RuleID, flag(k.Observed))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func compareBlocks(a, b store.BlockKey) int {
	return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Action, b.Action), cmp.Compare(a.PolicyName, b.PolicyName),
		cmp.Compare(a.PolicyVersion, b.PolicyVersion), cmp.Compare(a.RuleID, b.RuleID), cmp.Compare(flag(a.Observed), flag(b.Observed)))
}

// Blocks implements store.Decisions.
func (s *Store) Blocks(ctx context.Context, accountID string) ([]store.CountedBlock, error) {
	var all []store.CountedBlock
	err := each(ctx, reader{s}, `SELECT action, policy_name, policy_version, rule_id, reason, since, at, receipt, observed, repeats
		FROM blocks WHERE account_id = ? ORDER BY at, action, policy_name, policy_version, rule_id, observed`, []any{accountID},
		func(scan func(...any) error) error {
			b := store.CountedBlock{Block: store.Block{AccountID: accountID}}
			var observed int
			err := scan(&b.Action, &b.PolicyName, &b.PolicyVersion, &b.RuleID, &b.Reason, scanTime(&b.Since), scanTime(&b.At),
				&b.Receipt, &observed, &b.Repeats)
			b.Observed = observed != 0
			all = append(all, b)
			return err
		})
	return all, s.fault(ctx, "read blocks", err)
}

// flag is a truth value as a column that every database has.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
