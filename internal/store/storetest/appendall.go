package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// testAppendAll: many appends at once, good ones, stale ones, repeated ones and wrong ones, to several accounts and more
// than once to one, are answered as the model answers one after the other.
func testAppendAll(t *testing.T, h *harness) {
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		models := map[string]*model{}
		attempts := map[string]*int{}
		ids := make([]string, 4)
		for i := range ids {
			ids[i] = fmt.Sprintf("all-%d-%d", run, i)
			models[ids[i]], attempts[ids[i]] = &model{fold: lifecycle.New(ids[i])}, new(int)
			h.register(t, ids[i])
		}
		for range rapid.IntRange(1, 4).Draw(rt, "calls") {
			appends := make([]lifecycle.Append, rapid.IntRange(0, 80).Draw(rt, "appends"))
			want := make([]lifecycle.AppendResult, len(appends))
			fits := make([]bool, len(appends))
			for i := range appends {
				id := rapid.SampledFrom(ids).Draw(rt, "account")
				m := models[id]
				head := int64(len(m.log))
				appends[i] = lifecycle.Append{
					AccountID: id, ChangeID: fmt.Sprintf("c%d", rapid.IntRange(0, 60).Draw(rt, "change")),
					Head:  rapid.SampledFrom([]int64{head, head, head, lifecycle.AnyHead, head - 1, 0}).Draw(rt, "head"),
					Known: rapid.Int64Range(0, head+2).Draw(rt, "known"),
				}
				for range rapid.IntRange(1, 2).Draw(rt, "drafts") {
					appends[i].Changes = append(appends[i].Changes, draft(rt, id, m.fold.State, attempts[id]))
				}
				want[i], fits[i] = m.append(appends[i])
			}
			answers, err := h.AppendAll(t.Context(), appends)
			require.NoError(rt, err)
			require.Len(rt, answers, len(appends))
			for i, got := range answers {
				if !fits[i] {
					require.ErrorIs(rt, got.Err, lifecycle.ErrBrokenLog)
					continue
				}
				require.NoError(rt, got.Err)
				got.Log = append([]lifecycle.Change{}, got.Log...) // none is written as [] by the model
				want[i].Log = append([]lifecycle.Change{}, want[i].Log...)
				sameJSON(rt, want[i], got.AppendResult)
			}
			heads, err := h.Heads(t.Context(), append([]string{"nobody"}, ids...))
			require.NoError(rt, err)
			require.Empty(rt, heads[0].AccountID)
			for i, id := range ids {
				sameJSON(rt, models[id].fold, heads[i+1])
				models[id].checkDetails(rt, h, id, models[id].fold)
				h.verify(rt, id)
			}
		}
	})
}

