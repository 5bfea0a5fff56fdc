package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

// boundKey makes a key that reaches some accounts.
func (f *fixture) boundKey(accounts store.AccountSet, scopes ...api.Scope) string {
	f.t.Helper()
	secret, key, err := api.NewKey("bound", scopes)
	require.NoError(f.t, err)
	key.CreatedAt, key.Accounts = f.clock.now(), accounts
	require.NoError(f.t, f.store.PutKey(f.t.Context(), key))
	return secret
}

// TestForeignAccountsAreNotThere: every operation x no key, a key without its scope, one that is bound to other accounts
// and one that is bound to this one x an account of its own, somebody else's and one that is not there.
func TestForeignAccountsAreNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.FailureRate = api.Rate{PerSecond: 1e6, Burst: 1e6} })
	for _, id := range []string{"own-1", "other-1"} {
		f.approved(id)
	}
	scopeless := f.boundKey(store.AccountSet{"own-*"})
	for _, op := range f.operations() {
		if len(op.scopes) == 0 {
			continue
		}
		name := op.method + " " + op.path
		send := func(key, account string) answer {
			var body any
			if op.method != http.MethodGet {
				body = "not JSON"
			}
			path := strings.ReplaceAll(op.path, "{account_id}", account)
			return f.do(op.method, concrete(path), body, as(key))
		}
		bound, all := f.boundKey(store.AccountSet{"own-*"}, api.Scope(op.scopes[0])), f.newKey(api.Scope(op.scopes[0]))
		for _, account := range []string{"own-1", "own-9", "other-1", "other-9"} {
			send("", account).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
			send(scopeless, account).problem(http.StatusForbidden, api.CodeForbidden)
		}
		switch op.reach {
		case api.ReachAccount:
			require.Contains(t, op.path, "{account_id}", name)
			theirs, nobodys := send(bound, "other-1"), send(bound, "other-9")
			theirs.problem(http.StatusNotFound, api.CodeAccountNotFound)
			require.Equal(t, string(nobodys.body), string(theirs.body), name)
			require.Equal(t, nobodys.header.Get("Content-Length"), theirs.header.Get("Content-Length"), name)
			if op.id == "verification-events" {
				continue // a stream that does not end
			}
			require.NotContains(t, string(send(bound, "own-1").body), string(api.CodeAccountNotFound), name)
			require.NotContains(t, string(send(all, "other-1").body), string(api.CodeAccountNotFound), name)
		case api.ReachAll:
			send(bound, "own-1").problem(http.StatusForbidden, api.CodeKeyBound)
			require.NotEqual(t, http.StatusForbidden, send(all, "own-1").status, name)
		case api.ReachOwn, api.ReachNone:
			require.NotContains(t, op.path, "{account_id}", name)
			require.NotContains(t, []int{401, 403}, send(bound, "own-1").status, name)
		default:
			require.Fail(t, "an operation of unknown reach", name)
		}
	}
}

