package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// importedExtensions sends lines and returns the results and the summary.
func (f *fixture) importedExtensions(query, kind, text string, options ...option) (results []object, summary object) {
	f.t.Helper()
	got := f.post("/v1/extensions:import"+query, text, append([]option{header("Content-Type", kind)}, options...)...)
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

func results(lines []object) []string {
	var all []string
	for _, l := range lines {
		text := fmt.Sprint(l["line"], " ", l["result"])
		if p, ok := l["problem"].(object); ok {
			text += fmt.Sprint(" ", p["code"])
			for _, e := range faultsOf(p) {
				text += " " + e
			}
		}
		all = append(all, text)
	}
	return all
}

func faultsOf(problem object) []string {
	var fields []string
	list, _ := problem["errors"].([]any)
	for _, e := range list {
		fields = append(fields, e.(object)["field"].(string))
	}
	return fields
}

func TestImportedExtensions(t *testing.T) {
	t.Parallel()
	settled := &settler{}
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Settler = settled })
	second := as(f.newKey(api.PoliciesApprove))
	for i := range 3 {
		f.account(fmt.Sprintf("a%d", i))
	}
	table := "account_id, until,reason,rule\r\n" +
		"a0,2020-12-11T00:00:00+08:00,flood,existing-individuals\r\n" +
		"a1,2020-12-11T00:00:00+08:00,flood,\r\n" +
		"nobody,2020-12-11T00:00:00+08:00,flood,\r\n" +
		"a2,2020-12-11T00:00:00+08:00\r\n" +
		"\r\n" +
		"a2,2020-12-01T00:00:00+08:00,Our Flood,nothing\r\n" +
		"a2,2020-12-11T00:00:00+08:00,flood,\r\n"
	lines, sum := f.importedExtensions("?batch_id=flood", "text/csv; charset=utf-8", "\ufeff"+table)
	require.Equal(t, []string{
		"2 created", "3 created", "4 error account_not_found", "5 error invalid_request", "7 error validation_failed reason until rule", "8 created",
	}, results(lines))
	require.Equal(t, object{"batch_id": "flood", "lines": 6.0, "created": 3.0, "unchanged": 0.0, "errors": 3.0}, sum)
	require.Equal(t, "requested", lines[0]["state"])
	require.Equal(t, "block enforced", f.effect("a0"))

	again, sum := f.importedExtensions("?batch_id=flood", "text/csv", table)
	require.Equal(t, "unchanged", again[0]["result"])
	require.Equal(t, lines[0]["id"], again[0]["id"])
	require.InDelta(t, 0, sum["created"], 0)
	require.InDelta(t, 3, sum["unchanged"], 0)
	longer, _ := f.importedExtensions("?batch_id=flood", "text/csv", strings.ReplaceAll(table, "2020-12-11", "2020-12-12"))
	require.Equal(t, "2 error idempotency_conflict", results(longer)[0], "the line is known and asked for something else")

	field(t, f.post("/v1/extensions:approve", object{"batch_id": "flood!"}, second).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	verdict := object{"batch_id": "flood", "reason": "seen", "count": 2}
	f.post("/v1/extensions:approve", verdict, second).problem(http.StatusConflict, api.CodeExtensionDecided)
	f.post("/v1/extensions:approve", object{"batch_id": "flood", "reason": "mine"}).problem(http.StatusConflict, api.CodeSecondApprover)
	require.Equal(t, "block enforced", f.effect("a0"))
	verdict["count"] = 3
	require.Equal(t, object{"batch_id": "flood", "decided": 3.0, "left": 0.0}, f.post("/v1/extensions:approve", verdict, second).is(http.StatusOK))
	delete(verdict, "count")
	require.Equal(t, object{"batch_id": "flood", "decided": 0.0, "left": 3.0}, f.post("/v1/extensions:approve", verdict, second).is(http.StatusOK))
	for i := range 3 {
		require.Equal(t, "allow extended", f.effect(fmt.Sprintf("a%d", i)))
	}
	require.NoError(t, f.api.Close(t.Context()), "what goes on after the answer is waited for")
	require.ElementsMatch(t, []string{"a0", "a1", "a2"}, settled.take())
	require.Len(t, f.get("/v1/extensions?batch_id=flood&state=approved").is(http.StatusOK)["extensions"], 3)
	f.post("/v1/extensions:revoke", object{"batch_id": "flood", "reason": "dry_again"}, second).is(http.StatusOK)
	require.Equal(t, "block enforced", f.effect("a0"))
	f.post("/v1/extensions:revoke", object{"batch_id": "drought", "reason": "x"}, second).problem(http.StatusNotFound, api.CodeExtensionNotFound)
}

func TestImportedExtensionsAsNDJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	const line = `{"account_id":"a1","until":"2020-12-%dT00:00:00+08:00","reason":"flood","key":"%s"}` + "\n"
	text := fmt.Sprintf(line, 11, "ticket/1") + "\n" + fmt.Sprintf(line, 12, "ticket/2") + fmt.Sprintf(line, 13, "ticket/2") +
		`{"account_id":"a1","admin":true}` + "\nhello\n" + fmt.Sprintf(line, 12, "no good")
	lines, sum := f.importedExtensions("", "application/x-ndjson", text)
	require.Equal(t, []string{
		"1 created", "3 created", "4 error idempotency_conflict", "5 error invalid_request admin", "6 error invalid_request", "7 error validation_failed key",
	}, results(lines))
	require.Equal(t, "ticket/1", lines[0]["key"])
	_, again := f.importedExtensions("", "application/x-ndjson", text)
	require.Equal(t, sum["batch_id"], again["batch_id"], "the same content is the same batch")
	require.InDelta(t, 0, again["created"], 0)
	_, other := f.importedExtensions("", "application/x-ndjson", fmt.Sprintf(line, 11, "ticket/1"))
	require.NotEqual(t, sum["batch_id"], other["batch_id"])
	require.InDelta(t, 1, other["created"], 0)
}

func TestImportedExtensionsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	var table strings.Builder
	table.WriteString("account_id,until,reason\n")
	for i := range 20 {
		f.account(fmt.Sprintf("a%d", i))
		fmt.Fprintf(&table, "a%d,2020-12-11T00:00:00+08:00,flood\n", i)
	}
	created := make([]float64, 4)
	var together sync.WaitGroup
	for i := range created {
		together.Go(func() {
			_, sum := f.importedExtensions("", "text/csv", table.String())
			created[i] = sum["created"].(float64)
		})
	}
	together.Wait()
	require.InDelta(t, 20, created[0]+created[1]+created[2]+created[3], 0)
	require.Len(t, f.get("/v1/extensions").is(http.StatusOK)["extensions"], 20)
}

func TestImportsOfExtensionsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	send := func(query, kind, text string) answer {
		return f.post("/v1/extensions:import"+query, text, header("Content-Type", kind))
	}
	send("", "application/json", "{}").problem(http.StatusUnsupportedMediaType, api.CodeUnsupportedMediaType)
	field(t, send("?batch_id=a%20b", "text/csv", "account_id\n").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "batch_id")
	send("", "text/csv", "").problem(http.StatusBadRequest, api.CodeInvalidRequest)
	field(t, send("", "text/csv", "account_id,until\n").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	field(t, send("", "text/csv", "account_id,until,reason,admin\n").problem(http.StatusBadRequest, api.CodeInvalidRequest), "admin")
	field(t, send("", "text/csv", "account_id,until,reason,until\n").problem(http.StatusBadRequest, api.CodeInvalidRequest), "until")
	send("", "text/csv", strings.Repeat("a", 16<<20+1)).problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)

	f.account("a1")
	lines, sum := f.importedExtensions("", "text/csv", "account_id,until,reason\na1,2020-12-11T00:00:00+08:00,flood\n\"a1,open\na1,2020-12-12T00:00:00+08:00,flood\n")
	require.Equal(t, []string{"2 created", "3 error invalid_request"}, results(lines), "what follows an open quote cannot be read")
	require.InDelta(t, 1, sum["errors"], 0)
	_, sum = f.importedExtensions("", "application/x-ndjson", "\n")
	require.InDelta(t, 0, sum["lines"], 0)
}
