package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// replaced is text with the first old replaced, which must be there.
func replaced(t *testing.T, text, before, after string) string {
	t.Helper()
	require.Contains(t, text, before)
	return strings.Replace(text, before, after, 1)
}
