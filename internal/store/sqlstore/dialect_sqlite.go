package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"io/fs"
	"strconv"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/verigate/verigate/internal/store/sqlstore/migrations"
)

// sqliteDialect speaks to SQLite. A row needs no lock: writing transactions begin immediate, one at a time.
type sqliteDialect struct{}

func (sqliteDialect) rebind(query string) string { return query }

func (sqliteDialect) unindexed(column string) string { return "+" + column }

func (sqliteDialect) lockRow() string { return "" }

func (sqliteDialect) lockFree(string) string { return "" }

func (sqliteDialect) lockName() string { return "" }

func (sqliteDialect) anyOf(column string) string {
	return column + " IN (SELECT value FROM json_each(?))"
}

func (sqliteDialect) anyArg(values []string) (any, error) {
	text, err := json.Marshal(values)
	return string(text), err
}

func (sqliteDialect) planAnew() string { return "" }

func (sqliteDialect) merges() bool { return true }

// by: without ANALYZE the planner guesses, and it guesses by how many columns are compared. A statement that cannot use
// the index fails.
func (sqliteDialect) by(table, index string) string { return table + " INDEXED BY " + index }

func (sqliteDialect) tables() string {
	return `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = ?`
}

func (sqliteDialect) short(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func (sqliteDialect) classify(err error) class {
	var fault *sqlite.Error
	if !errors.As(err, &fault) {
		return unknown
	}
	switch fault.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return conflict
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return dangling
	}
	switch fault.Code() & 0xff { // the primary code; the rest of it is detail
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PERM,
		sqlite3.SQLITE_ABORT:
		return unavailable
	default:
		return unknown
	}
}

func (sqliteDialect) code(err error) string {
	var fault *sqlite.Error
	if errors.As(err, &fault) {
		return strconv.Itoa(fault.Code())
	}
	return ""
}

func (sqliteDialect) stream(context.Context, *sql.Conn, string, []string, [][]any) (bool, error) {
	return false, nil
}

// scrubWait is how long one try to scrub waits for readers, in milliseconds. Writers wait as long.
const scrubWait = 100

// scrub moves the write-ahead log into the file, where secure_delete has overwritten what was deleted, and empties
// it. A reader that still looks at an old page keeps it from that: errBusyReaders.
func (sqliteDialect) scrub(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ctx = context.WithoutCancel(ctx) // it is short, and the timeout must be put back
	var timeout int
	if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&timeout); err != nil {
		return err
	}
	if err := setBusyTimeout(ctx, conn, min(timeout, scrubWait)); err != nil {
		return err
	}
	var busy, frames, moved int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if failed := setBusyTimeout(ctx, conn, timeout); failed != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // not to be used with another timeout
	}
	switch {
	case err != nil:
		return err
	case busy != 0:
		return errBusyReaders
	}
	return nil
}

func setBusyTimeout(ctx context.Context, conn *sql.Conn, ms int) error {
	_, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = "+strconv.Itoa(ms))
	return err
}

func (sqliteDialect) migrations(of schema) (goose.Dialect, fs.FS, error) {
	if of == keySchema {
		files, err := fs.Sub(migrations.SQLiteKeys, "sqlitekeys")
		return goose.DialectSQLite3, files, err
	}
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	return goose.DialectSQLite3, files, err
}
