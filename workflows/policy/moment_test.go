package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A moment compares, adds and comes back exactly as the time.Time that it was made of.
func TestMomentIsTime(t *testing.T) {
	t.Parallel()
	anyTime := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyTime.Draw(t, "a"), anyTime.Draw(t, "b")
		if rapid.Bool().Draw(t, "same second") {
			b = time.Unix(a.Unix(), int64(b.Nanosecond()))
		}
		d := time.Duration(rapid.Int64().Draw(t, "d"))
		require.Equal(t, a.Before(b), momentOf(a).before(momentOf(b)))
		require.Equal(t, momentOf(a.Add(d)), momentOf(a).add(d))
		require.Equal(t, a.UTC(), momentOf(a).in(time.UTC))
	})
	require.True(t, momentOf(time.Time{}).isZero())
	require.Equal(t, time.Time{}, moment{}.in(time.UTC))
}
