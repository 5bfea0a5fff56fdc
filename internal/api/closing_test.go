package api_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
)

func TestClosedAccount(t *testing.T) {
	t.Parallel()
	settled := &settler{}
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Settler = settled })
	f.approved("a1")
	f.qr("a1")
	require.True(t, f.post("/v1/accounts/a1/logins", object{}).is(http.StatusOK)["prompt"].(object)["show"].(bool))
	before := f.effect("a1")
	kept := len(f.vault.kept())

	closed := f.post("/v1/accounts/a1/close", object{"reason": "The shop of 王小明 is gone"}).is(http.StatusOK)
	require.Equal(t, "2020-12-05T10:00:00+08:00", closed["closed_at"])
	require.InDelta(t, 2, closed["version"], 0)
	require.Len(t, f.vault.kept(), kept+1)
	require.Equal(t, []string{"a1"}, settled.take())
	require.Equal(t, "2020-12-05T10:00:00+08:00", f.get("/v1/accounts/a1").is(http.StatusOK)["closed_at"])
	require.Equal(t, before, f.effect("a1"), "closing lifts no block")

	f.clock.advance(time.Minute)
	again := f.post("/v1/accounts/a1/close", object{"reason": "gone again"}).is(http.StatusOK)
	require.Equal(t, closed, again)
	require.Len(t, f.vault.kept(), kept+1)
	v := "/v1/accounts/a1/verification"
	support := realName()
	support["support_reason"] = "wrong_card"
	for path, body := range map[string]object{
		v + "/submit": realName(), v + "/correct": support, v + "/start-face": consent(), v + "/choose-manual": {}, v + "/cancel-manual": {},
		"/v1/accounts/a1/links": {"purpose": "verify"},
	} {
		f.post(path, body).problem(http.StatusConflict, api.CodeAccountClosed)
	}
	f.post(v+"/start-face", object{}).problem(http.StatusConflict, api.CodeAccountClosed)
	require.Len(t, f.vault.kept(), kept+1, "nothing is kept of a refused command")
	login := f.post("/v1/accounts/a1/logins", object{}).is(http.StatusOK)
	require.False(t, login["prompt"].(object)["show"].(bool))
	require.Equal(t, "prompt", login["decision"].(object)["effect"], "the decision stays what it is")
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, 1, head.Prompts)

	f.post(v+"/refresh", object{}).is(http.StatusOK)
	f.post(v+"/withdraw-consent", object{}).is(http.StatusOK)
	f.post("/v1/accounts/a1/reopen", object{"reason": "mistake"}).is(http.StatusOK)
	require.Nil(t, f.get("/v1/accounts/a1").is(http.StatusOK)["closed_at"])
	f.clock.advance(time.Second)
	f.qr("a1")
	require.True(t, f.post("/v1/accounts/a1/logins", object{}).is(http.StatusOK)["prompt"].(object)["show"].(bool))
}

// TestClosedBetweenCheckAndWrite: the store refuses what the API let through.
func TestClosedBetweenCheckAndWrite(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	block, begun := make(chan struct{}), make(chan struct{}, 8)
	f.engine.Set(func(e *apitest.Engine) { e.Block, e.Begun = block, begun })
	done := make(chan answer, 1)
	go func() { done <- f.post("/v1/accounts/a1/verification/submit", realName()) }()
	<-begun
	f.post("/v1/accounts/a1/close", object{"reason": "left"}).is(http.StatusOK)
	close(block)
	got := <-done
	p := got.problem(http.StatusConflict, api.CodeAccountClosed)
	require.Equal(t, "unverified", p["state"])
	require.Empty(t, f.vault.kept())
}

