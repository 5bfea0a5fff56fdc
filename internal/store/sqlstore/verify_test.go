package sqlstore_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestVerifyProjectionFindsEveryDifference(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tamper  string
		want    error
		mending bool // Rebuild puts it right
	}{
		"nothing":           {`UPDATE accounts SET region = 'US'`, nil, true},
		"state":             {`UPDATE accounts SET state = 'locked'`, sqlstore.ErrDiverged, true},
		"turn":              {`UPDATE accounts SET turn = 'operator'`, sqlstore.ErrDiverged, true},
		"seq":               {`UPDATE accounts SET seq = seq + 1`, sqlstore.ErrDiverged, true},
		"since":             {`UPDATE accounts SET since = since + 1`, sqlstore.ErrDiverged, true},
		"turn_since":        {`UPDATE accounts SET turn_since = NULL`, sqlstore.ErrDiverged, true},
		"verified_at":       {`UPDATE accounts SET verified_at = 1`, sqlstore.ErrDiverged, true},
		"digest":            {`UPDATE accounts SET identity_digest = 'other'`, sqlstore.ErrDiverged, true},
		"fold":              {`UPDATE verifications SET fold = replace(fold, 'digest-a1', 'digest-a2')`, sqlstore.ErrDiverged, true},
		"fold gone":         {`DELETE FROM verifications`, sqlstore.ErrDiverged, true},
		"fold not readable": {`UPDATE verifications SET fold = '{'`, sqlstore.ErrDiverged, true},
		"head hash":         {`UPDATE accounts SET head_hash = x'00'`, sqlstore.ErrDiverged, true},
		"entry edited":      {`UPDATE events SET body = replace(body, '"op-1"', '"op-2"') WHERE seq = 1`, sqlstore.ErrDiverged, false},
		"entry re-dated":    {`UPDATE events SET recorded_at = recorded_at - 1 WHERE seq = 2`, sqlstore.ErrDiverged, false},
		"entry dropped":     {`DELETE FROM events WHERE seq = 2`, sqlstore.ErrDiverged, false},
		"end cut off":       {`DELETE FROM events WHERE seq = (SELECT MAX(seq) FROM events)`, sqlstore.ErrDiverged, true},
		"entries swapped": {`UPDATE events SET body = (SELECT o.body FROM events o WHERE o.seq = 3 - events.seq)
			WHERE seq IN (1, 2)`, sqlstore.ErrDiverged, false},
		"entry not readable": {`UPDATE events SET body = '{' WHERE seq = 1`, lifecycle.ErrBrokenLog, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := sqlstoretest.Open(t)
			register(t, s, "a1")
			first := prompt("a1", "p")
			first.Changes[0].Actor.ID = "op-1"
			_, err := s.Append(ctx, first)
			require.NoError(t, err)
			course(t, s, "a1")
			require.NoError(t, s.VerifyProjection(ctx, "a1"))
			result, err := s.Writer().ExecContext(ctx, c.tamper)
			require.NoError(t, err)
			n, err := result.RowsAffected()
			require.NoError(t, err)
			require.NotZero(t, n, "nothing was tampered with")

			require.ErrorIs(t, s.VerifyProjection(ctx, "a1"), c.want)
			if !c.mending {
				require.ErrorIs(t, s.Rebuild(ctx, "a1"), c.want, "a log is never mended")
				return
			}
			require.NoError(t, s.Rebuild(ctx, "a1"))
			require.NoError(t, s.VerifyProjection(ctx, "a1"))
		})
	}
}

func TestRebuildWritesEverythingDerived(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	register(t, s, "a1")
	register(t, s, "a2")
	course(t, s, "a1")
	course(t, s, "a2")
	tables := []string{"accounts", "verifications", "attempts", "leases", "consents", "returns"}
	before := dump(t, s, tables)
	_, err := s.Writer().ExecContext(ctx, `UPDATE leases SET body = '{}' WHERE account_id = 'a1'; UPDATE consents SET ended_at = 7
		WHERE account_id = 'a1'; UPDATE attempts SET result = '' WHERE account_id = 'a1'; UPDATE accounts SET state = 'locked' WHERE account_id = 'a1'`)
	require.NoError(t, err)
	require.NotEqual(t, before, dump(t, s, tables))
	require.NoError(t, s.Rebuild(ctx, "a1"))
	require.Equal(t, before, dump(t, s, tables))
	require.ErrorIs(t, s.Rebuild(ctx, "nobody"), store.ErrNotFound)
	require.ErrorIs(t, s.VerifyProjection(ctx, "nobody"), store.ErrNotFound)
}

