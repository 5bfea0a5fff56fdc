package admin_test

import (
	"encoding/csv"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// acted puts acts into the audit log, as sign-ins do.
func (w *world) acted(n int, change ...func(*store.AuditEntry)) {
	w.t.Helper()
	for range n {
		e := store.AuditEntry{Actor: "anna", Role: "admin", Action: "sign_in", Subject: "operator/anna", Outcome: store.OutcomeOK, Address: "192.0.2.1"}
		for _, set := range change {
			set(&e)
		}
		_, err := w.store.AppendAudit(w.t.Context(), e)
		require.NoError(w.t, err)
	}
}

func TestAuditLogIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	require.Contains(t, w.get(api.RoleAuditor, "/admin/audit").is(http.StatusOK), "Nothing has been done yet.")
	w.account("a1")
	w.post(api.RoleOperator, "/admin/policies/"+founding+"/brake", "reason", "incident-42").is(http.StatusSeeOther)
	w.post(api.RoleViewer, "/admin/sweeps", "policy", founding, "reason", "x").is(http.StatusForbidden) // the page refuses it before the API is asked
	w.acted(1, func(e *store.AuditEntry) {
		e.Action, e.Outcome, e.Subject = "revoke", "forbidden", "account/a1"
		e.Before, e.After = json.RawMessage(`{"state":"verified","seq":7,"list":["a"]}`), json.RawMessage(`{"state":"unverified","seq":8,"list":["a"]}`)
	})
	page := w.get(api.RoleAuditor, "/admin/audit").is(http.StatusOK)
	require.Contains(t, page, `title="brake">put the brake on</a>`)
	require.Contains(t, page, `<a class="id" href="/admin/policies/`+founding+`">policy/`+founding+`</a>`)
	require.Contains(t, page, `<code>incident-42</code>`)
	require.Contains(t, page, `<span class="chip bad">forbidden</span>`)
	require.Contains(t, page, `<a class="id" href="/admin/accounts/a1">account/a1</a>`)
	require.Contains(t, page, `<tr class="changed"><th scope="row"><code>state</code></th><td><del>verified</del></td><td><ins>unverified</ins></td></tr>`)
	require.Contains(t, page, `<tr><th scope="row"><code>list.0</code></th><td>a</td><td>a</td></tr>`)
	require.Contains(t, page, "3 fields")
	require.Contains(t, page, "192.0.2.1")
	require.Contains(t, page, `test-operator</a><div class="small soft">operator</div>`)

	for query, want := range map[string]int{"actor=anna": 1, "action=brake": 1, "outcome=refused": 1, "outcome=ok": 1, "subject=account/a1": 1, "": 2,
		"from=2020-12-01T10:00": 2, "from=2020-12-01T10:01": 0, "to=2020-12-01T10:00": 0, "actor=nobody": 0} {
		got := w.get(api.RoleAuditor, "/admin/audit?"+query).is(http.StatusOK)
		require.Equal(t, want, strings.Count(got, `<tr id="act-`), query)
	}
	require.Contains(t, w.get(api.RoleAuditor, "/admin/audit?actor=nobody").is(http.StatusOK), "No act matches these filters.")
	require.Contains(t, w.get(api.RoleAuditor, "/admin/audit?from=yesterday").is(http.StatusUnprocessableEntity), `id="fault-from"`)
	for _, role := range []api.Role{api.RoleViewer, api.RoleReviewer, api.RoleOperator} {
		for _, path := range []string{"/admin/audit", "/admin/audit/export", "/admin/audit/proof"} {
			w.get(role, path).is(http.StatusForbidden)
		}
		require.NotContains(t, w.get(role, "/admin/").is(http.StatusOK), `href="/admin/audit"`)
	}
	require.Contains(t, w.get(api.RoleAuditor, "/admin/").is(http.StatusOK), `href="/admin/audit"`)
}

func TestAuditLogIsPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.acted(60)
	w.acted(5, func(e *store.AuditEntry) { e.Actor = "ben" })
	ids := regexp.MustCompile(`<tr id="act-(\d+)"`)
	first := w.get(api.RoleAuditor, "/admin/audit?actor=anna").is(http.StatusOK)
	seen := ids.FindAllStringSubmatch(first, -1)
	require.Len(t, seen, 50)
	require.Equal(t, "60", seen[0][1])
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(first)
	require.NotNil(t, next)
	second := w.get(api.RoleAuditor, html.UnescapeString(next[1])).is(http.StatusOK)
	rest := ids.FindAllStringSubmatch(second, -1)
	require.Len(t, rest, 10)
	require.Equal(t, "10", rest[0][1])
	require.Contains(t, second, `href="/admin/audit?actor=anna">First page`)

	file := w.get(api.RoleAuditor, "/admin/audit/export?format=csv&actor=ben")
	require.Equal(t, `attachment; filename="audit.csv"`, file.header.Get("Content-Disposition"))
	rows, err := csv.NewReader(strings.NewReader(file.is(http.StatusOK))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 6)
	require.Len(t, strings.Split(strings.TrimSpace(w.get(api.RoleAuditor, "/admin/audit/export").is(http.StatusOK)), "\n"), 65)
	w.get(api.RoleAuditor, "/admin/audit/export?from=x").is(http.StatusUnprocessableEntity)
}

func TestHashChainIsVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.acted(3)
	page := w.get(api.RoleAuditor, "/admin/audit/proof").is(http.StatusOK)
	require.Contains(t, page, "There is no checkpoint yet.")
	sent := []string{"once", once(t, page)}
	got := w.post(api.RoleAuditor, "/admin/audit/proof", sent...).is(http.StatusOK)
	require.Contains(t, got, "Everything fits")
	require.Contains(t, got, "Read: 3 entries of the audit log, 0 entries in the logs of 0 accounts, 0 checkpoints.")
	require.Contains(t, got, "No checkpoint vouches")
	w.acted(1)
	require.Contains(t, w.post(api.RoleAuditor, "/admin/audit/proof", sent...).is(http.StatusOK), "Read: 3 entries", "the same press shows the same result")

	w.post(api.RoleAuditor, "/admin/audit/proof/checkpoints", "once", once(t, got)).leads("/admin/audit/proof?done=checkpoint")
	page = w.get(api.RoleAuditor, "/admin/audit/proof?done=checkpoint").is(http.StatusOK)
	require.Contains(t, page, "The checkpoint is taken.")
	require.Contains(t, page, `<table id="checkpoints">`)
	require.Contains(t, w.post(api.RoleAuditor, "/admin/audit/proof", "once", once(t, page)).is(http.StatusOK), "Signed up to checkpoint 1 of 2020-12-01 10:00:00.")
	file := w.get(api.RoleAuditor, "/admin/audit/proof/export")
	require.Contains(t, file.is(http.StatusOK), `"signature"`)
	require.Contains(t, file.header.Get("Content-Disposition"), "checkpoints.json")

	proof, err := w.store.AuditProof(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.store.PutCheckpoint(t.Context(), store.Checkpoint{Number: 2, At: w.clock.now(), AuditProof: proof, KeyID: "k1", Signature: []byte("forged")}))
	got = w.post(api.RoleAuditor, "/admin/audit/proof").is(http.StatusOK)
	require.Contains(t, got, "1 fault was found")
	require.Contains(t, got, "<code>checkpoint/2</code>: the signature does not hold")
	require.Contains(t, got, `class="card verdict bad"`)
	w.post(api.RoleOperator, "/admin/audit/proof").is(http.StatusForbidden)
	w.post(api.RoleOperator, "/admin/audit/proof/checkpoints").is(http.StatusForbidden)
}

func TestReceiptIsLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00")
	w.account("a1")
	decide := func() gate.Answer {
		a, err := w.gate.Decide(t.Context(), "a1", "create_label")
		require.NoError(t, err)
		w.clock.advance(time.Minute)
		return a
	}
	a := decide()
	for _, role := range api.Roles() {
		page := w.get(role, "/admin/receipts").is(http.StatusOK)
		require.NotContains(t, page, `id="result"`)
		got := w.post(role, "/admin/receipts", "once", once(t, page), "receipt", a.Receipt[:40]+"\r\n  "+a.Receipt[40:]).is(http.StatusOK)
		require.Contains(t, got, "Genuine, and the records say the same", role)
	}
	got := w.post(api.RoleViewer, "/admin/receipts", "receipt", a.Receipt).is(http.StatusOK)
	require.Contains(t, got, "The signature of key k1 holds. The receipt is on record")
	require.Contains(t, got, "this account cannot create shipping labels")
	require.Contains(t, got, `<a class="id" href="/admin/accounts/a1">a1</a>`)
	require.Contains(t, got, `<span class="chip bad">block</span>`)
	require.Contains(t, got, `<a href="/admin/policies/`+founding+`/1">`)
	require.NotContains(t, got, "0001-01-01")

	forged := w.post(api.RoleViewer, "/admin/receipts", "receipt", a.Receipt[:len(a.Receipt)-2]+"xx").is(http.StatusOK)
	require.Contains(t, forged, "This is no receipt of ours")
	require.NotContains(t, forged, "/admin/accounts/a1")
	empty := w.post(api.RoleViewer, "/admin/receipts", "receipt", " ").is(http.StatusUnprocessableEntity)
	require.Contains(t, empty, `id="fault-receipt"`)
	require.Contains(t, empty, "<title>Error: ")

	script := w.post(api.RoleViewer, "/admin/receipts", "receipt", `</textarea><script>alert(1)</script>`).is(http.StatusOK)
	require.NotContains(t, script, "<script>alert")
	r := httptest.NewRequest(http.MethodPost, "/admin/receipts", strings.NewReader("receipt="+a.Receipt))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set(asHeader, "viewer")
	r.Header.Set("Accept-Language", "zh-CN")
	require.Contains(t, w.send(r).is(http.StatusOK), "本账号尚未完成人脸识别验证")

	other := newWorld(t, "2020-12-05 12:00:00") // with the same keys, and without the account
	require.Contains(t, other.post(api.RoleViewer, "/admin/receipts", "receipt", a.Receipt).is(http.StatusOK), "the account was not on record at that instant")
	other = newWorld(t, "2020-12-01 10:00:00")
	other.account("a1")
	require.NoError(t, other.store.PutExtension(t.Context(), policy.Extension{
		ID: "e1", AccountID: "a1", Until: other.clock.now().AddDate(0, 0, 20), GrantedAt: other.clock.now(),
	}, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "test"))
	other.clock.advance(30 * 24 * time.Hour)
	got = other.post(api.RoleViewer, "/admin/receipts", "receipt", a.Receipt).is(http.StatusOK)
	require.Contains(t, got, "Genuine, but the records say otherwise")
	require.Contains(t, got, `<tr class="changed"><th scope="row"><code>effect</code></th><td>block</td><td>allow</td></tr>`)
}

// lookAudit puts acts into the world to be looked at.
func lookAudit(w *world) {
	acts := []store.AuditEntry{
		{Actor: "op-9f2c41", Role: "admin", Action: "sign_in", Subject: "operator/op-9f2c41"},
		{Action: "sign_in_failed", Outcome: "wrong_password"},
		{Actor: "op-77a0d3", Role: "operator", Action: "approve-policy", Subject: "policy/" + founding + "/2", Reason: "seen",
			Before: json.RawMessage(`{"state":"proposed","effective_from":"2020-12-11T00:00:00+08:00","digest":"5a1c…","author":"op-9f2c41"}`),
			After:  json.RawMessage(`{"state":"scheduled","effective_from":"2020-12-11T00:00:00+08:00","digest":"5a1c…","author":"op-9f2c41"}`)},
		{Actor: "op-3d11e8", Role: "reviewer", Action: "revoke", Subject: "account/a1", Reason: "stated note:text-n5xgs3tfebzws43t",
			Before: json.RawMessage(`{"state":"verified","seq":9}`), After: json.RawMessage(`{"state":"unverified","seq":10}`)},
		{Actor: "op-3d11e8", Role: "reviewer", Action: "brake", Subject: "policy/" + founding, Outcome: "forbidden"},
		{Actor: "8c1f22a90be4d077", Action: "request-extension", Subject: "extension/0f9d2a64-95c3-5b8e-8b61-3cc0b6a9f0a1", Reason: "ill",
			After: json.RawMessage(`{"account_id":"a2","rule":null,"until":"2020-12-20T00:00:00+08:00","state":"requested","granted_at":null,"revoked_at":null}`)},
	}
	for range 9 {
		for _, e := range acts {
			if e.Outcome == "" {
				e.Outcome = store.OutcomeOK
			}
			e.Address, e.RequestID = "192.0.2.17", "6a1b7a1e-6a0b-4c0e-9d5e-6f1d4f0d9b11"
			w.clock.advance(97 * time.Second)
			_, err := w.store.AppendAudit(w.t.Context(), e)
			require.NoError(w.t, err)
		}
	}
	w.post(api.RoleAuditor, "/admin/audit/proof/checkpoints").is(http.StatusSeeOther)
}
