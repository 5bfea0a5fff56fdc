package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// documented checks answers against the served document.
type documented struct {
	*fixture
	router routers.Router
}

func newDocumented(f *fixture) *documented {
	f.t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(f.get("/openapi.json").body)
	require.NoError(f.t, err)
	doc.Servers = openapi3.Servers{{URL: f.server.URL}}
	router, err := gorillamux.NewRouter(doc)
	require.NoError(f.t, err)
	return &documented{f, router}
}

// check sends a request and validates request and answer.
func (c *documented) check(status int, method, path string, body any, options ...option) answer {
	c.t.Helper()
	got := c.do(method, path, body, options...)
	require.Equal(c.t, status, got.status, "%s %s: %s", method, path, got.body)
	text, err := json.Marshal(body)
	require.NoError(c.t, err)
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+path, bytes.NewReader(text))
	require.NoError(c.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	route, params, err := c.router.FindRoute(r)
	require.NoError(c.t, err)
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    func(context.Context, *openapi3filter.AuthenticationInput) error { return nil },
			IncludeResponseStatus: true,
		},
	}
	if status < 400 {
		require.NoError(c.t, openapi3filter.ValidateRequest(c.t.Context(), in), "%s %s", method, path)
	}
	require.NoError(c.t, openapi3filter.ValidateResponse(c.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body)),
		Options: in.Options,
	}), "%s %s: %s", method, path, got.body)
	return got
}

