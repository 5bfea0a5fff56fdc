package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEverySampleIsIntroducedInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, s := range portalSamples() {
		require.NotEmpty(t, s.Show.En, s.ID)
		require.NotEmpty(t, s.Show.ZhCN, s.ID)
	}
}
