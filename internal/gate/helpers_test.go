package gate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// observing is the founding policy as version 2 under observation.
func observing(t testing.TB, text string) string {
	t.Helper()
	changed := strings.Replace(text, "mode: enforce", "mode: observe", 1)
	require.NotEqual(t, text, changed)
	again := strings.Replace(changed, "version: 1", "version: 2", 1)
	require.NotEqual(t, changed, again)
	return again
}
