package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asked is an API that knows requests by method, address and body, and answers anything else with a problem.
func asked(t *testing.T, answers map[string]string) string {
	t.Helper()
	return fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		request := r.Method + " " + r.URL.String() + " " + string(body)
		if answer, ok := answers[request]; ok {
			_, _ = io.WriteString(w, answer)
			return
		}
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"status":409,"code":"second_approver_needed","detail":"Use another key."}`)
	})
}

const one = `{"id":"e1","account_id":"a1","rule":"r1","until":"T1","state":"requested","batch_id":null}`

func TestExtensionsAreAskedForAndDecided(t *testing.T) {
	t.Parallel()
	url := asked(t, map[string]string{
		`POST /v1/accounts/a%2F1/extensions {"note":"seen","reason":"flood","rule":"r1","until":"2020-12-11T00:00:00+08:00"}`: one,
		`POST /v1/extensions/e1/approve {"reason":"approved"}`:                                                                one,
		`POST /v1/extensions/e2/revoke {"note":"n","reason":"forged"}`:                                                        one,
		`POST /v1/extensions:reject {"batch_id":"b1","count":3,"reason":"no_proof"}`:                                          `{"batch_id":"b1","decided":3,"left":1}`,
	})
	code, out, _ := call(t, url, "", "extensions", "request", "a/1", "--until", "2020-12-11T00:00:00+08:00", "--reason", "flood", "--rule", "r1", "--note", "seen")
	require.Equal(t, exitOK, code)
	require.Equal(t, "e1  requested  a1  until T1  r1\n", out)
	code, out, _ = call(t, url, "", "extensions", "approve", "e1", "--json")
	require.Equal(t, exitOK, code)
	require.JSONEq(t, one, out)
	code, out, errs := call(t, url, "", "extensions", "revoke", "e1", "e2", "--reason", "forged", "--note", "n")
	require.Equal(t, exitFailed, code, "one of them was refused")
	require.Contains(t, out, "e1  requested")
	require.Equal(t, "e1: Use another key.\n", errs)
	code, _, errs = call(t, url, "", "extensions", "approve", "e9")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "verigate: the API answers 409 second_approver_needed: Use another key.\n", errs)
	code, out, _ = call(t, url, "", "extensions", "reject", "--batch", "b1", "--count", "3", "--reason", "no_proof")
	require.Equal(t, exitOK, code)
	require.Equal(t, "3 decided, 1 in another state\n", out)

	for _, wrong := range [][]string{
		{"approve"}, {"approve", "e1", "--batch", "b1"}, {"approve", "e1", "--count", "2"}, {"reject", "e1"},
		{"request", "a1", "--reason", "flood", "--until", "tomorrow"}, {"list", "--state", "asleep"}, {"list", "--account", "a1", "--rule", "r"},
		{"import", "-"}, {"import", "missing.csv"},
	} {
		code, _, errs := call(t, url, "", append([]string{"extensions"}, wrong...)...)
		require.Equal(t, exitUsage, code, "%v: %s", wrong, errs)
	}
}

func TestExtensionsAreListedToTheEnd(t *testing.T) {
	t.Parallel()
	url := asked(t, map[string]string{
		`GET /v1/extensions?batch_id=b&limit=500&rule=r1&state=requested `:           `{"extensions":[` + one + `],"cursor":"c1"}`,
		`GET /v1/extensions?batch_id=b&cursor=c1&limit=500&rule=r1&state=requested `: `{"extensions":[{"id":"e2","account_id":"a2","until":"T2","state":"lapsed"}],"cursor":null}`,
		`GET /v1/accounts/a1/extensions?limit=500 `:                                  `{"extensions":[],"cursor":null}`,
	})
	code, out, _ := call(t, url, "", "extensions", "list", "--state", "requested", "--rule", "r1", "--batch", "b")
	require.Equal(t, exitOK, code)
	require.Equal(t, "e1  requested  a1  until T1  r1\ne2  lapsed     a2  until T2  every rule\n", out)
	code, out, _ = call(t, url, "", "extensions", "list", "--account", "a1")
	require.Equal(t, exitOK, code)
	require.Empty(t, out)
}

func TestExtensionsAreImported(t *testing.T) {
	t.Parallel()
	const answer = `{"line":2,"account_id":"a1","result":"created"}
{"line":3,"result":"error","problem":{"code":"validation_failed","errors":[{"field":"until","message":"is required"}]}}
{"summary":{"batch_id":"b1","lines":2,"created":1,"errors":1}}
`
	var kinds []string
	url := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		kinds = append(kinds, r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body))
		_, _ = io.WriteString(w, answer)
	})
	file := filepath.Join(t.TempDir(), "flood.CSV")
	require.NoError(t, os.WriteFile(file, []byte("table"), 0o600))
	code, out, errs := call(t, url, "", "extensions", "import", file, "--batch", "b1")
	require.Equal(t, exitFailed, code, "a bad line is no success")
	require.Equal(t, "batch b1\n2 lines: 1 created, 0 unchanged, 1 errors\n", out)
	require.Equal(t, "line 3: until is required\n", errs)
	code, out, errs = call(t, url, "lines", "extensions", "import", "-", "--form", "ndjson", "--json")
	require.Equal(t, exitFailed, code)
	require.Equal(t, strings.Split(answer, "\n"), strings.Split(out, "\n"))
	require.Empty(t, errs)
	require.Equal(t, []string{"/v1/extensions:import?batch_id=b1 text/csv table", "/v1/extensions:import application/x-ndjson lines"}, kinds)

	for name, broken := range map[string]string{
		"no summary": `{"line":1,"result":"created"}`, "nonsense": "hello",
		"ended early": `{"summary":{"batch_id":"b","lines":1,"problem":{"code":"store_unavailable","title":"later"}}}`,
	} {
		code, _, errs := call(t, fakeAPI(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, broken) }), "x",
			"extensions", "import", "-", "--form", "csv")
		require.Equal(t, exitFailed, code, name)
		require.NotEmpty(t, errs, name)
	}
}
