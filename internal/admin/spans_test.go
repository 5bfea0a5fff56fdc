package admin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/page"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	all, err := page.NewCatalogues(Assets(), "assets/messages", home, false)
	require.NoError(t, err)
	s := spans{&frame{lang: all.Named("en")}}
	for seconds, want := range map[int64][2]string{
		-5: {"0 s", "-5 s"}, 0: {"0 s", "0 s"}, 59: {"59 s", "59 s"}, 60: {"1 min 0 s", "1.0 min"}, 3599: {"59 min 59 s", "60 min"},
		3600: {"1 h 0 min", "1.0 h"}, 43 * 3600: {"1 d 19 h", "1.8 d"}, 20 * 86400: {"20 d 0 h", "20 d"},
	} {
		took, err := s.Took(seconds)
		require.NoError(t, err)
		about, err := s.About(seconds)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{took, about})
	}
	for want, share := range map[string][2]int64{
		"–": {0, 0}, "0 %": {0, 10}, "<1 %": {1, 1000}, "50 %": {1, 2}, ">99 %": {999, 1000}, "100 %": {7, 7},
	} {
		require.Equal(t, want, percent(share[0], share[1]))
	}
}
