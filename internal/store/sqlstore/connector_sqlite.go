package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrPragma means that SQLite did not take a setting on which durability or deletion rests. The store is not
// opened then.
var ErrPragma = errors.New("sqlstore: pragma not in force")

// pragma is a setting with the value that it must read back as.
type pragma struct{ name, set, want string }

// requiredPragmas are set on every connection and read back from it.
func requiredPragmas(busy time.Duration, readOnly bool) []pragma {
	ms := strconv.FormatInt(busy.Milliseconds(), 10)
	pragmas := []pragma{
		{"busy_timeout", ms, ms}, // first: the others may have to wait for a lock
		{"journal_mode", "wal", "wal"},
		{"synchronous", "full", "2"},
		{"foreign_keys", "on", "1"},
		{"secure_delete", "on", "1"},
		{"temp_store", "memory", "2"}, // no sorter may spill rows into a file that nobody scrubs
	}
	if readOnly {
		pragmas = append(pragmas, pragma{"query_only", "on", "1"})
	}
	return pragmas
}

// volatilePragmas take the place of synchronous on the writer of a copy that may be lost. The cache holds 32 MiB, and the
// write-ahead log 16 MiB before it is moved, so that pages which many transactions change are written once.
func volatilePragmas() []pragma {
	return []pragma{{"synchronous", "off", "0"}, {"cache_size", "-32768", "-32768"}, {"wal_autocheckpoint", "4096", "4096"}}
}

// connector opens connections to one file and refuses those whose pragmas read back differently.
type connector struct {
	driver.Connector
	required []pragma
	busy     time.Duration // how long opening may wait for another process
}

func newConnector(path string, busy time.Duration, set, required []pragma, immediate bool) (driver.Connector, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	values := url.Values{}
	for _, p := range set {
		values.Add("_pragma", p.name+"("+p.set+")")
	}
	if immediate {
		values.Set("_txlock", "immediate")
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: values.Encode()}
	base, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	return connector{base, required, busy}, nil
}

// Connect opens one connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range c.required {
		got, err := readPragma(ctx, conn, p.name)
		if err == nil && got != p.want {
			err = fmt.Errorf("%w: %s is %s, need %s", ErrPragma, p.name, got, p.want)
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// busyPause lies between two tries to open a connection.
const busyPause = 5 * time.Millisecond

// open tries again while the file is busy. When two open a new file at once, both want to switch it to WAL; each holds a
// reading lock by then, for which SQLite lets the loser fail at once and heeds no busy_timeout, lest both wait for ever.
func (c connector) open(ctx context.Context) (driver.Conn, error) {
	patience, stop := context.WithTimeout(ctx, c.busy)
	defer stop()
	for {
		conn, err := c.Connector.Connect(ctx)
		if !isBusy(err) {
			return conn, err
		}
		select {
		case <-patience.Done():
			return nil, err
		case <-time.After(busyPause):
		}
	}
}

func isBusy(err error) bool {
	var fault *sqlite.Error
	return errors.As(err, &fault) && fault.Code()&0xff == sqlite3.SQLITE_BUSY
}

func readPragma(ctx context.Context, conn driver.Conn, name string) (string, error) {
	querier, ok := conn.(driver.QueryerContext)
	if !ok {
		return "", fmt.Errorf("%w: %s cannot be read", ErrPragma, name)
	}
	rows, err := querier.QueryContext(ctx, "PRAGMA "+name, nil)
	if err != nil {
		return "", err
	}
	value := slices.Repeat([]driver.Value{nil}, len(rows.Columns()))
	if err := rows.Next(value); err != nil && !errors.Is(err, io.EOF) {
		return "", errors.Join(err, rows.Close())
	}
	if err := rows.Close(); err != nil {
		return "", err
	}
	if len(value) == 0 || value[0] == nil {
		return "nothing", nil
	}
	return fmt.Sprint(value[0]), nil
}
