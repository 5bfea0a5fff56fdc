package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.qr("a1")
	var events []any
	cursor := ""
	for {
		got := f.get("/v1/accounts/a1/history?limit=1&cursor=" + url.QueryEscape(cursor)).is(http.StatusOK)
		entries, ok := got["entries"].([]any)
		require.True(t, ok)
		require.Len(t, entries, 1)
		events = append(events, entries[0].(object)["event"])
		if got["cursor"] == nil {
			break
		}
		cursor = got["cursor"].(string)
	}
	require.Equal(t, []any{"submit", "begin_review", "approve", "issue_qr"}, events)

	whole := f.get("/v1/accounts/a1/history")
	last := whole.is(http.StatusOK)["entries"].([]any)[3].(object)
	require.Equal(t, "merchant", last["actor"].(object)["kind"])
	detail, ok := last["detail"].(object)
	require.True(t, ok)
	require.Equal(t, "face-2026-12", detail["consent"].(object)["text_version"])
	require.InEpsilon(t, 1.0, detail["attempt"].(object)["number"], 0.001)
	head, err := f.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	for _, hidden := range []string{head.Identity.Ref, head.Identity.Digest, head.Consent.EvidenceRef, head.Attempts[0].ProviderRef, head.Attempts[0].OrderNo} {
		require.NotEmpty(t, hidden)
		require.NotContains(t, string(whole.body), hidden)
	}
	f.get("/v1/accounts/nobody/history").problem(http.StatusNotFound, api.CodeAccountNotFound)
}

func TestListVerifications(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	for i := range 5 {
		f.account(fmt.Sprintf("u%d", i))
	}
	f.account("w1")
	f.post("/v1/accounts/w1/verification/submit", realName()).is(http.StatusOK)
	list := func(query string) ([]string, any) {
		got := f.get("/v1/verifications" + query).is(http.StatusOK)
		var ids []string
		for _, v := range got["verifications"].([]any) {
			ids = append(ids, v.(object)["account_id"].(string))
		}
		return ids, got["cursor"]
	}
	ids, cursor := list("")
	require.Equal(t, []string{"u0", "u1", "u2", "u3", "u4", "w1"}, ids)
	require.Nil(t, cursor)
	ids, _ = list("?state=under_review")
	require.Equal(t, []string{"w1"}, ids)
	ids, _ = list("?turn=operator")
	require.Equal(t, []string{"w1"}, ids)
	ids, cursor = list("?limit=2&turn=merchant")
	require.Equal(t, []string{"u0", "u1"}, ids)
	next := url.QueryEscape(cursor.(string))
	ids, _ = list("?limit=2&turn=merchant&cursor=" + next)
	require.Equal(t, []string{"u2", "u3"}, ids)

	field(t, f.get("/v1/verifications?limit=2&turn=operator&cursor="+next).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
	for query, name := range map[string]string{
		"?state=asleep": "state", "?turn=mine": "turn", "?limit=0": "limit", "?limit=501": "limit", "?limit=x": "limit", "?cursor=dTE": "cursor",
		"?cursor=" + next[:len(next)-2] + "xx": "cursor",
	} {
		field(t, f.get("/v1/verifications"+query).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), name)
	}
	field(t, f.get("/v1/verifications?order=1").problem(http.StatusBadRequest, api.CodeInvalidRequest), "order")
	field(t, f.get("/v1/verifications?state=scanned&state=verified").problem(http.StatusBadRequest, api.CodeInvalidRequest), "state")
}

func TestCursorOfAnotherAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.approved("a2")
	cursor := f.get("/v1/accounts/a1/history?limit=1").is(http.StatusOK)["cursor"].(string)
	field(t, f.get("/v1/accounts/a2/history?cursor="+url.QueryEscape(cursor)).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	list := f.get("/v1/policies").is(http.StatusOK)["policies"].([]any)
	require.Len(t, list, 1)
	require.Equal(t, "wishpost-face-verification", list[0].(object)["name"])
	require.Equal(t, "2020-10-01T00:00:00+08:00", list[0].(object)["effective_from"])
	one := f.get("/v1/policies/wishpost-face-verification/versions/1").is(http.StatusOK)
	require.Contains(t, one["text"], "existing-individuals")
	require.Len(t, one["digest"], 64)
	for _, path := range []string{"other/versions/1", "wishpost-face-verification/versions/2", "wishpost-face-verification/versions/01"} {
		f.get("/v1/policies/"+path).problem(http.StatusNotFound, api.CodePolicyNotFound)
	}
}
