package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

func TestADecisionIsForItsCase(t *testing.T) {
	t.Parallel()
	at := time.Date(2020, 12, 1, 10, 0, 0, 0, lifecycle.Beijing())
	v := lifecycle.Verification{AccountID: "a1", State: lifecycle.ManualReview, Since: at, Revision: 2}
	require.NoError(t, v.CheckCase(v.Case()))
	require.NoError(t, v.CheckCase(lifecycle.Case{Since: at.UTC(), Revision: 2}), "an instant is one in any zone")
	require.NoError(t, v.CheckCase(lifecycle.Case{}), "whoever names no case means the present one")
	for _, other := range []lifecycle.Case{{Since: at.Add(-1), Revision: 2}, {Since: at, Revision: 1}, {Revision: 2}, {Since: at}} {
		var refusal *lifecycle.Refusal
		require.ErrorAs(t, v.CheckCase(other), &refusal)
		require.Equal(t, lifecycle.CodeCaseMoved, refusal.Code)
		require.Equal(t, lifecycle.ManualReview, refusal.State)
	}
}
