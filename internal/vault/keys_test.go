package vault_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
)

func TestKeysInMemory(t *testing.T) {
	t.Parallel()
	vaulttest.RunKeys(t, func(*testing.T) vault.Keys { return vaulttest.NewKeys() })
}

func TestKeysInAFile(t *testing.T) {
	t.Parallel()
	vaulttest.RunKeys(t, func(t *testing.T) vault.Keys { return keyFile(t, filepath.Join(t.TempDir(), "keys.db")) })
}

func keyFile(t *testing.T, path string) sqlstore.KeyFile {
	t.Helper()
	f, err := sqlstore.OpenKeys(t.Context(), sqlstore.Config{Path: path, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// TestTwoProcessesMakeOneKey: whoever comes second takes the key of the first, and both open what the other sealed.
func TestTwoProcessesMakeOneKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here, there := w.open(), w.open()
	refs := make(chan string, 20)
	for i := range 20 {
		v := []*vault.Sealed{here, there}[i%2]
		go func() {
			ref, err := v.PutText(t.Context(), "a1", vault.KindNote, canaryText)
			if err != nil {
				ref = err.Error()
			}
			refs <- ref
		}()
	}
	for range 20 {
		ref := <-refs
		for _, v := range []*vault.Sealed{here, there} {
			text, err := v.Text(t.Context(), "a1", ref)
			require.NoError(t, err, ref)
			require.Equal(t, canaryText, text)
		}
	}
	held, err := here.Holdings(t.Context(), "a1")
	require.NoError(t, err)
	require.Len(t, held, 1)
	require.Equal(t, 20, held[0].Records)
}

func TestAKeysetIsAKEK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vaulttest.RunKEK(t, func(*testing.T) vaulttest.RotatingKEK {
		return vaulttest.RotatingKEK{
			Open: func(t *testing.T) vault.KEK {
				kek, err := w.parsed().KEK()
				require.NoError(t, err)
				return kek
			},
			Rotate: w.rotate, Retire: func() { w.retire(t) },
		}
	})
}
