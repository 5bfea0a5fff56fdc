package storetest

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func piece(account, id, kind string, minute int) store.Evidence {
	return store.Evidence{
		ID: id, AccountID: account, Kind: kind, MediaType: "image/jpeg", Ref: "evidence-" + id, Digest: "digest of " + id,
		Bytes: 1000, Width: 480, Height: 300, UploadedBy: "link:1", UploadedAt: at(minute).UTC(),
	}
}

// manual brings an account into the manual review.
func (h *harness) manual(t *testing.T, id string) {
	t.Helper()
	h.register(t, id)
	h.approve(t, id, "digest of "+id)
	h.append(t, id, "manual-"+id, change(lifecycle.ChooseManual, 4))
}

func ids(all []store.Evidence) []string {
	list := []string{}
	for _, e := range all {
		list = append(list, e.ID)
	}
	return list
}

func testEvidence(t *testing.T, h *harness) {
	ctx := t.Context()
	_, _, err := h.PutEvidence(ctx, piece("a1", "e1", "id_front", 5), 1)
	require.ErrorIs(t, err, store.ErrNotFound)
	h.register(t, "a1")
	var refusal *lifecycle.Refusal
	_, _, err = h.PutEvidence(ctx, piece("a1", "e1", "id_front", 5), 1)
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, lifecycle.CodeStepNotAllowed, refusal.Code)
	require.NotEmpty(t, refusal.Allowed)
	h.approve(t, "a1", "d1")
	h.append(t, "a1", "manual", change(lifecycle.ChooseManual, 4))
	h.manual(t, "a2")
	_, _, err = h.PutEvidence(ctx, store.Evidence{AccountID: "a1"}, 1)
	require.ErrorIs(t, err, store.ErrInvalid)

	put := func(e store.Evidence, most int) ([]store.Evidence, error) {
		t.Helper()
		filed, replaced, err := h.PutEvidence(ctx, e, most)
		if err == nil {
			same(t, e, filed)
		}
		return replaced, err
	}
	replaced, err := put(piece("a1", "e1", "id_front", 5), 1)
	require.NoError(t, err)
	require.Empty(t, replaced)
	got, err := h.again().Evidence(ctx, "a1", "e1")
	require.NoError(t, err)
	same(t, piece("a1", "e1", "id_front", 5), got)
	require.True(t, got.Current())
	_, err = h.Evidence(ctx, "a2", "e1")
	require.ErrorIs(t, err, store.ErrNotFound, "another account's")
	_, err = h.Evidence(ctx, "a1", "e9")
	require.ErrorIs(t, err, store.ErrNotFound)

	twin := piece("a1", "e2", "id_front", 6)
	twin.Digest = "digest of e1"
	filed, replaced, err := h.PutEvidence(ctx, twin, 1)
	require.NoError(t, err)
	require.Empty(t, replaced)
	require.Equal(t, "e1", filed.ID, "the same again is the one that is there")
	replaced, err = put(piece("a1", "e3", "id_front", 7), 1)
	require.NoError(t, err)
	require.Equal(t, []string{"e1"}, ids(replaced))
	require.True(t, replaced[0].DeleteAfter.Equal(at(7)))
	require.False(t, replaced[0].Current())

	for n := range 3 {
		_, err = put(piece("a1", "o"+strconv.Itoa(n), "other", 8+n), 3)
		require.NoError(t, err)
	}
	_, err = put(piece("a1", "o3", "other", 12), 3)
	require.ErrorIs(t, err, store.ErrFull)
	all, err := h.EvidenceOf(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, []string{"e1", "e3", "o0", "o1", "o2"}, ids(all))

	_, err = h.TakeBackEvidence(ctx, "a2", "o1", at(13))
	require.ErrorIs(t, err, store.ErrNotFound, "another account's")
	taken, err := h.TakeBackEvidence(ctx, "a1", "o1", at(13))
	require.NoError(t, err)
	require.True(t, taken.DeleteAfter.Equal(at(13)))
	_, err = h.TakeBackEvidence(ctx, "a1", "o1", at(14))
	require.ErrorIs(t, err, store.ErrNotFound, "it is no longer current")
	_, err = put(piece("a1", "o3", "other", 12), 3)
	require.NoError(t, err, "there is room again")
	require.NoError(t, h.ForgetEvidence(ctx, "a1", "o1", at(15)))
	require.NoError(t, h.ForgetEvidence(ctx, "a1", "o1", at(16)))
	require.ErrorIs(t, h.ForgetEvidence(ctx, "a2", "o1", at(16)), store.ErrNotFound)
	gone, err := h.Evidence(ctx, "a1", "o1")
	require.NoError(t, err)
	same(t, store.Evidence{ID: "o1", AccountID: "a1", UploadedAt: at(9), DeleteAfter: at(13), DeletedAt: at(15)}, gone)
	testOnePlace(t, h)
}

