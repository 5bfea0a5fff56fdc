package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/policy"
)

func testPopulation(t *testing.T, h *harness) {
	ctx := t.Context()
	none, err := h.FactsAfter(ctx, "", "", 10)
	require.NoError(t, err)
	require.Empty(t, none)
	cuts, err := h.Split(ctx, 4)
	require.NoError(t, err)
	require.Empty(t, cuts)

	for _, n := range []int{7, 2, 9, 1, 5, 3, 8, 4, 6} {
		h.register(t, fmt.Sprintf("a%d", n))
	}
	for n := range 3 { // the rows of a page are accounts, not extensions
		e := policy.Extension{ID: fmt.Sprintf("e%d", n), AccountID: "a2", Until: at(60 + n), GrantedAt: at(n)}
		require.NoError(t, h.PutExtension(ctx, e, operator, "late"))
	}
	h.approve(t, "a3", "digest")

	for _, limit := range []int{1, 2, 4, 100} {
		var all []store.Facts
		for after := ""; ; after = all[len(all)-1].Account.ID {
			page, err := h.FactsAfter(ctx, after, "", limit)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), limit)
			all = append(all, page...)
			if len(page) < limit {
				break
			}
		}
		require.Len(t, all, 9)
		for i, got := range all {
			want, err := h.Facts(ctx, fmt.Sprintf("a%d", i+1))
			require.NoError(t, err)
			same(t, want, got)
		}
	}
	page, err := h.FactsAfter(ctx, "a2", "a4", 10)
	require.NoError(t, err)
	require.Len(t, page, 2, "after is not in it, last is")

	for ranges, want := range map[int][]string{
		1: nil, 2: {"a4"}, 3: {"a3", "a6"}, 9: {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"}, 50: {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"},
	} {
		cuts, err := h.Split(ctx, ranges)
		require.NoError(t, err)
		require.Equal(t, want, cuts, "%d ranges", ranges)
	}
	for _, limit := range []int{0, 10_001} {
		_, err = h.FactsAfter(ctx, "", "", limit)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	_, err = h.Split(ctx, 0)
	require.ErrorIs(t, err, store.ErrInvalid)
}
