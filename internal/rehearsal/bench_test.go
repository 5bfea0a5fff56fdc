package rehearsal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/rehearsal"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/policy"
)

// BenchmarkYear rehearses a year of the founding rule. VERIGATE_BENCH_ACCOUNTS is the population, 2,000 if it is not set.
func BenchmarkYear(b *testing.B) {
	population := sqlstoretest.Population(b, 2000)
	for b.Loop() {
		b.StopTimer()
		clock := rehearsal.NewClock(day(11, 9))
		s := opened(b, clock.Now)
		puts := make([]store.PutAccount, population)
		for i := range puts {
			puts[i].Account = policy.Account{
				ID: fmt.Sprintf("a%07d", i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: day(10, 1),
			}
		}
		_, err := s.PutAccounts(b.Context(), puts, false)
		require.NoError(b, err)
		scenario, err := rehearsal.ReadScenario(strings.NewReader(`{"rates":{"logins_per_day":0.02,"verify_rate_per_prompt":0.2,"seed":1}}`))
		require.NoError(b, err)
		b.StartTimer()
		result, err := rehearsal.Run(b.Context(), rehearsal.Config{
			Store: s, Clock: clock, From: day(11, 10), To: day(11, 10).AddDate(1, 0, 0), Scenario: scenario,
			Schedule: rehearsal.DefaultSchedule(), Logger: discard(),
		})
		require.NoError(b, err)
		b.ReportMetric(float64(result.Logins+result.Reminders+result.Restricted+result.Lifted), "happenings")
		b.ReportMetric(float64(result.Sweeps), "sweeps")
		b.ReportMetric(float64(result.ReminderRuns), "reminder-runs")
	}
}
