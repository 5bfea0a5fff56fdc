package vaulttest

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/vault"
)

// RotatingKEK is a KEK that can be rotated from outside.
type RotatingKEK struct {
	Open   func(t *testing.T) vault.KEK // as another process does after a change
	Rotate func()
	Retire func() // ends all keys but the newest
}

// RunKEK checks a KEK.
func RunKEK(t *testing.T, open func(t *testing.T) RotatingKEK) {
	t.Helper()
	ctx := t.Context()
	r := open(t)
	secret := make32(t)
	before := r.Open(t)
	ids, err := before.IDs(ctx)
	require.NoError(t, err)
	require.Len(t, ids, 1)
	wrapped, id, err := before.Wrap(ctx, secret, []byte("bound"))
	require.NoError(t, err)
	require.Equal(t, ids[0], id)
	require.NotContains(t, string(wrapped), string(secret))
	opens := func(k vault.KEK, id string, wrapped []byte) {
		t.Helper()
		plain, err := k.Unwrap(ctx, id, wrapped, []byte("bound"))
		require.NoError(t, err)
		require.Equal(t, secret, plain)
	}
	opens(before, id, wrapped)
	opens(r.Open(t), id, wrapped)

	altered := append([]byte{}, wrapped...)
	altered[len(altered)-4] ^= 1
	for name, ask := range map[string]struct {
		id    string
		what  []byte
		bound string
	}{
		"bound to something else": {id, wrapped, "other"}, "altered": {id, altered, "bound"}, "another id": {"other/1", wrapped, "bound"},
		"empty": {id, nil, "bound"}, "short": {id, []byte("x"), "bound"},
	} {
		_, err := r.Open(t).Unwrap(ctx, ask.id, ask.what, []byte(ask.bound))
		require.ErrorIs(t, err, vault.ErrUnsealed, name)
	}

	r.Rotate()
	after := r.Open(t)
	ids, err = after.IDs(ctx)
	require.NoError(t, err)
	require.Len(t, ids, 2)
	require.Equal(t, id, ids[1], "the newest first")
	opens(after, id, wrapped)
	anew, newest, err := after.Wrap(ctx, secret, []byte("bound"))
	require.NoError(t, err)
	require.Equal(t, ids[0], newest)

	r.Retire()
	alone := r.Open(t)
	ids, err = alone.IDs(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{newest}, ids)
	opens(alone, newest, anew)
	_, err = alone.Unwrap(ctx, id, wrapped, []byte("bound"))
	require.ErrorIs(t, err, vault.ErrUnsealed)
}

func make32(t *testing.T) []byte {
	t.Helper()
	secret := make([]byte, 32)
	_, err := rand.Read(secret)
	require.NoError(t, err)
	return secret
}
