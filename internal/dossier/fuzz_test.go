package dossier_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/dossier"
	"github.com/verigate/verigate/internal/signing"
)

// FuzzCheck: a file that no key signed is never intact, whatever it says of itself.
func FuzzCheck(f *testing.F) {
	ring, err := signing.NewRing([]signing.Key{{ID: "r1", Secret: bytes.Repeat([]byte{7}, signing.MinSecret)}})
	require.NoError(f, err)
	for _, seed := range []string{
		"", "{\n", "{\"schema\":\"x\"\n", "{\"account_id\":\"a1\",\n\"log\":[\n],\n\"proof\":{}}\n", "{\"consent_texts\":[null],\n\"log\":[\n{},\n],\n\"proof\":{\"entries\":1}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		result, err := dossier.Check(bytes.NewReader(file), ring)
		if err != nil {
			require.ErrorIs(t, err, dossier.ErrForm)
			require.Zero(t, result)
			return
		}
		require.False(t, result.Intact())
		var said bytes.Buffer
		result.Say(&said)
		require.NotEmpty(t, said.String())
	})
}
