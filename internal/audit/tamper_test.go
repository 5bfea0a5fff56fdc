package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
)

func fault(log string, entry int64, kind store.FaultKind) store.Fault {
	return store.Fault{Log: log, Entry: entry, Kind: kind}
}

// Kinds that several rows expect.
var (
	gone1     = fault("checkpoint/1", 0, store.FaultMissing)
	gone2     = fault("checkpoint/2", 0, store.FaultMissing)
	accounts  = fault("accounts", 0, store.FaultRewritten)
	rewritten = func(entry int64) store.Fault { return fault("audit", entry, store.FaultRewritten) }
)

// TestTampering: what somebody with the database file can do to the logs and the checkpoints, and what a verification
// calls it. kept rows are found with the exported checkpoints, the others without.
func TestTampering(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	untouched := v.world(t, v.file).verify(v.kept...)
	require.True(t, untouched.Intact(), "%v", untouched.Faults)
	require.Equal(t, []int64{7, 3, 9, 2}, []int64{untouched.Entries, untouched.Accounts, untouched.LogEntries, untouched.Newest.Number})

	sql := func(statements ...string) func(tamperer) { return func(x tamperer) { x.all(statements...) } }
	const second = ` WHERE account_id = 'a-0001' AND seq = 2`
	for name, c := range map[string]struct {
		kept bool
		do   func(tamperer)
		want []store.Fault
	}{
		// The log of an account.
		"insert": {false, sql(`INSERT INTO events (account_id, seq, change_id, event, at, recorded_at, body, hash)
			SELECT account_id, 4, change_id || 'x', event, at, recorded_at, body, hash FROM events WHERE account_id = 'a-0001' AND seq = 3`),
			[]store.Fault{fault("account/a-0001", 4, store.FaultAltered)}},
		"insert before the first": {false, sql(`INSERT INTO events (account_id, seq, change_id, event, at, recorded_at, body, hash)
			SELECT account_id, 0, 'x', event, at, recorded_at, body, hash FROM events WHERE account_id = 'a-0001' AND seq = 3`),
			[]store.Fault{fault("account/a-0001", 1, store.FaultMissing)}},
		"insert for no account": {false, sql(`INSERT INTO events (account_id, seq, change_id, event, at, recorded_at, body, hash)
			SELECT '', 1, 'x', event, at, recorded_at, body, hash FROM events WHERE account_id = 'a-0001' AND seq = 3`),
			[]store.Fault{fault("account/", 1, store.FaultAltered)}},
		"put on with hashes that fit, the head left": {false, func(x tamperer) {
			x.exec(`UPDATE accounts SET seq = 2, head_hash = (SELECT hash FROM events` + second + `) WHERE account_id = 'a-0001'`)
		}, []store.Fault{fault("account/a-0001", 3, store.FaultEnd)}},
		"delete": {false, sql(`DELETE FROM events` + second), []store.Fault{fault("account/a-0001", 2, store.FaultMissing)}},
		"reorder": {false, sql(`UPDATE events SET seq = 9`+second, `UPDATE events SET seq = 2 WHERE account_id = 'a-0001' AND seq = 3`,
			`UPDATE events SET seq = 3 WHERE account_id = 'a-0001' AND seq = 9`), []store.Fault{fault("account/a-0001", 2, store.FaultAltered)}},
		"truncate": {false, sql(`DELETE FROM events WHERE account_id = 'a-0001' AND seq = 3`), []store.Fault{fault("account/a-0001", 3, store.FaultEnd)}},
		"truncate, with its head, behind the checkpoint": {false, func(x tamperer) {
			x.exec(`DELETE FROM events WHERE account_id = 'a-0001' AND seq > 1`)
			x.rechain("a-0001")
		}, []store.Fault{accounts}},
		"duplicate": {false, sql(`INSERT INTO events (account_id, seq, change_id, event, at, recorded_at, body, hash)
			SELECT account_id, 4, change_id, event, at, recorded_at, body, hash FROM events`+second,
			`UPDATE accounts SET seq = 4 WHERE account_id = 'a-0001'`), []store.Fault{fault("account/a-0001", 4, store.FaultAltered)}},
		"splice": {false, sql(`DELETE FROM events`+second, `UPDATE events SET account_id = 'a-0001' WHERE account_id = 'a-0002' AND seq = 2`),
			[]store.Fault{fault("account/a-0001", 2, store.FaultAltered), fault("account/a-0002", 2, store.FaultMissing)}},
		"splice whole logs": {false, sql(`UPDATE events SET account_id = 'x' WHERE account_id = 'a-0001'`,
			`UPDATE events SET account_id = 'a-0001' WHERE account_id = 'a-0002'`, `UPDATE events SET account_id = 'a-0002' WHERE account_id = 'x'`),
			[]store.Fault{fault("account/a-0001", 1, store.FaultAltered), fault("account/a-0002", 1, store.FaultAltered)}},
		"delete a log": {false, sql(`DELETE FROM events WHERE account_id = 'a-0001'`), []store.Fault{fault("account/a-0001", 1, store.FaultEnd)}},
		"delete a log, with its head": {false, sql(`DELETE FROM events WHERE account_id = 'a-0001'`,
			`UPDATE accounts SET seq = 0, head_hash = NULL, head_recorded_at = NULL WHERE account_id = 'a-0001'`), []store.Fault{accounts}},
		"delete an account": {false, sql(`DELETE FROM events WHERE account_id = 'a-0001'`, `DELETE FROM accounts WHERE account_id = 'a-0001'`), []store.Fault{accounts}},
		"edit, all hashes made anew": {false, func(x tamperer) {
			x.exec(`UPDATE events SET recorded_at = recorded_at + 1` + second)
			x.rechain("a-0001")
		}, []store.Fault{accounts}},
		"the same, checkpoints deleted": {true, func(x tamperer) {
			x.exec(`UPDATE events SET recorded_at = recorded_at + 1` + second)
			x.rechain("a-0001")
			x.exec(`DELETE FROM audit_checkpoints`)
		}, []store.Fault{gone1, gone2, accounts}},
		"written later than it was": {false, sql(`UPDATE events SET position = 1000` + second), []store.Fault{fault("account/a-0001", 3, store.FaultAltered)}},
		"the last one, behind the checkpoint": {false, sql(`DELETE FROM events WHERE seq = 3`, `UPDATE events SET position = 1000`+second,
			`UPDATE accounts SET seq = 2, head_hash = (SELECT hash FROM events e WHERE e.account_id = accounts.account_id AND seq = 2),
			head_recorded_at = (SELECT recorded_at FROM events e WHERE e.account_id = accounts.account_id AND seq = 2)`), []store.Fault{accounts}},

		// The audit log.
		"audit: insert": {false, sql(`INSERT INTO audit SELECT 8, at, actor, role, action, subject, reason, outcome, before_change, after_change, request_id, address, hash
			FROM audit WHERE audit_id = 7`), []store.Fault{fault("audit", 8, store.FaultAltered)}},
		"audit: delete":   {false, sql(`DELETE FROM audit WHERE audit_id = 2`), []store.Fault{fault("audit", 2, store.FaultMissing)}},
		"audit: truncate": {false, sql(`DELETE FROM audit WHERE audit_id = 7`), []store.Fault{fault("audit", 7, store.FaultEnd)}},
		"audit: truncate, with its head, behind the checkpoint": {false, func(x tamperer) {
			x.exec(`DELETE FROM audit WHERE audit_id > 4`)
			x.rechainAudit()
		}, []store.Fault{fault("audit", 5, store.FaultEnd)}},
		"audit: reorder": {false, sql(`UPDATE audit SET audit_id = 99 WHERE audit_id = 3`, `UPDATE audit SET audit_id = 3 WHERE audit_id = 4`,
			`UPDATE audit SET audit_id = 4 WHERE audit_id = 99`), []store.Fault{fault("audit", 3, store.FaultAltered)}},
		"audit: delete all": {false, sql(`DELETE FROM audit`, `UPDATE audit_head SET audit_id = 0, at = NULL, hash = NULL`), []store.Fault{fault("audit", 1, store.FaultEnd)}},
		"audit: edit, all hashes made anew": {false, func(x tamperer) {
			x.exec(`UPDATE audit SET actor = 'ben' WHERE audit_id = 2`)
			x.rechainAudit()
		}, []store.Fault{rewritten(3)}},
		"audit: the same, checkpoints deleted": {true, func(x tamperer) {
			x.exec(`UPDATE audit SET actor = 'anna' WHERE audit_id = 4`)
			x.rechainAudit()
			x.exec(`DELETE FROM audit_checkpoints WHERE number = 2`)
		}, []store.Fault{gone2, rewritten(5)}},

		// Checkpoints.
		"checkpoint: delete the first":  {false, sql(`DELETE FROM audit_checkpoints WHERE number = 1`), []store.Fault{gone1}},
		"checkpoint: delete the newest": {true, sql(`DELETE FROM audit_checkpoints WHERE number = 2`), []store.Fault{gone2}},
		"checkpoint: delete all":        {true, sql(`DELETE FROM audit_checkpoints`), []store.Fault{gone1, gone2}},
		"checkpoint: swap": {false, sql(`UPDATE audit_checkpoints SET number = 9 WHERE number = 1`, `UPDATE audit_checkpoints SET number = 1 WHERE number = 2`,
			`UPDATE audit_checkpoints SET number = 2 WHERE number = 9`),
			[]store.Fault{fault("checkpoint/2", 0, store.FaultSignature), fault("checkpoint/1", 0, store.FaultSignature)}},
		"checkpoint: duplicate": {false, sql(`INSERT INTO audit_checkpoints SELECT 3, at, entries, hash, position, accounts, digest, key_id, signature
			FROM audit_checkpoints WHERE number = 2`), []store.Fault{fault("checkpoint/3", 0, store.FaultSignature)}},
		"checkpoint: insert": {false, sql(`INSERT INTO audit_checkpoints SELECT 0, at, entries, hash, position, accounts, digest, key_id, signature
			FROM audit_checkpoints WHERE number = 2`), []store.Fault{fault("checkpoint/0", 0, store.FaultSignature)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var kept []store.Checkpoint
			if c.kept {
				kept = v.kept
			}
			require.Equal(t, c.want, v.tampered(t, v.file, kept, c.do).Faults)
		})
	}
}

