package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportIsWrittenWhole(t *testing.T) {
	t.Parallel()
	url := fakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.String() {
		case "/v1/policies":
			_, _ = io.WriteString(w, `{"policies":[{"name":"p","version":2},{"name":"p","version":10},{"name":"q","version":11}]}`)
		case "/v1/policies/p/versions/10/report?format=html":
			_, _ = io.WriteString(w, "in "+r.Header.Get("Accept-Language"))
		case "/v1/policies/p/versions/3/report?format=csv":
			_, _ = io.WriteString(w, "half of")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"code":"policy_not_found","detail":"Look at the list."}`)
		}
	})
	code, out, errs := call(t, url, "", "report", "p", "--format", "html", "--lang", "zh-CN")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "in zh-CN", out)

	dir := t.TempDir()
	file := filepath.Join(dir, "report")
	code, out, errs = call(t, url, "", "report", "p", "--format", "html", "-o", file)
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, out)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "in en", string(text))

	code, _, errs = call(t, url, "", "report", "p", "--version", "3", "--format", "csv", "-o", file)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "not whole")
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "in en", string(text), "a report that broke off leaves the one before")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)

	code, _, errs = call(t, url, "", "report", "p", "--version", "4")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "policy_not_found")
	code, _, errs = call(t, url, "", "report", "nothing")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "no version")
	code, _, _ = call(t, url, "", "report", "p", "--format", "pdf")
	require.Equal(t, exitUsage, code)
}