// TestBoundKeysMeetTheirOwn asks every operation that finds its accounts by itself. A new one needs a row here.
func TestBoundKeysMeetTheirOwn(t *testing.T) { //nolint:funlen // a list of operations
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	admin, second := f.newKey(api.Admin), f.newKey(api.PoliciesApprove)
	extension := map[string]string{}
	for _, id := range []string{"own-1", "other-1"} {
		f.account(id)
		f.post("/v1/accounts/"+id+"/verification/submit", realName()).is(http.StatusOK)
		asked := f.post("/v1/accounts/"+id+"/extensions", object{"until": "2020-12-30T00:00:00+08:00", "reason": "holiday"}).is(http.StatusCreated)
		extension[id] = asked["id"].(string)
		f.post("/v1/accounts/"+id+"/links", object{"purpose": "verify"}, as(admin)).is(http.StatusCreated)
		f.post("/v1/reviews/"+id+"/claim", object{}, as(admin)).is(http.StatusOK)
		f.post("/v1/reviews/"+id+"/release", object{}, as(admin)).is(http.StatusOK)
	}
	lines := `{"account_id":"own-1","until":"2020-12-31T00:00:00+08:00","reason":"c","key":"a"}` + "\n" +
		`{"account_id":"other-1","until":"2020-12-31T00:00:00+08:00","reason":"c","key":"b"}` + "\n"
	f.post("/v1/extensions:import?batch_id=mixed", lines, header("Content-Type", "application/x-ndjson"))
	var every []api.Scope
	for _, s := range api.Scopes() {
		if s != api.Admin {
			every = append(every, s)
		}
	}
	key := as(f.boundKey(store.AccountSet{"own-*"}, every...))
	foreign := func(a answer, own bool) {
		t.Helper()
		require.Less(t, a.status, 300, "%s", a.body)
		require.NotContains(t, string(a.body), "other-1")
		require.Equal(t, own, bytes.Contains(a.body, []byte("own-1")), "%s", a.body)
	}
	rows := map[string]func(){
		"list-verifications":   func() { foreign(f.get("/v1/verifications", key), true) },
		"export-verifications": func() { foreign(f.get("/v1/verifications:export?sort=changed", key), true) },
		"list-reviews":         func() { foreign(f.get("/v1/reviews?queue=review", key), true) },
		"count-reviews": func() {
			require.InDelta(t, 1, f.get("/v1/reviews:counts?queue=review", key).is(http.StatusOK)["waiting"], 0)
		},
		"next-review": func() {
			foreign(f.post("/v1/reviews:next", object{"queue": "review"}, key), true)
			foreign(f.post("/v1/reviews:next", object{"queue": "review"}, as(f.boundKey(store.AccountSet{"own-1"}, api.ReviewsWrite))), false)
		},
		"list-extensions": func() { foreign(f.get("/v1/extensions", key), true) },
		"get-extension": func() {
			foreign(f.get("/v1/extensions/"+extension["own-1"], key), true)
			sameProblem(t, f.get("/v1/extensions/"+extension["other-1"], key), f.get("/v1/extensions/none", key))
		},
		"list-audit": func() {
			foreign(f.get("/v1/audit", key), true)
			require.Contains(t, string(f.get("/v1/audit", as(admin)).body), "other-1")
		},
		"export-audit": func() { foreign(f.get("/v1/audit:export", key), true) },
		"decide-batch": func() {
			got := f.post("/v1/decisions:batch", object{"action": "login", "account_ids": []string{"other-1", "own-1", "other-9"}}, key)
			list := got.is(http.StatusOK)["decisions"].([]any)
			require.Equal(t, "own-1", list[1].(object)["account_id"])
			require.NotNil(t, list[1].(object)["effect"])
			require.Equal(t, list[2].(object)["problem"], list[0].(object)["problem"])
		},
		"import-accounts": func() {
			body := ""
			for _, id := range []string{"own-2", "other-1", "other-9"} {
				body += `{"account_id":"` + id + `","kind":"individual","region":"CN","registered_at":"2020-10-01T09:00:00+08:00"}` + "\n"
			}
			got := answeredLines(t, f.post("/v1/accounts:import", body, header("Content-Type", "application/x-ndjson"), key))
			require.Equal(t, "created", got[0]["result"])
			require.Equal(t, got[2]["problem"], got[1]["problem"])
			require.Equal(t, "account_not_found", got[1]["problem"].(object)["code"])
			f.get("/v1/accounts/other-9").problem(http.StatusNotFound, api.CodeAccountNotFound)
		},
		"import-extensions": func() {
			got := answeredLines(t, f.post("/v1/extensions:import?batch_id=mixed", lines, header("Content-Type", "application/x-ndjson"), key))
			require.Equal(t, "created", got[0]["result"], "the key of a line of others is not met: whether there is one is not told")
			require.Equal(t, "account_not_found", got[1]["problem"].(object)["code"])
		},
		"check-receipt": func() {
			receipts := map[string]any{}
			for _, id := range []string{"own-1", "other-1"} {
				receipts[id] = f.post("/v1/accounts/"+id+"/decisions", object{"action": "create_label"}).is(http.StatusOK)["receipt"]
			}
			require.NotNil(t, f.post("/v1/receipts:check", object{"receipt": receipts["own-1"]}, key).is(http.StatusOK)["found"])
			got := f.post("/v1/receipts:check", object{"receipt": receipts["other-1"]}, key).is(http.StatusOK)
			require.Nil(t, got["found"])
			require.Equal(t, "account_not_found", got["missing"])
		},
	}
	for _, verb := range []string{"approve", "reject", "revoke"} {
		rows[verb+"-extension"] = func() {
			body := object{"reason": "fine"}
			sameProblem(t, f.post("/v1/extensions/"+extension["other-1"]+"/"+verb, body, key), f.post("/v1/extensions/none/"+verb, body, key))
		}
		rows[verb+"-extension-batch"] = func() {}
	}
	for _, op := range f.operations() {
		if op.reach == api.ReachOwn {
			require.Contains(t, rows, op.id, "an operation that finds its accounts by itself needs a row in this test")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		t.Log(id)
		rows[id]()
	}
	// Of a batch with lines of others a bound key decides its own, and sees no more of it.
	approver := as(f.boundKey(store.AccountSet{"own-*"}, api.PoliciesApprove))
	got := f.post("/v1/extensions:approve", object{"batch_id": "mixed", "reason": "fine"}, approver).is(http.StatusOK)
	require.InDelta(t, 2, got["decided"], 0)
	require.InDelta(t, 0, got["left"], 0)
	sameProblem(t, f.post("/v1/extensions:reject", object{"batch_id": "mixed", "reason": "no"}, as(f.boundKey(store.AccountSet{"third-*"}, api.PoliciesApprove))),
		f.post("/v1/extensions:reject", object{"batch_id": "none", "reason": "no"}, as(f.boundKey(store.AccountSet{"third-*"}, api.PoliciesApprove))))
	require.InDelta(t, 1, f.post("/v1/extensions:approve", object{"batch_id": "mixed", "reason": "fine"}, as(second)).is(http.StatusOK)["decided"], 0, "the others' are left")
}

// TestBoundAdmins: no scope leads beyond the accounts of a key, least of all to another key.
func TestBoundAdmins(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("other-1")
	admin := as(f.boundKey(store.AccountSet{"own-1"}, api.Admin))
	f.post("/v1/keys", object{"label": "l", "scopes": []string{"admin"}, "reason": "r"}, admin).problem(http.StatusForbidden, api.CodeKeyBound)
	f.post("/v1/keys/0123456789abcdef/rotate", object{"reason": "r"}, admin).problem(http.StatusForbidden, api.CodeKeyBound)
	f.get("/v1/accounts/other-1", admin).problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.do(http.MethodPut, "/v1/accounts/own-10", object{}, admin).problem(http.StatusNotFound, api.CodeAccountNotFound)
}

// TestKeysGetAccounts: they are set when the key is made, shown, and never widened.
func TestKeysGetAccounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	admin := as(f.newKey(api.Admin))
	f.account("own-1")
	f.account("other-1")
	in := object{"label": "l", "scopes": []string{"verifications:read"}, "accounts": []string{"own-*", "a1"}, "reason": "r"}
	made := f.post("/v1/keys", in, admin).is(http.StatusCreated)
	require.Equal(t, []any{"own-*", "a1"}, made["key"].(object)["accounts"])
	key := as(made["secret"].(string))
	f.get("/v1/accounts/own-1", key).is(http.StatusOK)
	f.get("/v1/accounts/other-1", key).problem(http.StatusNotFound, api.CodeAccountNotFound)
	for _, bad := range [][]string{{"*"}, {""}, {"a b"}, {"a*b"}, {"a1", "a1"}, strings.Split(strings.Repeat("a,", 101), ",")} {
		in["accounts"] = bad
		field(t, f.post("/v1/keys", in, admin).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "accounts")
	}
}

func TestRotatedKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	admin := as(f.newKey(api.Admin))
	made := f.post("/v1/keys", object{"label": "l", "scopes": []string{"decisions:read"}, "reason": "r"}, admin).is(http.StatusCreated)
	id, first := made["key"].(object)["key_id"].(string), made["secret"].(string)
	opens := func(secret string) bool { return f.get("/v1/policies", as(secret)).status == http.StatusOK }
	rotate := func(overlap string) string {
		t.Helper()
		got := f.post("/v1/keys/"+id+"/rotate", object{"overlap": overlap, "reason": "yearly"}, admin).is(http.StatusOK)
		secret := got["secret"].(string)
		require.True(t, strings.HasPrefix(secret, "vg_"+id+"_"), "the key stays the same")
		return secret
	}
	require.True(t, opens(first))
	second := rotate("1h")
	require.True(t, opens(first))
	require.True(t, opens(second))
	f.clock.advance(30 * time.Minute)
	third := rotate("2h") // as when the answer with the second one was lost
	require.True(t, opens(first) && opens(second) && opens(third))
	f.clock.advance(30 * time.Minute)
	require.False(t, opens(first), "its overlap ended")
	require.True(t, opens(second) && opens(third))
	fourth := rotate("0s")
	require.False(t, opens(second) || opens(third), "of a secret that leaked nothing is left")
	require.True(t, opens(fourth))

	again := object{"overlap": "1h", "reason": "again"}
	once := f.post("/v1/keys/"+id+"/rotate", again, admin, idempotent("k")).is(http.StatusOK)
	repeated := f.post("/v1/keys/"+id+"/rotate", again, admin, idempotent("k")).is(http.StatusOK)
	require.NotNil(t, once["secret"])
	require.Nil(t, repeated["secret"], "shown once")
	require.NotNil(t, once["key"].(object)["old_secret_until"])
	for _, bad := range []string{"-1s", "721h", "soon"} {
		field(t, f.post("/v1/keys/"+id+"/rotate", object{"overlap": bad, "reason": "r"}, admin).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "overlap")
	}
	f.post("/v1/keys/0123456789abcdef/rotate", object{"reason": "r"}, admin).problem(http.StatusNotFound, api.CodeKeyNotFound)
	f.post("/v1/keys/"+id+"/disable", object{"reason": "r"}, admin).is(http.StatusOK)
	require.False(t, opens(fourth))
	f.post("/v1/keys/"+id+"/rotate", object{"reason": "r"}, admin).problem(http.StatusConflict, api.CodeKeyEnded)
	require.NotContains(t, f.logs.String(), fourth)
	require.NotContains(t, string(f.get("/v1/audit", admin).body), fourth[20:])
}

// TestRotationElsewhere: a secret that another process made opens at once, although the key is remembered here.
func TestRotationElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	first := f.newKey(api.DecisionsRead)
	f.get("/v1/policies", as(first)).is(http.StatusOK)
	id := strings.Split(first, "_")[1]
	secret, hash := api.NewSecret(id)
	_, _, err := f.store.ChangeKey(t.Context(), id, store.KeyChange{Hash: hash, At: f.clock.now(), OldUntil: f.clock.now().Add(time.Hour)})
	require.NoError(t, err)
	f.get("/v1/policies", as(secret)).is(http.StatusOK)
	f.get("/v1/policies", as(first)).is(http.StatusOK)
}

func sameProblem(t *testing.T, a, b answer) {
	t.Helper()
	require.Equal(t, http.StatusNotFound, a.status, "%s", a.body)
	require.Equal(t, string(b.body), string(a.body))
}

func answeredLines(t *testing.T, a answer) []object {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	var all []object
	d := json.NewDecoder(bytes.NewReader(a.body))
	for d.More() {
		var line object
		require.NoError(t, d.Decode(&line))
		all = append(all, line)
	}
	return all
}
