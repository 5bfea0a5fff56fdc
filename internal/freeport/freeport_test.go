package freeport_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/freeport"
)

func TestFill(t *testing.T) {
	t.Parallel()
	l, err := freeport.Listen(0)
	require.NoError(t, err)
	taken := l.Addr().(*net.TCPAddr).Port
	require.Less(t, taken, 32768, "outgoing connections get theirs from there")

	a, b, none := 0, 0, -1
	require.NoError(t, freeport.Fill(&a, &none, &b))
	require.NotContains(t, []int{0, taken, b}, a)
	require.NotContains(t, []int{0, taken}, b)
	require.Equal(t, -1, none)
	again, err := freeport.Listen(a)
	require.NoError(t, err, "free when it returns")
	require.NoError(t, again.Close())

	c := 0
	release, err := freeport.Hold(&c)
	require.NoError(t, err)
	require.Error(t, freeport.Fill(&c), "it is held")
	release()
	release()
	require.NoError(t, freeport.Fill(&c))

	require.Error(t, freeport.Fill(&taken), "somebody has it")
	require.NoError(t, l.Close())
	require.NoError(t, freeport.Fill(&taken))
}
