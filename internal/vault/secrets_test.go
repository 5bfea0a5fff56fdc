package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
)

func TestSecretsOpenUnderTheirNameOnly(t *testing.T) {
	t.Parallel()
	v := vaulttest.Open(t)
	sealed, err := v.SealSecret(t.Context(), "webhook/1", []byte("a secret"))
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "a secret")
	again, err := v.SealSecret(t.Context(), "webhook/1", []byte("a secret"))
	require.NoError(t, err)
	require.NotEqual(t, sealed, again)

	plain, err := v.OpenSecret(t.Context(), "webhook/1", sealed)
	require.NoError(t, err)
	require.Equal(t, "a secret", string(plain))
	_, err = v.OpenSecret(t.Context(), "webhook/2", sealed)
	require.ErrorIs(t, err, vault.ErrUnsealed)
	sealed[len(sealed)-1] ^= 1
	_, err = v.OpenSecret(t.Context(), "webhook/1", sealed)
	require.ErrorIs(t, err, vault.ErrUnsealed)
	_, err = vaulttest.Open(t).OpenSecret(t.Context(), "webhook/1", again)
	require.ErrorIs(t, err, vault.ErrUnsealed, "another ring")
}