// TestEveryColumnIsHeld: whatever stands in a row of the logs, their ends or the checkpoints, another value is found. A
// new column has to be bound into a hash, or named here with the reason why not.
func TestEveryColumnIsHeld(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	free := map[string]string{
		"audit_head.one": "there is one row",
	}
	held := map[string]bool{"accounts.seq": true, "accounts.head_hash": true, "accounts.head_recorded_at": true} // the others are no log
	for table, where := range map[string]string{
		"events": `account_id = 'a-0001' AND seq = 2`, "audit": `audit_id = 3`, "audit_head": `one = 1`, "audit_checkpoints": `number = 1`,
		"accounts": `account_id = 'a-0001'`,
	} {
		var columns map[string]string
		v.tampered(t, v.file, nil, func(x tamperer) { columns = x.columns(table) })
		require.NotEmpty(t, columns)
		for column, value := range columns {
			name := table + "." + column
			if free[name] != "" || table == "accounts" && !held[name] {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := v.tampered(t, v.file, nil, func(x tamperer) { x.exec(`UPDATE ` + table + ` SET ` + column + ` = ` + value + ` WHERE ` + where) })
				require.False(t, got.Intact())
			})
		}
	}
}

// TestRolledBack: an old copy of the database is put in the place of the present one, and work goes on in it.
func TestRolledBack(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	nothing := func(tamperer) {}
	require.Equal(t, []store.Fault{gone2}, v.tampered(t, v.earlier, v.kept, nothing).Faults, "nothing but the checkpoint was written since")

	w := v.world(t, v.earlier)
	w.acts("ben", 1)
	w.prompt("a-0000")
	again := w.checkpoint()
	require.EqualValues(t, 2, again.Number)
	require.Equal(t, fault("checkpoint/2", 0, store.FaultRewritten), w.verify(v.kept...).Faults[0], "another one of that number was exported")

	all := v.world(t, v.file)
	third := all.checkpoint()
	got := w.verify(third)
	require.Equal(t, []store.Fault{fault("checkpoint/3", 0, store.FaultMissing), fault("audit", 7, store.FaultEnd), accounts}, got.Faults, "%v", got.Faults)
}

