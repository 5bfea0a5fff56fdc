package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
)

func link(id, account string, from, to int) store.Link {
	return store.Link{
		ID: id, AccountID: account, Purpose: "verify", ReturnURL: "https://shop.example/back", CreatedBy: "key-1",
		CreatedAt: at(from), ExpiresAt: at(to),
	}
}

func session(hash byte, from, to int) store.Session {
	return store.Session{Hash: []byte{hash}, CreatedAt: at(from), ExpiresAt: at(to)}
}

func testLinks(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	_, err := h.Link(ctx, "l1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.PutLink(ctx, link("l1", "nobody", 1, 10))
	require.ErrorIs(t, err, store.ErrNotFound, "the account is not registered")
	_, err = h.PutLink(ctx, store.Link{ID: "l1", AccountID: "a1"})
	require.ErrorIs(t, err, store.ErrInvalid)

	put, err := h.PutLink(ctx, link("l1", "a1", 1, 10))
	require.NoError(t, err)
	same(t, link("l1", "a1", 1, 10), put)
	put, err = h.PutLink(ctx, link("l1", "a1", 2, 20))
	require.NoError(t, err)
	same(t, link("l1", "a1", 1, 10), put)
	_, err = h.PutLink(ctx, link("l1", "a2", 1, 10))
	require.ErrorIs(t, err, store.ErrConflict)

	_, err = h.OpenLink(ctx, "l9", session(1, 2, 30))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.OpenLink(ctx, "l1", store.Session{Hash: []byte{1}})
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = h.OpenLink(ctx, "l1", session(1, 10, 40))
	require.ErrorIs(t, err, store.ErrEnded, "at that very instant it no longer opens")

	opened, err := h.OpenLink(ctx, "l1", session(1, 9, 39))
	require.NoError(t, err)
	want := store.Session{
		Hash: []byte{1}, LinkID: "l1", AccountID: "a1", ReturnURL: "https://shop.example/back", CreatedAt: at(9), SeenAt: at(9), ExpiresAt: at(39),
	}
	same(t, want, opened)
	_, err = h.OpenLink(ctx, "l1", session(2, 9, 39))
	require.ErrorIs(t, err, store.ErrUsed)
	_, err = h.OpenLink(ctx, "l1", session(3, 50, 60))
	require.ErrorIs(t, err, store.ErrUsed, "used, and past its end")
	used, err := h.Link(ctx, "l1")
	require.NoError(t, err)
	require.True(t, used.UsedAt.Equal(at(9)))
	_, err = h.Session(ctx, []byte{2})
	require.ErrorIs(t, err, store.ErrNotFound, "a refused opening begins nothing")

	testSession(t, h, want)
}

func testSession(t *testing.T, h *harness, want store.Session) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, h.TouchSession(ctx, want.Hash, at(12)))
	require.NoError(t, h.TouchSession(ctx, want.Hash, at(11)), "an older act does not move it back")
	require.NoError(t, h.ConfirmNotice(ctx, want.Hash, "2026-11"))
	require.NoError(t, h.EndSession(ctx, want.Hash, at(20)))
	require.NoError(t, h.EndSession(ctx, want.Hash, at(21)), "the first end stays")
	for _, err := range []error{
		h.TouchSession(ctx, []byte{9}, at(1)), h.ConfirmNotice(ctx, []byte{9}, "v"), h.EndSession(ctx, []byte{9}, at(1)),
		h.EndSession(ctx, nil, at(1)),
	} {
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	got, err := h.again().Session(ctx, want.Hash)
	require.NoError(t, err)
	want.SeenAt, want.Notice, want.EndedAt = at(12), "2026-11", at(20)
	same(t, want, got)

	_, err = h.PutLink(ctx, link("l2", "a2", 1, 5))
	require.NoError(t, err)
	n, err := h.ForgetLinks(ctx, at(39))
	require.NoError(t, err)
	require.Equal(t, 1, n, "the session of the other one ends at that very instant")
	n, err = h.ForgetLinks(ctx, at(40))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = h.Session(ctx, want.Hash)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// testRevokedLinks: what is revoked opens nothing more; other accounts' links, and what ended before, stay as they are.
func testRevokedLinks(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.register(t, "a2")
	for _, l := range []store.Link{link("open", "a1", 1, 40), link("over", "a1", 1, 5), link("used", "a1", 1, 40), link("left", "a1", 1, 40), link("other", "a2", 1, 40)} {
		_, err := h.PutLink(ctx, l)
		require.NoError(t, err)
	}
	used, err := h.OpenLink(ctx, "used", session(1, 2, 30))
	require.NoError(t, err)
	left, err := h.OpenLink(ctx, "left", session(2, 2, 30))
	require.NoError(t, err)
	require.NoError(t, h.EndSession(ctx, left.Hash, at(3)))

	links, sessions, err := h.RevokeLinks(ctx, "a1", at(10))
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{links, sessions}, "one that still opened, and one session that lived")
	for id, want := range map[string]time.Time{"open": at(10), "over": at(5), "used": at(40), "other": at(40)} {
		l, err := h.Link(ctx, id)
		require.NoError(t, err)
		require.True(t, want.Equal(l.ExpiresAt), id)
	}
	_, err = h.OpenLink(ctx, "open", session(3, 10, 30))
	require.ErrorIs(t, err, store.ErrEnded)
	for hash, want := range map[*store.Session]time.Time{&used: at(10), &left: at(3)} {
		now, err := h.Session(ctx, hash.Hash)
		require.NoError(t, err)
		require.True(t, want.Equal(now.EndedAt))
	}
	_, err = h.OpenLink(ctx, "other", session(4, 11, 30))
	require.NoError(t, err)

	links, sessions, err = h.RevokeLinks(ctx, "a1", at(12))
	require.NoError(t, err)
	require.Zero(t, links+sessions, "once is enough")
	_, _, err = h.RevokeLinks(ctx, "nobody", at(12))
	require.ErrorIs(t, err, store.ErrNotFound)
}

// testOneOpens: of many browsers that press at once, one gets the session.
func testOneOpens(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	_, err := h.PutLink(ctx, link("l1", "a1", 1, 10))
	require.NoError(t, err)
	var opened atomic.Int32
	var group errgroup.Group
	for i := range 8 {
		group.Go(func() error {
			_, err := h.OpenLink(ctx, "l1", session(byte(i+1), 2, 30)) //nolint:gosec // i counts a handful of racers
			if err == nil {
				opened.Add(1)
				return nil
			}
			require.ErrorIs(t, err, store.ErrUsed)
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 1, opened.Load())
}
