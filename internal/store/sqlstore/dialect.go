package sqlstore

import (
	"context"
	"database/sql"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// dialect is what differs between SQL databases. Statements are written once, with ? for parameters.
//
// Where several processes write at once, a transaction locks what it decides on before it reads it: the account's row for
// all that belongs to an account, the head of the audit log, the revision of the policies, and names (transaction.alone)
// for what has no row.
type dialect interface {
	// rebind turns the ? of a statement into the database's own parameters.
	rebind(query string) string
	// unindexed is a column to filter by and not to search by, where the planner would choose badly.
	unindexed(column string) string
	// lockRow ends a SELECT whose row the transaction is about to change.
	lockRow() string
	// lockFree ends a SELECT of rows to be changed that passes over those of a table that somebody else has locked.
	lockFree(of string) string
	// lockName is the statement that takes the lock of a name until the transaction ends; empty where one transaction
	// writes at a time. Its parameter is the name.
	lockName() string
	// anyOf is a condition on column that anyArg fills with one parameter, however many values there are.
	anyOf(column string) string
	anyArg(values []string) (any, error)
	// merges reports whether a UNION ALL with an order and a limit is merged from parts that have the order, so that no
	// part is read further than it is needed. If not, each part has to have both itself.
	merges() bool
	// planAnew is the statement after which a transaction's statements are planned for the values that they get; empty
	// where a plan does not depend on them.
	planAnew() string
	// by names the index that a table is to be read from, where the planner has to be told.
	by(table, index string) string
	// short is the context for a read of one row by its key. Where such a read cannot hang it has no end: to watch for
	// one costs two goroutines, which is more than the read.
	short(ctx context.Context) context.Context
	// classify judges an error of the driver.
	classify(err error) class
	// code is the database's own code of an error of the driver, empty if it has none.
	code(err error) string
	// stream writes rows of equal length in one go, much faster than by INSERT; false if the database has no such thing.
	stream(ctx context.Context, conn *sql.Conn, table string, columns []string, rows [][]any) (bool, error)
	// scrub removes from the files what was deleted before.
	scrub(ctx context.Context, db *sql.DB) error
	// tables counts the tables that have the name of its parameter.
	tables() string
	migrations(of schema) (goose.Dialect, fs.FS, error)
}

// class is what an error of the driver means to callers.
type class int

const (
	unknown     class = iota // a mistake of ours: the statement is wrong or the schema is not there
	unavailable              // busy, locked, full, lost: retry later
	conflict                 // a unique key is taken
	dangling                 // a referenced row is missing
	refused                  // a value that the database cannot hold
	again                    // another transaction was in the way: the same one anew may pass
)
