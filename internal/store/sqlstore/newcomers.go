package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
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
	folds    [][]any
	entries  [][]any
	outbox   [][]any
}

func (n *newcomers) holds(id string) bool {
	_, ok := n.ids[id]
	return ok
}

// add takes an account in, with the log that its import begins, if it has one. Imports derive nothing else.
func (n *newcomers) add(a store.Account, p store.PutAccount, log *appended) error {
	end := standing{state: lifecycle.Unverified}
	if log != nil {
		fold, err := encodeFold(log.fold)
		if err != nil {
			return err
		}
		n.folds = append(n.folds, []any{log.fold.AccountID, log.fold.Seq, fold})
		for _, e := range log.entries {
			n.entries = append(n.entries, e.row())
			n.outbox = append(n.outbox, e.outboxRow())
		}
		end = standingOf(log.fold, log.recordedAt, log.hash)
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
	for _, part := range []struct {
		table table
		rows  [][]any
	}{
		{accountsTable(), n.accounts}, // first: the others refer to it
		{versionsTable(), n.versions},
		{foldsTable(), n.folds},
		{eventsTable(), n.entries},
		{outboxTable(), n.outbox},
	} {
		if err := insert(ctx, tx, part.table, part.rows...); err != nil {
			return err
		}
	}
	return nil
}

func versionRow(a store.Account, p store.PutAccount) []any {
	return []any{
		a.ID, a.Version, string(a.Kind), a.Region, instant(a.RegisteredAt), instant(a.ClosedAt), instant(a.RecordedAt),
		string(p.Actor.Kind), p.Actor.ID, p.Reason,
	}
}

// encodeFold is what the column holds that decodeFold reads.
func encodeFold(v lifecycle.Verification) (string, error) {
	fold, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%w: the fold cannot be encoded", store.ErrInvalid)
	}
	return string(fold), nil
}

// table is where rows of one width go.
type table struct {
	name    string
	columns []string
}

func accountsTable() table {
	return table{"accounts", append([]string{"account_id", "kind", "region", "registered_at", "closed_at", "version", "recorded_at"}, standingColumns()...)}
}

func versionsTable() table {
	return table{"account_versions", []string{
		"account_id", "version", "kind", "region", "registered_at", "closed_at", "recorded_at", "actor_kind", "actor_id", "reason",
	}}
}

func foldsTable() table { return table{"verifications", []string{"account_id", "seq", "fold"}} }

func eventsTable() table {
	return table{"events", []string{"account_id", "seq", "change_id", "event", "at", "recorded_at", "body", "hash"}}
}

func outboxTable() table {
	return table{"outbox", []string{"topic", "account_id", "seq", "recorded_at"}}
}

// rowsPerInsert is how many rows go into one statement, of which there are then two texts a table: this many rows, and
// one. Sixteen take a third off the time of one by one; more take hardly any more.
const rowsPerInsert = 16

// insert writes rows, many to a statement.
func insert(ctx context.Context, tx *transaction, t table, rows ...[]any) error {
	for chunk := range slices.Chunk(rows, rowsPerInsert) {
		if len(chunk) < rowsPerInsert {
			for _, row := range chunk {
				if _, err := tx.exec(ctx, t.insert(1), row...); err != nil {
					return err
				}
			}
			continue
		}
		if _, err := tx.exec(ctx, t.insert(rowsPerInsert), slices.Concat(chunk...)...); err != nil {
			return err
		}
	}
	return nil
}

func (t table) insert(rows int) string {
	row := "(" + strings.Repeat("?, ", len(t.columns)-1) + "?)"
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " + strings.Repeat(row+", ", rows-1) + row
}
