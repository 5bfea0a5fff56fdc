package api_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

func TestReportOfAVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-20 12:00:00")
	f.populated()
	f.post("/v1/accounts/a1/logins", object{}).is(http.StatusOK)
	const path = "/v1/policies/wishpost-face-verification/versions/1/report"
	got := newDocumented(f).check(200, http.MethodGet, path, nil).json()
	summary := got["summary"].(object)
	require.InEpsilon(t, 2, summary["covered"], 0.001)
	require.InEpsilon(t, 1, summary["not_covered"], 0.001)
	require.InEpsilon(t, 1, summary["prompts"], 0.001)
	require.Len(t, got["rows"], 2)

	table := f.get(path + "?format=csv")
	require.Equal(t, "text/csv; charset=utf-8", table.header.Get("Content-Type"))
	lines, err := csv.NewReader(bytes.NewReader(table.body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 3)

	page := f.get(path+"?format=html", header("Accept-Language", "zh-CN"))
	require.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
	require.Contains(t, string(page.body), "规则执行报告")

	pack := f.get(path + "?format=zip")
	archive, err := zip.NewReader(bytes.NewReader(pack.body), int64(len(pack.body)))
	require.NoError(t, err)
	require.Equal(t, "manifest.json", archive.File[len(archive.File)-1].Name)

	field(t, f.get(path+"?format=pdf").problem(422, api.CodeValidationFailed), "format")
	for _, unknown := range []string{"2", "x", "0"} {
		f.get("/v1/policies/wishpost-face-verification/versions/"+unknown+"/report").problem(404, api.CodePolicyNotFound)
	}
	f.get("/v1/policies/other/versions/1/report").problem(404, api.CodePolicyNotFound)
	f.get(path, as(f.newKey(api.DecisionsRead))).problem(403, api.CodeForbidden)
	f.over(&halted{faultyStore: f.store, fails: true}).get(path).problem(503, api.CodeStoreUnavailable)
}
