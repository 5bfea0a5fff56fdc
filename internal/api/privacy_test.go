package api_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
)

// canaries returns the forms in which a name or number could leak.
func canaries() []string {
	var forms []string
	for _, c := range []string{canaryName, canaryNumber, "note about " + canaryName, "203.0.113.77"} {
		quoted := strings.Trim(strconv.QuoteToASCII(c), `"`)
		forms = append(forms, c, quoted, url.QueryEscape(c), hex.EncodeToString([]byte(c)), base64.StdEncoding.EncodeToString([]byte(c)))
	}
	return forms
}

// TestNothingPersonalLeaks sends names and numbers wherever anything can be sent, and looks for them in every answer
// and every line of the log.
func TestNothingPersonalLeaks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.FailureRate = api.Rate{PerSecond: 1e6, Burst: 1e6} })
	f.account("a1")
	var said strings.Builder
	send := func(got answer) {
		said.Write(got.body)
		for name, values := range got.header {
			said.WriteString(name + strings.Join(values, " "))
		}
	}
	v := "/v1/accounts/a1/verification"
	bodies := []any{
		realName(), object{"name": canaryName}, object{canaryName: canaryNumber}, `{"name":"` + canaryName, object{"document": canaryNumber},
		object{"name": 1, "document": object{"number": []string{canaryNumber}}}, object{"reason": "note about " + canaryName},
		object{"decision": "reject", "reason_code": "x", "note": "note about " + canaryName}, object{"decision": canaryName, "reason_code": canaryName},
		object{"action": canaryNumber}, object{"action": "create_label", "at": canaryName}, object{"login_id": canaryName},
		object{"until": canaryName, "reason": canaryName, "rule": canaryName}, object{"until": "2020-12-20T00:00:00Z", "reason": "note about " + canaryName},
		object{"consent": object{"text_version": canaryName, "language": canaryName, "agreed": true}},
		object{"consent": object{"text_version": "face-2026-12", "language": "zh-CN", "agreed": true, "address": "203.0.113.77", "user_agent": canaryName}, "provide": object{"text_version": "provide-2026-12", "agreed": true}},
		object{"account_ids": []string{canaryName}, "action": "login"},
	}
	for _, failing := range []error{nil, api.ErrOutcomeUnknown, http.ErrBodyNotAllowed} {
		f.engine.Set(func(e *apitest.Engine) { e.Failing = failing })
		for _, op := range f.operations() {
			if op.method == http.MethodGet {
				continue
			}
			for _, body := range bodies {
				send(f.do(op.method, concrete(op.path), body))
			}
			send(f.do(op.method, concrete(op.path)+"?reason="+url.QueryEscape(canaryName), object{}))
		}
	}
	f.engine.Set(func(e *apitest.Engine) { e.Failing = nil })
	send(f.post("/v1/accounts/a1/reopen", object{"reason": "note about " + canaryName}))
	send(f.post(v+"/submit", realName()))
	send(f.post("/v1/reviews/a1", object{"decision": "approve", "note": "note about " + canaryName}))
	send(f.post(v+"/start-face", bodies[15]))
	for _, path := range []string{
		"/v1/accounts/a1", v, "/v1/accounts/a1/history", "/v1/accounts/a1/versions", "/v1/accounts/a1/extensions", "/v1/extensions", "/v1/verifications", "/v1/accounts/" + url.PathEscape(canaryName),
		"/v1/verifications?state=" + url.QueryEscape(canaryName), "/v1/verifications?" + url.QueryEscape(canaryName) + "=1",
		"/v1/verifications?cursor=" + url.QueryEscape(canaryName), "/" + url.PathEscape(canaryName), "/s/" + url.PathEscape(canaryName),
		"/qr/" + url.PathEscape(canaryName) + ".png", "/r/" + url.PathEscape(canaryName),
	} {
		send(f.get(path))
	}
	results, _ := f.imported(`{"account_id":"` + canaryName + `","kind":"` + canaryNumber + `"}` + "\n" + `{"` + canaryName + `":1}`)
	require.Len(t, results, 2)

	require.Greater(t, said.Len(), 100_000, "the requests were answered")
	logged := f.logs.String()
	require.Contains(t, logged, "request failed", "and failures logged")
	for _, form := range canaries() {
		for where, text := range map[string]string{"answers": said.String(), "log": logged} {
			if before, after, found := strings.Cut(text, form); found {
				require.Fail(t, "leaked", "%s in %s: …%s>>>%s", form, where, before[max(0, len(before)-200):], after[:min(50, len(after))])
			}
		}
	}
	require.NotContains(t, logged, f.key)
	require.NotContains(t, said.String(), f.key)
}
