package bench

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/verigate/verigate/internal/bulk"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// importBench sends files of new accounts as the command does, each into a new database. The baseline writes the same
// rows (accounts and their versions) with one prepared statement a table in one transaction, and builds the indexes
// after it.
func importBench(ctx context.Context, c Config) (report Report, err error) {
	for _, accounts := range c.Accounts {
		file := filepath.Join(c.Dir, fmt.Sprintf("accounts-%d.ndjson", accounts))
		if err := writeAccounts(file, accounts, account); err != nil {
			return report, err
		}
		run := 0
		fresh := func(kind string) string {
			run++
			return fmt.Sprintf("import-%d-%s-%d", accounts, kind, run)
		}
		rows, err := c.compare(ctx, fmt.Sprintf("import of %d", accounts), "rows/s",
			side{"bulk insert", func(ctx context.Context) (sample, error) { return c.bulkInsert(ctx, fresh("bare"), accounts) }},
			side{"import", func(ctx context.Context) (sample, error) { return c.importFile(ctx, fresh("api"), file, accounts) }})
		if err := errors.Join(err, os.Remove(file)); err != nil {
			return report, err
		}
		report.Rows = append(report.Rows, rows...)
	}
	return report, nil
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
	r, err := newRig(ctx, c.Dir, name, nil)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close(ctx), removeDatabase(r.path)) }()
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

// bulkInsert is what SQLite needs for the same rows.
func (c Config) bulkInsert(ctx context.Context, name string, accounts int) (s sample, err error) {
	path := filepath.Join(c.Dir, name+".db")
	if err := migrated(ctx, path); err != nil {
		return s, err
	}
	db, err := openSQL(path)
	if err != nil {
		return s, err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close(), removeDatabase(path)) }()
	return c.insertInto(ctx, db, accounts, account)
}

// withoutIndexes drops the indexes of the accounts' tables and returns what builds them again.
func withoutIndexes(ctx context.Context, db *sql.DB) (rebuild func() error, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('accounts', 'account_versions')`)
	if err != nil {
		return nil, err
	}
	indexes := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		indexes[name] = text
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for name := range indexes {
		if _, err := db.ExecContext(ctx, `DROP INDEX `+name); err != nil {
			return nil, err
		}
	}
	return func() error {
		for _, text := range indexes {
			if _, err := db.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// insertInto drops the indexes of the tables before it begins to count.
func (c Config) insertInto(ctx context.Context, db *sql.DB, accounts int, nth func(int) policy.Account) (s sample, err error) {
	rebuild, err := withoutIndexes(ctx, db)
	if err != nil {
		return s, err
	}
	resident := watchResident(ctx)
	begun := c.Now()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	first, err := tx.PrepareContext(ctx, `INSERT INTO accounts (account_id, kind, region, registered_at, version, recorded_at, seq, state, turn)
		VALUES (?, ?, ?, ?, 1, ?, 0, ?, ?)`)
	if err != nil {
		return s, err
	}
	second, err := tx.PrepareContext(ctx, `INSERT INTO account_versions (account_id, version, kind, region, registered_at, recorded_at, actor_kind, actor_id, reason)
		VALUES (?, 1, ?, ?, ?, ?, 'import', 'bench', '')`)
	if err != nil {
		return s, err
	}
	recorded := announced().UnixNano()
	for n := range accounts {
		a := nth(n)
		_, err := first.ExecContext(ctx, a.ID, string(a.Kind), a.Region, a.RegisteredAt.UnixNano(), recorded, string(lifecycle.Unverified), string(lifecycle.Unverified.Turn()))
		if err == nil {
			_, err = second.ExecContext(ctx, a.ID, string(a.Kind), a.Region, a.RegisteredAt.UnixNano(), recorded)
		}
		if err != nil {
			return s, err
		}
	}
	if err := tx.Commit(); err != nil {
		return s, err
	}
	if err := rebuild(); err != nil {
		return s, err
	}
	return sample{operations: accounts, took: c.Now().Sub(begun), allocs: -1, resident: resident()}, nil
}

// migrated makes a database with the schema.
func migrated(ctx context.Context, path string) error {
	s, err := sqlstore.Open(ctx, sqlstore.Config{Path: path, Now: announced})
	if err != nil {
		return err
	}
	_, err = s.Migrate(ctx)
	return errors.Join(err, s.Close())
}

func removeDatabase(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
