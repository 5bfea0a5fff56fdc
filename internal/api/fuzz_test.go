package api

import (
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzCursors: a cursor comes back from the list that it was made for, and is refused by every other.
func FuzzCursors(f *testing.F) {
	tokens, err := NewTokens("https://example.com", make([]byte, 32))
	require.NoError(f, err)
	f.Add("list/a", "17", "list/b")
	f.Add("list/", "a17", "list/a")
	f.Add("", "", "x")
	f.Fuzz(func(t *testing.T, scope, after, other string) {
		cursor := tokens.cursor(scope, after)
		got, err := tokens.openCursor(scope, cursor)
		require.NoError(t, err)
		require.Equal(t, after, got)
		if other != scope {
			_, err = tokens.openCursor(other, cursor)
			require.ErrorIs(t, err, errToken)
		}
		_, err = tokens.openCursor(scope, other)
		require.ErrorIs(t, err, errToken)
	})
}

// FuzzAcceptLanguage: every header is answered in a language that there is, an empty or long one in English.
func FuzzAcceptLanguage(f *testing.F) {
	known := newLanguages()
	for _, seed := range []string{"", "zh-CN,zh;q=0.9", "en-US;q=", "*", "zh-Hant-x-y;q=1e999", strings.Repeat("a,", 200), "i-klingon", "und-u-ca-roc"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Accept-Language", accept)
		got := known.of(r)
		require.Contains(t, []lang{english, chinese}, got)
		if len(accept) > 256 {
			require.Equal(t, english, got)
		}
	})
}

// FuzzImportCSV: a header and a line are understood as a spreadsheet wrote them, or refused without being repeated.
func FuzzImportCSV(f *testing.F) {
	f.Add("account_id,kind,region,registered_at", "a1,individual,CN,2020-11-01T09:00:00+08:00")
	f.Add("account_id,kind,region,registered_at,verified_at", "a1,individual,CN,2020-11-01,")
	f.Add("account_id,account_id", "\"a")
	f.Add("110101199003074514,secret", "")
	f.Add(" region ,kind,registered_at,account_id", "a,\"\"\"b\",c,d\r")
	f.Fuzz(func(t *testing.T, header, line string) {
		lines, err := newCSVLines([]byte(header))
		if err != nil {
			refusedSilently(t, err, header)
			return
		}
		var in importLineIn
		if err := lines.parse([]byte(line), &in); err != nil {
			refusedSilently(t, err, line)
			return
		}
		want, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil { // an empty line of no fields
			return
		}
		require.Len(t, want, len(lines.columns))
		for i, c := range lines.columns {
			if c.name == "account_id" {
				require.Equal(t, want[i], in.AccountID)
			}
		}
	})
}

// FuzzImportNDJSON: a line is read, or refused without being repeated.
func FuzzImportNDJSON(f *testing.F) {
	for _, seed := range []string{
		`{"account_id":"a1","kind":"individual","region":"CN","registered_at":"2020-11-01T09:00:00+08:00"}`, `{"verified":{"at":1}}`, `{"verified":null}`,
		`{"real_name":{"evidence":"110101199003074514"},"x":1}`, `[]`, `{"account_id":"a","account_id":"b"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var in importLineIn
		if err := (ndjsonLines{}).parse([]byte(line), &in); err != nil {
			refusedSilently(t, err, line)
		}
	})
}

// refusedSilently requires a problem with words that do not repeat what was sent. Shorter texts stand in words by chance.
func refusedSilently(t *testing.T, err error, sent string) {
	t.Helper()
	var p *Problem
	require.ErrorAs(t, err, &p)
	require.Contains(t, []Code{CodeInvalidRequest, CodeValidationFailed}, p.Code)
	for _, l := range []lang{english, chinese} {
		shown := p.localised(l)
		said := shown.Detail
		for _, fault := range shown.Errors {
			said += fault.Field + fault.Message
		}
		require.NotEmpty(t, said)
		require.True(t, utf8.ValidString(said))
		if len(sent) >= 16 {
			require.NotContains(t, said, sent)
		}
	}
}
