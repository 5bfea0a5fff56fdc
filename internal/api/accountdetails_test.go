package api_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// accountDetails checks the reads of one account, and the manual route by the operator, against the document.
func (c *documented) accountDetails() {
	c.t.Helper()
	for _, what := range []string{
		"identity", "attempts", "consents", "blocks", "verification/live", "history?order=newest&only=moves",
	} {
		c.check(200, http.MethodGet, "/v1/accounts/a1/"+what, nil)
		c.check(404, http.MethodGet, "/v1/accounts/nobody/"+what, nil)
	}
	c.check(409, http.MethodPost, "/v1/accounts/a1/send-to-manual", object{"reason": "no_camera"})
	c.check(422, http.MethodPost, "/v1/accounts/a1/take-from-manual", object{})
}

func TestMaskedIdentity(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	require.Equal(t, false, f.get("/v1/accounts/a1/identity").is(http.StatusOK)["known"])
	f.approved("a2")
	got := f.get("/v1/accounts/a2/identity", as(f.newKey(api.VerificationsRead))).is(http.StatusOK)
	require.Equal(t, object{
		"account_id": "a2", "known": true, "revision": 1.0, "document_type": "cn_id", "name": "欧**娜", "number": "110***********4514",
	}, got)
	head, err := f.store.Head(t.Context(), "a2")
	require.NoError(t, err)
	require.NoError(t, f.vault.Delete(t.Context(), "a2", head.Identity.Ref))
	require.Equal(t, false, f.get("/v1/accounts/a2/identity").is(http.StatusOK)["known"], "deleted")
}

func TestAttemptsAndConsents(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.qr("a1")
	f.clock.advance(time.Minute)
	f.qr("a1") // another code for the same attempt
	f.clock.advance(time.Minute)
	require.NoError(t, f.engine.Provider(t.Context(), "a1", lifecycle.Fail))

	attempts := f.get("/v1/accounts/a1/attempts").is(http.StatusOK)["attempts"].([]any)
	require.Len(t, attempts, 1)
	one := attempts[0].(object)
	require.Equal(t, "failed", one["result"])
	require.Equal(t, "2020-12-05T10:02:00+08:00", one["result_at"])
	require.Equal(t, "2020-12-05T10:00:00+08:00", one["started_at"])
	require.Equal(t, "2020-12-06T09:00:00+08:00", one["ends_at"])
	require.Equal(t, true, one["counts"])
	require.Equal(t, true, one["watched"], "it may pass late")
	require.Nil(t, one["returned_at"])
	leases := one["leases"].([]any)
	require.Len(t, leases, 2)
	require.Equal(t, "2020-12-05T10:11:00+08:00", leases[1].(object)["expires_at"])

	consents := f.get("/v1/accounts/a1/consents").is(http.StatusOK)["consents"].([]any)
	require.NotEmpty(t, consents)
	last := consents[len(consents)-1].(object)
	var kinds, versions []any
	for _, c := range consents {
		kinds, versions = append(kinds, c.(object)["kind"]), append(versions, c.(object)["text_version"])
	}
	require.Subset(t, kinds, []any{"face-separate", "provide-to-third-party"})
	require.Subset(t, versions, []any{"face-2026-12", "provide-2026-12"})
	require.Nil(t, last["ended_at"])
	require.Equal(t, true, last["has_evidence"])
	f.post("/v1/accounts/a1/verification/withdraw-consent", object{}).is(http.StatusOK)
	consents = f.get("/v1/accounts/a1/consents").is(http.StatusOK)["consents"].([]any)
	require.Equal(t, "2020-12-05T10:02:00+08:00", consents[len(consents)-1].(object)["ended_at"])
	one = f.get("/v1/accounts/a1/attempts").is(http.StatusOK)["attempts"].([]any)[0].(object)
	require.Equal(t, false, one["counts"], "of a consent that was withdrawn")
	require.Equal(t, false, one["watched"])

	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	for _, path := range []string{"attempts", "consents"} {
		require.NotContains(t, string(f.get("/v1/accounts/a1/"+path).body), head.Attempts[0].ProviderRef)
	}
}

func TestBlocksOfAnAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	require.Empty(t, f.get("/v1/accounts/a1/blocks").is(http.StatusOK)["blocks"])
	said := f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)
	for range 2 {
		f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)
	}
	require.NoError(t, f.gate.Close(context.WithoutCancel(t.Context()))) // writes the repeats
	blocks := f.get("/v1/accounts/a1/blocks").is(http.StatusOK)["blocks"].([]any)
	require.Len(t, blocks, 1)
	one := blocks[0].(object)
	require.Equal(t, said["receipt"], one["receipt"])
	require.InDelta(t, 2, one["repeats"], 0)
	require.Equal(t, "2020-12-04T00:00:00+08:00", one["since"])
}

func TestHistoryFromItsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.post("/v1/accounts/a1/logins", object{"login_id": "l1"}).is(http.StatusOK)
	f.qr("a1")
	events := func(query string) (all []string, cursor any) {
		got := f.get("/v1/accounts/a1/history?" + query).is(http.StatusOK)
		for _, e := range got["entries"].([]any) {
			all = append(all, e.(object)["event"].(string))
		}
		return all, got["cursor"]
	}
	first, cursor := events("order=newest&limit=2")
	require.Equal(t, []string{"issue_qr", "prompt"}, first)
	rest, end := events("order=newest&limit=9&cursor=" + url.QueryEscape(cursor.(string)))
	require.Equal(t, []string{"approve", "begin_review", "submit"}, rest)
	require.Nil(t, end)
	moves, _ := events("only=moves")
	require.Equal(t, []string{"submit", "begin_review", "approve", "issue_qr"}, moves)
	field(t, f.get("/v1/accounts/a1/history?cursor="+url.QueryEscape(cursor.(string))).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
	f.get("/v1/accounts/a1/history", as(f.newKey(api.VerificationsRead))).is(http.StatusOK)
}

func TestLiveBesideTheRecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.LiveWait = 50 * time.Millisecond })
	f.approved("a1")
	f.qr("a1")
	live := func() object { return f.get("/v1/accounts/a1/verification/live").is(http.StatusOK) }
	recalls := func(r func(*contract.Status) error) { f.engine.Set(func(e *apitest.Engine) { e.Recalls = r }) }

	got := live()
	require.Equal(t, "answered", got["run"])
	require.Empty(t, got["differences"])
	require.Equal(t, "run-1", got["live"].(object)["workflow"].(object)["run_id"])
	require.Equal(t, "qr_issued", got["recorded"].(object)["state"])

	recalls(func(s *contract.Status) error {
		s.State, s.Turn, s.Seq, s.Lease, s.Identity = lifecycle.Approved, lifecycle.Approved.Turn(), s.Seq-1, nil, "other"
		s.Attempts.Used = 0
		return nil
	})
	got = live()
	require.InDelta(t, 1, got["behind"], 0)
	found := map[string]object{}
	for _, d := range got["differences"].([]any) {
		found[d.(object)["field"].(string)] = d.(object)
	}
	require.Len(t, found, 5)
	require.Equal(t, object{"field": "state", "live": "approved", "recorded": "qr_issued"}, found["state"])
	require.Equal(t, object{"field": "attempts.used", "live": "0", "recorded": "1"}, found["attempts.used"])
	require.Contains(t, found["lease"]["recorded"], "2020-12-05T10:10:00+08:00")
	require.Nil(t, found["lease"]["live"])
	require.Equal(t, object{"field": "identity", "live": nil, "recorded": nil}, found["identity"], "references are not shown")
	require.Contains(t, found, "seq")

	for want, err := range map[string]error{"none": api.ErrRunUnknown, "closed": api.ErrRunClosed, "away": api.ErrEngineUnavailable} {
		recalls(func(*contract.Status) error { return err })
		got = live()
		require.Equal(t, want, got["run"])
		require.Nil(t, got["live"])
		require.Empty(t, got["differences"])
		require.Equal(t, "qr_issued", got["recorded"].(object)["state"])
	}
	f.engine.Set(func(e *apitest.Engine) { e.Recalls, e.Block = nil, make(chan struct{}) })
	require.Equal(t, "away", live()["run"], "an engine that never answers is not waited for")
}

func TestManualRouteByTheOperator(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	reviewer := as(f.newKey(api.ReviewsWrite))
	send := func(what string, body object) answer { return f.post("/v1/accounts/a1/"+what, body, reviewer) }
	field(t, send("send-to-manual", object{}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	require.Equal(t, "manual_review", send("send-to-manual", object{"reason": "The merchant cannot use a camera."}).is(http.StatusOK)["state"])
	send("send-to-manual", object{"reason": "again"}).problem(http.StatusConflict, api.CodeStepNotAllowed)
	last := f.get("/v1/accounts/a1/history?order=newest&limit=1").is(http.StatusOK)["entries"].([]any)[0].(object)
	require.Equal(t, "operator", last["actor"].(object)["kind"])
	require.Equal(t, "stated", last["reason"], "free text lies in the vault")
	require.Equal(t, true, last["detail"].(object)["has_note"])
	require.Equal(t, "approved", send("take-from-manual", object{"reason": "mistake"}).is(http.StatusOK)["state"])

	f.post("/v1/accounts/a1/close", object{"reason": "left"}).is(http.StatusOK)
	send("send-to-manual", object{"reason": "late"}).problem(http.StatusConflict, api.CodeAccountClosed)
}

// TestCorrectorsMayNotRegister: accounts:correct opens what changes a known account, and no new one.
func TestCorrectorsMayNotRegister(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	support := as(f.newKey(api.AccountsCorrect))
	facts := object{"kind": "individual", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00", "reason": "typing_error"}
	p := f.do(http.MethodPut, "/v1/accounts/new", facts, support).problem(http.StatusForbidden, api.CodeForbidden)
	require.Equal(t, "accounts:write", p["scope"])
	f.get("/v1/accounts/new").problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.account("a1")
	facts["kind"] = "enterprise"
	require.InDelta(t, 2, f.do(http.MethodPut, "/v1/accounts/a1", facts, support).is(http.StatusOK)["version"], 0)
	f.post("/v1/accounts/a1/links", object{"purpose": "verify", "reason": "lost the link"}, support).is(http.StatusCreated)
	f.post("/v1/accounts/a1/close", object{"reason": "left"}, support).is(http.StatusOK)
	f.post("/v1/accounts/a1/reopen", object{"reason": "mistake"}, support).is(http.StatusOK)
}
