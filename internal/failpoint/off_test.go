//go:build !failpoints

package failpoint_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/failpoint"
)

func TestWithoutTheTagNothingHappens(t *testing.T) {
	t.Parallel()
	p, err := failpoint.Parse("")
	require.NoError(t, err)
	p.Hit("append.before:submit")
	require.False(t, failpoint.Built)
}

func TestWithoutTheTagANamedPlaceIsAnError(t *testing.T) {
	t.Parallel()
	_, err := failpoint.Parse("append.before:submit")
	require.ErrorContains(t, err, "-tags failpoints")
}