// TestRewrittenBeforeTheNewestCheckpoint: a checkpoint that the program itself takes the day after vouches for what was
// written anew. The ones before do not.
func TestRewrittenBeforeTheNewestCheckpoint(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for name, do := range map[string]func(tamperer){
		"an account": func(x tamperer) {
			x.exec(`UPDATE events SET recorded_at = recorded_at - 1 WHERE account_id = 'a-0001' AND seq = 1`)
			x.rechain("a-0001")
		},
		"the audit log": func(x tamperer) {
			x.exec(`UPDATE audit SET actor = 'ben' WHERE audit_id = 1`)
			x.rechainAudit()
		},
	} {
		path := ""
		v.tampered(t, v.file, nil, func(x tamperer) {
			do(x)
			require.NoError(t, x.db.QueryRowContext(t.Context(), `SELECT file FROM pragma_database_list`).Scan(&path))
		})
		w := v.world(t, path)
		w.checkpoint()
		got := w.verify()
		require.EqualValues(t, 3, got.Newest.Number, name)
		require.Equal(t, 1, got.Count, name)
		require.Equal(t, store.FaultRewritten, got.Faults[0].Kind, name)
	}
}

// TestWhatNobodyCanFind: the limits, as docs/audit.md tells them. What was written after the newest checkpoint that
// anybody has is as safe as the database.
func TestWhatNobodyCanFind(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for name, do := range map[string]func(tamperer){
		"an entry after the newest checkpoint": func(x tamperer) {
			x.exec(`UPDATE events SET recorded_at = recorded_at + 1 WHERE account_id = 'a-0001' AND seq = 3`)
			x.rechain("a-0001")
		},
		"an act after it": func(x tamperer) {
			x.exec(`DELETE FROM audit WHERE audit_id = 7`)
			x.rechainAudit()
		},
		"the order of two accounts' entries after it": func(x tamperer) {
			x.all(`UPDATE events SET position = 1000 WHERE account_id = 'a-0001' AND seq = 3`)
		},
	} {
		require.True(t, v.tampered(t, v.file, v.kept, do).Intact(), name)
	}
	all := v.tampered(t, v.file, nil, func(x tamperer) {
		x.exec(`UPDATE audit SET actor = 'ben' WHERE audit_id = 1`)
		x.rechainAudit()
		x.exec(`DELETE FROM audit_checkpoints`)
	})
	require.True(t, all.Intact())
	require.Zero(t, all.Newest.Number, "and the answer says that no checkpoint vouches")
}
