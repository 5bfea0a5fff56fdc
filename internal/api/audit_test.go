package api_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/signing"
	"github.com/verigate/verigate/internal/store"
)

// acted writes entries as others than operations do.
func (f *fixture) acted(n int, change ...func(*store.AuditEntry)) {
	f.t.Helper()
	for i := range n {
		e := store.AuditEntry{Actor: "anna", Role: "admin", Action: "sign_in", Subject: "operator/anna", Outcome: store.OutcomeOK, Address: "192.0.2.1"}
		e.RequestID = fmt.Sprint("r-", i)
		for _, set := range change {
			set(&e)
		}
		_, err := f.store.AppendAudit(f.t.Context(), e)
		require.NoError(f.t, err)
	}
}

func (f *fixture) ids(query string) (ids []int, cursor string) {
	f.t.Helper()
	got := f.get("/v1/audit?" + query).is(http.StatusOK)
	for _, e := range got["entries"].([]any) {
		ids = append(ids, int(e.(object)["id"].(float64)))
	}
	cursor, _ = got["cursor"].(string)
	return ids, cursor
}

func TestAuditIsListed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	c := newDocumented(f)
	f.acted(1)
	f.clock.advance(time.Hour)
	f.acted(1, func(e *store.AuditEntry) { e.Action, e.Actor, e.Outcome = "sign_in_failed", "", "wrong_password" })
	f.clock.advance(time.Hour)
	f.acted(1, func(e *store.AuditEntry) {
		e.Action, e.Actor, e.Subject, e.Reason = "approve-policy", "ben", "policy/p/2", "seen"
		e.Before, e.After = json.RawMessage(`{"state":"proposed"}`), json.RawMessage(`{"state":"in_force"}`)
	})
	first := c.check(200, http.MethodGet, "/v1/audit?actor=ben", nil).json()["entries"].([]any)[0].(object)
	require.Equal(t, "2020-12-05T12:00:00+08:00", first["at"])
	require.Equal(t, object{"state": "proposed"}, object(first["before"].(map[string]any)))
	require.Equal(t, object{"state": "in_force"}, object(first["after"].(map[string]any)))
	require.Len(t, first["hash"], 64)
	for query, want := range map[string][]int{
		"": {3, 2, 1}, "order=oldest": {1, 2, 3}, "actor=anna": {1}, "action=approve-policy": {3}, "subject=policy/p/2": {3},
		"outcome=ok": {3, 1}, "outcome=refused": {2}, "outcome=wrong_password": {2}, "from=" + url.QueryEscape("2020-12-05T11:00:00+08:00"): {3, 2},
		"to=" + url.QueryEscape("2020-12-05T11:00:00+08:00"): {1}, "actor=nobody": nil,
	} {
		got, _ := f.ids(query)
		require.Equal(t, want, got, query)
	}
	page, cursor := f.ids("limit=2")
	require.Equal(t, []int{3, 2}, page)
	page, none := f.ids("limit=2&cursor=" + url.QueryEscape(cursor))
	require.Equal(t, []int{1}, page)
	require.Empty(t, none)
	for query, name := range map[string]string{"from=yesterday": "from", "to=x": "to", "order=random": "order", "limit=0": "limit", "actor=anna&cursor=" + url.QueryEscape(cursor): "cursor"} {
		field(t, f.get("/v1/audit?"+query).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), name)
	}
	require.Empty(t, f.newActs(func() { f.get("/v1/audit") }), "looking at the log is no act")
}

