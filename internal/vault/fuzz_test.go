package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/vault"
)

// FuzzParseKeyset: what is no key file is refused with one error that quotes nothing; what is one can be rotated.
func FuzzParseKeyset(f *testing.F) {
	good, err := vault.GenerateKeyset()
	require.NoError(f, err)
	f.Add(good)
	for _, seed := range []string{``, `null`, `{}`, `{"seal":{},"digest":{}}`, `{"seal":null}`, `{"seal":{"primaryKeyId":1,"key":[{}]},"digest":{"key":[null]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := vault.ParseKeyset(file); err != nil {
			require.Equal(t, vault.ErrKeyset, err)
			return
		}
		for _, change := range []func([]byte) ([]byte, error){vault.AnnounceKeyset, vault.RotateKeyset, vault.RetireKeyset} {
			changed, err := change(file)
			if err != nil {
				require.NotErrorIs(t, err, vault.ErrKeyset, "the file was read a moment ago")
				continue
			}
			_, err = vault.ParseKeyset(changed)
			require.NoError(t, err)
		}
	})
}
