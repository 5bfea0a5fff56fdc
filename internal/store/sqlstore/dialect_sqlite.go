package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/verigate/verigate/internal/store/sqlstore/migrations"
)

// sqliteDialect speaks to SQLite. A row needs no lock: writing transactions begin immediate, one at a time.
type sqliteDialect struct{}

func (sqliteDialect) rebind(query string) string { return query }

func (sqliteDialect) lockRow() string { return "" }

func (sqliteDialect) anyOf(column string) string {
	return column + " IN (SELECT value FROM json_each(?))"
}

func (sqliteDialect) anyArg(values []string) (any, error) {
	text, err := json.Marshal(values)
	return string(text), err
}

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

// scrub moves the write-ahead log into the file, where secure_delete has overwritten what was deleted, and empties
// it. A reader that still looks at an old page keeps it from that.
func (sqliteDialect) scrub(ctx context.Context, db *sql.DB) error {
	var busy, frames, moved int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errBusyReaders
	}
	return nil
}

func (sqliteDialect) migrations() (goose.Dialect, fs.FS, error) {
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	return goose.DialectSQLite3, files, err
}