func TestAuditIsExported(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	const many = 403 // more than are read together
	f.acted(many-1, func(e *store.AuditEntry) { e.After = json.RawMessage(`{"a":"b, c"}`) })
	f.acted(1, func(e *store.AuditEntry) { e.Subject, e.Outcome = "=cmd()", "forbidden" })
	got := f.get("/v1/audit:export")
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "application/x-ndjson", got.header.Get("Content-Type"))
	lines := bytes.Split(bytes.TrimSpace(got.body), []byte("\n"))
	require.Len(t, lines, many)
	for i, line := range lines {
		var e object
		require.NoError(t, json.Unmarshal(line, &e))
		require.InDelta(t, i+1, e["id"], 0, "oldest first, none left out")
	}
	table := f.get("/v1/audit:export?format=csv&outcome=refused")
	require.Contains(t, table.header.Get("Content-Type"), "text/csv")
	rows, err := csv.NewReader(bytes.NewReader(table.body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, "id", rows[0][0])
	require.Equal(t, "'=cmd()", rows[1][5])
	all, err := csv.NewReader(bytes.NewReader(f.get("/v1/audit:export?format=csv").body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, all, many+1)
	require.JSONEq(t, `{"a":"b, c"}`, all[1][9])
	f.get("/v1/audit:export?format=pdf").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	f.get("/v1/audit:export?from=x").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
}

func TestLogsAreVerified(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	c := newDocumented(f)
	f.approved("a1")
	f.acted(3)
	none := c.check(200, http.MethodPost, "/v1/audit:verify", object{}).json()
	require.Equal(t, true, none["intact"])
	require.Nil(t, none["newest"])
	taken := c.check(201, http.MethodPost, "/v1/audit/checkpoints", object{}).json()
	entries := len(f.acts()) - 1
	require.InDelta(t, entries, taken["entries"], 0, "it signs what was before it")
	got := c.check(200, http.MethodPost, "/v1/audit:verify", object{"checkpoints": []any{taken}}).json()
	require.Equal(t, true, got["intact"], "%v", got)
	require.InDelta(t, entries+1, got["entries"], 0)
	require.InDelta(t, 1, got["accounts"], 0)
	require.InDelta(t, 3, got["log_entries"], 0)
	require.Equal(t, taken["signature"], got["newest"].(object)["signature"])

	list := c.check(200, http.MethodGet, "/v1/audit/checkpoints?limit=1", nil).json()
	require.Equal(t, []any{map[string]any(taken)}, list["checkpoints"])
	rest := c.check(200, http.MethodGet, "/v1/audit/checkpoints?cursor="+url.QueryEscape(list["cursor"].(string)), nil).json()
	require.Empty(t, rest["checkpoints"])

	forged := object{}
	for k, v := range taken {
		forged[k] = v
	}
	forged["entries"] = 1
	bad := c.check(200, http.MethodPost, "/v1/audit:verify", object{"checkpoints": []any{forged}}).json()
	require.Equal(t, false, bad["intact"])
	require.Equal(t, object{"log": "checkpoint/1", "entry": nil, "kind": "signature"}, object(bad["faults"].([]any)[0].(map[string]any)))
	forged["hash"] = "no"
	field(t, c.check(422, http.MethodPost, "/v1/audit:verify", object{"checkpoints": []any{forged}}).json(), "checkpoints.0.hash")

	f = f.over(crooked{f.store})
	bad = f.post("/v1/audit:verify", object{}).is(http.StatusOK)
	require.Equal(t, object{"log": "audit", "entry": 2.0, "kind": "altered"}, object(bad["faults"].([]any)[0].(map[string]any)))
	require.InDelta(t, 1, bad["fault_count"], 0)
}

// crooked is a store whose audit log was altered.
type crooked struct{ api.Store }

func (crooked) CheckAudit(context.Context, store.ChainLink, int) (store.AuditCheck, error) {
	return store.AuditCheck{Done: true, Fault: &store.Fault{Log: "audit", Entry: 2, Kind: store.FaultAltered}}, nil
}

// TestOneVerificationAtATime: it reads everything.
func TestOneVerificationAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.acted(500)
	var group errgroup.Group
	statuses := make([]int, 16)
	for i := range statuses {
		group.Go(func() error {
			statuses[i] = f.post("/v1/audit:verify", object{}).status
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Contains(t, statuses, http.StatusOK)
	for _, s := range statuses {
		require.Contains(t, []int{http.StatusOK, http.StatusTooManyRequests}, s)
	}
}

func TestReceiptIsChecked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	c := newDocumented(f)
	f.account("a1")
	check := func(receipt any) object {
		return c.check(200, http.MethodPost, "/v1/receipts:check", object{"receipt": receipt}).json()
	}
	decide := func() string {
		got := f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)
		f.clock.advance(time.Minute)
		return got["receipt"].(string)
	}
	receipt := decide()
	second := decide()
	f.clock.advance(24 * time.Hour)
	got := check(receipt)
	require.Equal(t, true, got["genuine"])
	require.Equal(t, "k1", got["key_id"])
	said, found := got["decision"].(object), got["found"].(object)
	require.Equal(t, "block", said["effect"])
	require.Equal(t, "2020-12-05T10:00:00+08:00", said["at"])
	require.Contains(t, said["message"].(object)["en"], "cannot create shipping labels")
	require.Equal(t, "did", found["basis"])
	require.Equal(t, said["since"], found["since"])
	require.Equal(t, true, got["agrees"], "%v", got["differences"])
	require.Equal(t, true, got["kept"])
	require.Equal(t, false, check(second)["kept"], "a repeat is counted, not kept")

	// What is learnt later changes nothing of what was decided.
	f.extended("a1", "2020-12-20T00:00:00+08:00")
	require.Equal(t, true, check(receipt)["agrees"])
	allowed := decide()
	got = check(allowed)
	require.Equal(t, "allow", got["decision"].(object)["effect"])
	require.NotContains(t, got["decision"].(object)["message"].(object)["en"], "0001")
	require.Equal(t, true, got["agrees"], "%v", got["differences"])

	for _, text := range []string{receipt[:len(receipt)-2] + "xx", "receipt", receipt + "."} {
		got := check(text)
		require.Equal(t, false, got["genuine"], text)
		require.Nil(t, got["decision"], "nothing of it is told")
		require.Equal(t, false, got["agrees"])
	}
	field(t, c.check(422, http.MethodPost, "/v1/receipts:check", object{}).json(), "receipt")

	// Whoever has the public keys needs no server for a refusal, and the server for what was allowed.
	keys, err := signing.ParseSet(f.get("/v1/receipt-keys", as("")).body)
	require.NoError(t, err)
	offline, words, keyID, err := gate.ReadPublicly(keys, receipt)
	require.NoError(t, err)
	require.Equal(t, "k1", keyID)
	require.Equal(t, said["account_id"], offline.AccountID)
	require.Equal(t, said["message"].(object)["en"], words.En)
	_, _, _, err = gate.ReadPublicly(keys, receipt[:len(receipt)-2]+"xx")
	require.ErrorIs(t, err, gate.ErrReceipt)
	_, _, _, err = gate.ReadPublicly(keys, allowed)
	require.ErrorIs(t, err, signing.ErrServerOnly)
}

// TestKeptCheckpointsNeedNoServer: what the API answers is what is checked offline.
func TestKeptCheckpointsNeedNoServer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	keys, err := signing.ParseSet(f.get("/v1/receipt-keys", as("")).body)
	require.NoError(t, err)
	var kept []store.Checkpoint
	for range 2 {
		f.clock.advance(time.Minute)
		c, err := audit.ReadCheckpoint(f.post("/v1/audit/checkpoints", object{}).body)
		require.NoError(t, err)
		kept = append(kept, c)
	}
	require.True(t, audit.Kept(keys, kept).Intact())
	kept[0].Entries++
	require.Equal(t, []store.Fault{{Log: "checkpoint/1", Kind: store.FaultSignature}}, audit.Kept(keys, kept).Faults)
}

// TestReceiptsThatTheRecordsDoNotBear: the signature holds, and the records say otherwise.
func TestReceiptsThatTheRecordsDoNotBear(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	f.clock.advance(time.Minute)
	receipt := f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)["receipt"]
	f.clock.advance(-30 * time.Second) // somebody sets the clock back and puts something into the past
	f.do(http.MethodPut, "/v1/accounts/a1", object{"kind": "enterprise", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00", "reason": "backdated"}).is(http.StatusOK)
	f.clock.advance(time.Hour)
	got := f.post("/v1/receipts:check", object{"receipt": receipt}).is(http.StatusOK)
	require.Equal(t, true, got["genuine"])
	require.Equal(t, false, got["agrees"])
	require.Equal(t, object{"path": "effect", "from": "block", "to": "allow"}, object(got["differences"].([]any)[0].(map[string]any)))
	f = newFixture(t, "2020-12-05 11:00:00") // a world with the same keys and without the account
	got = f.post("/v1/receipts:check", object{"receipt": receipt}).is(http.StatusOK)
	require.Equal(t, "account_not_found", got["missing"])
	require.Nil(t, got["found"])
	require.Equal(t, false, got["agrees"])
}