// testOnePlace: of many pieces that come at once for the one place of their kind, one is current in the end.
func testOnePlace(t *testing.T, h *harness) {
	t.Helper()
	var replaced atomic.Int32
	var group errgroup.Group
	for n := range 8 {
		group.Go(func() error {
			_, old, err := h.PutEvidence(t.Context(), piece("a2", "r"+strconv.Itoa(n), "id_back", 20), 1)
			replaced.Add(int32(len(old))) //nolint:gosec // one at most
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 7, replaced.Load())
	all, err := h.EvidenceOf(t.Context(), "a2")
	require.NoError(t, err)
	current := 0
	for _, e := range all {
		if e.Current() {
			current++
		}
	}
	require.Equal(t, 1, current)
}

func testEvidenceDue(t *testing.T, h *harness) {
	ctx, keep := t.Context(), 30*time.Minute
	due := func(minute int) []string {
		t.Helper()
		_, err := h.DateEvidence(ctx, keep)
		require.NoError(t, err)
		list, err := h.DueEvidence(ctx, at(minute), keep, 100)
		require.NoError(t, err)
		return ids(list)
	}
	for n, event := range []lifecycle.Event{lifecycle.ApproveManual, lifecycle.RejectManual, lifecycle.CancelManual} {
		id := "a" + strconv.Itoa(n)
		h.manual(t, id)
		_, _, err := h.PutEvidence(ctx, piece(id, "first-"+id, "id_front", 5), 1)
		require.NoError(t, err)
		require.Empty(t, due(1000), "no decision was made")
		h.append(t, id, "end-"+id, change(event, 10))
		decided, err := h.Evidence(ctx, id, "first-"+id)
		require.NoError(t, err)
		require.True(t, decided.DecidedAt.Equal(at(10)), "%s", event)
		_, _, err = h.PutEvidence(ctx, piece(id, "late-"+id, "id_back", 11), 1)
		var refusal *lifecycle.Refusal
		require.ErrorAs(t, err, &refusal, "after the decision")
		_, err = h.TakeBackEvidence(ctx, id, "first-"+id, at(11))
		require.ErrorIs(t, err, store.ErrNotFound, "what was decided on stays its time")
		require.Empty(t, due(39))
		require.Equal(t, []string{"first-" + id}, due(40))
		require.NoError(t, h.ForgetEvidence(ctx, id, "first-"+id, at(41)))
		require.Empty(t, due(1000))
	}
	// Another review of the same account needs evidence of its own, which its own decision ends.
	h.append(t, "a2", "again", change(lifecycle.ChooseManual, 12))
	_, _, err := h.PutEvidence(ctx, piece("a2", "second", "id_front", 13), 1)
	require.NoError(t, err)
	require.Empty(t, due(1000))
	second, err := h.Evidence(ctx, "a2", "second")
	require.NoError(t, err)
	require.True(t, second.Current())

	// An account that is closed takes nothing more, and what it gave is deleted though nobody decided.
	h.manual(t, "a3")
	_, _, err = h.PutEvidence(ctx, piece("a3", "closed", "id_front", 13), 1)
	require.NoError(t, err)
	facts := facts("a3")
	facts.ClosedAt = at(20)
	_, _, err = h.PutAccount(ctx, store.PutAccount{Account: facts, Actor: operator, Reason: "left"}, false)
	require.NoError(t, err)
	_, _, err = h.PutEvidence(ctx, piece("a3", "too-late", "id_back", 21), 1)
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, lifecycle.CodeAccountClosed, refusal.Code)
	require.Empty(t, due(49))
	require.Equal(t, []string{"closed"}, due(50))
	for _, limit := range []int{0, 1001} {
		_, err = h.DueEvidence(ctx, at(1), keep, limit)
		require.ErrorIs(t, err, store.ErrInvalid)
		_, err = h.StrayEvidence(ctx, at(1), limit)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}
