package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// listRows walks through lists page by page, 100 accounts each, and begins again at their end. The baseline walks the same
// way by the page's own statements: the one that finds its ids, and one that reads the rows of those.
func (c Config) listRows(ctx context.Context, accounts int) (_ []Row, err error) {
	r, err := c.newRig(ctx, fmt.Sprint("lists-", accounts), nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	c.Say("writing %d accounts", accounts)
	if err := errors.Join(writeShop(ctx, r.db, accounts), r.db.settle(ctx)); err != nil {
		return nil, err
	}
	now := enforced()
	r.now.Store(&now)
	var rows []Row
	pages := min(c.requests()/4, 200)
	for _, l := range lists(now) {
		bare, asked := newWalkers(), newWalkers()
		got, err := c.compare(ctx, fmt.Sprintf("%s, %d accounts", l.name, accounts), "/s",
			side{"SQL", func(ctx context.Context) (sample, error) {
				return c.share(ctx, pages, func(client *http.Client, _ int) error { return r.barePage(ctx, l.filter, bare.of(client.Transport)) })
			}},
			side{"API", func(ctx context.Context) (sample, error) {
				return c.share(ctx, pages, func(client *http.Client, _ int) error {
					return r.askPage(ctx, client, l.query, asked.of(client.Transport))
				})
			}})
		if err != nil {
			return nil, err
		}
		rows = append(rows, got...)
	}
	return rows, nil
}

// list is one filter, as the API and as the store know it.
type list struct {
	name   string
	query  string
	filter store.AccountFilter
}

// lists are all filters, and the pairs that people ask for.
func lists(now time.Time) []list {
	states := func(s ...lifecycle.State) []lifecycle.State { return s }
	covered := policy.Cohort{Kinds: []policy.Kind{policy.KindIndividual}, Regions: []string{"CN"}, Registered: policy.Interval{Before: existing()}}
	yes := true
	day := now.AddDate(0, 0, -1)
	since, month := policy.Interval{From: day}, policy.Interval{From: existing().AddDate(0, -1, 0), Before: existing()}
	week := policy.Interval{From: now.AddDate(0, 0, -7)}
	in := func(c policy.Cohort) []policy.Cohort { return []policy.Cohort{c} }
	at := func(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339)) }
	changed, registered := store.SortChanged, store.SortRegistered
	all := []list{
		{"no filter", "", store.AccountFilter{}},
		{"no filter, by change", "sort=changed", store.AccountFilter{Sort: changed}},
		{"no filter, by registration", "sort=registered", store.AccountFilter{Sort: registered}},
		{"id prefix", "id_prefix=account-00", store.AccountFilter{Prefix: "account-00"}},
		{"state", "state=locked", store.AccountFilter{States: states(lifecycle.Locked)}},
		{"state, by change", "state=locked&sort=changed", store.AccountFilter{States: states(lifecycle.Locked), Sort: changed}},
		{"two states", "state=under_review,manual_review", store.AccountFilter{States: states(lifecycle.UnderReview, lifecycle.ManualReview)}},
		{"turn", "turn=operator", store.AccountFilter{Turn: lifecycle.TurnOperator}},
		{"kind", "kind=enterprise", store.AccountFilter{Cohorts: in(policy.Cohort{Kinds: []policy.Kind{policy.KindEnterprise}})}},
		{"region", "region=DE", store.AccountFilter{Cohorts: in(policy.Cohort{Regions: []string{"DE"}})}},
		{"region, by change", "region=DE&sort=changed", store.AccountFilter{Cohorts: in(policy.Cohort{Regions: []string{"DE"}}), Sort: changed}},
		{"rule", "rule=existing-individuals", store.AccountFilter{Cohorts: in(covered), Sort: registered}},
		{"rule, by change", "rule=existing-individuals&sort=changed", store.AccountFilter{Cohorts: in(covered), Sort: changed}},
		{"registered", "registered_from=" + at(month.From) + "&registered_before=" + at(month.Before), store.AccountFilter{Cohorts: in(policy.Cohort{Registered: month}), Sort: registered}},
		{"changed", "changed_since=" + at(day), store.AccountFilter{Changed: since, Sort: changed}},
		{"restricted", "restricted=true", store.AccountFilter{Restricted: &yes}},
		{"restricted by a rule", "restricted=true&rule=existing-individuals", store.AccountFilter{Restricted: &yes, Rule: "existing-individuals"}},
		{"extension running", "extension=running", store.AccountFilter{Extension: store.ExtensionRunning}},
		{"extension requested", "extension=requested", store.AccountFilter{Extension: store.ExtensionAsked}},
		{"closed", "closed=true", store.AccountFilter{Closed: &yes}},
		{"state and rule", "state=rejected&rule=existing-individuals", store.AccountFilter{States: states(lifecycle.Rejected), Cohorts: in(covered), Sort: registered}},
		{"state and region", "state=unverified&region=DE", store.AccountFilter{States: states(lifecycle.Unverified), Cohorts: in(policy.Cohort{Regions: []string{"DE"}})}},
		{"state and change", "state=approved&changed_since=" + at(week.From), store.AccountFilter{States: states(lifecycle.Approved), Changed: week, Sort: changed}},
		{"rule and change", "rule=existing-individuals&changed_since=" + at(day), store.AccountFilter{Cohorts: in(covered), Changed: since, Sort: changed}},
		{"restricted and state", "restricted=true&state=rejected", store.AccountFilter{Restricted: &yes, States: states(lifecycle.Rejected)}},
		{"registered, by id", "sort=account_id&registered_from=" + at(month.From), store.AccountFilter{Cohorts: in(policy.Cohort{Registered: policy.Interval{From: month.From}})}},
	}
	for i := range all {
		all[i].filter.Now, all[i].filter.Limit = now, listPage
	}
	return all
}

