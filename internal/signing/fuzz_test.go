package signing_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/signing"
)

// FuzzReceipts: no text but a receipt that was signed opens, and public keys tell nothing of MACs.
func FuzzReceipts(f *testing.F) {
	r := ring(f, first)
	set := published(f, r)
	public, quick := r.Sign([]byte(`{"a":1}`)), r.SignQuickly([]byte(`{"a":1}`))
	for _, seed := range []string{public, quick, public[len("ed25519."):], "ed25519." + quick, public + ".", public + "\n", quick[:40] + "\n" + quick[40:], "", "...", "ed25519.k1.."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		content, key, err := r.Open(text)
		if text == public || text == quick {
			require.NoError(t, err)
			require.Equal(t, []string{`{"a":1}`, "k1"}, []string{string(content), key})
		} else {
			require.ErrorIs(t, err, signing.ErrReceipt)
		}
		_, _, err = set.Open(text)
		require.Equal(t, text == public, err == nil)
	})
}

// FuzzParseSet: published keys are refused, or published again as they were.
func FuzzParseSet(f *testing.F) {
	good, err := json.Marshal(ring(f, first, second).Public().JWKS())
	require.NoError(f, err)
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte(`"k2"`), []byte(`"k1"`)))
	for _, seed := range []string{
		``, `{}`, `{"keys":[]}`, `{"keys":[{}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"k1","x":"AAAA"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := signing.ParseSet(text)
		if err != nil {
			require.Empty(t, set.JWKS().Keys)
			return
		}
		ids := map[string]bool{}
		for _, key := range set.JWKS().Keys {
			require.False(t, ids[key.ID], "two keys of one id")
			ids[key.ID] = true
		}
		again, err := json.Marshal(set.JWKS())
		require.NoError(t, err)
		back, err := signing.ParseSet(again)
		require.NoError(t, err)
		require.Equal(t, set, back)
	})
}
