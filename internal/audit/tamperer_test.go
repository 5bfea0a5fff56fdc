package audit_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver of who tampers

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// victim is a database file in three moments of its life, with the checkpoints that were exported.
type victim struct {
	earlier, file string // before the second checkpoint, and at last
	kept          []store.Checkpoint
	clock         *fixturetest.Clock
}

// newVictim is a world of three accounts a-0000 to a-0002 with three entries each, seven entries of the audit log and two
// checkpoints, of which something was written after each.
func newVictim(t *testing.T) victim {
	t.Helper()
	v := victim{earlier: filepath.Join(t.TempDir(), "earlier.db"), file: filepath.Join(t.TempDir(), "victim.db")}
	path := filepath.Join(t.TempDir(), "living.db")
	v.clock = fixturetest.NewClock(time.Date(2020, 12, 1, 10, 0, 0, 0, lifecycle.Beijing()))
	w := &world{t: t, clock: v.clock, store: sqlstoretest.Open(t, sqlstoretest.WithNow(v.clock.Now), sqlstoretest.WithPath(path), sqlstoretest.WithVolatile())}
	w.log = audit.New(w.store, seals("k1"), v.clock.Now)
	w.acts("anna", 3)
	w.accounts("a", 3)
	v.kept = append(v.kept, w.checkpoint())
	w.acts("ben", 2)
	w.prompt("a-0000")
	w.prompt("a-0001")
	w.prompt("a-0002")
	copyDatabase(t, path, v.earlier)
	v.kept = append(v.kept, w.checkpoint())
	w.acts("anna", 2)
	w.prompt("a-0000")
	w.prompt("a-0001")
	w.prompt("a-0002")
	copyDatabase(t, path, v.file)
	return v
}

// copyDatabase writes everything of a database that is open into a file of its own.
func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	db, err := sql.Open("sqlite", from)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), `VACUUM INTO ?`, to)
	require.NoError(t, err)
}

// tamperer writes to a copy of the file as somebody does who has it, and knows how hashes are made.
type tamperer struct {
	t  *testing.T
	db *sql.DB
}

// tampered returns what a verification finds in a copy of a file after somebody was at it.
func (v victim) tampered(t *testing.T, file string, kept []store.Checkpoint, do func(tamperer)) *audit.Result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	do(tamperer{t, db})
	require.NoError(t, db.Close())
	return v.world(t, path).verify(kept...)
}

// world opens a file.
func (v victim) world(t *testing.T, path string) *world {
	t.Helper()
	clock := fixturetest.NewClock(v.clock.Now().Add(time.Hour))
	w := &world{t: t, clock: clock, store: sqlstoretest.Open(t, sqlstoretest.WithNow(clock.Now), sqlstoretest.WithPath(path), sqlstoretest.WithVolatile())}
	w.log = audit.New(w.store, seals("k1"), clock.Now)
	return w
}

func (x tamperer) exec(statement string, args ...any) {
	x.t.Helper()
	for _, guard := range []string{`DROP TRIGGER IF EXISTS audit_unchanged`, `DROP TRIGGER IF EXISTS audit_undeleted`, `PRAGMA foreign_keys = OFF`} {
		_, err := x.db.ExecContext(x.t.Context(), guard)
		require.NoError(x.t, err)
	}
	result, err := x.db.ExecContext(x.t.Context(), statement, args...)
	require.NoError(x.t, err, statement)
	rows, err := result.RowsAffected()
	require.NoError(x.t, err)
	require.NotZero(x.t, rows, "nothing was tampered with: %s", statement)
}

func (x tamperer) all(statements ...string) {
	x.t.Helper()
	for _, s := range statements {
		x.exec(s)
	}
}

// columns are those of a table, with what changes one: another value of the same type.
func (x tamperer) columns(table string) map[string]string {
	x.t.Helper()
	rows, err := x.db.QueryContext(x.t.Context(), `SELECT name, type FROM pragma_table_info(?)`, table)
	require.NoError(x.t, err)
	defer func() { require.NoError(x.t, rows.Close()) }()
	changes := map[string]string{}
	for rows.Next() {
		var name, kind string
		require.NoError(x.t, rows.Scan(&name, &kind))
		switch kind {
		case "TEXT":
			changes[name] = name + ` || 'x'`
		case "BLOB":
			changes[name] = `zeroblob(32)`
		default:
			changes[name] = name + ` + 1000`
		}
	}
	require.NoError(x.t, rows.Err())
	return changes
}

// chained is the hash of an entry.
func chained(first string, previous []byte, at int64, body []byte) []byte {
	if previous == nil {
		sum := sha256.Sum256([]byte(first))
		previous = sum[:]
	}
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(bytes.Clone(previous), uint64(at)), body...)) //nolint:gosec // of this century
	return sum[:]
}

// rechain makes the hashes of an account's log anew, so that whatever was done to it fits.
func (x tamperer) rechain(account string) {
	x.t.Helper()
	type entry struct {
		seq, at int64
		body    []byte
	}
	var log []entry
	rows, err := x.db.QueryContext(x.t.Context(), `SELECT seq, recorded_at, body FROM events WHERE account_id = ? ORDER BY seq`, account)
	require.NoError(x.t, err)
	for rows.Next() {
		var e entry
		require.NoError(x.t, rows.Scan(&e.seq, &e.at, &e.body))
		log = append(log, e)
	}
	require.NoError(x.t, rows.Err())
	require.NoError(x.t, rows.Close())
	var hash []byte
	var last entry
	for _, e := range log {
		hash, last = chained(account, hash, e.at, e.body), e
		x.exec(`UPDATE events SET hash = ? WHERE account_id = ? AND seq = ?`, hash, account, e.seq)
	}
	x.exec(`UPDATE accounts SET seq = ?, head_hash = ?, head_recorded_at = ? WHERE account_id = ?`, last.seq, hash, last.at, account)
}

// rechainAudit does the same to the audit log.
func (x tamperer) rechainAudit() {
	x.t.Helper()
	type entry struct {
		id, at int64
		parts  [10]string
	}
	var log []entry
	rows, err := x.db.QueryContext(x.t.Context(), `SELECT audit_id, at, actor, role, action, subject, reason, outcome, before_change, after_change,
		request_id, address FROM audit ORDER BY audit_id`)
	require.NoError(x.t, err)
	for rows.Next() {
		var e entry
		into := []any{&e.id, &e.at}
		for i := range e.parts {
			into = append(into, &e.parts[i])
		}
		require.NoError(x.t, rows.Scan(into...))
		log = append(log, e)
	}
	require.NoError(x.t, rows.Err())
	require.NoError(x.t, rows.Close())
	var hash []byte
	for _, e := range log {
		text := binary.BigEndian.AppendUint64(nil, uint64(e.id)) //nolint:gosec // counted from 1
		for _, part := range e.parts {
			text = append(binary.BigEndian.AppendUint64(text, uint64(len(part))), part...)
		}
		hash = chained("/audit", hash, e.at, text)
		x.exec(`UPDATE audit SET hash = ? WHERE audit_id = ?`, hash, e.id)
		x.exec(`UPDATE audit_head SET audit_id = ?, at = ?, hash = ?`, e.id, e.at, hash)
	}
}
