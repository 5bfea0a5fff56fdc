package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/store"
)

// querier runs statements: on the reading pool, or within one transaction.
type querier interface {
	query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// statements keeps the prepared statements of one pool, by text. All texts are constants of this package, so there
// are few of them.
type statements struct {
	db     *sql.DB
	mu     sync.RWMutex
	byText map[string]*sql.Stmt
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, byText: map[string]*sql.Stmt{}}
}

func (s *statements) known(text string) *sql.Stmt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byText[text]
}

// prepare returns the statement of a text. It takes a connection, so no caller may hold the last one.
func (s *statements) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := s.known(text); stmt != nil {
		return stmt, nil
	}
	stmt, err := s.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.byText[text]; first != nil {
		return first, stmt.Close()
	}
	s.byText[text] = stmt
	return stmt, nil
}

// reader runs single statements on the reading pool.
type reader struct {
	s *Store
}

func (r reader) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query = r.s.dialect.rebind(query)
	if r.s.reading == nil {
		return r.s.readers.QueryContext(ctx, query, args...)
	}
	stmt, err := r.s.reading.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// transaction runs statements within one transaction. Those that the pool knows are used; others are prepared for this
// transaction only, and their texts kept, because to prepare one for the pool takes a connection and a writing
// transaction holds the only one.
type transaction struct {
	s      *Store
	tx     *sql.Tx
	conn   *sql.Conn   // of a writing one
	cache  *statements // nil in a snapshot, and where the driver keeps them
	own    map[string]*sql.Stmt
	unseen []string
	at     time.Time // the server's clock, once read
}

func (t *transaction) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query = t.s.dialect.rebind(query)
	if t.cache == nil {
		return t.tx.QueryContext(ctx, query, args...)
	}
	stmt, err := t.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// exec returns how many rows were written.