// listPage is the size of a page.
const listPage = 100

// existing is when accounts of the rule were registered at the latest.
func existing() time.Time { return time.Date(2020, 11, 17, 0, 0, 0, 0, lifecycle.Beijing()) }

// walker is how far a client has come in a list.
type walker struct {
	place  store.ListPlace
	cursor string
}

type walkers struct {
	mu  sync.Mutex
	all []*walker
	by  map[http.RoundTripper]*walker
}

func newWalkers() *walkers { return &walkers{by: map[http.RoundTripper]*walker{}} }

// of is the walker of a client. Clients of a later round go on where those of the round before were.
func (w *walkers) of(client http.RoundTripper) *walker {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[client] == nil {
		n := len(w.by)
		if n >= len(w.all) {
			w.all = append(w.all, &walker{})
		}
		w.by[client] = w.all[n]
	}
	return w.by[client]
}

// barePage runs the statements of a page and reads what they answer.
func (r *rig) barePage(ctx context.Context, f store.AccountFilter, w *walker) error {
	f.After = w.place
	query, args, err := r.store.ListStatement(ctx, f)
	if err != nil {
		return err
	}
	ids := []string{} // "[]" and not "null" behind the last page
	err = stream(ctx, r.db, func(row []any) {
		id, _ := row[0].(string)
		ids = append(ids, id)
		w.place = store.ListPlace{ID: id}
		if len(row) > 1 {
			at, _ := row[1].(int64)
			w.place.At = time.Unix(0, at)
		}
	}, query, args...)
	if err != nil {
		return err
	}
	if len(ids) < f.Limit {
		w.place = store.ListPlace{}
	}
	wanted, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	among := `SELECT value FROM json_each(?)`
	if r.db.postgres {
		among = `SELECT json_array_elements_text(CAST(? AS json))`
	}
	return stream(ctx, r.db, func([]any) {}, `SELECT a.account_id, a.kind, a.region, a.registered_at, a.closed_at, a.seq, a.state, a.since, a.turn_since,
		a.verified_at, a.changed_at, a.extended_until, a.requested_until, a.restricted, v.fold FROM accounts a LEFT JOIN verifications v
		ON v.account_id = a.account_id WHERE a.account_id IN (`+among+`)`, string(wanted))
}

// askPage asks the API for a page.
func (r *rig) askPage(ctx context.Context, client *http.Client, query string, w *walker) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/v1/verifications?limit=%d&cursor=%s&%s", r.url, listPage, w.cursor, query), http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the answer is %d: %s", res.StatusCode, body)
	}
	if err != nil {
		return err
	}
	var page struct {
		Verifications []struct{}
		Cursor        string
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return err
	}
	if len(page.Verifications) == 0 && w.cursor == "" {
		return fmt.Errorf("no account is listed by %q", query)
	}
	w.cursor = page.Cursor
	return nil
}

