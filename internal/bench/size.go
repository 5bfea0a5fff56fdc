package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Size is what one table grew by while something happened to so many accounts.
type Size struct {
	Case       string  `json:"case"`
	Table      string  `json:"table"`
	Accounts   int     `json:"accounts"`
	TableBytes float64 `json:"table_bytes"` // of one account
	IndexBytes float64 `json:"index_bytes"` // of one account
}

// sizeBench has a population registered, a tenth of it refused something, all of it restricted by a sweep, and a tenth verified
// and lifted, and looks after each at what the tables and their indexes have grown by. Bytes are pages of the files: what is
// free in them, and dead rows, are in it.
func sizeBench(ctx context.Context, c Config) (report Report, err error) {
	for _, accounts := range c.Accounts {
		sizes, err := c.sizes(ctx, accounts)
		if err != nil {
			return report, err
		}
		report.Sizes = append(report.Sizes, sizes...)
	}
	return report, nil
}

func (c Config) sizes(ctx context.Context, accounts int) (all []Size, err error) {
	r, err := c.newRig(ctx, fmt.Sprint("size-", accounts), nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	before, err := r.db.footprint(ctx)
	if err != nil {
		return nil, err
	}
	for _, step := range []struct {
		what     string
		accounts int
		do       func() error
	}{
		{"registered", accounts, func() error { return r.populate(ctx, accounts) }},
		{"refused for the first time", accounts / ten, func() error { return r.refuse(ctx, accounts/ten) }},
		{"restricted by a sweep", accounts, func() error { return r.restrictAll(ctx) }},
		{"verified and lifted", accounts / ten, func() error { return r.verify(ctx, accounts/ten) }},
	} {
		if err := errors.Join(step.do(), r.db.settle(ctx)); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", step.what, err)
		}
		after, err := r.db.footprint(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, grown(step.what, step.accounts, before, after)...)
		before = after
		c.Say("%d accounts %s", step.accounts, step.what)
	}
	return all, nil
}

// footprint is the bytes of a table and of its indexes, by the table's name.
type footprint map[string][2]int64

// grown lists the tables that have grown, and their sum first.
func grown(what string, accounts int, before, after footprint) []Size {
	sum := Size{Case: what, Table: "all", Accounts: accounts}
	var sizes []Size
	for table, bytes := range after {
		size := Size{what, table, accounts, float64(bytes[0]-before[table][0]) / float64(accounts), float64(bytes[1]-before[table][1]) / float64(accounts)}
		if size.TableBytes+size.IndexBytes > 0 {
			sizes = append(sizes, size)
			sum.TableBytes, sum.IndexBytes = sum.TableBytes+size.TableBytes, sum.IndexBytes+size.IndexBytes
		}
	}
	slices.SortFunc(sizes, func(a, b Size) int { return strings.Compare(a.Table, b.Table) })
	return append([]Size{sum}, sizes...)
}

func (db *plainDB) footprint(ctx context.Context) (footprint, error) {
	query := `SELECT m.tbl_name, SUM(CASE m.type WHEN 'table' THEN d.pgsize ELSE 0 END), SUM(CASE m.type WHEN 'index' THEN d.pgsize ELSE 0 END)
		FROM dbstat d JOIN sqlite_master m ON m.name = d.name WHERE d.aggregate = TRUE GROUP BY m.tbl_name`
	if db.postgres {
		// Partitions count for the table that they are of.
		query = `SELECT CAST(COALESCE(pg_partition_root(oid), oid) AS regclass) :: text, CAST(SUM(pg_table_size(oid)) AS BIGINT), CAST(SUM(pg_indexes_size(oid)) AS BIGINT)
			FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public' :: regnamespace GROUP BY 1`
	}
	sizes := footprint{}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var table string
		var bytes [2]int64
		if err := rows.Scan(&table, &bytes[0], &bytes[1]); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		sizes[table] = bytes
	}
	return sizes, errors.Join(rows.Err(), rows.Close())
}

