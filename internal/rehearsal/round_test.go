package rehearsal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/rehearsal"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// crowded draws a scenario in which much happens on the same days, so that rounds are cut short: by a second event of an
// account, by a verification that follows a prompt, by a run that an event gives something to do.
func crowded(t *rapid.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"rates":{"logins_per_day":%d,"verify_rate_per_prompt":0.02,"seed":%d}}`+"\n",
		rapid.IntRange(1, 4).Draw(t, "logins"), rapid.IntRange(1, 1000).Draw(t, "seed"))
	at := day(11, 24)
	for range rapid.IntRange(40, 120).Draw(t, "events") {
		at = at.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
		if !at.Before(day(12, 10)) {
			break
		}
		h := happening{
			at: at, account: fmt.Sprintf("shop-%02d", rapid.IntRange(0, 11).Draw(t, "account")),
			do: rapid.SampledFrom([]string{"login", "verify", "revoke", "revoke", "extend"}).Draw(t, "do"),
		}
		if h.do == "extend" {
			h.until = h.at.Add(time.Duration(rapid.IntRange(1, 20*24).Draw(t, "hours")) * time.Hour)
		}
		b.WriteString(h.line() + "\n")
	}
	return b.String()
}

// TestRoundsAreOneAfterTheOther: what is played together comes to what it comes to one event after the other, down to
// the log of every account.
func TestRoundsAreOneAfterTheOther(t *testing.T) {
	t.Parallel()
	const accounts = 12
	play := func(t *testing.T, scenario string, size int) (string, rehearsal.Result, []string) {
		clock := rehearsal.NewClock(day(11, 9))
		s := opened(t, clock.Now)
		populate(t, s, accounts)
		read, err := rehearsal.ReadScenario(strings.NewReader(scenario))
		require.NoError(t, err)
		result, err := rehearsal.RunInRounds(t.Context(), rehearsal.Config{
			Store: s, Clock: clock, From: day(11, 10), To: day(12, 10), Scenario: read, Schedule: rehearsal.DefaultSchedule(), Logger: discard(),
		}, size)
		require.NoError(t, err)
		var log []string
		for i := range accounts {
			id := fmt.Sprintf("shop-%02d", i)
			require.NoError(t, s.VerifyProjection(t.Context(), id))
			entries, err := s.Events(t.Context(), id, 0, 1000)
			require.NoError(t, err)
			for _, e := range entries {
				require.False(t, e.RecordedAt.Before(e.At), "recorded before it happened")
				if e.Event != lifecycle.ImportVerified && e.Event != lifecycle.ImportApproved { // before the rehearsal
					require.Less(t, e.RecordedAt.Sub(e.At), 24*time.Hour)
				}
				log = append(log, fmt.Sprintf("%s %d %s %s %s %s", id, e.Seq, e.Event, e.At.Format(time.RFC3339), e.ChangeID, e.Reason))
			}
		}
		return reported(t, s, clock.Now()), result, log
	}
	for seed := range 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			scenario := rapid.Custom(crowded).Example(seed)
			wantReport, wantResult, wantLog := play(t, scenario, 1)
			require.Positive(t, wantResult.Verified)
			require.Positive(t, wantResult.Lifted)
			for _, size := range []int{3, 500} {
				report, result, log := play(t, scenario, size)
				require.Equal(t, wantResult, result)
				require.Equal(t, wantLog, log)
				require.Equal(t, wantReport, report)
			}
		})
	}
}