// TestAnswersAreAsDocumented goes the whole way and checks each answer, refusals included.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	c := newDocumented(f)
	const get, put, post = http.MethodGet, http.MethodPut, http.MethodPost
	v := "/v1/accounts/a1/verification"
	facts := object{"kind": "individual", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00"}
	c.check(200, get, "/v1/figures", nil)
	c.check(404, get, "/v1/accounts/a1", nil)
	c.check(422, put, "/v1/accounts/a1", object{})
	c.check(201, put, "/v1/accounts/a1", facts)
	c.check(200, put, "/v1/accounts/a1", facts)
	c.check(200, get, "/v1/accounts/a1", nil)
	c.check(409, put, "/v1/accounts/a1", object{"kind": "enterprise", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00"})
	c.check(200, post, "/v1/accounts/a1/decisions", object{"action": "create_label"})
	c.check(200, post, "/v1/accounts/a1/decisions", object{"action": "create_label", "at": "2020-11-01T00:00:00Z", "basis": "would"})
	c.check(422, post, "/v1/accounts/a1/decisions", object{"action": "fly"})
	c.check(401, post, "/v1/accounts/a1/decisions", object{"action": "fly"}, as(""))
	c.check(403, post, "/v1/accounts/a1/decisions", object{"action": "fly"}, as(f.newKey(api.AuditRead)))
	c.check(200, post, "/v1/decisions:batch", object{"action": "create_label", "account_ids": []string{"a1", "nobody"}})
	c.check(200, post, "/v1/accounts/a1/logins", object{})
	c.check(200, post, "/v1/accounts/a1/logins", object{"login_id": "l1"})
	c.check(200, get, v, nil)
	c.check(400, post, v+"/submit", object{"identity_ref": "x"})
	c.check(422, post, v+"/submit", object{})
	c.check(200, post, v+"/submit", realName())
	c.check(409, post, v+"/submit", realName())
	c.queue()
	c.check(200, post, "/v1/reviews/a1", object{"decision": "approve", "note": "fine"})
	c.check(409, post, v+"/correct", realName())
	c.check(422, post, v+"/start-face", object{})
	c.check(200, post, v+"/start-face", consent())
	c.check(200, post, v+"/refresh", object{})
	c.check(200, post, v+"/choose-manual", object{"reason": "no_camera"})
	c.check(200, post, v+"/cancel-manual", object{})
	c.check(200, post, v+"/withdraw-consent", object{})
	for range 4 {
		c.check(200, post, v+"/start-face", consent())
		require.NoError(t, f.engine.Provider(t.Context(), "a1", lifecycle.Fail))
	}
	c.check(409, post, v+"/start-face", consent())
	c.check(200, post, "/v1/accounts/a1/unlock", object{"reason": "called"})
	c.check(200, post, v+"/choose-manual", object{})
	c.check(200, get, evidencePath, nil)
	c.check(404, http.MethodDelete, evidencePath+"/x", nil)
	c.check(409, post, "/v1/reviews/a1/manual", object{"decision": "approve", "evidence": []string{"x"}})
	c.check(200, post, "/v1/reviews/a1/manual", object{"decision": "approve"})
	c.check(200, get, "/v1/accounts/a1", nil)
	c.check(200, post, "/v1/accounts/a1/logins", object{})
	c.check(200, post, "/v1/accounts/a1/revoke", object{"reason": "test"})
	asked := c.check(201, post, "/v1/accounts/a1/extensions", object{"until": "2020-12-11T00:00:00+08:00", "reason": "test", "rule": "existing-individuals"}).json()
	one, second := "/v1/extensions/"+asked["id"].(string), as(f.newKey(api.PoliciesApprove))
	c.check(409, post, one+"/approve", object{})
	c.check(200, post, one+"/approve", object{"reason": "seen", "note": "fine"}, second)
	c.check(409, post, one+"/reject", object{"reason": "late"}, second)
	c.check(200, post, one+"/revoke", object{"reason": "found"}, second)
	c.check(404, post, "/v1/extensions/x/approve", object{}, second)
	c.check(200, get, one, nil)
	c.check(200, get, "/v1/extensions?state=revoked&limit=1", nil)
	c.check(200, get, "/v1/accounts/a1/extensions", nil)
	c.check(404, post, "/v1/extensions:approve", object{"batch_id": "b", "reason": "seen", "count": 1}, second)
	c.check(200, get, "/v1/accounts/a1/versions", nil)
	c.check(200, post, "/v1/accounts/a1/close", object{"reason": "left", "at": "2020-12-05T09:00:00+08:00"})
	c.check(409, post, v+"/submit", realName())
	c.check(200, get, "/v1/accounts/a1", nil)
	c.check(200, post, "/v1/accounts/a1/reopen", object{"reason": "mistake"})
	c.check(200, get, "/v1/accounts/a1/history?limit=3", nil)
	c.accountDetails()
	c.check(200, get, "/v1/verifications?state=unverified", nil)
	c.check(422, get, "/v1/verifications?cursor=x", nil)
	c.check(200, get, "/v1/verifications:export?format=csv", nil)
	c.check(422, get, "/v1/verifications:export?rule=another", nil)
	c.check(200, get, "/v1/policies", nil)
	c.check(200, get, "/v1/policies/wishpost-face-verification/versions/1", nil)
	c.check(404, get, "/v1/policies/x/versions/1", nil)
	c.policies()
	c.check(200, put, "/v1/accounts/a1/contact", object{"phone": "+8613800000000"})
	c.check(422, put, "/v1/accounts/a1/contact", object{"phone": "13800000000"})
	c.check(404, put, "/v1/accounts/nobody/contact", object{"phone": "+8613800000000"})
	c.check(200, http.MethodDelete, "/v1/accounts/a1/contact", nil)
	c.check(200, get, "/v1/accounts/a1/notices", nil)
	c.check(200, post, "/v1/accounts/a1/prompts/1", object{"event": "shown"})
	c.check(404, post, "/v1/accounts/a1/prompts/99", object{"event": "shown"})
	c.check(200, get, "/v1/accounts/a1/prompts?limit=1", nil)
	run := c.check(202, post, "/v1/reminders", object{"policy": "wishpost-face-verification", "dry_run": true}).json()["run_id"].(string)
	c.check(404, post, "/v1/reminders", object{"policy": "another"})
	c.check(200, get, "/v1/reminders/"+run, nil)
	c.check(404, get, "/v1/reminders/p:1", nil)
	for _, step := range []string{"pause", "resume", "cancel"} {
		c.check(200, post, "/v1/reminders/"+run+"/"+step, object{})
	}
	c.check(200, get, "/healthz", nil)
	c.check(200, get, "/readyz", nil)
	f.engine.Set(func(e *apitest.Engine) { e.Failing = api.ErrOutcomeUnknown })
	c.check(503, post, v+"/submit", realName())
}

// policies goes the way of a version, with another key for its approval.
func (c *documented) policies() {
	c.t.Helper()
	const get, post, policy = http.MethodGet, http.MethodPost, "/v1/policies/wishpost-face-verification"
	next := object{"text": policyText(c.t, 2, "mode: enforce", "mode: observe"), "note": "observe", "effective_from": "2020-12-06T00:00:00+08:00"}
	approver := as(c.newKey(api.PoliciesApprove))
	c.check(422, post, "/v1/policies", object{"text": "name: x", "note": "n"})
	c.check(201, post, "/v1/policies", next)
	c.check(200, post, "/v1/policies", next)
	c.check(409, post, policy+"/versions/2/approve", object{})
	c.check(200, post, policy+"/versions/2/approve", object{"reason": "seen"}, approver)
	c.check(409, post, policy+"/versions/2/reject", object{"reason": "late"}, approver)
	c.check(200, post, policy+"/versions/2/withdraw", object{"reason": "slip"})
	c.check(200, get, policy+"/diff?from=1&to=2", nil)
	c.check(200, get, "/v1/policies:in-force?at=2020-12-07T00:00:00Z", nil)
	c.check(201, post, policy+"/brake", object{"rule": "existing-individuals", "reason": "slip"})
	c.check(200, get, "/v1/brakes", nil)
	c.check(200, get, policy+"/observed?limit=1", nil)
	c.check(200, post, policy+"/release", object{"rule": "existing-individuals", "reason": "mended"})
	c.check(409, post, policy+"/release", object{"reason": "mended"})
	c.check(200, get, policy+"/history", nil)
}

// TestTheDocumentIsWhole: everything has words, and every problem that can be answered is explained.
func TestTheDocumentIsWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	var spec struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			ID          string   `json:"operationId"`
			Summary     string   `json:"summary"`
			Description string   `json:"description"`
			Tags        []string `json:"tags"`
			Parameters  []struct {
				Name        string `json:"name"`
				Description string `json:"description"`
			} `json:"parameters"`
			Responses map[string]struct {
				Description string `json:"description"`
			} `json:"responses"`
		} `json:"paths"`
	}
	body := f.get("/openapi.json", as("")).body
	require.NoError(t, json.Unmarshal(body, &spec))
	require.Equal(t, "3.1.0", spec.OpenAPI)
	ids := map[string]bool{}
	for path, item := range spec.Paths {
		for method, op := range item {
			name := method + " " + path
			require.NotEmpty(t, op.Summary, name)
			require.NotEmpty(t, op.Description, name)
			require.Len(t, op.Tags, 1, name)
			require.False(t, ids[op.ID], name)
			ids[op.ID] = true
			for _, p := range op.Parameters {
				require.NotEmpty(t, p.Description, "%s %s", name, p.Name)
			}
			for status, r := range op.Responses {
				require.NotEmpty(t, r.Description, "%s %s", name, status)
			}
		}
	}
	for _, secret := range []string{"identity_ref", "note_ref", "evidence_ref"} {
		require.NotContains(t, string(body), secret)
	}
}

