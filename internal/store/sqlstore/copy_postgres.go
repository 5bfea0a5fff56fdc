package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/verigate/verigate/internal/store"
)

// CopyURL does what Copy does, from a PostgreSQL database into an SQLite file with the schema of the same step. It reads
// one snapshot in a transaction that may not write. busy bounds each wait for a lock; how long a table takes is not
// bounded. Until it ends, the server keeps the rows that were deleted meanwhile.
func CopyURL(ctx context.Context, url, to string, busy time.Duration) (err error) {
	conns, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("%w: URL of the database cannot be read; write postgres://USER:PASSWORD@HOST:PORT/DATABASE", store.ErrInvalid)
	}
	server := &Store{dialect: newPostgresDialect(), writer: pool(conns, 0, busy, 1)}
	defer func() { err = errors.Join(server.fault(ctx, "copy the database", err), server.writer.Close()) }()
	from, err := server.writer.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = from.Rollback() }() // it has written nothing
	var step int64
	if err := from.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`).Scan(&step); err != nil {
		return err
	}
	if err := create(to); err != nil {
		return err
	}
	copied, err := Open(ctx, Config{Path: to, Volatile: true, BusyTimeout: busy, Now: func() time.Time { return time.Time{} }}) // nobody asks it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	if err := copied.migrateTo(ctx, step); err != nil {
		return err
	}
	return copyTables(ctx, from, copied.writer)
}

// migrateTo applies the steps of the schema up to one.
func (s *Store) migrateTo(ctx context.Context, step int64) error {
	provider, done, err := s.provider()
	if err != nil {
		return err
	}
	defer done()
	_, err = provider.UpTo(ctx, step)
	return err
}

// copyTables has every row that is copied in one transaction, so that references are looked at when all are there.
func copyTables(ctx context.Context, from *sql.Tx, writer *sql.DB) error {
	to, err := writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = to.Rollback() }() // after Commit it does nothing
	if _, err := to.ExecContext(ctx, `PRAGMA defer_foreign_keys = on`); err != nil {
		return err
	}
	tables, err := columnsOf(ctx, to)
	if err != nil {
		return err
	}
	for table, columns := range tables {
		if slices.Contains(withheld(), table) {
			continue
		}
		if err := copyTable(ctx, from, to, table, columns); err != nil {
			return err
		}
	}
	return to.Commit()
}

// columnsOf returns the columns that can be written, by table. Both schemas have the same.
func columnsOf(ctx context.Context, tx *sql.Tx) (map[string][]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%' AND c.hidden = 0 ORDER BY m.name, c.cid`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	tables := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		tables[table] = append(tables[table], column)
	}
	return tables, rows.Err()
}

// copyTable puts the rows of one table in the place of those that the schema begins with. The names are the schema's own.
func copyTable(ctx context.Context, from, to *sql.Tx, table string, columns []string) error {
	if _, err := to.ExecContext(ctx, `DELETE FROM `+table); err != nil { //nolint:gosec // as said
		return err
	}
	names := strings.Join(columns, ", ")
	insert, err := to.PrepareContext(ctx, `INSERT INTO `+table+` (`+names+`) VALUES (?`+strings.Repeat(", ?", len(columns)-1)+`)`) //nolint:gosec // as said
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	rows, err := from.QueryContext(ctx, `SELECT `+names+` FROM `+table) //nolint:gosec // as said
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return rows.Err()
}
