package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func contextOf(t *testing.T) (context.Context, func()) { return context.WithCancel(t.Context()) }

const writers, each = 16, 8

// testWriters: sixteen writers on one account; each decides on the head that it knows and folds what it missed.
func testWriters(t *testing.T, h *harness) {
	h.register(t, "a1")
	group, ctx := errgroup.WithContext(t.Context())
	for w := range writers {
		group.Go(func() error {
			v := lifecycle.New("a1")
			for n := range each {
				changeID := fmt.Sprintf("w%d-%d", w, n)
				for {
					got, err := h.Append(ctx, lifecycle.Append{
						AccountID: "a1", ChangeID: changeID, Head: v.Seq, Known: v.Seq,
						Changes: []lifecycle.Change{change(lifecycle.Prompt, n)},
					})
					if err != nil {
						return err
					}
					if v, err = v.Fold(got.Log...); err != nil {
						return err
					}
					if got.Outcome == lifecycle.Appended {
						break
					}
					if got.Outcome == lifecycle.Duplicate {
						return fmt.Errorf("%s was never acknowledged before", changeID)
					}
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	h.gapless(t, "a1", writers*each)
	v, err := h.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, writers*each, v.Prompts)
}

// testSameChange: sixteen senders of the same few changes; each is written once and all get the first result.
func testSameChange(t *testing.T, h *harness) {
	h.register(t, "a1")
	results := make([][]lifecycle.Change, writers*each)
	group, ctx := errgroup.WithContext(t.Context())
	for w := range writers {
		group.Go(func() error {
			for n := range each {
				got, err := h.Append(ctx, lifecycle.Append{
					AccountID: "a1", ChangeID: fmt.Sprint(n), Head: lifecycle.AnyHead, Changes: []lifecycle.Change{change(lifecycle.Prompt, w)},
				})
				if err != nil {
					return err
				}
				results[w*each+n] = got.Written
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	h.gapless(t, "a1", each)
	for w := range writers {
		for n := range each {
			require.Equal(t, results[n], results[w*each+n])
		}
	}
}

func (h *harness) gapless(t *testing.T, id string, entries int) {
	t.Helper()
	log, err := h.Events(t.Context(), id, 0, 1000)
	require.NoError(t, err)
	require.Len(t, log, entries)
	seen := map[string]bool{}
	for i, e := range log {
		require.EqualValues(t, i+1, e.Seq)
		require.False(t, seen[e.ChangeID], e.ChangeID)
		seen[e.ChangeID] = true
	}
}

func testCancelled(t *testing.T, h *harness) {
	h.register(t, "a1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: "c1", Changes: []lifecycle.Change{submit(1, "d")}})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = h.Facts(ctx, "a1")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, store.ErrUnavailable)
	v, err := h.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Zero(t, v.Seq)
}

func testClosed(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	require.NoError(t, h.Close())
	require.NoError(t, h.Close(), "twice")
	_, err := h.Append(ctx, lifecycle.Append{AccountID: "a1", ChangeID: "c1", Changes: []lifecycle.Change{submit(1, "d")}})
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = h.Facts(ctx, "a1")
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = h.FactsAt(ctx, "a1", at(1), store.Did)
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = h.Changed(ctx, "a1")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, h.Ping(ctx), store.ErrUnavailable)
}
