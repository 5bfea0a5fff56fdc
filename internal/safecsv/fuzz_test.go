package safecsv_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/safecsv"
)

// FuzzCell: no cell begins as a formula does, nothing but an apostrophe is added, and a reader gets what was written.
func FuzzCell(f *testing.F) {
	for _, seed := range []string{"", "=1+1", "'=1", "\r\n=1", "＝1", "＠sum", "\t=1", "a\"b,c\nd", "\xff", "-", "@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cell := safecsv.Cell(text)
		require.Contains(t, []string{text, "'" + text}, cell)
		for _, begins := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
			require.False(t, strings.HasPrefix(cell, begins))
		}
		var b strings.Builder
		w := safecsv.NewWriter(&b)
		require.NoError(t, w.Write("first", text))
		require.NoError(t, w.Flush())
		got, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Len(t, got[0], 2)
		if !strings.Contains(text, "\r") { // RFC 4180 knows one line break only
			require.Equal(t, cell, got[0][1])
		}
	})
}
