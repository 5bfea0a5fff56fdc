package figures_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// verifiedOn verifies so many accounts at noon of each of some days of November.
func (w *world) verifiedOn(days map[int]int) {
	w.t.Helper()
	for day, n := range days {
		for i := range n {
			w.verified(fmt.Sprintf("v-%d-%d", day, i), beijing(11, day, 12))
		}
	}
}

func (w *world) waiting(n int) {
	w.t.Helper()
	for i := range n {
		w.account(fmt.Sprintf("u-%d", i))
	}
}

// TestForecast: December 1 at noon, the deadline is the midnight of December 4, 2.5 days away.
func TestForecast(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		verified              map[int]int // on days of November; the whole days are 24 to 30
		unverified            int
		median, least, most   int64
		expected, best, worst int64 // blocked
	}{
		"an even pace":          {map[int]int{24: 2, 25: 2, 26: 2, 27: 2, 28: 2, 29: 2, 30: 2}, 20, 2, 2, 2, 15, 15, 15},
		"an uneven one":         {map[int]int{24: 1, 25: 4, 26: 2, 28: 3, 29: 2, 30: 1}, 20, 2, 0, 4, 15, 10, 20},
		"nobody for a week":     {map[int]int{22: 5, 23: 5}, 7, 0, 0, 0, 7, 7, 7},
		"more than are left":    {map[int]int{24: 4, 25: 4, 26: 4, 27: 4, 28: 4, 29: 4, 30: 1}, 5, 4, 1, 4, 0, 0, 3},
		"nobody is left":        {map[int]int{24: 1}, 0, 0, 0, 1, 0, 0, 0},
		"today is not yet over": {map[int]int{31: 9}, 4, 0, 0, 0, 4, 4, 4}, // November 31 is today
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, beijing(12, 1, 12))
			w.founding()
			w.verifiedOn(tt.verified)
			w.waiting(tt.unverified)
			p := w.figures().Population
			require.Equal(t, []int64{tt.median, tt.least, tt.most}, []int64{p.BurnDown.Pace.Median, p.BurnDown.Pace.Least, p.BurnDown.Pace.Most})
			e := p.Enforcement
			require.EqualValues(t, tt.unverified, e.IfNothing)
			require.Equal(t, []int64{tt.expected, tt.best, tt.worst}, []int64{e.Expected, e.Least, e.Most})
			line := p.BurnDown.Forecast
			require.Len(t, line, 4, "now, two midnights, the deadline")
			require.True(t, p.At.Equal(line[0].At) && e.At.Equal(line[3].At) && beijing(12, 2, 0).Equal(line[1].At))
			require.Equal(t, int64(tt.unverified), int64(line[0].Expected))
			require.Equal(t, []int64{tt.expected, tt.best, tt.worst}, []int64{line[3].Expected, line[3].Least, line[3].Most})
			for i := 1; i < len(line); i++ {
				require.LessOrEqual(t, line[i].Expected, line[i-1].Expected)
				require.LessOrEqual(t, line[i].Least, line[i].Expected)
				require.LessOrEqual(t, line[i].Expected, line[i].Most)
			}
		})
	}
}

// TestForecastOfBlocked: who is extended is not blocked, and verifies as everybody does.
func TestForecastOfBlocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(12, 1, 12))
	w.founding()
	w.verifiedOn(map[int]int{24: 2, 25: 2, 26: 2, 27: 2, 28: 2, 29: 2, 30: 2})
	w.waiting(20)
	for i := range 10 {
		w.extend(fmt.Sprintf("u-%d", i), beijing(12, 31, 0))
	}
	e := w.figures().Population.Enforcement
	require.EqualValues(t, 10, e.IfNothing)
	require.EqualValues(t, 8, e.Expected, "three quarters of ten: fifteen of twenty will not be verified")
}