// dump returns all rows of tables but for their positions.
func dump(t *testing.T, s *sqlstore.Store, tables []string) map[string][]map[string]any {
	t.Helper()
	all := map[string][]map[string]any{}
	for _, table := range tables {
		rows, err := s.Readers().QueryContext(t.Context(), `SELECT * FROM `+table+` ORDER BY 2, 1`)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			values := make([]any, len(columns))
			pointers := make([]any, len(columns))
			for i := range values {
				pointers[i] = &values[i]
			}
			require.NoError(t, rows.Scan(pointers...))
			row := map[string]any{}
			for i, c := range columns {
				if c != "position" {
					row[c] = values[i]
				}
			}
			all[table] = append(all[table], row)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return all
}

// TestOutboxRowPerEntry: one append leaves one outbox row per entry.
func TestOutboxRowPerEntry(t *testing.T) {
	t.Parallel()
	s := sqlstoretest.Open(t)
	register(t, s, "a1")
	course(t, s, "a1")
	const bulk = 40
	puts := make([]store.PutAccount, bulk)
	for i := range puts {
		puts[i] = store.PutAccount{
			Account: policy.Account{ID: fmt.Sprint("bulk-", i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: minute(0)},
			Import: &lifecycle.Change{
				ChangeID: "import", Event: lifecycle.ImportVerified, At: minute(1), Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: minute(1)}},
			},
		}
	}
	_, err := s.PutAccounts(t.Context(), puts, false)
	require.NoError(t, err)
	var entries, outbox int
	require.NoError(t, s.Readers().QueryRow(`SELECT COUNT(*) FROM events`).Scan(&entries))
	require.NoError(t, s.Readers().QueryRow(`SELECT COUNT(*) FROM outbox o JOIN events e ON e.account_id = o.account_id AND e.seq = o.seq
		WHERE o.topic = 'change' AND o.recorded_at = e.recorded_at`).Scan(&outbox))
	require.Equal(t, 6+bulk, entries)
	require.Equal(t, entries, outbox)
}

// TestConsentsEnd: a consent in the table is in force exactly while its ended_at is NULL.
func TestConsentsEnd(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	ended := func(id string) (at sql.NullInt64) {
		t.Helper()
		require.NoError(t, s.Readers().QueryRow(`SELECT ended_at FROM consents WHERE account_id = ?`, id).Scan(&at))
		return at
	}
	for id, event := range map[string]lifecycle.Event{"a1": lifecycle.WithdrawConsent, "a2": lifecycle.Revoke} {
		register(t, s, id)
		course(t, s, id)
		require.False(t, ended(id).Valid)
		_, err := s.Append(ctx, lifecycle.Append{AccountID: id, ChangeID: "end", Head: lifecycle.AnyHead,
			Changes: []lifecycle.Change{{Event: event, At: minute(7)}}})
		require.NoError(t, err)
		require.Equal(t, minute(7).UnixNano(), ended(id).Int64, event)
	}
	register(t, s, "a3")
	course(t, s, "a3")
	require.False(t, ended("a3").Valid, "each account's own")
}

// TestRebuildKeepsWhatBecameOfNotices: a rebuild that made them pending again would send every message once more.
func TestRebuildKeepsWhatBecameOfNotices(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sqlstoretest.Open(t)
	register(t, s, "a1")
	at := time.Date(2020, 11, 27, 9, 0, 0, 0, time.UTC)
	_, err := s.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: "r", Head: lifecycle.AnyHead, Changes: []lifecycle.Change{{
		Event: lifecycle.Remind, At: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem},
		Detail: lifecycle.Detail{Reminder: &lifecycle.Reminder{Milestone: "P7D", Deadline: at.AddDate(0, 0, 7), Policy: "p", Rule: "r"}},
	}}})
	require.NoError(t, err)
	all, err := s.NoticesOf(ctx, "a1")
	require.NoError(t, err)
	_, err = s.SettleNotices(ctx, []store.NoticeTry{{ID: all[0].ID, NoticeOutcome: store.NoticeOutcome{State: store.NoticeSent, ProviderID: "m1"}}}, at)
	require.NoError(t, err)
	before, err := s.NoticesOf(ctx, "a1")
	require.NoError(t, err)
	require.NoError(t, s.Rebuild(ctx, "a1"))
	after, err := s.NoticesOf(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, store.NoticeSent, after[0].State)
}
