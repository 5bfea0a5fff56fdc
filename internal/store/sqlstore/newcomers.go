package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// maxNewcomers bounds how many new accounts are held before they are written.
const maxNewcomers = 512

// newcomers are accounts that nobody has written yet, as the rows that they become.
type newcomers struct {
	ids      map[string]struct{}
	accounts [][]any
	versions [][]any
	log      []stamped
	folds    []lifecycle.Verification // the last of each log
}

func (n *newcomers) holds(id string) bool {
	_, ok := n.ids[id]
	return ok
}

// add takes an account in, with the log that its import begins, if it has one. Imports derive nothing else.
func (n *newcomers) add(a store.Account, p store.PutAccount, log []stamped) error {
	end := standing{state: lifecycle.Unverified}
	if len(log) > 0 {
		last := log[len(log)-1]
		n.folds = append(n.folds, last.after)
		n.log = append(n.log, log...)
		end = standingOf(last.after, last.RecordedAt, last.hash)
	}
	if n.ids == nil {
		n.ids = map[string]struct{}{}
	}
	n.ids[a.ID] = struct{}{}
	n.accounts = append(n.accounts, append([]any{
		a.ID, string(a.Kind), a.Region, instant(a.RegisteredAt), instant(a.ClosedAt), a.Version, instant(a.RecordedAt),
	}, end.columns()...))
	n.versions = append(n.versions, versionRow(a, p))
	return nil
}

func (n *newcomers) write(ctx context.Context, tx *transaction) error {
	// The accounts first: the others refer to them. By id: two that write the same ones wait for each other in one order.
	slices.SortFunc(n.accounts, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	columns := append([]string{"account_id", "kind", "region", "registered_at", "closed_at", "version", "recorded_at"}, standingColumns()...)
	if err := addRows(ctx, tx, "accounts", columns, n.accounts); err != nil {
		return err
	}
	if err := addVersions(ctx, tx, n.versions...); err != nil {
		return err
	}
	if err := writeEntries(ctx, tx, n.log); err != nil {
		return err
	}
	return writeFolds(ctx, tx, n.folds...)
}

func addVersions(ctx context.Context, tx *transaction, rows ...[]any) error {
	return addRows(ctx, tx, "account_versions", []string{
		"account_id", "version", "kind", "region", "registered_at", "closed_at", "recorded_at", "actor_kind", "actor_id", "reason",
	}, rows)
}

func versionRow(a store.Account, p store.PutAccount) []any {
	return []any{
		a.ID, a.Version, string(a.Kind), a.Region, instant(a.RegisteredAt), instant(a.ClosedAt), instant(a.RecordedAt),
		string(p.Actor.Kind), p.Actor.ID, p.Reason,
	}
}