func TestDocsNeedNoOtherHost(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	got := f.get("/docs", as(""))
	got.isPage(http.StatusOK, "<code>/v1/accounts/{account_id}/decisions</code>")
	page := string(got.body)
	require.Contains(t, page, `id="problem-step_not_allowed"`)
	require.Contains(t, page, "document.number")
	for _, op := range f.operations() {
		require.Contains(t, page, op.path)
	}
	for _, loads := range []string{"<script", "<link", "<img", "src=", "@import", "url("} {
		require.NotContains(t, page, loads)
	}
	for part := range strings.SplitSeq(page, "href=\"") {
		target, _, _ := strings.Cut(part, "\"")
		if u, err := url.Parse(target); err == nil {
			require.Empty(t, u.Host, target)
		}
	}
}

// queue goes through the operations of reviewers on a1, which is under review, and ends with nobody holding it.
func (c *documented) queue() {
	c.t.Helper()
	const get, post, path = http.MethodGet, http.MethodPost, "/v1/reviews/a1"
	other := as(c.newKey(api.ReviewsWrite))
	c.check(200, get, "/v1/reviews?queue=review&order=risk&claimed=free&late=true&escalated=true&age=day&limit=1", nil)
	c.check(200, get, "/v1/reviews?queue=review&limit=1", nil)
	c.check(422, get, "/v1/reviews?queue=review&cursor=x", nil)
	c.check(200, get, "/v1/reviews:counts?queue=manual", nil)
	c.check(200, post, "/v1/reviews:next", object{"queue": "review"})
	c.check(200, post, "/v1/reviews:next", object{"queue": "review", "order": "risk"})
	c.check(200, get, path, nil)
	c.check(409, post, path+"/claim", object{}, other)
	c.check(200, post, path+"/claim", object{})
	c.check(200, post, "/v1/accounts/a1/identity:reveal", object{"reason": "test", "fields": []string{"name", "number"}})
	c.check(409, post, "/v1/accounts/a1/identity:reveal", object{"reason": "test", "fields": []string{"name"}}, as(c.newKey(api.IdentitiesRead)))
	c.check(200, post, path+"/release", object{})
	c.check(200, post, path+"/escalate", object{"reason": "unsure"})
	c.check(200, get, path, nil)
	c.check(404, get, "/v1/reviews/nobody", nil)
	c.check(409, post, path, object{"decision": "approve", "seq": 1})
}
