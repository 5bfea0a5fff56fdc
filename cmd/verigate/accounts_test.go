package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// importingAPI answers n lines for each line of a part, refusing those that are "bad"; while it is down it breaks off.
func importingAPI(t *testing.T, down *atomic.Bool) (url string, bodies func() []string) {
	t.Helper()
	var sent []string // one request at a time
	url = fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if down.Load() {
			_, _ = io.WriteString(w, `{"summary":{"lines":0,"problem":{"code":"store_unavailable","title":"later"}}}`)
			return
		}
		sent = append(sent, r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(body))
		created, bad, number := 0, 0, 0
		for line := range strings.Lines(string(body)) {
			number++
			switch {
			case strings.HasPrefix(line, "account_id"):
			case strings.HasPrefix(line, "bad"):
				bad++
				_, _ = fmt.Fprintf(w, `{"line":%d,"result":"error","problem":{"code":"validation_failed","errors":[{"field":"kind","message":"is missing"},{"field":"region","message":"is missing"}]}}`+"\n", number)
			default:
				created++
				_, _ = fmt.Fprintf(w, `{"line":%d,"account_id":"a","result":"created"}`+"\n", number)
			}
		}
		_, _ = fmt.Fprintf(w, `{"summary":{"lines":%d,"created":%d,"errors":%d}}`, created+bad, created, bad)
	})
	return url, func() []string { return sent }
}

func TestImport(t *testing.T) {
	t.Parallel()
	url, bodies := importingAPI(t, new(atomic.Bool))
	file := filepath.Join(t.TempDir(), "accounts.ndjson")
	require.NoError(t, os.WriteFile(file, []byte("one\nbad\n"), 0o600))
	code, out, errs := call(t, url, "", "accounts", "import", file)
	require.Equal(t, exitFailed, code, "a bad line is no success")
	require.Equal(t, "2 lines: 1 created, 0 updated, 0 unchanged, 1 errors\nrefused lines: "+file+".rejects.csv\n", out)
	require.Equal(t, "line 2: kind is missing; region is missing\n", errs)
	require.Equal(t, []string{"/v1/accounts:import application/x-ndjson one\nbad\n"}, bodies())
	report, err := os.ReadFile(file + ".rejects.csv")
	require.NoError(t, err)
	require.Equal(t, "line,account_id,code,field,message,text\n2,,validation_failed,kind,is missing,bad\n2,,validation_failed,region,is missing,bad\n", string(report))
	require.NoFileExists(t, file+".progress")

	require.NoError(t, os.WriteFile(file, []byte("one\ntwo"), 0o600))
	code, out, errs = call(t, url, "", "accounts", "import", file, "--json")
	require.Equal(t, exitOK, code)
	require.JSONEq(t, `{"lines":2,"created":2,"updated":0,"unchanged":0,"errors":0,"complete":true,"line":2}`, out)
	require.Empty(t, errs)
	require.NoFileExists(t, file+".rejects.csv", "nothing was refused this time")

	code, out, errs = call(t, url, "account_id,kind\nthree,x\nbad\n", "accounts", "import", "-", "--format", "csv")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "2 lines: 1 created, 0 updated, 0 unchanged, 1 errors\n", out)
	require.Equal(t, "line 3: kind is missing; region is missing\n", errs)
	require.Equal(t, "/v1/accounts:import text/csv account_id,kind\nthree,x\nbad\n", bodies()[2])
}

// TestImportGoesOn: parts that were answered are not sent again, and a CSV's header always is.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	down := new(atomic.Bool)
	url, bodies := importingAPI(t, down)
	file := filepath.Join(t.TempDir(), "accounts.csv")
	var text strings.Builder
	text.WriteString("account_id,kind\n")
	for n := range 25_000 {
		fmt.Fprintf(&text, "a%d,x\n", n)
	}
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	require.NoError(t, os.WriteFile(file+".progress", []byte("{"), 0o600))
	code, _, errs := call(t, url, "", "accounts", "import", file)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "remove it to begin anew")
	require.NoError(t, os.Remove(file+".progress"))

	stopping := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), "\na0,") {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"status":503,"code":"store_unavailable","detail":"Send it again."}`)
			return
		}
		_, _ = io.WriteString(w, `{"summary":{"lines":10000,"created":10000}}`)
	})
	code, out, errs := call(t, stopping, "", "accounts", "import", file, "--json")
	require.Equal(t, exitFailed, code)
	require.JSONEq(t, `{"lines":10000,"created":10000,"updated":0,"unchanged":0,"errors":0,"complete":false,"line":10001}`, out)
	require.Equal(t, "verigate: the import ended after line 10001: the API answers 503 store_unavailable: Send it again.\nStart the same command again: it goes on there\n", errs)

	// It went to another server, so for this one it begins at the beginning.
	down.Store(true)
	code, _, errs = call(t, url, "", "accounts", "import", file)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "ended after line 1: the API answers store_unavailable: later")
	down.Store(false)

	code, out, errs = call(t, url, "", "accounts", "import", file, "--progress", file+".other")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "25000 lines: 25000 created, 0 updated, 0 unchanged, 0 errors\n", out)
	require.Len(t, bodies(), 3)

	progress, err := os.ReadFile(file + ".progress")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file+".progress", []byte(strings.Replace(string(progress), stopping, url, 1)), 0o600))
	code, out, _ = call(t, url, "", "accounts", "import", file)
	require.Equal(t, exitOK, code)
	require.Equal(t, "went on after line 10001\n25000 lines: 25000 created, 0 updated, 0 unchanged, 0 errors\n", out)
	require.Len(t, bodies(), 5, "two parts of three were left")
	require.True(t, strings.HasPrefix(bodies()[3], "/v1/accounts:import text/csv account_id,kind\na10000,x\n"), bodies()[3][:80])
	require.NoFileExists(t, file+".progress")
}

func TestImportShowsTheFirstRefusals(t *testing.T) {
	t.Parallel()
	url, _ := importingAPI(t, new(atomic.Bool))
	file := filepath.Join(t.TempDir(), "accounts.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("bad\n", 30)), 0o600))
	_, _, errs := call(t, url, "", "accounts", "import", file)
	require.Equal(t, 21, strings.Count(errs, "\n"))
	require.Contains(t, errs, "more refused lines are in "+file+".rejects.csv\n")
}

func TestImportSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	url, _ := importingAPI(t, new(atomic.Bool))
	file := filepath.Join(t.TempDir(), "accounts.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("a\n", 200_000)), 0o600))
	_, _, errs := call(t, url, "", "accounts", "import", file)
	require.Equal(t, "100000 lines (50%), 0 errors\n200000 lines (100%), 0 errors\n", errs)
}
