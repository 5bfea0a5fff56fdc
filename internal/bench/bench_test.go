package bench_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/bench"
)

// TestEveryBenchmarkMeasures runs each with little: what it does must be what is wanted, which it checks itself, and
// every side but the baseline has a ratio.
func TestEveryBenchmarkMeasures(t *testing.T) {
	t.Parallel()
	for _, b := range bench.All() {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			said := 0
			report, err := b.Run(t.Context(), bench.Config{
				Now: time.Now, Dir: t.TempDir(), Rounds: 2, Accounts: []int{300}, Clients: 2, Requests: 20, Say: func(string, ...any) { said++ },
			})
			require.NoError(t, err)
			require.GreaterOrEqual(t, said, 2)
			sides := map[string]int{}
			for _, row := range report.Rows {
				require.Positive(t, row.Rate.Min, row.Side)
				require.LessOrEqual(t, row.Rate.Min, row.Rate.Median)
				require.LessOrEqual(t, row.Rate.Median, row.Rate.Max)
				sides[row.Case]++
				require.Equal(t, sides[row.Case] > 1, row.Ratio != nil, "the first side is the baseline")
			}
			for name, n := range sides {
				require.Greater(t, n, 1, name)
			}
			report.Machine = bench.ThisMachine(time.Date(2020, 12, 4, 0, 0, 0, 0, time.UTC))
			var table strings.Builder
			report.Table(&table)
			require.Contains(t, table.String(), "2020-12-04T00:00:00Z")
			require.Equal(t, len(report.Rows), strings.Count(table.String(), "\n")-6)
		})
	}
}
