package bench_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/bench"
	"github.com/verigate/verigate/internal/store/sqlstore/pgserver"
	"github.com/verigate/verigate/internal/store/sqlstore/pgtest"
)

// TestEveryBenchmarkMeasures runs each with little: what it does must be what is wanted, which it checks itself, and
// every side but the baseline has a ratio.
func TestEveryBenchmarkMeasures(t *testing.T) {
	t.Parallel()
	postgres, err := pgtest.Server()
	require.NoError(t, err)
	for n, b := range slices.Repeat(bench.All(), 2) {
		on, name := (*pgserver.Server)(nil), "SQLite"
		if n >= len(bench.All()) {
			on, name = postgres, "PostgreSQL"
		}
		t.Run(b.Name+" on "+name, func(t *testing.T) {
			t.Parallel()
			said := 0
			report, err := b.Run(t.Context(), bench.Config{
				Postgres: on, Now: time.Now, Dir: t.TempDir(), Rounds: 2, Accounts: []int{200}, Clients: 2, Requests: 20, Idle: time.Millisecond, Say: func(string, ...any) { said++ },
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
			for _, size := range report.Sizes {
				require.Positive(t, size.TableBytes+size.IndexBytes, size.Table)
			}
			require.Positive(t, len(report.Rows)+len(report.Sizes))
			require.Equal(t, len(report.Rows)+len(report.Sizes), strings.Count(table.String(), "\n")-6)
		})
	}
}
