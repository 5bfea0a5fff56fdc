package api_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

// populated registers three accounts: one that the founding rule will block, one with an extension, an enterprise.
func (f *fixture) populated() {
	f.t.Helper()
	f.account("a1")
	f.account("a2")
	f.do(http.MethodPut, "/v1/accounts/a3", object{"kind": "enterprise", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00"}).is(http.StatusCreated)
	f.extended("a2", "2020-12-11T00:00:00+08:00")
}

func TestPreviewOfTheFoundingRule(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-10 12:00:00")
	f.populated()
	c := newDocumented(f)
	got := c.check(200, http.MethodPost, "/v1/policies:impact", object{"at": "2020-12-04T00:00:00+08:00", "days": 3}).json()
	require.InEpsilon(t, 3, got["open"], 0.001)
	rule := got["rules"].([]any)[0].(object)
	require.Equal(t, "existing-individuals", rule["rule"])
	counts := rule["counts"].(object)
	require.InEpsilon(t, 1, counts["blocked"], 0.001)
	require.InEpsilon(t, 1, counts["extended"], 0.001)
	require.InEpsilon(t, 1, counts["not_covered"], 0.001)
	require.Equal(t, []any{
		object{"action": "login", "prompted": 2.0, "blocked": 0.0}, object{"action": "create_label", "prompted": 0.0, "blocked": 1.0},
	}, rule["actions"])
	days := got["days"].([]any)
	require.Len(t, days, 3)
	require.Equal(t, "2020-12-02T00:00:00+08:00", days[0].(object)["at"])
	require.InEpsilon(t, 2, days[1].(object)["total"].(object)["prompted"], 0.001)
	changes := got["changes"].([]any)
	require.Equal(t, object{
		"at": "2020-11-17T00:00:00+08:00", "policy": "wishpost-face-verification", "rule": "existing-individuals",
		"from": "waiting", "to": "prompted", "accounts": 2.0,
	}, changes[0])
	require.Zero(t, got["newly_blocked"], "the version in force would block it too")
}

func TestPreviewOfAPolicyThatIsNotPublished(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-10 12:00:00")
	f.populated()
	c := newDocumented(f)
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	sooner := strings.Replace(strings.Replace(string(text), "version: 1", "version: 2", 1), "2020-12-04T", "2020-12-01T", 1)
	question := object{"at": "2020-12-02T00:00:00+08:00", "policy_text": sooner}
	got := c.check(200, http.MethodPost, "/v1/policies:impact", question).json()
	require.InEpsilon(t, 1, got["newly_blocked"], 0.001)
	require.Equal(t, object{"name": "wishpost-face-verification", "version": 2.0, "proposed": true}, got["policies"].([]any)[0])
	require.Equal(t, object{"name": "wishpost-face-verification", "version": 1.0, "proposed": false}, got["against"].([]any)[0])
	require.Len(t, got["days"], 22)

	question["classes"] = []string{"blocked", "extended"}
	rows := f.post("/v1/policies:impact-accounts", question)
	require.Equal(t, "application/x-ndjson", rows.header.Get("Content-Type"))
	var lines []object
	for line := range strings.Lines(string(rows.body)) {
		var row object
		require.NoError(t, json.Unmarshal([]byte(line), &row))
		lines = append(lines, row)
	}
	require.Len(t, lines, 2)
	require.Equal(t, "a1", lines[0]["account_id"])
	require.Equal(t, "newly_blocked", lines[0]["change"])
	require.Equal(t, []any{"create_label"}, lines[0]["blocked"])
	require.Equal(t, "2020-12-01T00:00:00+08:00", lines[0]["deadline"])
	require.Equal(t, "extended", lines[1]["class"])

	question["format"] = "csv"
	table, err := csv.NewReader(strings.NewReader(string(f.post("/v1/policies:impact-accounts", question).body))).ReadAll()
	require.NoError(t, err)
	require.Len(t, table, 3)
	require.Equal(t, "account_id", table[0][0])
	require.Equal(t, []string{"a1", "individual", "CN"}, table[1][:3])
}

func TestPreviewRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-10 12:00:00")
	const path, rows = "/v1/policies:impact", "/v1/policies:impact-accounts"
	field(t, f.post(path, object{}).problem(422, api.CodeValidationFailed), "at")
	field(t, f.post(path, object{"at": "2020-11-01T00:00:00Z"}).problem(422, api.CodeValidationFailed), "at")
	field(t, f.post(path, object{"at": "2020-12-01T00:00:00Z", "days": 1101}).problem(422, api.CodeValidationFailed), "days")
	fault := field(t, f.post(path, object{"at": "2020-12-01T00:00:00Z", "policy_text": "name: x\n"}).problem(422, api.CodeValidationFailed), "policy_text")
	require.Contains(t, fault["message"], "line 1")
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	clash := strings.Replace(string(text), "name: wishpost-face-verification", "name: another", 1)
	fault = field(t, f.post(path, object{"at": "2020-12-01T00:00:00Z", "policy_text": clash}).problem(422, api.CodeValidationFailed), "policy_text")
	require.Equal(t, "does_not_fit", fault["code"])
	field(t, f.post(rows, object{"at": "2020-12-01T00:00:00Z", "classes": []string{"x"}}).problem(422, api.CodeValidationFailed), "classes")
	field(t, f.post(rows, object{"at": "2020-12-01T00:00:00Z", "format": "xml"}).problem(422, api.CodeValidationFailed), "format")
	reader := as(f.newKey(api.DecisionsRead))
	f.do(http.MethodPost, path, object{"at": "2020-12-01T00:00:00Z"}, reader).problem(403, api.CodeForbidden)
	f.do(http.MethodPost, rows, object{"at": "2020-12-01T00:00:00Z"}, reader).problem(403, api.CodeForbidden)
}

// halted is a store whose pages wait, or fail after the first.
type halted struct {
	*faultyStore
	reached chan struct{}
	resume  chan struct{}
	fails   bool
}

func (h *halted) FactsAfter(ctx context.Context, after, last string, limit int) ([]store.Facts, error) {
	if h.reached != nil {
		h.reached <- struct{}{}
		<-h.resume
	}
	if h.fails {
		return nil, store.ErrUnavailable
	}
	return h.faultyStore.FactsAfter(ctx, after, last, limit)
}

// TestFewPreviewsAtATime: a third one is told to come again, and may once the others are done.
func TestFewPreviewsAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-10 12:00:00")
	f.account("a1")
	h := &halted{faultyStore: f.store, reached: make(chan struct{}), resume: make(chan struct{})}
	slow := f.over(h)
	question := object{"at": "2020-12-01T00:00:00Z"}
	done := make(chan int, 2)
	for range 2 {
		go func() { done <- slow.post("/v1/policies:impact", question).status }()
		<-h.reached
	}
	p := slow.post("/v1/policies:impact-accounts", question)
	p.problem(429, api.CodeRateLimited)
	require.NotEmpty(t, p.header.Get("Retry-After"))
	close(h.resume)
	require.Equal(t, 200, <-done)
	require.Equal(t, 200, <-done)
}

func TestAPreviewThatCannotBeReadIsNone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-10 12:00:00")
	down := f.over(&halted{faultyStore: f.store, fails: true})
	question := object{"at": "2020-12-01T00:00:00Z"}
	down.post("/v1/policies:impact", question).problem(503, api.CodeStoreUnavailable)
	down.post("/v1/policies:impact-accounts", question).problem(503, api.CodeStoreUnavailable)
}

func TestAPartOfTheListOfImpact(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 10:00:00")
	for _, id := range []string{"a1", "a2", "a3"} {
		f.account(id)
	}
	list := func(limit any) int {
		body := object{"at": "2020-12-05T00:00:00+08:00", "limit": limit}
		return strings.Count(string(f.post("/v1/policies:impact-accounts", body).body), "\n")
	}
	require.Equal(t, []int{3, 2, 3, 3}, []int{list(0), list(2), list(3), list(4)})
	field(t, f.post("/v1/policies:impact-accounts", object{"at": "2020-12-05T00:00:00+08:00", "limit": -1}).problem(422, api.CodeValidationFailed), "limit")
}
