package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lookup is an environment of a test, of which nobody asks for everything.
type lookup func(name string) (string, bool)

func (l lookup) LookupEnv(name string) (string, bool) { return l(name) }
func (l lookup) Environ() []string                    { return nil }

// replaced is text with the first old replaced, which must be there.
func replaced(t *testing.T, text, before, after string) string {
	t.Helper()
	require.Contains(t, text, before)
	return strings.Replace(text, before, after, 1)
}
