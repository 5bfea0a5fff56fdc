package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/verigate/verigate/internal/store/sqlstore/migrations"
)

// postgresDialect speaks to PostgreSQL, where several processes write at once. Transactions are of the isolation READ
// COMMITTED: each statement sees what was committed before it, and what a transaction decides on it has locked before.
type postgresDialect struct {
	rebound *sync.Map // statements by their text with ?
}

func newPostgresDialect() postgresDialect { return postgresDialect{&sync.Map{}} }

// rebind numbers the parameters. No statement of this package has a ? in a literal.
func (d postgresDialect) rebind(query string) string {
	if known, ok := d.rebound.Load(query); ok {
		return known.(string) //nolint:forcetypeassert // only strings are stored
	}
	numbered := Numbered(query)
	d.rebound.Store(query, numbered)
	return numbered
}

// Numbered writes each ? of a statement, which has none in a literal, as the number of its parameter.
func Numbered(query string) string {
	var out strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			out.WriteString("$" + strconv.Itoa(n))
		}
		out.WriteString(part)
		n++
	}
	return out.String()
}

// unindexed leaves the choice to the planner, which knows how many rows there are.
func (postgresDialect) unindexed(column string) string { return column }

// lockRow does not hinder who only refers to the row: no transaction changes its key.
func (postgresDialect) lockRow() string { return " FOR NO KEY UPDATE" }

func (postgresDialect) lockFree(of string) string {
	return " FOR NO KEY UPDATE OF " + of + " SKIP LOCKED"
}

func (postgresDialect) lockName() string {
	return `SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`
}

func (postgresDialect) anyOf(column string) string { return column + " = ANY(?)" }

func (postgresDialect) anyArg(values []string) (any, error) { return values, nil }

func (postgresDialect) planAnew() string { return `SET LOCAL plan_cache_mode = force_custom_plan` }

func (postgresDialect) merges() bool { return false }

func (postgresDialect) by(table, _ string) string { return table }

func (postgresDialect) tables() string {
	return `SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?`
}

func (postgresDialect) short(ctx context.Context) context.Context { return ctx }

// classify judges by SQLSTATE. What has none never reached the server, or its answer did not come back.
func (postgresDialect) classify(err error) class {
	var fault *pgconn.PgError
	if !errors.As(err, &fault) {
		var connecting *pgconn.ConnectError
		var network net.Error
		if errors.As(err, &connecting) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err) {
			return unavailable
		}
		return unknown
	}
	switch fault.Code {
	case "23505":
		return conflict
	case "23503":
		return dangling
	case "22021", "22P05", "54000": // bytes that no text has, and what is too large for an index
		return refused
	case "40001", "40P01": // somebody else was there at the same time
		return again
	case "0A000": // a plan from before a change of the schema
		if strings.Contains(fault.Message, "cached plan") {
			return again
		}
		return unknown
	case "25006", "55P03", "55006", "57014": // a standby, locked, in use, cancelled by a timeout
		return unavailable
	}
	switch fault.Code[:2] {
	case "08", "53", "57", "58", "XX": // the connection, resources, an operator, the system, a damage
		return unavailable
	default:
		return unknown
	}
}

func (postgresDialect) code(err error) string {
	var fault *pgconn.PgError
	if errors.As(err, &fault) {
		return fault.Code
	}
	return ""
}

// stream is COPY, in the transaction that the connection is in. Values have to fit their columns: what cannot be encoded is told to
// the server, and reads as a cancellation.
func (postgresDialect) stream(ctx context.Context, conn *sql.Conn, table string, columns []string, rows [][]any) (bool, error) {
	return true, conn.Raw(func(driver any) error {
		raw := driver.(*stdlib.Conn).Conn() //nolint:forcetypeassert // pool opens no others
		_, err := raw.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
		return err
	})
}

// scrub does nothing: what a row held stays in the server's files until they are vacuumed and used again, and in its
// archived log as long as that is kept. What was sealed is unreadable once its key is destroyed: see docs/deletion.md.
func (postgresDialect) scrub(context.Context, *sql.DB) error { return nil }

func (postgresDialect) migrations(of schema) (goose.Dialect, fs.FS, error) {
	if of == keySchema {
		files, err := fs.Sub(migrations.PostgresKeys, "postgreskeys")
		return goose.DialectPostgres, files, err
	}
	files, err := fs.Sub(migrations.Postgres, "postgres")
	return goose.DialectPostgres, files, err
}
