package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib" // the baselines speak SQL themselves
	_ "modernc.org/sqlite"

	"github.com/verigate/verigate/internal/store/sqlstore"
)

// plainDB is what baselines speak SQL to: the same database that a store has, or one like it. Statements have ? for their
// values.
type plainDB struct {
	*sql.DB
	postgres bool
}

// storeConfig is how the store of a name is opened.
func (c Config) storeConfig(name string, now func() time.Time) sqlstore.Config {
	if c.Postgres == nil {
		return sqlstore.Config{Path: filepath.Join(c.Dir, name+".db"), Now: now}
	}
	return sqlstore.Config{URL: c.Postgres.URL(databaseName(name)), Now: now}
}

func databaseName(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }

// create makes the database of a name with the schema, and opens it for SQL.
func (c Config) create(ctx context.Context, name string) (*plainDB, error) {
	if c.Postgres != nil {
		if err := c.Postgres.Exec(ctx, "postgres", `CREATE DATABASE `+databaseName(name)); err != nil {
			return nil, err
		}
	}
	s, err := sqlstore.Open(ctx, c.storeConfig(name, announced))
	if err != nil {
		return nil, err
	}
	_, err = s.Migrate(ctx)
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	if c.Postgres != nil {
		db, err := sql.Open("pgx", c.Postgres.URL(databaseName(name)))
		return &plainDB{db, true}, err
	}
	// The settings that the store has.
	pragmas := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(on)", "secure_delete(on)", "temp_store(memory)"}}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(c.Dir, name+".db"))+"?"+pragmas.Encode())
	return &plainDB{db, false}, err
}

// remove removes the database of a name.
func (c Config) remove(ctx context.Context, name string) error {
	if c.Postgres != nil {
		return c.Postgres.Exec(ctx, "postgres", `DROP DATABASE IF EXISTS `+databaseName(name)+` WITH (FORCE)`)
	}
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(c.Dir, name+".db"+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// settle has the database do now what it would do by itself later, so that what is measured does not wait for it.
func (db *plainDB) settle(ctx context.Context) error {
	if !db.postgres {
		return nil
	}
	_, err := db.ExecContext(ctx, `VACUUM (ANALYZE)`)
	return err
}

func (db *plainDB) bound(query string) string {
	if !db.postgres {
		return query
	}
	return sqlstore.Numbered(query)
}

// QueryContext is sql.DB's.
func (db *plainDB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.DB.QueryContext(ctx, db.bound(query), args...)
}

// PrepareContext is sql.DB's.
func (db *plainDB) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return db.DB.PrepareContext(ctx, db.bound(query))
}

// BeginTx is sql.DB's.
func (db *plainDB) BeginTx(ctx context.Context) (*plainTx, error) {
	tx, err := db.DB.BeginTx(ctx, nil)
	return &plainTx{tx, db}, err
}

type plainTx struct {
	*sql.Tx
	db *plainDB
}

// PrepareContext is sql.Tx's.
func (tx *plainTx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return tx.Tx.PrepareContext(ctx, tx.db.bound(query))
}

// withoutIndexes drops the indexes of the accounts' tables and returns what builds them again.
func (db *plainDB) withoutIndexes(ctx context.Context) (rebuild func() error, err error) {
	query := `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('accounts', 'account_versions')`
	if db.postgres {
		query = `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename IN ('accounts', 'account_versions')
			AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)`
	}
	indexes := map[string]string{}
	err = stream(ctx, db, func(row []any) { indexes[fmt.Sprint(row[0])] = fmt.Sprint(row[1]) }, query)
	if err != nil {
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

// copyIn writes rows of a table by COPY, in a transaction of its own.
func (db *plainDB) copyIn(ctx context.Context, table string, columns []string, rows int, nth func(int) []any) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool
	return conn.Raw(func(raw any) error {
		n := -1
		_, err := raw.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
			if n++; n == rows {
				return nil, nil
			}
			return nth(n), nil
		}))
		return err
	})
}
