package sqlstore

import (
	"context"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// ListAccounts implements store.Lists.
func (s *Store) ListAccounts(ctx context.Context, f store.AccountFilter) ([]store.ListedAccount, error) {
	if err := checkListing(f); err != nil {
		return nil, err
	}
	l, ok := newListing(s.dialect, f)
	if !ok {
		return nil, nil
	}
	var page []store.ListedAccount
	err := s.snapshot(ctx, "list accounts", func(q querier) error {
		if anew := s.dialect.planAnew(); anew != "" { // which index is the best depends on how common a value is
			if err := each(ctx, q, anew, nil, func(func(...any) error) error { return nil }); err != nil {
				return err
			}
		}
		ids, err := l.ids(ctx, q)
		if err != nil || len(ids) == 0 {
			return err
		}
		page, err = s.listed(ctx, q, ids)
		return err
	})
	return page, err
}

// ListStatement is the statement that reads the ids of a page, for whoever explains or measures it. It is empty where
// nothing can match.
func (s *Store) ListStatement(ctx context.Context, f store.AccountFilter) (query string, args []any, err error) {
	if err := checkListing(f); err != nil {
		return "", nil, err
	}
	l, ok := newListing(s.dialect, f)
	if !ok {
		return "", nil, nil
	}
	query, args, err = l.statement(ctx, reader{s})
	return s.dialect.rebind(query), args, s.fault(ctx, "explain a list", err)
}

// ids reads the ids of the page.
func (l listing) ids(ctx context.Context, q querier) ([]string, error) {
	query, args, err := l.statement(ctx, q)
	if err != nil {
		return nil, err
	}
	var ids []string
	err = each(ctx, q, query, args, func(scan func(...any) error) error {
		var id string
		var place int64
		to := []any{&id}
		if l.column() != "" {
			to = append(to, &place)
		}
		err := scan(to...)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// listed reads what a list shows of accounts, in the order given.
func (s *Store) listed(ctx context.Context, q querier, ids []string) ([]store.ListedAccount, error) {
	wanted, err := s.dialect.anyArg(ids)
	if err != nil {
		return nil, err
	}
	page, place := make([]store.ListedAccount, len(ids)), make(map[string]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	facts, err := factsPage(ctx, q, factsQuery+s.dialect.anyOf("a.account_id")+factsOrder, []any{wanted}, len(ids))
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		page[place[f.Account.ID]].Facts = f
	}
	err = each(ctx, q, `SELECT a.account_id, a.changed_at, a.extended_until, a.requested_until, v.fold FROM accounts a
		LEFT JOIN verifications v ON v.account_id = a.account_id WHERE `+s.dialect.anyOf("a.account_id"), []any{wanted},
		func(scan func(...any) error) error { return scanListed(scan, page, place) })
	if err != nil {
		return nil, err
	}
	err = each(ctx, q, `SELECT account_id, rule_id FROM restrictions WHERE `+s.dialect.anyOf("account_id")+` AND lifted_seq IS NULL
		ORDER BY account_id, policy_name, rule_id`, []any{wanted}, func(scan func(...any) error) error {
		var id, rule string
		err := scan(&id, &rule)
		at := &page[place[id]]
		at.RestrictedBy = append(at.RestrictedBy, rule)
		return err
	})
	return page, err
}

func scanListed(scan func(...any) error, page []store.ListedAccount, place map[string]int) error {
	var id string
	var fold *string
	var a store.ListedAccount
	err := scan(&id, scanTime(&a.ChangedAt), scanTime(&a.ExtendedUntil), scanTime(&a.RequestedUntil), &fold)
	if err != nil {
		return err
	}
	a.Verification = lifecycle.New(id)
	if fold != nil {
		if a.Verification, err = decodeFold([]byte(*fold)); err != nil {
			return err
		}
	}
	a.Facts = page[place[id]].Facts
	page[place[id]] = a
	return nil
}
