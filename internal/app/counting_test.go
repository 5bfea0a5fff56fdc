package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

func TestFirstDue(t *testing.T) {
	t.Parallel()
	zone := lifecycle.Beijing()
	at := func(day, hour, minute int) time.Time { return time.Date(2020, 12, day, hour, minute, 0, 0, zone) }
	deadline := []time.Time{at(-30, 0, 0), at(4, 0, 0)}
	for name, tt := range map[string]struct {
		boundaries  []time.Time
		after, want time.Time
	}{
		"before the daily one":    {nil, at(1, 0, 9), at(1, 0, 10)},
		"at the daily one":        {nil, at(1, 0, 10), at(2, 0, 10)},
		"the deadline is nearer":  {deadline, at(3, 12, 0), at(4, 0, 0)},
		"at the deadline":         {deadline, at(4, 0, 0), at(4, 0, 10)},
		"asked in another zone":   {nil, at(1, 0, 9).UTC(), at(1, 0, 10)},
		"a deadline that is past": {deadline, at(5, 1, 0), at(6, 0, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, tt.want.Equal(firstDue(tt.boundaries, zone, 10*time.Minute, tt.after)))
		})
	}
}
