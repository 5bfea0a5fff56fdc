package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

const (
	csvHeader = "account_id,kind,region,registered_at"
	csvAll    = csvHeader + ",verified_at,verified_method,verified_evidence,verified_by,real_name_at,real_name_evidence,real_name_by"
	csvFacts  = "individual,CN,2020-10-01T09:00:00+08:00"
)

func asCSV() option { return header("Content-Type", "text/csv; charset=utf-8") }

func TestImportCSV(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	text := "\ufeff" + csvAll + "\r\n" +
		"a1," + csvFacts + ",,,,,,,\r\n\r\n" +
		`"a2",` + csvFacts + ",2020-11-01T00:00:00+08:00,face,old/2,desk-7,,,\r\n" +
		"a3," + csvFacts + ",,,,,2020-11-01T00:00:00+08:00,old/3,"
	results, summary := f.imported(text, asCSV())
	require.Equal(t, object{"lines": 3.0, "created": 3.0, "updated": 0.0, "unchanged": 0.0, "errors": 0.0}, summary)
	require.Equal(t, []object{
		{"line": 2.0, "account_id": "a1", "result": "created"},
		{"line": 4.0, "account_id": "a2", "result": "created"},
		{"line": 5.0, "account_id": "a3", "result": "created"},
	}, results)
	require.Equal(t, "unverified", f.get("/v1/accounts/a1/verification").is(http.StatusOK)["state"])
	require.Equal(t, "approved", f.get("/v1/accounts/a3/verification").is(http.StatusOK)["state"])
	entry := f.get("/v1/accounts/a2/history").is(http.StatusOK)["entries"].([]any)[0].(object)
	require.Equal(t, "import_verified", entry["event"])
	require.Equal(t, object{"at": "2020-11-01T00:00:00+08:00", "method": "face", "evidence": "old/2", "by": "desk-7"}, entry["detail"].(object)["provenance"])

	_, summary = f.imported(text, asCSV())
	require.InEpsilon(t, 3.0, summary["unchanged"], 0.001)
	same := `{"account_id":"a2","kind":"individual","region":"CN","registered_at":"2020-10-01T09:00:00+08:00",` +
		`"verified":{"at":"2020-11-01T00:00:00+08:00","method":"face","evidence":"old/2","by":"desk-7"}}`
	results, _ = f.imported(same)
	require.Equal(t, "unchanged", results[0]["result"], "the same import, whatever it is written in")
}

func TestImportCSVColumnsInAnyOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	_, summary := f.imported("registered_at, region ,account_id,kind\n2020-10-01T09:00:00+08:00,CN,a1,individual\n", asCSV())
	require.InEpsilon(t, 1.0, summary["created"], 0.001)
}

func TestImportCSVBadHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	for _, c := range []struct {
		name, text string
		status     int
		code       api.Code
	}{
		{"empty", "", 422, api.CodeValidationFailed},
		{"no header", "a1," + csvFacts + "\n", 422, api.CodeValidationFailed},
		{"a column is missing", "account_id,kind,region\n", 422, api.CodeValidationFailed},
		{"a column twice", csvHeader + ",kind\n", 422, api.CodeValidationFailed},
		{"a column that is not known", csvHeader + "," + canaryNumber + "\n", 422, api.CodeValidationFailed},
		{"semicolons", strings.ReplaceAll(csvHeader, ",", ";") + "\n", 422, api.CodeValidationFailed},
		{"tabs", strings.ReplaceAll(csvHeader, ",", "\t") + "\n", 422, api.CodeValidationFailed},
		{"an open quotation mark", `"account_id,kind` + "\n", 400, api.CodeInvalidRequest},
		{"GBK", csvHeader + ",\xc3\xfb\xd7\xd6\n", 400, api.CodeInvalidRequest},
		{"UTF-16", "\xff\xfea\x00c\x00\n", 400, api.CodeInvalidRequest},
		{"too long", strings.Repeat("a", 70_000) + "\n", 413, api.CodeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := f.post("/v1/accounts:import", c.text, asCSV())
			got.problem(c.status, c.code)
			require.NotContains(t, string(got.body), canaryNumber)
		})
	}
}

func TestImportCSVBadLines(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	line := func(id, more string) string { return id + "," + csvFacts + more }
	const none = ",,,,,,,"
	for _, c := range []struct{ name, text, code, field string }{
		{"too few fields", "x," + csvFacts, "invalid_request", ""},
		{"too many fields", line("x", none+","), "invalid_request", ""},
		{"a quotation mark that is not closed", `"x,` + csvFacts + none, "invalid_request", ""},
		{"a quotation mark within a field", `x"y,` + csvFacts + none, "invalid_request", ""},
		{"text after a quotation mark", `"x"y,` + csvFacts + none, "invalid_request", ""},
		{"GBK", line("\xc3\xfb", none), "invalid_request", ""},
		{"a formula", line(`"=HYPERLINK(""http://evil"")"`, none), "validation_failed", "account_id"},
		{"a formula as evidence", line("x", ",2020-11-01T00:00:00Z,face,=1+1,,,,"), "validation_failed", "verified_evidence"},
		{"a space before the id", line(" x y", none), "validation_failed", "account_id"},
		{"a spreadsheet's date", "x,individual,CN,2020/10/1 9:00" + none, "validation_failed", "registered_at"},
		{"no kind", "x,,CN,2020-10-01T09:00:00Z" + none, "validation_failed", "kind"},
		{"a method without the instant", line("x", ",,face,e,,,,"), "validation_failed", "verified_at"},
		{"a name as who decided", line("x", ",2020-11-01T00:00:00Z,face,e,"+canaryName+",,,"), "validation_failed", "verified_by"},
		{"two standings", line("x", ",2020-11-01T00:00:00Z,face,e,,2020-11-01T00:00:00Z,e,"), "validation_failed", "real_name"},
		{"in the future", line("x", ",,,,,2020-12-06T00:00:00+08:00,e,"), "validation_failed", "real_name_at"},
		{"too long", strings.Repeat("x", 70_000), "too_large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			good := "good-" + strings.Map(letters, c.name)
			results, summary := f.imported(csvAll+"\n"+c.text+"\n"+line(good, none)+"\n", asCSV())
			require.Len(t, results, 2)
			require.InEpsilon(t, 1.0, summary["errors"], 0.001)
			require.Equal(t, object{"line": 3.0, "account_id": good, "result": "created"}, results[1], "the rest goes on")
			require.InEpsilon(t, 2.0, results[0]["line"], 0.001)
			p, ok := results[0]["problem"].(object)
			require.True(t, ok)
			require.Equal(t, c.code, p["code"])
			if c.field != "" {
				field(t, p, c.field)
			}
			for _, sent := range []string{canaryName, "evil", "HYPERLINK"} {
				require.NotContains(t, fmt.Sprint(p), sent)
			}
		})
	}
}

// letters keeps the letters of a text, for an id.
func letters(r rune) rune {
	if r < 'a' || r > 'z' {
		return -1
	}
	return r
}
