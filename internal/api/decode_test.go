package api

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	var in realNameIn
	require.NoError(t, decode([]byte(` {"name":"a","document":{"type":"b","number":"c"},"risk_notice_version":"d"} `), &in))
	require.Equal(t, realNameIn{"a", documentIn{"b", "c"}, "d"}, in)
	var batch batchIn
	require.NoError(t, decode([]byte(`{"account_ids":["name","name",""],"action":"x"}`), &batch), "values of an array are no names")
	require.Equal(t, []string{"name", "name", ""}, batch.AccountIDs)
}

// FuzzDecode: decode never panics, and takes nothing that encoding/json would not take.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name":"x"}`, `{"document":{"type":"cn_id"}}`, `[`, `{"a":[{"a":1},{"a":2}]}`, `{"name":"\ud800"}`, "\xff", `{"name":null}`, `{"":""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var in realNameIn
		err := decode(body, &in)
		var p *Problem
		if err != nil {
			require.ErrorAs(t, err, &p)
			require.Equal(t, CodeInvalidRequest, p.Code)
			return
		}
		require.True(t, json.Valid(body))
	})
}

// FuzzTokens: no text opens anything but a token that was made.
func FuzzTokens(f *testing.F) {
	tokens, err := NewTokens("https://example.com", make([]byte, 32))
	require.NoError(f, err)
	const id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	good, err := tokens.token(forScan, id)
	require.NoError(f, err)
	f.Add(good)
	f.Add("")
	f.Add("AAAA")
	f.Add(good[:20] + "\n" + good[20:])
	f.Fuzz(func(t *testing.T, text string) {
		got, err := tokens.open(forScan, text)
		if text == good {
			require.NoError(t, err)
			require.Equal(t, id, got)
			return
		}
		require.Error(t, err)
		_, err = tokens.openCursor("list", text)
		require.Error(t, err)
	})
}

func TestCursors(t *testing.T) {
	t.Parallel()
	tokens, err := NewTokens("https://example.com", make([]byte, 32))
	require.NoError(t, err)
	cursor := tokens.cursor("list/a", "17")
	after, err := tokens.openCursor("list/a", cursor)
	require.NoError(t, err)
	require.Equal(t, "17", after)
	_, err = tokens.openCursor("list/b", cursor)
	require.ErrorIs(t, err, errToken)
	// The border between the parts is signed too.
	moved := tokens.cursor("list/", "a17")
	require.NotEqual(t, cursor[:20], moved[:20])
}

func TestEveryCodeHasWords(t *testing.T) {
	t.Parallel()
	for code, e := range codes() {
		require.GreaterOrEqual(t, e.status, 400, code)
		for _, said := range []text{e.title, e.detail} {
			require.NotEmpty(t, said.en, code)
			require.NotEmpty(t, said.zh, code)
		}
		require.Equal(t, e.status == 503 || e.status == 429, e.retry > 0, code)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc", cut("abc", 3))
	require.Equal(t, "字", cut("字字", 5))
	require.Empty(t, cut("字", 2))
}