func (t *transaction) exec(ctx context.Context, query string, args ...any) (int64, error) {
	query = t.s.dialect.rebind(query)
	if t.cache == nil {
		result, err := t.tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	}
	stmt, err := t.prepared(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// alone waits until no other transaction has said the same name, and keeps others that say it waiting until this one
// ends. Where one transaction writes at a time it does nothing.
func (t *transaction) alone(ctx context.Context, name ...string) error {
	statement := t.s.dialect.lockName()
	if statement == "" {
		return nil
	}
	_, err := t.exec(ctx, statement, strings.Join(name, "/"))
	return err
}

// now is the store's clock; the server's is read once for a transaction. Whoever needs instants that grow reads it with
// what orders them locked.
func (t *transaction) now(ctx context.Context) (at time.Time, err error) {
	if t.s.now != nil {
		return t.s.now(), nil
	}
	err = t.readClock(ctx)
	return t.at, err
}

// readClock sees to it that now cannot fail any more.
func (t *transaction) readClock(ctx context.Context) (err error) {
	if t.s.now == nil && t.at.IsZero() {
		t.at, err = t.s.serverNow(ctx, t)
	}
	return err
}

// prepared returns the statement of a text, for as long as the transaction lasts.
func (t *transaction) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := t.own[query]; stmt != nil {
		return stmt, nil
	}
	if t.own == nil {
		t.own = map[string]*sql.Stmt{}
	}
	if stmt := t.cache.known(query); stmt != nil {
		t.own[query] = t.tx.StmtContext(ctx, stmt)
		return t.own[query], nil
	}
	stmt, err := t.tx.PrepareContext(ctx, query)
	if err == nil {
		t.own[query], t.unseen = stmt, append(t.unseen, query)
	}
	return stmt, err
}

// worthStreaming is how many rows are streamed at the least. The server parses and plans a COPY each time, and an INSERT of one
// of the usual numbers of rows once.
const worthStreaming = 64

// addRows writes rows of a table that are not there yet.
func addRows(ctx context.Context, tx *transaction, table string, columns []string, rows [][]any) error {
	if len(rows) >= worthStreaming {
		if streamed, err := tx.s.dialect.stream(ctx, tx.conn, table, columns, rows); streamed {
			return err
		}
	}
	_, err := insertRows(ctx, tx, `INSERT INTO `+table+` (`+strings.Join(columns, `, `)+`) VALUES`, rows, ``)
	return err
}

// insertRows writes rows of equal length by an INSERT up to and with VALUES, and what follows the values.
func insertRows(ctx context.Context, tx *transaction, insert string, rows [][]any, tail string) (written int, err error) {
	return insertTyped(ctx, tx, insert, nil, rows, tail)
}

// insertTyped is insertRows where nothing else tells the types of the values.
func insertTyped(ctx context.Context, tx *transaction, insert string, types []string, rows [][]any, tail string) (written int, err error) {
	err = chunks(types, rows, func(parameters string, values []any) error {
		n, err := tx.exec(ctx, insert+" "+parameters+tail, values...)
		written += int(n)
		return err
	})
	return written, err
}

// chunks parts rows of equal length. Many rows go in one statement, which costs a fraction of one for each: do gets the
// parameters of a chunk, (?, ?), (?, ?), and its values. The numbers of rows are few, so the statements are too.
//
// types are those of the columns; nil where the statement tells them.
func chunks(types []string, rows [][]any, do func(parameters string, values []any) error) error {
	for len(rows) > 0 {
		size := 1
		for _, s := range []int{64, 8} {
			if len(rows) >= s {
				size = s
				break
			}
		}
		one := "(?" + strings.Repeat(", ?", len(rows[0])-1) + ")"
		if types != nil {
			one = "(CAST(? AS " + strings.Join(types, "), CAST(? AS ") + "))"
		}
		if err := do(one+strings.Repeat(", "+one, size-1), slices.Concat(rows[:size]...)); err != nil {
			return err
		}
		rows = rows[size:]
	}
	return nil
}

// row scans the only row of a query into to; ErrNotFound if there is none.
func row(ctx context.Context, q querier, query string, args []any, to ...any) error {
	err := each(ctx, q, query, args, func(scan func(...any) error) error {
		if err := scan(to...); err != nil {
			return err
		}
		return errEnough
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err != nil:
		return err
	default:
		return store.ErrNotFound
	}
}

var errEnough = errors.New("sqlstore: enough rows")

// each calls visit for every row of a query.
func each(ctx context.Context, q querier, query string, args []any, visit func(scan func(...any) error) error) error {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := visit(rows.Scan); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// snapshot runs several reads that see the database at one moment.
func (s *Store) snapshot(ctx context.Context, op string, do func(q querier) error) error {
	tx, err := s.readers.BeginTx(ctx, s.snapshots)
	if err != nil {
		return s.fault(ctx, op, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return s.fault(ctx, op, do(&transaction{s: s, tx: tx}))
}

// write runs one writing transaction. Writers may give up while they wait for their turn; a transaction that has begun
// is not interrupted, so that a caller who gives up never leaves a connection halfway through a commit.
//
// do may run several times, the last of which counts: it must not build on what it left outside before.
func (s *Store) write(ctx context.Context, op string, do func(ctx context.Context, tx *transaction) error) error {
	if s.turn == nil {
		return s.fault(ctx, op, s.writeAmongOthers(ctx, do))
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.fault(ctx, op, ctx.Err())
	}
	conn, err := s.writer.Conn(ctx) // only a checkpoint or a migration may still hold it
	if err != nil {
		return s.fault(ctx, op, err)
	}
	ctx = context.WithoutCancel(ctx)
	t := &transaction{s: s, cache: s.writing}
	err = t.run(ctx, conn, do)
	for _, query := range t.unseen {
		if _, failed := s.writing.prepare(ctx, query); failed != nil {
			break // it stays unprepared until the next time
		}
	}
	return s.fault(ctx, op, err)
}

// writeOne runs one writing statement and returns how many rows it wrote. Where many write at once it is a transaction by
// itself: one exchange with the server instead of three.
func (s *Store) writeOne(ctx context.Context, op, query string, args ...any) (written int64, err error) {
	if s.turn == nil {
		written, err = s.oneAmongOthers(ctx, query, args...)
		return written, s.fault(ctx, op, err)
	}
	err = s.write(ctx, op, func(ctx context.Context, tx *transaction) (err error) {
		written, err = tx.exec(ctx, query, args...)
		return err
	})
	return written, err
}

func (t *transaction) run(ctx context.Context, conn *sql.Conn, do func(ctx context.Context, tx *transaction) error) error {
	defer func() { _ = conn.Close() }() // gives it back to the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	t.tx, t.conn = tx, conn
	if err := do(ctx, t); err != nil {
		return err
	}
	return tx.Commit()
}