// TestBurnDownAcrossTheDeadline follows a small population from before the deadline to after it.
func TestBurnDownAcrossTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(12, 3, 12))
	w.founding()
	w.account("late", func(a *policy.Account) { a.RegisteredAt = beijing(11, 15, 12) })
	w.account("never")
	w.verified("old", beijing(10, 20, 0))
	w.verified("early", beijing(11, 20, 0)) // at a midnight: verified on that day
	w.verified("noon", beijing(12, 1, 12))
	unverified := func(b figures.BurnDown, at time.Time) int64 {
		for _, d := range b.Days {
			if d.At.Equal(at) {
				return d.Unverified
			}
		}
		t.Fatalf("%s is no day of it", at)
		return 0
	}
	before := w.figures().Population
	b := before.BurnDown
	require.Len(t, b.Days, 31, "thirty midnights and now")
	require.EqualValues(t, 3, unverified(b, beijing(11, 4, 0)), "never, early, noon")
	require.EqualValues(t, 3, unverified(b, beijing(11, 15, 0)))
	require.EqualValues(t, 4, unverified(b, beijing(11, 16, 0)), "late is there")
	require.EqualValues(t, 4, unverified(b, beijing(11, 19, 0)))
	require.EqualValues(t, 3, unverified(b, beijing(11, 20, 0)))
	require.EqualValues(t, 3, unverified(b, beijing(12, 1, 0)))
	require.EqualValues(t, 2, unverified(b, beijing(12, 2, 0)))
	require.EqualValues(t, 2, unverified(b, before.At))
	require.Equal(t, before.Unverified, unverified(b, before.At))
	require.Equal(t, []int64{0, 0, 0, 0, 0, 1, 0}, b.Pace.Days)
	require.Zero(t, before.Blocked)
	require.EqualValues(t, 2, before.Enforcement.IfNothing)

	w.set(beijing(12, 4, 0)) // the deadline itself, which is a midnight
	w.append("late", event(lifecycle.Submit, beijing(12, 3, 13)))
	after := w.figures().Population
	require.Len(t, after.BurnDown.Days, 30, "now is the last midnight")
	require.EqualValues(t, 2, after.Blocked)
	require.Nil(t, after.Enforcement)
	require.True(t, beijing(12, 4, 0).Equal(*after.EnforcedAt))
	require.EqualValues(t, 2, unverified(after.BurnDown, beijing(12, 4, 0)))
	require.EqualValues(t, 2, unverified(after.BurnDown, beijing(12, 3, 0)))
	require.NotNil(t, after.BurnDown.Pace)
	require.Empty(t, after.BurnDown.Forecast)
}

// TestAVersionThatChangesNothing begins to block nothing.
func TestAVersionThatChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(12, 1, 12))
	w.founding()
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	require.NoError(t, w.store.PublishPolicy(t.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 2, Text: bytes.Replace(text, []byte("version: 1"), []byte("version: 2"), 1),
		EffectiveFrom: beijing(12, 10, 0), Author: "test",
	}))
	w.account("a1")
	require.True(t, beijing(12, 4, 0).Equal(w.figures().Population.Enforcement.At))
	w.set(beijing(12, 5, 0))
	p := w.figures().Population
	require.Nil(t, p.Enforcement)
	require.True(t, beijing(12, 4, 0).Equal(*p.EnforcedAt))
	w.set(beijing(12, 11, 0))
	require.True(t, beijing(12, 4, 0).Equal(*w.figures().Population.EnforcedAt))
}

// TestYoungPopulation has no pace yet.
func TestYoungPopulation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(11, 16, 12))
	w.founding()
	w.account("a1", func(a *policy.Account) { a.RegisteredAt = beijing(11, 15, 0) })
	p := w.figures().Population
	require.Nil(t, p.BurnDown.Pace)
	require.Empty(t, p.BurnDown.Forecast)
	require.EqualValues(t, 1, p.Enforcement.IfNothing)
	require.Equal(t, []int64{1, 1, 1}, []int64{p.Enforcement.Expected, p.Enforcement.Least, p.Enforcement.Most})
}
