package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func TestTheMerchantsWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	path := "/v1/accounts/a1/verification"
	require.Equal(t, "block", f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)["effect"])

	status := f.post(path+"/submit", realName()).is(http.StatusOK)
	require.Equal(t, "under_review", status["state"])
	require.Equal(t, "operator", status["turn"])
	status = f.post("/v1/reviews/a1", object{"decision": "reject", "reason_code": "name_unusual", "note": "looks like " + canaryName}).is(http.StatusOK)
	require.Equal(t, "rejected", status["state"])
	require.Equal(t, "name_unusual", status["reason"])
	f.post(path+"/submit", realName()).is(http.StatusOK)
	f.post("/v1/reviews/a1", object{"decision": "approve"}).is(http.StatusOK)

	status = f.qr("a1")
	qr, ok := status["qr"].(object)
	require.True(t, ok)
	require.Equal(t, "2020-12-05T10:10:00+08:00", qr["expires_at"])
	require.Equal(t, f.tokens.ScanURL(qr["lease_id"].(string)), qr["url"])
	require.Equal(t, f.tokens.PNGURL(qr["lease_id"].(string)), qr["png"])
	require.Equal(t, object{"id": "verification/a1", "run_id": "run-1"}, status["workflow"])
	require.Equal(t, object{"used": 1.0, "left": 4.0, "next_at": nil}, status["attempts"])

	require.NoError(t, f.engine.Provider(t.Context(), "a1", lifecycle.Pass))
	status = f.post(path+"/refresh", object{}).is(http.StatusOK)
	require.Equal(t, "verified", status["state"])
	require.Equal(t, "face", status["method"])
	require.Nil(t, status["qr"])
	require.Equal(t, "verified", f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)["reason"])

	status = f.post("/v1/accounts/a1/revoke", object{"reason": "wrong_person"}).is(http.StatusOK)
	require.Equal(t, "unverified", status["state"])
	require.Equal(t, "block", f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)["effect"])
}

// TestStatusIsTheContract lists every member: nothing of the vault, nothing that the contract does not have.
func TestStatusIsTheContract(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	require.Equal(t, object{
		"account_id": "a1", "state": "approved", "turn": "merchant", "seq": 3.0, "since": "2020-12-05T10:00:00+08:00", "method": nil,
		"attempts": object{"used": 0.0, "left": 5.0, "next_at": nil}, "reason": nil,
		"allowed": []any{"choose_manual", "correct", "refresh", "revoke", "start_face", "submit"}, "qr": nil,
		"workflow": object{"id": "verification/a1", "run_id": nil},
	}, f.get("/v1/accounts/a1/verification").is(http.StatusOK))

	f.account("a2")
	got := f.get("/v1/accounts/a2/verification").is(http.StatusOK)
	require.Equal(t, "unverified", got["state"])
	require.Nil(t, got["since"])
	f.get("/v1/accounts/nobody/verification").problem(http.StatusNotFound, api.CodeAccountNotFound)
}

func TestTheRouteWithoutAFace(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	path := "/v1/accounts/a1/verification"
	f.vault.clear()
	require.Equal(t, "manual_review", f.post(path+"/choose-manual", object{"reason": "我不想使用人脸"}).is(http.StatusOK)["state"])
	require.Len(t, f.vault.kept(), 1, "free text lies in the vault")
	require.Equal(t, "approved", f.post(path+"/cancel-manual", object{}).is(http.StatusOK)["state"])
	f.post(path+"/choose-manual", object{"reason": "no_camera"}).is(http.StatusOK)
	require.Len(t, f.vault.kept(), 1, "a code does not")
	status := f.post("/v1/reviews/a1/manual", object{"decision": "approve", "note": "seen the documents"}).is(http.StatusOK)
	require.Equal(t, "verified", status["state"])
	require.Equal(t, "manual", status["method"])
}

