package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

const line = `{"account_id":"%s","kind":"individual","region":"CN","registered_at":"2020-10-01T09:00:00+08:00"%s}`

func ndjson() option { return header("Content-Type", "application/x-ndjson") }

// imported sends lines and returns the results and the summary.
func (f *fixture) imported(text string, options ...option) (results []object, summary object) {
	f.t.Helper()
	got := f.post("/v1/accounts:import", text, append([]option{ndjson()}, options...)...)
	require.Equal(f.t, http.StatusOK, got.status, "%s", got.body)
	require.Equal(f.t, "application/x-ndjson", got.header.Get("Content-Type"))
	for text := range strings.Lines(string(got.body)) {
		var v object
		require.NoError(f.t, json.Unmarshal([]byte(text), &v))
		if s, ok := v["summary"].(object); ok {
			summary = s
			continue
		}
		results = append(results, v)
	}
	require.NotNil(f.t, summary)
	return results, summary
}

func TestImportIsRepeatable(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	text := fmt.Sprintf(line, "a1", "") + "\r\n\n" +
		fmt.Sprintf(line, "a2", `,"verified":{"at":"2020-11-01T00:00:00+08:00","method":"face","evidence":"old/1"}`) + "\n" +
		fmt.Sprintf(line, "a3", `,"real_name":{"at":"2020-11-01T00:00:00+08:00","evidence":"old/2"}`)
	results, summary := f.imported(text)
	require.Equal(t, object{"lines": 3.0, "created": 3.0, "updated": 0.0, "unchanged": 0.0, "errors": 0.0}, summary)
	require.Equal(t, []object{
		{"line": 1.0, "account_id": "a1", "result": "created"},
		{"line": 3.0, "account_id": "a2", "result": "created"},
		{"line": 4.0, "account_id": "a3", "result": "created"},
	}, results)
	require.Equal(t, "verified", f.get("/v1/accounts/a2/verification").is(http.StatusOK)["state"])
	require.Equal(t, "imported", f.get("/v1/accounts/a2/verification").is(http.StatusOK)["method"])
	require.Equal(t, "2020-11-01T00:00:00+08:00", f.get("/v1/accounts/a2/verification").is(http.StatusOK)["since"])
	require.Equal(t, "approved", f.get("/v1/accounts/a3/verification").is(http.StatusOK)["state"])
	require.Equal(t, "verified", f.post("/v1/accounts/a2/decisions", object{"action": "create_label"}).is(http.StatusOK)["reason"])

	_, summary = f.imported(text)
	require.Equal(t, object{"lines": 3.0, "created": 0.0, "updated": 0.0, "unchanged": 3.0, "errors": 0.0}, summary)
	require.InEpsilon(t, 1.0, f.get("/v1/accounts/a2/verification").is(http.StatusOK)["seq"], 0.001)

	results, _ = f.imported(fmt.Sprintf(line, "a1", `,"verified":{"at":"2020-11-01T00:00:00+08:00","method":"face","evidence":"old/3"}`))
	require.Equal(t, "updated", results[0]["result"], "provenance that comes later")
}

