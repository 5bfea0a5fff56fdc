package storetest

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// approval is the append that approves an account of manual, made on these pieces.
func approval(account, changeID string, pieces ...string) lifecycle.Append {
	return lifecycle.Append{
		AccountID: account, ChangeID: changeID, Head: 4, Known: 4, Changes: []lifecycle.Change{change(lifecycle.ApproveManual, 30)},
		Seen: &lifecycle.Seen{Evidence: pieces},
	}
}

func changedEvidence(t *testing.T, err error) {
	t.Helper()
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, lifecycle.CodeEvidenceChanged, refusal.Code)
	require.Equal(t, lifecycle.ManualReview, refusal.State)
}

// testSeen: an approval of other evidence than there is when it is written is refused, however it is appended.
func testSeen(t *testing.T, h *harness) {
	ctx := t.Context()
	ways := map[string]func(lifecycle.Append) (lifecycle.AppendResult, error){
		"one": func(a lifecycle.Append) (lifecycle.AppendResult, error) { return h.Append(ctx, a) },
		"many": func(a lifecycle.Append) (lifecycle.AppendResult, error) {
			return only(h.AppendAll(ctx, []lifecycle.Append{a}))
		},
	}
	for id, write := range ways {
		h.manual(t, id)
		put := func(piece store.Evidence) {
			t.Helper()
			_, _, err := h.PutEvidence(ctx, piece, 1)
			require.NoError(t, err)
		}
		put(piece(id, id+"-front", "id_front", 5))
		put(piece(id, id+"-back", "id_back", 6))
		for name, seen := range map[string][]string{
			"nothing": {}, "less": {id + "-front"}, "more": {id + "-front", id + "-back", id + "-other"}, "other": {id + "-front", "x"},
		} {
			_, err := write(approval(id, "c-"+name, seen...))
			changedEvidence(t, err)
		}
		put(piece(id, id+"-new", "id_front", 7)) // takes the place of the front
		_, err := write(approval(id, "c-replaced", id+"-front", id+"-back"))
		changedEvidence(t, err)
		_, err = h.TakeBackEvidence(ctx, id, id+"-back", at(8))
		require.NoError(t, err)
		_, err = write(approval(id, "c-taken", id+"-new", id+"-back"))
		changedEvidence(t, err)
		head, err := h.again().Head(ctx, id)
		require.NoError(t, err)
		require.Equal(t, lifecycle.ManualReview, head.State, "nothing was written")

		got, err := write(approval(id, "c-good", id+"-new", id+"-new"))
		require.NoError(t, err)
		require.Equal(t, lifecycle.Appended, got.Outcome)
		got, err = write(approval(id, "c-good", "x"))
		require.NoError(t, err, "it was written before, on what there was then")
		require.Equal(t, lifecycle.Duplicate, got.Outcome)
		got, err = write(approval(id, "c-late", "x"))
		require.NoError(t, err, "whoever decided on an older head decides again")
		require.Equal(t, lifecycle.HeadMoved, got.Outcome)
	}

	// Of two appends of one call the second sees what the first has left: a review that has ended has no evidence.
	h.manual(t, "both")
	_, _, err := h.PutEvidence(ctx, piece("both", "both-front", "id_front", 5), 1)
	require.NoError(t, err)
	away := lifecycle.Append{AccountID: "both", ChangeID: "away", Head: 4, Known: 4, Changes: []lifecycle.Change{
		change(lifecycle.CancelManual, 9), change(lifecycle.ChooseManual, 10),
	}}
	late := approval("both", "late", "both-front")
	late.Head = 6
	answers, err := h.AppendAll(ctx, []lifecycle.Append{away, late})
	require.NoError(t, err)
	require.NoError(t, answers[0].Err)
	changedEvidence(t, answers[1].Err)
}

func only(answers []store.AppendAnswer, err error) (lifecycle.AppendResult, error) {
	if err != nil {
		return lifecycle.AppendResult{}, err
	}
	return answers[0].AppendResult, answers[0].Err
}

// testSeenAtOnce: of an approval and an exchange that come together one is first. If it is the exchange, nothing is
// approved; if it is the approval, there is nothing left to exchange.
func testSeenAtOnce(t *testing.T, h *harness) {
	for round := range 20 {
		id := "a" + strconv.Itoa(round)
		h.manual(t, id)
		_, _, err := h.PutEvidence(t.Context(), piece(id, id+"-seen", "id_front", 5), 1)
		require.NoError(t, err)
		var approved, exchanged atomic.Bool
		var group errgroup.Group
		var refusal *lifecycle.Refusal
		group.Go(func() error {
			_, err := h.Append(t.Context(), approval(id, "approve", id+"-seen"))
			if approved.Store(err == nil); errors.As(err, &refusal) {
				return nil
			}
			return err
		})
		group.Go(func() error {
			var refusal *lifecycle.Refusal
			_, _, err := h.PutEvidence(t.Context(), piece(id, id+"-new", "id_front", 6), 1)
			if exchanged.Store(err == nil); errors.As(err, &refusal) {
				return nil
			}
			return err
		})
		require.NoError(t, group.Wait())
		require.NotEqual(t, approved.Load(), exchanged.Load(), "one of the two")
	}
}

// testFirstApprovalSeen: the first of two approvals is judged like the second, and newer evidence takes it back for
// good.
func testFirstApprovalSeen(t *testing.T, h *harness) {
	ctx := t.Context()
	h.manual(t, "a1")
	_, _, err := h.PutEvidence(ctx, piece("a1", "e1", "id_front", 5), 1)
	require.NoError(t, err)
	first := func(changeID string, pieces ...string) error {
		_, err := h.StepReview(ctx, store.ReviewStep{
			AccountID: "a1", CaseSeq: 4, Act: store.ReviewApproved, At: at(10), Actor: "r1", ChangeID: changeID, Seen: &lifecycle.Seen{Evidence: pieces},
		})
		return err
	}
	changedEvidence(t, first("c1", "e0"))
	require.Empty(t, h.reviewCase(t, "a1").ApprovedBy)
	require.NoError(t, first("c2", "e1"))
	require.Equal(t, "r1", h.reviewCase(t, "a1").ApprovedBy)

	second := func(changeID, firstBy string, pieces ...string) error {
		a := approval("a1", changeID, pieces...)
		a.Seen.FirstBy = firstBy
		_, err := h.Append(ctx, a)
		return err
	}
	changedEvidence(t, second("c3", "r9", "e1"))
	_, _, err = h.PutEvidence(ctx, piece("a1", "e2", "id_front", 11), 1)
	require.NoError(t, err)
	require.Empty(t, h.reviewCase(t, "a1").ApprovedBy, "it was of other evidence")
	changedEvidence(t, second("c4", "r1", "e2"))

	require.NoError(t, first("c5", "e2"))
	_, err = h.TakeBackEvidence(ctx, "a1", "e2", at(12))
	require.NoError(t, err)
	require.Empty(t, h.reviewCase(t, "a1").ApprovedBy)
	require.NoError(t, first("c6"))
	steps, err := h.again().ReviewSteps(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, steps, 3)
	require.True(t, steps[0].TakenBackAt.Equal(at(11)), "that it was given stays on record")
	require.True(t, steps[1].TakenBackAt.Equal(at(12)))
	require.Zero(t, steps[2].TakenBackAt)
	require.NoError(t, second("c7", "r1"))
}