func TestConsent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	path := "/v1/accounts/a1/verification/start-face"
	f.vault.clear()
	f.post(path, object{}).problem(http.StatusUnprocessableEntity, api.CodeConsentRequired)
	f.post(path, object{"consent": object{"text_version": "v1", "language": "zh-CN", "agreed": false}}).problem(http.StatusUnprocessableEntity, api.CodeConsentRequired)
	f.post(path, object{"consent": object{"text_version": "v1", "language": "zh-CN"}}).problem(http.StatusUnprocessableEntity, api.CodeConsentRequired)
	got := f.post(path, object{"consent": object{"agreed": true}}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	field(t, got, "consent.text_version")
	field(t, got, "consent.language")
	two := consent()
	two["provide"] = object{"text_version": "two words", "text_sha256": "abc", "agreed": true}
	got = f.post(path, two).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	require.Equal(t, "form", field(t, got, "provide.text_version")["code"])
	require.Equal(t, "form", field(t, got, "provide.text_sha256")["code"])
	require.Empty(t, f.vault.kept())

	f.post(path, object{"consent": object{"text_version": "face-2026-12", "language": "zh-CN", "agreed": true, "address": "192.0.2.7", "user_agent": "Phone"}, "provide": object{"text_version": "provide-2026-12", "agreed": true}}).is(http.StatusOK)
	refs := f.vault.kept()
	require.Len(t, refs, 1)
	evidence, err := f.vault.Text(t.Context(), "a1", refs[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"address":"192.0.2.7","user_agent":"Phone"}`, evidence)

	f.clock.advance(time.Minute)
	f.post(path, object{}).is(http.StatusOK) // the consent in force
	f.engine.Set(func(e *apitest.Engine) { e.SameConsent = true })
	f.post(path, consent()).is(http.StatusOK)
	require.Equal(t, refs, f.vault.kept(), "evidence that the log does not hold is taken back")
	status := f.post("/v1/accounts/a1/verification/withdraw-consent", object{}).is(http.StatusOK)
	require.Equal(t, "approved", status["state"])
	f.post(path, object{}).problem(http.StatusUnprocessableEntity, api.CodeConsentRequired)
	f.post("/v1/accounts/a1/verification/withdraw-consent", object{}).problem(http.StatusConflict, api.CodeStepNotAllowed)
}

func TestRealNameFaultsComeTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	for _, step := range []string{"submit", "correct"} {
		got := f.post("/v1/accounts/a1/verification/"+step, object{
			"name": "", "document": object{"type": "cn_id", "number": "110101199003074515"}, "risk_notice_version": "",
		}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
		require.Equal(t, "required", field(t, got, "name")["code"])
		require.Equal(t, "check_digit_wrong", field(t, got, "document.number")["code"])
		require.Equal(t, "required", field(t, got, "risk_notice_version")["code"])
	}
	require.Empty(t, f.vault.kept())
	chinese := f.post("/v1/accounts/a1/verification/submit", object{"document": object{"type": "cn_id"}}, header("Accept-Language", "zh-CN,zh;q=0.9"))
	require.Equal(t, "zh-CN", chinese.header.Get("Content-Language"))
	require.Contains(t, field(t, chinese.problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "name")["message"], "请填写")
}

// TestNothingIsLeftInTheVault: what a command did not take is taken back; what it may have taken stays.
func TestNothingIsLeftInTheVault(t *testing.T) {
	t.Parallel()
	path := "/v1/accounts/a1/verification/submit"
	t.Run("taken", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, "2020-12-05 10:00:00")
		f.account("a1")
		f.post(path, realName()).is(http.StatusOK)
		require.Len(t, f.vault.kept(), 1)
	})
	t.Run("refused by the state", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, "2020-12-05 10:00:00")
		f.account("a1")
		f.verified("a1")
		got := f.post(path, realName()).problem(http.StatusConflict, api.CodeStepNotAllowed)
		require.Equal(t, "verified", got["state"])
		require.Contains(t, got["allowed"], "revoke")
		require.Empty(t, f.vault.kept())
	})
	t.Run("unknown account", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, "2020-12-05 10:00:00")
		f.post(path, realName()).problem(http.StatusNotFound, api.CodeAccountNotFound)
		require.Empty(t, f.vault.kept())
	})
	t.Run("engine did not take it", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, "2020-12-05 10:00:00")
		f.account("a1")
		f.engine.Set(func(e *apitest.Engine) { e.Failing = api.ErrEngineUnavailable })
		got := f.post(path, realName()).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
		require.Equal(t, "not_taken", got["command"])
		require.Empty(t, f.vault.kept())
	})
	t.Run("answer lost, then sent again", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, "2020-12-05 10:00:00")
		f.account("a1")
		f.engine.Set(func(e *apitest.Engine) { e.Lost = true })
		got := f.post(path, realName(), idempotent("k1")).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
		require.Equal(t, "unknown", got["command"])
		require.Len(t, f.vault.kept(), 1, "it may hold it")
		first := f.vault.kept()
		f.engine.Set(func(e *apitest.Engine) { e.Lost = false })
		f.post(path, realName(), idempotent("k1")).is(http.StatusOK)
		require.Equal(t, first, f.vault.kept(), "the repetition's own record is taken back")
		head, err := f.store.Head(t.Context(), "a1")
		require.NoError(t, err)
		require.Equal(t, first[0], head.Identity.Ref)
		require.Equal(t, 1, head.Revision)
	})
	t.Run("a review that is refused", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, "2020-12-05 10:00:00")
		f.account("a1")
		f.post("/v1/reviews/a1", object{"decision": "approve", "note": "fine"}).problem(http.StatusConflict, api.CodeStepNotAllowed)
		f.post("/v1/accounts/a1/revoke", object{"reason": "free text, please"}).problem(http.StatusConflict, api.CodeStepNotAllowed)
		f.post("/v1/accounts/a1/verification/start-face", consent()).problem(http.StatusConflict, api.CodeStepNotAllowed)
		require.Empty(t, f.vault.kept())
	})
}

func TestAttemptsExhausted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	for range 5 {
		f.qr("a1")
		require.NoError(t, f.engine.Provider(t.Context(), "a1", lifecycle.Fail))
	}
	got := f.post("/v1/accounts/a1/verification/start-face", consent()).problem(http.StatusConflict, api.CodeAttemptsExhausted)
	require.Equal(t, "locked", got["state"])
	next, err := time.Parse(time.RFC3339, got["next_at"].(string))
	require.NoError(t, err)
	require.True(t, beijing(t, "2020-12-06 00:00:00").Equal(next))
	status := f.post("/v1/accounts/a1/unlock", object{}).is(http.StatusOK)
	require.Equal(t, "approved", status["state"])
	f.clock.advance(time.Second)
	f.qr("a1")
}

func TestCorrection(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	path := "/v1/accounts/a1/verification/correct"
	f.post(path, realName()).problem(http.StatusConflict, api.CodeCorrectionNotAllowed)
	body := realName()
	body["support_reason"] = "wrong_card"
	got := f.post(path, body, as(f.newKey(api.VerificationsWrite))).problem(http.StatusForbidden, api.CodeForbidden)
	require.Equal(t, "accounts:correct", got["scope"])
	service := realName() // support's key is not for the merchant's commands
	p := f.post(path, service, as(f.newKey(api.AccountsCorrect))).problem(http.StatusForbidden, api.CodeForbidden)
	require.Equal(t, "verifications:write", p["scope"])
	require.Equal(t, "submitted", f.post(path, body, as(f.newKey(api.AccountsCorrect))).is(http.StatusOK)["state"])
}

// TestCorrectionWindow is the founding rule's: once, from 2020-10-29 00:00 to 2020-11-12 00:00, later by support only.
func TestCorrectionWindow(t *testing.T) {
	t.Parallel()
	from, before := beijing(t, "2020-10-29 00:00:00"), beijing(t, "2020-11-12 00:00:00")
	f := newFixture(t, "2020-10-15 00:00:00")
	correct := func(id string) answer { return f.post("/v1/accounts/"+id+"/verification/correct", realName()) }
	for i, c := range []struct {
		at      time.Time
		allowed bool
	}{{from.Add(-1), false}, {from, true}, {before.Add(-1), true}, {before, false}} {
		id := fmt.Sprintf("a%d", i)
		f.clock.set(c.at.Add(-time.Hour))
		f.approved(id)
		f.clock.set(c.at)
		if !c.allowed {
			correct(id).problem(http.StatusConflict, api.CodeCorrectionNotAllowed)
			continue
		}
		require.Equal(t, "submitted", correct(id).is(http.StatusOK)["state"])
		f.post("/v1/accounts/"+id+"/revoke", object{"reason": "anew"}).is(http.StatusOK)
		f.post("/v1/accounts/"+id+"/verification/submit", realName()).is(http.StatusOK)
		f.post("/v1/reviews/"+id, object{"decision": "approve"}).is(http.StatusOK)
		correct(id).problem(http.StatusConflict, api.CodeCorrectionNotAllowed)
	}
}

// TestCorrectionsAtOnce: the right is used up by the append that uses it, whoever else is at it.
func TestCorrectionsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-01 00:00:00")
	f.approved("a1")
	answers := make([]answer, 8)
	var together sync.WaitGroup
	for i := range answers {
		together.Go(func() { answers[i] = f.post("/v1/accounts/a1/verification/correct", realName()) })
	}
	together.Wait()
	done := 0
	for _, got := range answers {
		if got.status == http.StatusOK {
			done++
			continue
		}
		got.problem(http.StatusConflict, api.CodeCorrectionNotAllowed)
	}
	require.Equal(t, 1, done)
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, 2, head.Revision)
	require.Contains(t, f.vault.kept(), head.Identity.Ref)
	require.Len(t, f.vault.kept(), 2, "the first information and the corrected one")
}

// TestCorrectionInTime: what was recorded by an instant, and what is known now, around a correction by support.
func TestCorrectionInTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.clock.set(beijing(t, "2020-12-06 10:00:00"))
	body := realName()
	body["support_reason"] = "wrong_card"
	f.post("/v1/accounts/a1/verification/correct", body).is(http.StatusOK)
	for at, want := range map[string]string{"2020-12-06 09:59:59": "start_face", "2020-12-06 10:00:00": "wait"} {
		for _, basis := range []string{"did", "would"} {
			d := f.post("/v1/accounts/a1/decisions", object{"action": "create_label", "at": beijing(t, at).Format(time.RFC3339), "basis": basis}).is(http.StatusOK)
			require.Equal(t, want, d["required_step"], "%s %s", basis, at)
		}
	}
	entries := f.get("/v1/accounts/a1/history").is(http.StatusOK)["entries"].([]any)
	last := entries[len(entries)-1].(object)
	require.Equal(t, "correct", last["event"])
	require.Equal(t, "wrong_card", last["reason"])
	require.Equal(t, "operator", last["actor"].(object)["kind"])
	require.Equal(t, "support", last["detail"].(object)["correction"])
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Zero(t, head.Corrections, "the merchant's own right is not touched")
}

func TestReviewFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	for _, path := range []string{"/v1/reviews/a1", "/v1/reviews/a1/manual"} {
		field(t, f.post(path, object{"decision": "maybe"}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "decision")
		field(t, f.post(path, object{"decision": "reject"}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason_code")
		field(t, f.post(path, object{"decision": "reject", "reason_code": "Bad name"}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason_code")
	}
	field(t, f.post("/v1/accounts/a1/revoke", object{}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
}

// TestRefreshAsksOnlyWhomThereIsToAsk: without an attempt that could still pass, the record is the truth.
func TestRefreshAsksOnlyWhomThereIsToAsk(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	path := "/v1/accounts/a1/verification/refresh"
	f.post("/v1/accounts/nobody/verification/refresh", object{}).problem(http.StatusNotFound, api.CodeAccountNotFound)
	require.Equal(t, "approved", f.post(path, object{}).is(http.StatusOK)["state"])
	require.NotContains(t, f.engine.Seen(), "refresh")
	f.qr("a1")
	require.Equal(t, "qr_issued", f.post(path, object{}).is(http.StatusOK)["state"])
	require.Contains(t, f.engine.Seen(), "refresh")
	f.engine.Set(func(e *apitest.Engine) { e.Failing = api.ErrProviderUnavailable })
	f.post(path, object{}).problem(http.StatusServiceUnavailable, api.CodeProviderUnavailable)
}
