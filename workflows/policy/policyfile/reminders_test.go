package policyfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// reminded is small with reminders, in lines 17 to 21.
const reminded = small + `    reminders:
      before: [14d, 36h]
      after: {every: 7d, times: 2}
      quiet: {from: "21:00", until: 09:30}
      per_second: 5
`

func TestParseReminders(t *testing.T) {
	t.Parallel()
	p, err := policyfile.Parse([]byte(reminded))
	require.NoError(t, err)
	require.Equal(t, policy.Quiet{From: 1260, Until: 570}, p.Rules[0].Reminders.Quiet, "quotes are not needed")
	require.Zero(t, p.Rules[0].Reminders.Jitter)
	p, err = policyfile.Parse([]byte(small))
	require.NoError(t, err)
	require.Nil(t, p.Rules[0].Reminders, "nobody is reminded unless the file says so")
}

func TestParseReminderFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		old, new string
		line     int
		path     string
		says     string
	}{
		"unknown key":       {"per_second: 5", "per_second: 5\n      often: yes", 22, ".often", "quiet, per_second"},
		"quiet missing":     {"      quiet: {from: \"21:00\", until: 09:30}\n", "", 18, ".quiet", "missing"},
		"rate missing":      {"      per_second: 5\n", "", 18, ".per_second", "missing"},
		"until missing":     {", until: 09:30", "", 20, ".quiet.until", "missing"},
		"not a time":        {"09:30", "9:30", 20, ".quiet.until", "time of day"},
		"no such time":      {"09:30", "24:00", 20, ".quiet.until", "time of day"},
		"not a duration":    {"36h", "36 hours", 18, ".before[1]", "number of days"},
		"too short":         {"36h", "36m", 18, ".before[1]", "from 1h"},
		"before not a list": {"[14d, 36h]", "14d", 18, ".before", "list"},
		"after nothing":     {"{every: 7d, times: 2}", "{every: 0s, times: 0}", 19, ".after", "leave it out"},
		"times missing":     {", times: 2", "", 19, ".after.times", "missing"},
		"jitter too long":   {"per_second: 5", "per_second: 5\n      jitter: 13h", 22, ".jitter", "no longer"},
		"rate too high":     {"per_second: 5", "per_second: 5000", 21, ".per_second", "1 to 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, reminded, c.old)
			_, err := policyfile.Parse([]byte(strings.Replace(reminded, c.old, c.new, 1)))
			var faults policyfile.Faults
			require.True(t, errors.As(err, &faults), "%v", err)
			require.Len(t, faults, 1)
			require.Equal(t, "rules[0].reminders"+c.path, faults[0].Path)
			require.Equal(t, c.line, faults[0].Line)
			require.Contains(t, faults[0].Message, c.says)
		})
	}
}
