package vaulttest

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/vault"
)

// RunKeys checks whoever keeps data keys. open returns an empty place.
func RunKeys(t *testing.T, open func(t *testing.T) vault.Keys) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, vault.Keys){
		"a key is current until another takes its place": oneCurrentKey, "of many who add a key one does": keyRace,
		"destroyed keys": destroyedKeys, "lists": listedKeys, "wrapping anew": rewrappedKeys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, open(t))
		})
	}
}

func dataKey(id, account string, kind vault.Kind) vault.DataKey {
	return vault.DataKey{
		ID: id, AccountID: account, Kind: kind, Wrapped: []byte("wrapped " + id), KEK: "k1", Current: true, CreatedAt: time.Unix(1_600_000_000, 0).UTC(),
	}
}

func add(t *testing.T, keys vault.Keys, k vault.DataKey, instead string) vault.DataKey {
	t.Helper()
	kept, err := keys.AddKey(t.Context(), k, instead)
	require.NoError(t, err)
	return kept
}

func oneCurrentKey(t *testing.T, keys vault.Keys) {
	ctx := t.Context()
	_, err := keys.CurrentKey(ctx, "a1", vault.KindSubject)
	require.ErrorIs(t, err, vault.ErrNotFound)
	_, err = keys.DataKey(ctx, "k")
	require.ErrorIs(t, err, vault.ErrNotFound)
	first := add(t, keys, dataKey("x", "a1", vault.KindSubject), "")
	require.Equal(t, dataKey("x", "a1", vault.KindSubject), first)
	require.Equal(t, "x", add(t, keys, dataKey("y", "a1", vault.KindSubject), "").ID, "there is one")
	require.Equal(t, "x", add(t, keys, dataKey("y", "a1", vault.KindSubject), "z").ID, "it is not the one to be replaced")
	require.Equal(t, "n", add(t, keys, dataKey("n", "a1", vault.KindNote), "").ID, "another kind")
	require.Equal(t, "o", add(t, keys, dataKey("o", "a2", vault.KindSubject), "").ID, "another account")
	require.Equal(t, "y", add(t, keys, dataKey("y", "a1", vault.KindSubject), "x").ID)
	current, err := keys.CurrentKey(ctx, "a1", vault.KindSubject)
	require.NoError(t, err)
	require.Equal(t, dataKey("y", "a1", vault.KindSubject), current)
	before, err := keys.DataKey(ctx, "x")
	require.NoError(t, err)
	require.False(t, before.Current)
	require.Equal(t, "wrapped x", string(before.Wrapped), "it still opens what it sealed")
}

func keyRace(t *testing.T, keys vault.Keys) {
	const many = 20
	kept := make([]string, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			k, err := keys.AddKey(context.WithoutCancel(t.Context()), dataKey("k"+strconv.Itoa(i), "a1", vault.KindText), "")
			if err == nil {
				kept[i] = k.ID
			}
		})
	}
	all.Wait()
	current, err := keys.CurrentKey(t.Context(), "a1", vault.KindText)
	require.NoError(t, err)
	for _, id := range kept {
		require.Equal(t, current.ID, id)
	}
}

func destroyedKeys(t *testing.T, keys vault.Keys) {
	ctx, at := t.Context(), time.Unix(1_700_000_000, 0).UTC()
	add(t, keys, dataKey("x", "a1", vault.KindSubject), "")
	add(t, keys, dataKey("n", "a1", vault.KindNote), "")
	require.NoError(t, keys.DestroyKeys(ctx, at, "x", "unknown"))
	require.NoError(t, keys.DestroyKeys(ctx, at.Add(time.Hour), "x"))
	k, err := keys.DataKey(ctx, "x")
	require.NoError(t, err)
	require.Empty(t, k.Wrapped)
	require.Equal(t, at, k.DestroyedAt, "the first instant stays")
	_, err = keys.CurrentKey(ctx, "a1", vault.KindSubject)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.Equal(t, "y", add(t, keys, dataKey("y", "a1", vault.KindSubject), "").ID, "its place is free")
	_, err = keys.CurrentKey(ctx, "a1", vault.KindNote)
	require.NoError(t, err, "another kind lives on")
	done, err := keys.RewrapKey(ctx, dataKey("x", "a1", vault.KindSubject), []byte("w"), "k2")
	require.NoError(t, err)
	require.False(t, done, "what is destroyed stays destroyed")
}

func listedKeys(t *testing.T, keys vault.Keys) {
	ctx := t.Context()
	add(t, keys, dataKey("a", "a1", vault.KindSubject), "")
	add(t, keys, dataKey("b", "a1", vault.KindSubject), "a")
	add(t, keys, dataKey("c", "a2", vault.KindSubject), "")
	late := dataKey("d", "a3", vault.KindSubject)
	late.CreatedAt, late.KEK = late.CreatedAt.Add(time.Hour), "k2"
	add(t, keys, late, "")
	add(t, keys, dataKey("e", "a4", vault.KindSubject), "")
	require.NoError(t, keys.DestroyKeys(ctx, late.CreatedAt, "e"))
	for name, c := range map[string]struct {
		filter vault.KeyFilter
		want   []string
	}{
		"all that live":    {vault.KeyFilter{}, []string{"a", "b", "c", "d"}},
		"of an account":    {vault.KeyFilter{AccountID: "a1"}, []string{"a", "b"}},
		"being replaced":   {vault.KeyFilter{Retired: true}, []string{"a"}},
		"current":          {vault.KeyFilter{Current: true}, []string{"b", "c", "d"}},
		"wrapped by other": {vault.KeyFilter{NotKEK: "k1"}, []string{"d"}},
		"made before":      {vault.KeyFilter{Current: true, Before: late.CreatedAt}, []string{"b", "c"}},
		"the next page":    {vault.KeyFilter{After: "b"}, []string{"c", "d"}},
		"a page":           {vault.KeyFilter{Limit: 2}, []string{"a", "b"}},
		"of ids":           {vault.KeyFilter{IDs: []string{"c", "a", "e", "unknown"}}, []string{"a", "c"}},
		"none":             {vault.KeyFilter{AccountID: "a4"}, nil},
	} {
		if c.filter.Limit == 0 {
			c.filter.Limit = 10
		}
		all, err := keys.ListKeys(ctx, c.filter)
		require.NoError(t, err, name)
		var ids []string
		for _, k := range all {
			ids = append(ids, k.ID)
		}
		require.Equal(t, c.want, ids, name)
	}
	living, destroyed, err := keys.CountKeys(ctx)
	require.NoError(t, err)
	require.Equal(t, []vault.KeyCount{{KEK: "k1", Keys: 3}, {KEK: "k2", Keys: 1}}, living)
	require.Equal(t, 1, destroyed)
}

func rewrappedKeys(t *testing.T, keys vault.Keys) {
	ctx := t.Context()
	k := add(t, keys, dataKey("x", "a1", vault.KindSubject), "")
	done, err := keys.RewrapKey(ctx, k, []byte("anew"), "k2")
	require.NoError(t, err)
	require.True(t, done)
	done, err = keys.RewrapKey(ctx, k, []byte("late"), "k3")
	require.NoError(t, err)
	require.False(t, done, "somebody else was faster")
	now, err := keys.DataKey(ctx, "x")
	require.NoError(t, err)
	require.Equal(t, "anew", string(now.Wrapped))
	require.Equal(t, "k2", now.KEK)
	require.True(t, now.Current)
}
