package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func wantedErasure(id, account string, minute int) store.Erasure {
	return store.Erasure{
		ID: id, AccountID: account, Kinds: []string{"subject", "note"}, Reason: "subject_request",
		Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "k1"}, RequestedAt: at(minute).UTC(),
	}
}

func testErasures(t *testing.T, h *harness) {
	ctx := t.Context()
	_, err := h.RequestErasure(ctx, wantedErasure("x1", "a1", 1))
	require.ErrorIs(t, err, store.ErrNotFound)
	h.register(t, "a1")
	h.register(t, "a2")
	_, err = h.RequestErasure(ctx, store.Erasure{ID: "x1", AccountID: "a1"})
	require.ErrorIs(t, err, store.ErrInvalid)
	first, err := h.RequestErasure(ctx, wantedErasure("x1", "a1", 1))
	require.NoError(t, err)
	require.Equal(t, wantedErasure("x1", "a1", 1), first)
	again, err := h.RequestErasure(ctx, wantedErasure("x1", "a1", 5))
	require.NoError(t, err)
	require.Equal(t, first, again, "the same one")
	_, err = h.RequestErasure(ctx, wantedErasure("x2", "a2", 2))
	require.NoError(t, err)
	open, err := h.OpenErasures(ctx, 10)
	require.NoError(t, err)
	require.Len(t, open, 2)
	require.Equal(t, "x1", open[0].ID)

	held, err := h.HoldErasure(ctx, "x1", []store.ErasedHolding{{Kind: "subject", KeyID: "k", Records: 2}})
	require.NoError(t, err)
	require.Equal(t, 2, held.Held[0].Records)
	held, err = h.HoldErasure(ctx, "x1", nil)
	require.NoError(t, err)
	require.Len(t, held.Held, 1, "what was said first stays")
	empty, err := h.HoldErasure(ctx, "x2", nil)
	require.NoError(t, err)
	require.NotNil(t, empty.Held)
	require.Empty(t, empty.Held)

	_, err = h.CompleteErasure(ctx, "x1", time.Time{}, "", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	done, err := h.CompleteErasure(ctx, "x1", at(3), "key", []byte("signature"))
	require.NoError(t, err)
	require.True(t, done.CompletedAt.Equal(at(3)))
	done, err = h.CompleteErasure(ctx, "x1", at(9), "other", []byte("other"))
	require.NoError(t, err)
	require.Equal(t, "key", done.KeyID, "the first completion stays")
	open, err = h.OpenErasures(ctx, 10)
	require.NoError(t, err)
	require.Len(t, open, 1)
	all, err := h.ErasuresOf(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, []store.Erasure{done}, all)
	_, err = h.Erasure(ctx, "x3")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.HoldErasure(ctx, "x3", nil)
	require.ErrorIs(t, err, store.ErrNotFound)
}