func TestClosingAtAnotherInstant(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/close"
	field(t, f.post(path, object{}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	field(t, f.post(path, object{"reason": "x", "at": "2020-10-01T08:59:59+08:00"}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "at")
	f.post("/v1/accounts/nobody/close", object{"reason": "x"}).problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.post("/v1/accounts/nobody/reopen", object{"reason": "x"}).problem(http.StatusNotFound, api.CodeAccountNotFound)
	field(t, f.post("/v1/accounts/a1/reopen", object{}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")

	f.post(path, object{"reason": "end_of_contract", "at": "2020-12-31T00:00:00+08:00"}).is(http.StatusOK)
	f.post("/v1/accounts/a1/verification/submit", realName()).is(http.StatusOK) // it is open until then
	f.post(path, object{"reason": "earlier", "at": "2020-12-05T10:00:00+08:00"}).is(http.StatusOK)
	f.post("/v1/accounts/a1/links", object{"purpose": "verify"}).problem(http.StatusConflict, api.CodeAccountClosed)

	var reasons []any
	cursor := ""
	for {
		got := f.get("/v1/accounts/a1/versions?limit=2&cursor=" + url.QueryEscape(cursor)).is(http.StatusOK)
		for _, v := range got["versions"].([]any) {
			reasons = append(reasons, v.(object)["reason"])
		}
		if got["cursor"] == nil {
			break
		}
		cursor = got["cursor"].(string)
	}
	require.Equal(t, []any{nil, "end_of_contract", "earlier"}, reasons)
	f.get("/v1/accounts/nobody/versions").problem(http.StatusNotFound, api.CodeAccountNotFound)
	field(t, f.get("/v1/accounts/a1/versions?cursor=x").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
	f.do(http.MethodPut, "/v1/accounts/a1", object{"kind": "individual", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00"}).is(http.StatusOK)
	require.NotNil(t, f.get("/v1/accounts/a1").is(http.StatusOK)["closed_at"], "to register it again does not open it")
}

// TestCorrectedFactsInTime: a correction moves an account into the cohort, another out of it.
func TestCorrectedFactsInTime(t *testing.T) {
	t.Parallel()
	settled := &settler{}
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Settler = settled })
	put := func(at, registered, kind, reason string) {
		f.clock.set(beijing(t, at))
		f.do(http.MethodPut, "/v1/accounts/a1", object{"kind": kind, "region": "CN", "registered_at": registered, "reason": reason})
	}
	put("2020-12-05 10:00:00", "2020-11-17T00:00:00+08:00", "individual", "")
	require.Equal(t, "allow not_covered", f.effect("a1"))
	require.Empty(t, settled.take(), "a new account has nothing to settle")
	put("2020-12-06 10:00:00", "2020-11-16T23:59:59+08:00", "individual", "platform_error")
	require.Equal(t, "block enforced", f.effect("a1"))
	require.Equal(t, []string{"a1"}, settled.take())
	put("2020-12-07 10:00:00", "2020-11-16T23:59:59+08:00", "enterprise", "It is a company, says 王小明")
	require.Equal(t, "allow not_covered", f.effect("a1"))

	for _, c := range []struct{ at, did string }{
		{"2020-12-05 10:00:00", "allow not_covered"}, {"2020-12-06 09:59:59", "allow not_covered"}, {"2020-12-06 10:00:00", "block enforced"},
		{"2020-12-07 09:59:59", "block enforced"}, {"2020-12-07 10:00:00", "allow not_covered"},
	} {
		require.Equal(t, c.did, f.effectAt("a1", beijing(t, c.at), "did"), c.at)
		require.Equal(t, "allow not_covered", f.effectAt("a1", beijing(t, c.at), "would"), "%s: as it is known now, it always was a company", c.at)
	}
	got := f.get("/v1/accounts/a1/versions").is(http.StatusOK)["versions"].([]any)
	require.Len(t, got, 3)
	second, third := got[1].(object), got[2].(object)
	require.Equal(t, "platform_error", second["reason"])
	require.Equal(t, "operator", second["actor"].(object)["kind"])
	require.Equal(t, "2020-12-06T10:00:00+08:00", second["recorded_at"])
	require.Equal(t, "2020-11-16T23:59:59+08:00", second["registered_at"])
	require.Equal(t, "stated", third["reason"])
	require.Equal(t, true, third["has_note"])
	require.Equal(t, "enterprise", third["kind"])
}

// TestImportedProvenance: what an older process did stands in the log with where it comes from.
func TestImportedProvenance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-05 00:00:00")
	f.imported(`{"account_id":"a1","kind":"individual","region":"CN","registered_at":"2019-10-01T09:00:00+08:00",` +
		`"real_name":{"at":"2020-10-01T00:00:00+08:00","evidence":"old/2"}}`)
	status := f.get("/v1/accounts/a1/verification").is(http.StatusOK)
	require.Equal(t, "approved", status["state"])
	require.Equal(t, "2020-10-01T00:00:00+08:00", status["since"])
	require.Contains(t, status["allowed"], "submit", "the merchant can update the information")
	require.NotContains(t, status["allowed"], "start_face", "there is nobody of record yet whose face it could be")
	f.post("/v1/accounts/a1/verification/start-face", consent()).problem(http.StatusConflict, api.CodeStepNotAllowed)
	entry := f.get("/v1/accounts/a1/history").is(http.StatusOK)["entries"].([]any)[0].(object)
	require.Equal(t, "import_approved", entry["event"])
	require.Equal(t, "import", entry["actor"].(object)["kind"])
	require.NotNil(t, entry["actor"].(object)["id"])
	require.Equal(t, "2020-11-05T00:00:00+08:00", entry["recorded_at"])
	require.Equal(t, object{"at": "2020-10-01T00:00:00+08:00", "by": nil, "evidence": "old/2", "method": ""}, entry["detail"].(object)["provenance"])
	f.post("/v1/accounts/a1/verification/submit", realName()).is(http.StatusOK)
	f.post("/v1/reviews/a1", object{"decision": "approve"}).is(http.StatusOK)
	f.qr("a1")
}
