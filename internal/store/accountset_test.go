package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
)

func TestAccountSet(t *testing.T) {
	t.Parallel()
	set := store.AccountSet{"a1", "shop-*"}
	for id, has := range map[string]bool{"a1": true, "a10": false, "A1": false, "shop-": true, "shop-1": true, "shop": false, "": false, "xshop-1": false} {
		require.Equal(t, has, set.Has(id), id)
	}
	require.True(t, set.Bound())
	require.False(t, store.AccountSet{}.Bound())
	require.True(t, store.AccountSet(nil).Has("anything"), "no set bounds nothing")
}