func TestImportBadLines(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.account("known")
	f.account("under-way")
	f.post("/v1/accounts/under-way/verification/submit", realName()).is(http.StatusOK)
	provenance := `,"verified":{"at":"%s","method":"%s","evidence":"%s"}`
	for _, c := range []struct{ name, text, code, field string }{
		{"not JSON", `hello`, "invalid_request", ""},
		{"half an object", `{"account_id":"x"`, "invalid_request", ""},
		{"two objects", fmt.Sprintf(line, "x", "") + `{}`, "invalid_request", ""},
		{"array", `[]`, "invalid_request", ""},
		{"unknown field", fmt.Sprintf(line, "x", `,"admin":true`), "invalid_request", "admin"},
		{"wrong type", `{"account_id":7}`, "invalid_request", "account_id"},
		{"duplicate field", fmt.Sprintf(line, "x", `,"Kind":"enterprise"`), "invalid_request", "Kind"},
		{"deep", `{"verified":` + strings.Repeat(`{"a":`, 30) + `1` + strings.Repeat(`}`, 31), "invalid_request", ""},
		{"not UTF-8", "{\"account_id\":\"\xff\"}", "invalid_request", ""},
		{"no id", fmt.Sprintf(line, "", ""), "validation_failed", "account_id"},
		{"bad id", fmt.Sprintf(line, "a b", ""), "validation_failed", "account_id"},
		{"no offset", `{"account_id":"x","kind":"individual","region":"CN","registered_at":"2020-10-01T09:00:00"}`, "validation_failed", "registered_at"},
		{"unknown kind", `{"account_id":"x","kind":"robot","region":"CN","registered_at":"2020-10-01T09:00:00Z"}`, "validation_failed", "kind"},
		{"unknown region", `{"account_id":"x","kind":"individual","region":"QQ","registered_at":"2020-10-01T09:00:00Z"}`, "validation_failed", "region"},
		{"two standings", fmt.Sprintf(line, "x", fmt.Sprintf(provenance, "2020-11-01T00:00:00Z", "face", "e")+`,"real_name":{"at":"2020-11-01T00:00:00Z","evidence":"e"}`), "validation_failed", "real_name"},
		{"verified in the future", fmt.Sprintf(line, "x", fmt.Sprintf(provenance, "2020-12-06T00:00:00+08:00", "face", "e")), "validation_failed", "verified.at"},
		{"no evidence", fmt.Sprintf(line, "x", fmt.Sprintf(provenance, "2020-11-01T00:00:00Z", "face", "")), "validation_failed", "verified.evidence"},
		{"a name as evidence", fmt.Sprintf(line, "x", fmt.Sprintf(provenance, "2020-11-01T00:00:00Z", "face", canaryName)), "validation_failed", "verified.evidence"},
		{"other facts", `{"account_id":"known","kind":"enterprise","region":"CN","registered_at":"2020-10-01T09:00:00+08:00"}`, "facts_differ", ""},
		{"already on its way", fmt.Sprintf(line, "under-way", fmt.Sprintf(provenance, "2020-11-01T00:00:00Z", "face", "e")), "step_not_allowed", ""},
		{"too long", fmt.Sprintf(line, "x", `,"reason":"`+strings.Repeat("a", 70_000)+`"`), "too_large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			results, summary := f.imported(c.text + "\n" + fmt.Sprintf(line, "known", "") + "\n")
			require.Len(t, results, 2)
			require.InEpsilon(t, 1.0, summary["errors"], 0.001)
			require.InEpsilon(t, 1.0, summary["unchanged"], 0.001, "the rest goes on")
			require.Equal(t, "error", results[0]["result"])
			p, ok := results[0]["problem"].(object)
			require.True(t, ok)
			require.Equal(t, c.code, p["code"])
			if c.field != "" {
				field(t, p, c.field)
			}
			require.NotContains(t, fmt.Sprint(p), canaryName)
			f.get("/v1/accounts/x").problem(http.StatusNotFound, api.CodeAccountNotFound)
		})
	}
}

func TestImportAnswersWhileTheRequestIsStillSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	in, out := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+"/v1/accounts:import", in)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Authorization", "Bearer "+f.key)
	first := make(chan error, 1)
	go func() {
		_, err := fmt.Fprintf(out, line+"\n", "a1", "")
		first <- err
	}()
	response, err := f.server.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.NoError(t, <-first)
	answers := bufio.NewScanner(response.Body)
	require.True(t, answers.Scan())
	require.JSONEq(t, `{"line":1,"account_id":"a1","result":"created"}`, answers.Text())
	_, err = fmt.Fprintf(out, line+"\n", "a2", "")
	require.NoError(t, err)
	require.True(t, answers.Scan())
	require.JSONEq(t, `{"line":2,"account_id":"a2","result":"created"}`, answers.Text())
	require.NoError(t, out.Close())
	require.True(t, answers.Scan())
	require.Contains(t, answers.Text(), `"lines":2`)
}

func TestImportManyLines(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, line+"\n", fmt.Sprintf("m%d", i), "")
	}
	results, summary := f.imported(text.String())
	require.Len(t, results, 2000)
	require.InEpsilon(t, 2000.0, summary["created"], 0.001)
	require.Equal(t, "m1999", results[1999]["account_id"])
	require.InEpsilon(t, 2000.0, results[1999]["line"], 0.001)
}

func TestImportEndsWithAReason(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00", func(c *api.Config) { c.BodyWait = 50 * time.Millisecond })
	f.store.set("PutAccounts", true)
	results, summary := f.imported(fmt.Sprintf(line, "a1", ""))
	require.Empty(t, results)
	require.Equal(t, "store_unavailable", summary["problem"].(object)["code"])
	f.store.set("PutAccounts", false)

	// A sender that stops sending is not waited for.
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	got := f.post("/v1/accounts:import", in, ndjson())
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, string(got.body), "invalid_request")

	f.post("/v1/accounts:import", "{}").problem(http.StatusUnsupportedMediaType, api.CodeUnsupportedMediaType)
}