// refuse has some accounts asked about after the deadline.
func (r *rig) refuse(ctx context.Context, accounts int) error {
	at := enforced()
	r.now.Store(&at)
	for n := range accounts {
		if _, err := r.gate.Decide(ctx, accountID(n), "create_label"); err != nil {
			return err
		}
	}
	return nil
}

// restrictAll sweeps until nothing is left.
func (r *rig) restrictAll(ctx context.Context) error {
	page := enforce.Page{Policy: "bench", Sweep: "bench.1", Limit: sweepPage}
	sweeper := enforce.New(r.store, rulebook.New(r.store), r.clock)
	for {
		done, err := sweeper.Page(ctx, page)
		if err != nil || done.Accounts == 0 {
			return err
		}
		page.After = done.Last
	}
}

// verify takes some accounts from a prompt to the provider's pass, through the appends that a verification makes, and lifts
// what they were restricted by.
func (r *rig) verify(ctx context.Context, accounts int) error {
	const batch = 100
	for from := 0; from < accounts; from += batch {
		var ids []string
		for n := from; n < min(from+batch, accounts); n++ {
			ids = append(ids, accountID(n))
		}
		for step := range len(courseOf("", r.clock())) {
			appends := make([]lifecycle.Append, len(ids))
			for i, id := range ids {
				appends[i] = courseOf(id, r.clock())[step]
			}
			answers, err := r.store.AppendAll(ctx, appends)
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(answers, func(a store.AppendAnswer) bool { return a.Err != nil }); i >= 0 {
				return answers[i].Err
			}
		}
	}
	return r.restrictAll(ctx)
}

// courseOf is the appends of one verification: the prompt of a login, the information with its automatic review, consent and QR,
// the scan and the pass.
func courseOf(id string, at time.Time) []lifecycle.Append {
	merchant, system := lifecycle.Actor{Kind: lifecycle.ActorMerchant, ID: id}, lifecycle.Actor{Kind: lifecycle.ActorSystem}
	attempt := id + "-00000000-0000-0000-0000-000000000000"
	var all []lifecycle.Append
	step := func(changes ...lifecycle.Change) {
		for i := range changes {
			changes[i].At = at
		}
		all = append(all, lifecycle.Append{
			AccountID: id, ChangeID: fmt.Sprintf("00000000-0000-0000-0000-%012d", len(all)), Head: lifecycle.AnyHead, Changes: changes,
		})
	}
	step(lifecycle.Change{Event: lifecycle.Prompt, Actor: system})
	step(
		lifecycle.Change{Event: lifecycle.Submit, Actor: merchant, Detail: lifecycle.Detail{Identity: &lifecycle.Identity{Ref: attempt, Digest: strings.Repeat("0", 64)}}},
		lifecycle.Change{Event: lifecycle.BeginReview, Actor: system}, lifecycle.Change{Event: lifecycle.Approve, Actor: system},
	)
	step(lifecycle.Change{Event: lifecycle.IssueQR, Actor: merchant, Detail: lifecycle.Detail{
		Consent: &lifecycle.Consent{ID: attempt, TextVersion: "1", AgreedAt: at},
		Attempt: &lifecycle.Attempt{ID: attempt, Number: 1, Provider: "alipay", OrderNo: attempt, Revision: 1, StartedAt: at, EndsAt: at.Add(23 * time.Hour)},
		Lease:   &lifecycle.Lease{ID: attempt, AttemptID: attempt, IssuedAt: at, ExpiresAt: at.Add(10 * time.Minute)},
	}})
	step(lifecycle.Change{Event: lifecycle.Scan, Actor: merchant, Detail: lifecycle.Detail{LeaseID: attempt}})
	step(lifecycle.Change{Event: lifecycle.Pass, Actor: lifecycle.Actor{Kind: lifecycle.ActorProvider}, Detail: lifecycle.Detail{AttemptID: attempt}})
	return all
}