// testAppendAllDerives: what entries of every kind stand for is written too, and what is wrong with one append leaves the
// others alone, unless the database itself refuses it.
func testAppendAllDerives(t *testing.T, h *harness) {
	ctx := t.Context()
	ids := []string{"a1", "a2", "a3"}
	for _, id := range ids {
		h.register(t, id)
	}
	closed := facts("closed")
	closed.ClosedAt = at(1)
	_, _, err := h.PutAccount(ctx, store.PutAccount{Account: closed, Actor: operator}, false)
	require.NoError(t, err)
	prompt := change(lifecycle.Prompt, 1)
	prompt.Detail.Prompt = &lifecycle.PromptNote{Level: "notice"}
	write := func(id, changeID string, drafts ...lifecycle.Change) lifecycle.Append {
		return lifecycle.Append{AccountID: id, ChangeID: changeID, Head: lifecycle.AnyHead, Changes: drafts}
	}
	all := []lifecycle.Append{
		write("a1", "prompt", prompt), write("a2", "prompt", prompt), write("a1", "prompt", prompt), write("a1", "prompt-2", prompt),
		write("a1", "remind", remind(2, "p", "P7D")), write("a2", "remind", remind(2, "p", "P7D")),
		write("a1", "restrict", restrict("p", "r"), restrict("p", "other")), write("a3", "restrict", restrict("p", "r")),
		write("a2", "way", submit(3, "d2"), change(lifecycle.BeginReview, 3), change(lifecycle.Approve, 3), issue("a2", 1, 4)),
		write("nobody", "prompt", prompt), write("a1", "", prompt), write("closed", "submit", submit(5, "d")),
	}
	answers, err := h.AppendAll(ctx, all)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Duplicate, answers[2].Outcome, "of one in the same call")
	require.Equal(t, answers[0].Written, answers[2].Written)
	for i, number := range map[int]int{0: 1, 1: 1, 3: 2} {
		require.Equal(t, number, answers[i].Written[0].Detail.Prompt.Number, "each prompt is counted once")
	}
	require.ErrorIs(t, answers[9].Err, store.ErrNotFound)
	require.ErrorIs(t, answers[10].Err, store.ErrInvalid)
	var refusal *lifecycle.Refusal
	require.ErrorAs(t, answers[11].Err, &refusal)
	open, err := h.OpenNoticesOf(ctx, ids)
	require.NoError(t, err)
	require.Equal(t, []string{"a1 P7D", "a2 P7D"}, milestones(open))
	account, _, err := h.Lease(ctx, "a2-lease-1")
	require.NoError(t, err)
	require.Equal(t, "a2", account)

	episodes, err := h.Restrictions(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, episodes, 2)
	lifted := lift(episodes[0], "verified")
	_, err = h.AppendAll(ctx, []lifecycle.Append{write("a2", "lost", prompt), write("a1", "lift", lifted), write("a1", "lift-2", lifted)})
	require.ErrorIs(t, err, store.ErrConflict, "lifted twice")
	_, err = h.Written(ctx, "a2", "lost")
	require.ErrorIs(t, err, store.ErrNotFound, "nothing of all of them was written")
	_, err = h.AppendAll(ctx, []lifecycle.Append{write("a1", "lift", lifted, restrict("p", "r"))})
	require.NoError(t, err, "lifted, and restricted again")
	episodes, err = h.Restrictions(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, []bool{false, true, true}, []bool{episodes[0].Open(), episodes[1].Open(), episodes[2].Open()})
	rapid.Check(t, func(rt *rapid.T) { h.verify(rt, rapid.SampledFrom(ids).Draw(rt, "account")) })
}

// testAppendAllAtOnce: of callers that write the same at once, beside one who writes one after the other, each append is
// written by one of them.
func testAppendAllAtOnce(t *testing.T, h *harness) {
	const accounts = 30
	appends := make([]lifecycle.Append, accounts)
	for n := range appends {
		id := fmt.Sprintf("a%02d", n)
		h.register(t, id)
		c := change(lifecycle.Prompt, 1)
		c.Detail.Prompt = &lifecycle.PromptNote{Level: "notice"}
		appends[n] = lifecycle.Append{AccountID: id, ChangeID: "login", Head: lifecycle.AnyHead, Changes: []lifecycle.Change{c}}
	}
	var written atomic.Int32
	count := func(outcome lifecycle.AppendOutcome) {
		if outcome == lifecycle.Appended {
			written.Add(1)
		}
	}
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			answers, err := h.AppendAll(t.Context(), appends)
			for _, a := range answers {
				count(a.Outcome)
			}
			return err
		})
	}
	group.Go(func() error {
		for _, a := range appends {
			got, err := h.Append(t.Context(), a)
			if err != nil {
				return err
			}
			count(got.Outcome)
		}
		return nil
	})
	require.NoError(t, group.Wait())
	require.EqualValues(t, accounts, written.Load())
	for _, a := range appends {
		prompts, err := h.Prompts(t.Context(), a.AccountID, 0, 10)
		require.NoError(t, err)
		require.Len(t, prompts, 1)
	}
}
