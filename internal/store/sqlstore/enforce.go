package sqlstore

import (
	"context"
	"fmt"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// enforceBatch is how many accounts one writing transaction of Enforce changes: few enough that nobody who wants to
// write waits for it longer than some tens of milliseconds.
const enforceBatch = 200

// EnforceRows implements store.Restrictions.
func (s *Store) EnforceRows(ctx context.Context, p store.EnforcePage) ([]store.EnforceRow, error) {
	var rows []store.EnforceRow
	err := s.snapshot(ctx, "read a page to enforce upon", func(q querier) (err error) {
		rows, err = s.enforceRows(ctx, q, p)
		return err
	})
	return rows, err
}

func (s *Store) enforceRows(ctx context.Context, q querier, p store.EnforcePage) ([]store.EnforceRow, error) {
	if len(p.AccountIDs) > 0 {
		rows, err := s.enforceRowsOf(ctx, q, p.AccountIDs)
		if err == nil && len(rows) < len(p.AccountIDs) {
			err = store.ErrNotFound
		}
		return rows, err
	}
	facts, err := factsAfter(ctx, q, p.After, p.Last, p.Limit)
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	open, err := restrictions(ctx, q, `r.account_id >= ? AND r.account_id <= ? AND r.lifted_seq IS NULL`+openOrder,
		[]any{facts[0].Account.ID, facts[len(facts)-1].Account.ID})
	return join(facts, open), err
}

const openOrder = ` ORDER BY r.account_id, r.policy_name, r.rule_id`

func (s *Store) enforceRowsOf(ctx context.Context, q querier, ids []string) ([]store.EnforceRow, error) {
	wanted, err := s.dialect.anyArg(ids)
	if err != nil {
		return nil, err
	}
	facts, err := factsPage(ctx, q, factsQuery+s.dialect.anyOf("a.account_id")+factsOrder, []any{wanted}, len(ids))
	if err != nil {
		return nil, err
	}
	open, err := restrictions(ctx, q, s.dialect.anyOf("r.account_id")+` AND r.lifted_seq IS NULL`+openOrder, []any{wanted})
	return join(facts, open), err
}

// join gives every account its open restrictions; both are by account id.
func join(facts []store.Facts, open []store.Restriction) []store.EnforceRow {
	rows := make([]store.EnforceRow, len(facts))
	for i, f := range facts {
		rows[i].Facts = f
		n := 0
		for n < len(open) && open[n].AccountID == f.Account.ID {
			n++
		}
		rows[i].Open, open = open[:n:n], open[n:]
	}
	return rows
}

// Enforce implements store.Restrictions.
func (s *Store) Enforce(ctx context.Context, p store.EnforcePage, judge store.Judge) (store.EnforceResult, error) {
	var result store.EnforceResult
	if p.Source == "" {
		return result, fmt.Errorf("%w: source is empty", store.ErrInvalid)
	}
	rows, err := s.EnforceRows(ctx, p)
	if err != nil {
		return result, err
	}
	var concerned []string
	for _, row := range rows {
		wanted, err := judge(row)
		if err != nil {
			return result, err
		}
		if len(wanted) > 0 {
			concerned = append(concerned, row.Account.ID)
		}
		result.Accounts, result.Last = result.Accounts+1, row.Account.ID
	}
	for len(concerned) > 0 {
		n := min(len(concerned), enforceBatch)
		written, err := s.enforceBatch(ctx, p.Source, concerned[:n], judge)
		if err != nil {
			return result, err
		}
		result.Written, concerned = append(result.Written, written...), concerned[n:]
	}
	return result, nil
}

// enforceBatch judges accounts once more where nobody else can write, and writes.
func (s *Store) enforceBatch(ctx context.Context, source string, ids []string, judge store.Judge) ([]lifecycle.Change, error) {
	var written []lifecycle.Change
	err := s.write(ctx, "enforce", func(ctx context.Context, tx *transaction) error {
		heads, err := s.lockHeads(ctx, tx, ids)
		if err != nil {
			return err
		}
		rows, err := s.enforceRowsOf(ctx, tx, ids)
		if err != nil {
			return err
		}
		var log []stamped
		for _, row := range rows {
			entries, err := judged(ctx, tx, row, heads[row.Account.ID], source, judge)
			if err != nil {
				return err
			}
			log = append(log, entries...)
		}
		if err := writeEnforced(ctx, tx, log); err != nil {
			return err
		}
		written = make([]lifecycle.Change, len(log))
		for i, e := range log {
			written[i] = e.Change
		}
		return countSwept(ctx, tx, source, written)
	})
	if err != nil {
		return nil, err
	}
	told := ""
	for _, c := range written {
		if c.AccountID != told {
			told = c.AccountID
			s.publish(topic{logTopic, told})
		}
	}
	return written, nil
}

// judged stamps what the judge wants of one account.
func judged(ctx context.Context, tx *transaction, row store.EnforceRow, h head, source string, judge store.Judge) ([]stamped, error) {
	drafts, err := judge(row)
	if err != nil || len(drafts) == 0 {
		return nil, err
	}
	changeID := fmt.Sprintf("%s@%d", source, row.Seq+1)
	if err := checkDrafts(changeID, drafts); err != nil {
		return nil, err
	}
	for _, c := range drafts {
		if c.Event != lifecycle.Restrict && c.Event != lifecycle.Lift {
			return nil, fmt.Errorf("%w: a judge may only restrict and lift", store.ErrInvalid)
		}
	}
	return tx.stamp(ctx, h, changeID, drafts)
}

// writeEnforced writes the entries of many accounts. Lifts go first: a rule that is lifted and restricts again has one
// open episode.
func writeEnforced(ctx context.Context, tx *transaction, log []stamped) error {
	if err := writeEntries(ctx, tx, log); err != nil {
		return err
	}
	var opened, lifted []stamped
	for _, e := range log {
		if e.Event == lifecycle.Restrict {
			opened = append(opened, e)
		} else {
			lifted = append(lifted, e)
		}
	}
	if err := liftEpisodes(ctx, tx, lifted...); err != nil {
		return err
	}
	if err := openEpisodes(ctx, tx, opened...); err != nil {
		return err
	}
	return writeHeads(ctx, tx, log)
}

// lockHeads is lockHead for many accounts, in one order so that two of them cannot wait for each other.
func (s *Store) lockHeads(ctx context.Context, tx *transaction, ids []string) (map[string]head, error) {
	wanted, err := s.dialect.anyArg(ids)
	if err != nil {
		return nil, err
	}
	heads := make(map[string]head, len(ids))
	seqs := make(map[string]int64, len(ids))
	err = each(ctx, tx, `SELECT account_id, seq, head_recorded_at, head_hash, closed_at FROM accounts WHERE `+s.dialect.anyOf("account_id")+
		` ORDER BY account_id`+s.dialect.lockRow(), []any{wanted}, func(scan func(...any) error) error {
		var id string
		var seq int64
		var h head
		err := scan(&id, &seq, scanTime(&h.recordedAt), &h.hash, scanTime(&h.account.ClosedAt))
		h.fold = lifecycle.New(id)
		heads[id], seqs[id] = h, seq
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, `SELECT account_id, fold FROM verifications WHERE `+s.dialect.anyOf("account_id"), []any{wanted},
		func(scan func(...any) error) error {
			var id string
			var text []byte
			if err := scan(&id, &text); err != nil {
				return err
			}
			fold, err := decodeFold(text)
			h := heads[id]
			h.fold = fold
			heads[id] = h
			return err
		})
	if err != nil {
		return nil, err
	}
	for id, h := range heads {
		if h.fold.Seq != seqs[id] {
			return nil, fmt.Errorf("%w: fold and account row differ in seq", ErrDiverged)
		}
	}
	return heads, nil
}

// countSwept adds what was written to the record of the sweep, if the source is one.
func countSwept(ctx context.Context, tx *transaction, source string, written []lifecycle.Change) error {
	restricted, lifted := 0, 0
	for _, c := range written {
		if c.Event == lifecycle.Restrict {
			restricted++
		} else {
			lifted++
		}
	}
	if restricted+lifted == 0 {
		return nil
	}
	_, err := tx.exec(ctx, `UPDATE sweeps SET restricted = restricted + ?, lifted = lifted + ? WHERE sweep_id = ?`,
		restricted, lifted, source)
	return err
}
