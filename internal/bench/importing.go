package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/verigate/verigate/internal/bulk"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// importRows sends files of new accounts as the command does, each into a new database. The baseline writes the same
// rows (accounts and their versions) with one prepared statement a table in one transaction, or with COPY where the
// database has it, and builds the indexes after it.
func (c Config) importRows(ctx context.Context, accounts int) (_ []Row, err error) {
	file := filepath.Join(c.Dir, fmt.Sprintf("accounts-%d.ndjson", accounts))
	if err := writeAccounts(file, accounts, account); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	run := 0
	fresh := func(kind string) string {
		run++
		return fmt.Sprintf("import-%d-%s-%d", accounts, kind, run)
	}
	return c.compare(ctx, fmt.Sprintf("import of %d", accounts), "rows/s",
		side{"bulk insert", func(ctx context.Context) (sample, error) { return c.bulkInsert(ctx, fresh("bare"), accounts) }},
		side{"import", func(ctx context.Context) (sample, error) { return c.importFile(ctx, fresh("api"), file, accounts) }})
}

func writeAccounts(path string, accounts int, nth func(int) policy.Account) error {
	file, err := os.Create(path) //nolint:gosec // a file of the benchmark's own
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for n := range accounts {
		a := nth(n)
		_, _ = fmt.Fprintf(out, `{"account_id":%q,"kind":%q,"region":%q,"registered_at":%q}`+"\n", a.ID, a.Kind, a.Region, a.RegisteredAt.Format(time.RFC3339))
	}
	return errors.Join(out.Flush(), file.Close())
}

func (c Config) importFile(ctx context.Context, name, file string, accounts int) (s sample, err error) {
	r, err := c.newRig(ctx, name, nil)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	return c.importInto(ctx, r, file, accounts)
}

func (c Config) importInto(ctx context.Context, r *rig, file string, accounts int) (s sample, err error) {
	in, err := os.Open(file) //nolint:gosec // a file of the benchmark's own
	if err != nil {
		return s, err
	}
	defer func() { _ = in.Close() }()
	var counts bulk.Progress
	run := bulk.Import{
		Format: bulk.NDJSON,
		Send: func(mediaType string, body io.Reader) (io.ReadCloser, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/v1/accounts:import", body)
			if err != nil {
				return nil, err
			}
			req.Header.Set("Authorization", "Bearer "+r.key)
			req.Header.Set("Content-Type", mediaType)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return nil, err
			}
			return res.Body, nil
		},
		Refused: func(line bulk.Refused) error { return errors.New(line.Problem.String()) },
		Reached: func(place bulk.Place, more bulk.Counts) error {
			counts.Add(place, more)
			return nil
		},
	}
	resident := watchResident(ctx)
	begun := c.Now()
	err = run.Run(in, bulk.Place{}, nil)
	s = sample{operations: accounts, took: c.Now().Sub(begun), allocs: -1, resident: resident()}
	if err == nil && counts.Counts.Created != accounts {
		err = fmt.Errorf("%d of %d accounts were created", counts.Counts.Created, accounts)
	}
	return s, err
}

// bulkInsert is what the database needs for the same rows.
func (c Config) bulkInsert(ctx context.Context, name string, accounts int) (s sample, err error) {
	defer func() { err = errors.Join(err, c.remove(ctx, name)) }()
	db, err := c.create(ctx, name)
	if err != nil {
		return s, err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	return c.insertInto(ctx, db, accounts, account)
}

// insertInto drops the indexes of the tables before it begins to count.
func (c Config) insertInto(ctx context.Context, db *plainDB, accounts int, nth func(int) policy.Account) (s sample, err error) {
	rebuild, err := db.withoutIndexes(ctx)
	if err != nil {
		return s, err
	}
	resident := watchResident(ctx)
	begun := c.Now()
	insert := insertRows
	if db.postgres {
		insert = copyRows
	}
	if err := errors.Join(insert(ctx, db, accounts, nth), rebuild()); err != nil {
		return s, err
	}
	return sample{operations: accounts, took: c.Now().Sub(begun), allocs: -1, resident: resident()}, nil
}

// insertRows writes by one prepared statement for each table in one transaction.
func insertRows(ctx context.Context, db *plainDB, accounts int, nth func(int) policy.Account) error {
	tx, err := db.BeginTx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	first, err := tx.PrepareContext(ctx, `INSERT INTO accounts (account_id, kind, region, registered_at, version, recorded_at, seq, state, turn)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	second, err := tx.PrepareContext(ctx, `INSERT INTO account_versions (account_id, version, kind, region, registered_at, recorded_at, actor_kind, actor_id, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	for n := range accounts {
		_, err := first.ExecContext(ctx, accountRow(nth(n))...)
		if err == nil {
			_, err = second.ExecContext(ctx, versionRow(nth(n))...)
		}
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

// copyRows writes by COPY.
func copyRows(ctx context.Context, db *plainDB, accounts int, nth func(int) policy.Account) error {
	err := db.copyIn(ctx, "accounts", []string{"account_id", "kind", "region", "registered_at", "version", "recorded_at", "seq", "state", "turn"},
		accounts, func(n int) []any { return accountRow(nth(n)) })
	if err != nil {
		return err
	}
	return db.copyIn(ctx, "account_versions",
		[]string{"account_id", "version", "kind", "region", "registered_at", "recorded_at", "actor_kind", "actor_id", "reason"},
		accounts, func(n int) []any { return versionRow(nth(n)) })
}

func accountRow(a policy.Account) []any {
	return []any{
		a.ID, string(a.Kind), a.Region, a.RegisteredAt.UnixNano(), 1, announced().UnixNano(), 0,
		string(lifecycle.Unverified), string(lifecycle.Unverified.Turn()),
	}
}

func versionRow(a policy.Account) []any {
	return []any{a.ID, 1, string(a.Kind), a.Region, a.RegisteredAt.UnixNano(), announced().UnixNano(), "import", "bench", ""}
}
