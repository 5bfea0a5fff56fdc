package realname_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/realname"
)

const goodNumber = "110101199003070011"

// day returns noon in Beijing.
func day(t testing.TB, date string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, date+"T12:00:00+08:00")
	require.NoError(t, err)
	return at
}

func codes(faults realname.Faults) []string {
	found := []string{}
	for _, f := range faults {
		found = append(found, string(f.Code))
	}
	return found
}

// checkedBy completes 17 digits by the recursive form of ISO 7064 MOD 11-2, which shares nothing with the weights
// of the code under test.
func checkedBy(digits string) string {
	p := 0
	for _, d := range digits {
		p = (p + int(d-'0')) * 2 % 11
	}
	return digits + string("0123456789X"[(12-p)%11])
}

// numbers draws valid numbers of people born on or before last.
func numbers(last time.Time) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		province := rapid.SampledFrom([]string{"11", "15", "21", "37", "41", "46", "50", "54", "61", "65", "71", "81", "91"}).Draw(t, "province")
		first := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
		born := first.AddDate(0, 0, rapid.IntRange(0, int(last.Sub(first).Hours()/24)).Draw(t, "days"))
		area := rapid.IntRange(1, 9999).Draw(t, "area")
		return checkedBy(fmt.Sprintf("%s%04d%s%03d", province, area, born.Format("20060102"), rapid.IntRange(0, 999).Draw(t, "seq")))
	})
}
