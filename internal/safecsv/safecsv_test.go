package safecsv_test

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/safecsv"
)

func TestCellsAreText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                          "",
		"a-1":                       "a-1",
		"2020-12-04T00:00:00Z":      "2020-12-04T00:00:00Z",
		"=1+1":                      "'=1+1",
		"+86":                       "'+86",
		"-cmd":                      "'-cmd",
		"@sum":                      "'@sum",
		"\t=1":                      "'\t=1",
		"\r=1":                      "'\r=1",
		"\n=1":                      "'\n=1",
		"\x00=1":                    "'\x00=1",
		"＝1":                        "'＝1",
		"a=1":                       "a=1",
		"'=1":                       "'=1",
		`=HYPERLINK("http://x","")`: `'=HYPERLINK("http://x","")`,
	} {
		require.Equal(t, want, safecsv.Cell(given))
	}
}

func TestLinesAreRead(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := safecsv.NewWriter(&b)
	require.NoError(t, w.Write("a", `say "x", y`, "=1"))
	require.NoError(t, w.Write("b", "two\nlines", ""))
	require.NoError(t, w.Flush())
	require.True(t, strings.HasSuffix(b.String(), "\r\n"))
	got, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a", `say "x", y`, "'=1"}, {"b", "two\nlines", ""}}, got)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAFullDiskIsTold(t *testing.T) {
	t.Parallel()
	w := safecsv.NewWriter(full{})
	require.NoError(t, w.Write("a"))
	require.Error(t, w.Flush())
}