// writeShop fills the tables that lists read, with accounts in every state: registered in the order of their ids over two
// years, changed in no order.
func writeShop(ctx context.Context, db *plainDB, accounts int) error {
	rebuild, err := db.withoutIndexes(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	into := map[string]*sql.Stmt{}
	for table, text := range map[string]string{
		"accounts": `INSERT INTO accounts (account_id, kind, region, registered_at, closed_at, version, recorded_at, seq, state, turn, since, turn_since,
			verified_at, head_recorded_at, restricted, extended_until, requested_until) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		"verifications": `INSERT INTO verifications (account_id, seq, fold) VALUES (?, ?, ?)`,
		"restrictions": `INSERT INTO restrictions (account_id, policy_name, rule_id, opened_seq, policy_version, since, opened_at, recorded_at, actions, sweep)
			VALUES (?, 'bench', 'existing-individuals', 1, 1, ?, ?, ?, '["create_label"]', 's')`,
		"extensions": `INSERT INTO extensions (extension_id, account_id, rule_id, until, batch_id, state, version, requested_at, requested_by, granted_at)
			VALUES (?, ?, '', ?, '', ?, 1, ?, 'bench', ?)`,
	} {
		if into[table], err = tx.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	for n := range accounts {
		if err := shopper(n, accounts).write(ctx, into); err != nil {
			return err
		}
	}
	return errors.Join(tx.Commit(), rebuild())
}

// customer is one account of the shop.
type customer struct {
	policy.Account
	lifecycle.Verification
	changed         time.Time
	restricted      bool
	extended, asked time.Time
}

// shopper is the nth of the shop's accounts.
func shopper(n, accounts int) customer {
	const year = 365 * 24 * time.Hour
	at := enforced()
	drawn := n * stride % 1_000_003 // the same for every run, and in no order
	c := customer{Account: policy.Account{
		ID: accountID(n), Kind: policy.KindIndividual, Region: "CN",
		RegisteredAt: at.Add(-2*year + time.Duration(n)*(2*year/time.Duration(accounts))),
	}}
	switch {
	case drawn%100 < 10:
		c.Kind = policy.KindEnterprise
	case drawn%100 < 15:
		c.Region = "US"
	case drawn%1000 < 155:
		c.Region = "DE"
	}
	c.Verification = lifecycle.New(c.ID)
	c.changed = at.Add(-time.Duration(drawn%700_001) * time.Minute / 10)
	c.Verification.State = drawState(drawn / 100 % 1000)
	if c.State != lifecycle.Unverified {
		c.Seq, c.Since, c.TurnSince = 3, c.changed, c.changed
	}
	if c.State == lifecycle.Verified {
		c.VerifiedAt, c.Method = c.changed, lifecycle.MethodFace
	}
	switch which := drawn / 7 % 1000; {
	case which < 5:
		c.extended = at.AddDate(0, 0, 1+which)
	case which < 6:
		c.asked = at.AddDate(0, 0, 3)
	case which < 16:
		c.ClosedAt = at.AddDate(0, -1, 0)
	case which < 400 && c.State != lifecycle.Verified:
		c.restricted, c.Seq = true, c.Seq+1
	}
	return c
}

// drawState is the state of each of a thousand.
func drawState(n int) lifecycle.State {
	for _, s := range []struct {
		below int
		state lifecycle.State
	}{
		{600, lifecycle.Unverified}, {605, lifecycle.Submitted}, {625, lifecycle.UnderReview}, {655, lifecycle.Rejected}, {775, lifecycle.Approved},
		{780, lifecycle.QRIssued}, {782, lifecycle.Scanned}, {802, lifecycle.FaceFailed}, {810, lifecycle.Locked}, {820, lifecycle.ManualReview},
	} {
		if n < s.below {
			return s.state
		}
	}
	return lifecycle.Verified
}

func (c customer) write(ctx context.Context, into map[string]*sql.Stmt) error {
	nanos := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.UnixNano()
	}
	restricted := 0
	if c.restricted {
		restricted = 1
	}
	_, err := into["accounts"].ExecContext(ctx, c.ID, string(c.Kind), c.Region, nanos(c.RegisteredAt), nanos(c.ClosedAt), c.RegisteredAt.UnixNano(), c.Seq,
		string(c.State), string(c.State.Turn()), nanos(c.Since), nanos(c.TurnSince), nanos(c.VerifiedAt), nanos(c.changed), restricted, nanos(c.extended), nanos(c.asked))
	if err != nil {
		return err
	}
	if c.Seq > 0 {
		fold, err := json.Marshal(c.Verification)
		if err != nil {
			return err
		}
		if _, err := into["verifications"].ExecContext(ctx, c.ID, c.Seq, string(fold)); err != nil {
			return err
		}
	}
	if c.restricted {
		if _, err := into["restrictions"].ExecContext(ctx, c.ID, c.changed.UnixNano(), c.changed.UnixNano(), c.changed.UnixNano()); err != nil {
			return err
		}
	}
	until, state, granted := c.extended, store.ExtensionApproved, c.changed
	if until.IsZero() {
		until, state, granted = c.asked, store.ExtensionRequested, time.Time{}
	}
	if until.IsZero() {
		return nil
	}
	_, err = into["extensions"].ExecContext(ctx, "e-"+c.ID, c.ID, until.UnixNano(), string(state), c.changed.UnixNano(), nanos(granted))
	return err
}
