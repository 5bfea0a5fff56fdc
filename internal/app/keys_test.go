package app

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/store"
)

// TestKeysAreRotatedBesideTheProgram as the command line does it.
func TestKeysAreRotatedBesideTheProgram(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Store.Path = filepath.Join(t.TempDir(), "v.db")
	a, err := OpenAdmin(t.Context(), c, Clock{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	_, _, err = a.Migrate(t.Context())
	require.NoError(t, err)
	secret, err := a.CreateKey(t.Context(), NewKey{Label: "l", Scopes: []api.Scope{api.DecisionsRead}, Accounts: store.AccountSet{"a1"}})
	require.NoError(t, err)
	id := strings.Split(secret, "_")[1]
	next, err := a.RotateKey(t.Context(), id, time.Hour)
	require.NoError(t, err)
	require.NotEqual(t, secret, next)
	keys, err := a.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.AccountSet{"a1"}, keys[0].Accounts)
	require.Len(t, keys[0].Old, 1)
	_, err = a.RotateKey(t.Context(), "0123456789abcdef", time.Hour)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, a.DisableKey(t.Context(), id))
	_, err = a.RotateKey(t.Context(), id, time.Hour)
	require.ErrorIs(t, err, ErrKeyEnded)
}
