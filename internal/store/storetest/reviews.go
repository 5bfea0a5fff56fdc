package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// underReview brings an account into the queue of reviews at a minute.
func (h *harness) underReview(t *testing.T, id string, minute int, findings ...string) store.ReviewCase {
	t.Helper()
	h.register(t, id)
	begin := change(lifecycle.BeginReview, minute)
	begin.Detail.Findings = findings
	h.append(t, id, "submit-"+id, submit(minute, "digest-"+id), begin)
	return h.reviewCase(t, id)
}

func (h *harness) reviewCase(t *testing.T, id string) store.ReviewCase {
	t.Helper()
	c, err := h.ReviewCase(t.Context(), id)
	require.NoError(t, err)
	return c
}

// lease is a claim of ten minutes.
func lease(holder string, minute int) store.ReviewClaim {
	return store.ReviewClaim{Holder: holder, At: at(minute), Until: at(minute + 10)}
}

func heldUntil(t *testing.T, err error, holder string, minute int) {
	t.Helper()
	var claimed *store.ClaimedError
	require.ErrorAs(t, err, &claimed)
	require.Equal(t, holder, claimed.Claim.Holder)
	require.True(t, claimed.Claim.Until.Equal(at(minute)), "%s", claimed.Claim.Until)
}

func caseIDs(cases []store.ReviewCase) []string {
	var ids []string
	for _, c := range cases {
		ids = append(ids, c.AccountID)
	}
	return ids
}

// testQueues: cases come and go with the log, and what was held of one ends with it.
func testQueues(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	_, err := h.ReviewCase(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)
	begin := change(lifecycle.BeginReview, 2)
	begin.Detail.Findings = []string{"duplicate_number", "name_unusual"}
	h.append(t, "a1", "c1", submit(1, "d"), begin)
	got := h.reviewCase(t, "a1")
	same(t, store.ReviewCase{
		AccountID: "a1", Queue: store.QueueReview, Since: at(2), Seq: 2, Revision: 1, Findings: begin.Detail.Findings, Risk: 75,
	}, got)
	v, err := h.Head(ctx, "a1")
	require.NoError(t, err)
	require.NoError(t, v.CheckCase(got.Case()))
	_, fresh, err := h.ClaimReview(ctx, "a1", "", lease("r1", 3))
	require.NoError(t, err)
	require.True(t, fresh)
	h.append(t, "a1", "c2", change(lifecycle.Prompt, 3)) // no move
	require.Equal(t, "r1", h.reviewCase(t, "a1").Claim.Holder)

	h.append(t, "a1", "c3", change(lifecycle.Approve, 4))
	_, err = h.ReviewCase(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = h.ClaimReview(ctx, "a1", "", lease("r1", 5))
	require.ErrorIs(t, err, store.ErrNotFound)

	h.append(t, "a1", "c4", issue("a1", 1, 5), result(lifecycle.Fail, "a1", 1, 6), change(lifecycle.ChooseManual, 7))
	got = h.reviewCase(t, "a1")
	require.Equal(t, store.QueueManual, got.Queue)
	require.Equal(t, []string{"duplicate_number", "name_unusual", store.FindingFaceFailed}, got.Findings)
	require.Equal(t, 95, got.Risk)
	require.Equal(t, int64(7), got.Seq)
	require.Empty(t, got.Claim, "the claim ended with its case")
	_, _, err = h.ClaimReview(ctx, "a1", store.QueueReview, lease("r1", 8))
	require.ErrorIs(t, err, store.ErrNotFound, "another queue")
	h.append(t, "a1", "c5", change(lifecycle.CancelManual, 9), change(lifecycle.ChooseManual, 10))
	require.Equal(t, int64(9), h.reviewCase(t, "a1").Seq, "another case")
	h.append(t, "a1", "c6", change(lifecycle.ApproveManual, 11))
	_, err = h.ReviewCase(ctx, "a1")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testReviewPages(t *testing.T, h *harness) {
	ctx := t.Context()
	for i, findings := range [][]string{{"name_unusual"}, nil, {"duplicate_number"}, {"name_unusual"}, {"policy_requires_reviewer"}} {
		h.underReview(t, fmt.Sprintf("a%d", i), 20-i/2, findings...) // two and two are as old
	}
	h.register(t, "m")
	h.approve(t, "m", "dm")
	h.append(t, "m", "manual", change(lifecycle.ChooseManual, 5))
	list := func(f store.ReviewFilter) []string {
		f.Limit, f.Now = 2, at(30)
		if f.Queue == "" {
			f.Queue = store.QueueReview
		}
		if f.Order == "" {
			f.Order = store.OldestFirst
		}
		var all []string
		for {
			page, err := h.Reviews(ctx, f)
			require.NoError(t, err)
			all = append(all, caseIDs(page)...)
			if len(page) < f.Limit {
				n, err := h.CountReviews(ctx, f, 100)
				require.NoError(t, err)
				require.Len(t, all, n)
				return all
			}
			last := page[len(page)-1]
			f.Place = store.ReviewPlace{Risk: last.Risk, Since: last.Since, AccountID: last.AccountID}
		}
	}
	require.Equal(t, []string{"a4", "a2", "a3", "a0", "a1"}, list(store.ReviewFilter{}))
	require.Equal(t, []string{"a2", "a3", "a0", "a4", "a1"}, list(store.ReviewFilter{Order: store.ByRisk}))
	require.Equal(t, []string{"m"}, list(store.ReviewFilter{Queue: store.QueueManual}))
	require.Equal(t, []string{"a4", "a2", "a3"}, list(store.ReviewFilter{To: at(19)}))
	require.Equal(t, []string{"a0", "a1"}, list(store.ReviewFilter{After: at(19)}))
	_, _, err := h.ClaimReview(ctx, "a2", store.QueueReview, lease("r1", 25))
	require.NoError(t, err)
	_, _, err = h.ClaimReview(ctx, "a3", store.QueueReview, lease("r2", 19)) // has ended by now
	require.NoError(t, err)
	_, _, err = h.ClaimReview(ctx, "a0", store.QueueReview, lease("r2", 25))
	require.NoError(t, err)
	require.Equal(t, []string{"a4", "a3", "a1"}, list(store.ReviewFilter{Free: true}))
	require.Equal(t, []string{"a2", "a0"}, list(store.ReviewFilter{Held: true}))
	require.Equal(t, []string{"a0"}, list(store.ReviewFilter{Holder: "r2"}))
	_, err = h.StepReview(ctx, store.ReviewStep{AccountID: "a1", CaseSeq: 2, Act: store.ReviewEscalated, At: at(26), Actor: "r1", ChangeID: "e"})
	require.NoError(t, err)
	require.Equal(t, []string{"a1"}, list(store.ReviewFilter{Escalated: true}))
	n, err := h.CountReviews(ctx, store.ReviewFilter{Queue: store.QueueReview}, 3)
	require.NoError(t, err)
	require.Equal(t, 3, n, "counted no further")

	for name, f := range map[string]store.ReviewFilter{
		"no limit": {Queue: store.QueueReview, Order: store.ByRisk}, "no queue": {Order: store.ByRisk, Limit: 1},
		"no order": {Queue: store.QueueReview, Limit: 1}, "no clock": {Queue: store.QueueReview, Order: store.ByRisk, Limit: 1, Free: true},
	} {
		_, err := h.Reviews(ctx, f)
		require.ErrorIs(t, err, store.ErrInvalid, name)
	}
}

func testReviewClaims(t *testing.T, h *harness) {
	ctx := t.Context()
	h.underReview(t, "a1", 1)
	take := func(holder string, minute int) (bool, error) {
		c, fresh, err := h.ClaimReview(ctx, "a1", store.QueueReview, lease(holder, minute))
		if err == nil {
			same(t, c, h.reviewCase(t, "a1"))
		}
		return fresh, err
	}
	fresh, err := take("r1", 2)
	require.NoError(t, err)
	require.True(t, fresh)
	_, err = take("r2", 3)
	heldUntil(t, err, "r1", 12)
	fresh, err = take("r1", 5)
	require.NoError(t, err)
	require.False(t, fresh, "renewed")
	require.True(t, h.reviewCase(t, "a1").Claim.At.Equal(at(2)), "the same claim")
	_, err = take("r2", 14)
	heldUntil(t, err, "r1", 15)
	fresh, err = take("r2", 15)
	require.NoError(t, err, "a lease ends at its end")
	require.True(t, fresh)
	_, err = h.ReleaseReview(ctx, "a1", "r1", at(16), false)
	heldUntil(t, err, "r2", 25)
	released, err := h.ReleaseReview(ctx, "a1", "r2", at(16), false)
	require.NoError(t, err)
	require.Empty(t, released.Claim)
	same(t, released, h.reviewCase(t, "a1"))
	_, err = h.ReleaseReview(ctx, "a1", "r2", at(16), false)
	require.NoError(t, err, "ended already")
	fresh, err = take("r1", 17)
	require.NoError(t, err)
	require.True(t, fresh)
	_, err = h.ReleaseReview(ctx, "a1", "r2", at(40), true)
	require.NoError(t, err, "a lease that ended keeps nobody")

	_, err = h.ReleaseReview(ctx, "nobody", "r1", at(16), false)
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, bad := range []store.ReviewClaim{{At: at(1), Until: at(2)}, {Holder: "r1", At: at(2), Until: at(2)}} {
		_, _, err := h.ClaimReview(ctx, "a1", "", bad)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
}

func testNextReview(t *testing.T, h *harness) {
	ctx := t.Context()
	h.underReview(t, "a1", 1)
	h.underReview(t, "a2", 2, "duplicate_number")
	h.underReview(t, "a3", 3)
	next := func(holder string, minute int, order store.ReviewOrder) string {
		c, err := h.ClaimNextReview(ctx, store.NextReview{Queue: store.QueueReview, Order: order}, lease(holder, minute))
		if err != nil {
			require.ErrorIs(t, err, store.ErrNotFound)
			return ""
		}
		same(t, c, h.reviewCase(t, c.AccountID))
		return c.AccountID
	}
	require.Equal(t, "a2", next("r1", 5, store.ByRisk))
	require.Equal(t, "a1", next("r2", 5, store.ByRisk))
	require.Equal(t, "a3", next("r1", 5, store.OldestFirst))
	require.Empty(t, next("r1", 14, store.OldestFirst), "all are held")
	require.Equal(t, "a1", next("r1", 15, store.OldestFirst), "the leases have ended")
	_, err := h.ReleaseReview(ctx, "a1", "r1", at(16), true)
	require.NoError(t, err)
	require.Equal(t, "a2", next("r1", 16, store.OldestFirst), "what one gave back is not one's next")
	require.Equal(t, "a3", next("r1", 16, store.OldestFirst))
	require.Equal(t, "a1", next("r1", 16, store.OldestFirst), "unless nothing else is left")

	_, err = h.StepReview(ctx, store.ReviewStep{AccountID: "a1", CaseSeq: 2, Act: store.ReviewEscalated, At: at(17), Actor: "r1", ChangeID: "e1"})
	require.NoError(t, err)
	require.Empty(t, next("r2", 17, store.OldestFirst), "escalated cases are not handed out")
	c, err := h.ClaimNextReview(ctx, store.NextReview{Queue: store.QueueReview, Order: store.ByRisk, Escalated: true}, lease("r2", 17))
	require.NoError(t, err, "but to whom asks for them")
	require.Equal(t, "a1", c.AccountID)

	_, err = h.StepReview(ctx, store.ReviewStep{AccountID: "a2", CaseSeq: 2, Act: store.ReviewApproved, At: at(18), Actor: "r1", ChangeID: "e2"})
	require.NoError(t, err)
	require.Empty(t, next("r1", 18, store.OldestFirst), "the second eyes are somebody else's")
	require.Equal(t, "a2", next("r2", 18, store.OldestFirst))
	_, err = h.ClaimNextReview(ctx, store.NextReview{Queue: store.QueueManual, Order: store.ByRisk}, lease("r2", 18))
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testReviewSteps(t *testing.T, h *harness) {
	ctx := t.Context()
	first := h.underReview(t, "a1", 1)
	step := store.ReviewStep{
		AccountID: "a1", CaseSeq: first.Seq, Act: store.ReviewEscalated, At: at(3), Actor: "r1", Code: "unsure", NoteRef: "text-1", ChangeID: "c1",
	}
	_, _, err := h.ClaimReview(ctx, "a1", "", lease("r2", 2))
	require.NoError(t, err)
	_, err = h.StepReview(ctx, step)
	heldUntil(t, err, "r2", 12)
	step.Actor = "r2"
	done, err := h.StepReview(ctx, step)
	require.NoError(t, err)
	require.False(t, done.RecordedAt.IsZero())
	got := h.reviewCase(t, "a1")
	require.Equal(t, "r2", got.EscalatedBy)
	require.True(t, got.EscalatedAt.Equal(at(3)))
	require.Empty(t, got.Claim, "a step ends the claim")

	again := step
	again.NoteRef, again.At = "text-2", at(5)
	repeated, err := h.StepReview(ctx, again)
	require.NoError(t, err)
	same(t, done, repeated)

	approved := step
	approved.Act, approved.ChangeID, approved.Actor = store.ReviewApproved, "c2", "r1"
	approved, err = h.StepReview(ctx, approved)
	require.NoError(t, err)
	require.Equal(t, "r1", h.reviewCase(t, "a1").ApprovedBy)
	second := approved
	second.ChangeID, second.Actor = "c3", "r3"
	_, err = h.StepReview(ctx, second)
	require.ErrorIs(t, err, store.ErrConflict)
	steps, err := h.ReviewSteps(ctx, "a1")
	require.NoError(t, err)
	same(t, []store.ReviewStep{done, approved}, steps)

	h.append(t, "a1", "reject", change(lifecycle.Reject, 6), submit(7, "d2"), change(lifecycle.BeginReview, 8))
	require.Empty(t, h.reviewCase(t, "a1").ApprovedBy, "another case")
	stale := second
	_, err = h.StepReview(ctx, stale)
	require.ErrorIs(t, err, store.ErrNotFound, "a step on a case that has ended")
	steps, err = h.ReviewSteps(ctx, "a1")
	require.NoError(t, err)
	require.Len(t, steps, 2, "what was done stays on record")
	_, err = h.StepReview(ctx, store.ReviewStep{AccountID: "a1", Act: "danced", At: at(1), Actor: "r1", ChangeID: "x"})
	require.ErrorIs(t, err, store.ErrInvalid)
}

// testOneClaims: of many who want a case, one gets it, whether they name it or ask for the next.
func testOneClaims(t *testing.T, h *harness) {
	ctx := t.Context()
	const rounds, reviewers = 10, 8
	for round := range rounds {
		id := fmt.Sprintf("a%d", round)
		h.underReview(t, id, 1)
		var winners, losers atomic.Int64
		var group errgroup.Group
		for n := range reviewers {
			group.Go(func() error {
				holder := fmt.Sprintf("r%d", n)
				var err error
				if n%2 == 0 {
					_, _, err = h.ClaimReview(ctx, id, store.QueueReview, lease(holder, 2))
				} else {
					_, err = h.ClaimNextReview(ctx, store.NextReview{Queue: store.QueueReview, Order: store.OldestFirst}, lease(holder, 2))
				}
				if err != nil {
					losers.Add(1)
					return nil
				}
				winners.Add(1)
				return nil
			})
		}
		require.NoError(t, group.Wait())
		require.Equal(t, int64(1), winners.Load())
		require.Equal(t, int64(reviewers-1), losers.Load())
	}
	for n := range rounds {
		h.underReview(t, fmt.Sprintf("b%d", n), 1)
	}
	var mu sync.Mutex
	taken := map[string]string{}
	var group errgroup.Group
	for n := range reviewers {
		group.Go(func() error {
			for {
				holder := fmt.Sprintf("r%d", n)
				c, err := h.ClaimNextReview(ctx, store.NextReview{Queue: store.QueueReview, Order: store.ByRisk}, lease(holder, 3))
				if err != nil {
					return nil
				}
				mu.Lock()
				_, twice := taken[c.AccountID]
				taken[c.AccountID] = holder
				mu.Unlock()
				if twice {
					return fmt.Errorf("%s was handed out twice", c.AccountID)
				}
			}
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, taken, rounds)
}

// testReviewModel runs claims, renewals, returns, steps and decisions in any order, on the store and on a few lines.
func testReviewModel(t *testing.T, h *harness) {
	ctx := t.Context()
	var accounts atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		id := fmt.Sprintf("m%d", accounts.Add(1))
		h.register(t, id)
		now, waiting, changes := 0, false, 0
		var seq int64
		var held store.ReviewClaim
		var approvedBy string
		holder := func(rt *rapid.T) string { return rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(rt, "who") }
		check := func(rt *rapid.T, err error, who string) bool {
			var claimed *store.ClaimedError
			switch {
			case !waiting:
				require.ErrorIs(rt, err, store.ErrNotFound)
			case held.Holds(at(now)) && held.Holder != who:
				require.ErrorAs(rt, err, &claimed)
				require.Equal(rt, held.Holder, claimed.Claim.Holder)
			default:
				require.NoError(rt, err)
				return true
			}
			return false
		}
		rt.Repeat(map[string]func(*rapid.T){
			"time": func(rt *rapid.T) { now += rapid.IntRange(1, 11).Draw(rt, "minutes") },
			"enter": func(rt *rapid.T) {
				if waiting {
					rt.Skip()
				}
				changes++
				written := h.append(t, id, fmt.Sprintf("enter-%d", changes), submit(now, "d"), change(lifecycle.BeginReview, now))
				waiting, held, approvedBy, seq = true, store.ReviewClaim{}, "", written[1].Seq
			},
			"reject": func(rt *rapid.T) {
				if !waiting {
					rt.Skip()
				}
				changes++
				h.append(t, id, fmt.Sprintf("reject-%d", changes), change(lifecycle.Reject, now))
				waiting = false
			},
			"claim": func(rt *rapid.T) {
				c := lease(holder(rt), now)
				_, fresh, err := h.ClaimReview(ctx, id, store.QueueReview, c)
				if !check(rt, err, c.Holder) {
					return
				}
				require.Equal(rt, !held.Holds(at(now)), fresh)
				if !fresh {
					c.At = held.At
				}
				held = c
			},
			"release": func(rt *rapid.T) {
				who := holder(rt)
				_, err := h.ReleaseReview(ctx, id, who, at(now), rapid.Bool().Draw(rt, "returned"))
				if check(rt, err, who) && held.Holder == who {
					held = store.ReviewClaim{}
				}
			},
			"approve": func(rt *rapid.T) {
				who := holder(rt)
				changes++
				_, err := h.StepReview(ctx, store.ReviewStep{
					AccountID: id, CaseSeq: seq, Act: store.ReviewApproved, At: at(now), Actor: who, ChangeID: fmt.Sprintf("s%d", changes),
				})
				if waiting && !(held.Holds(at(now)) && held.Holder != who) && approvedBy != "" {
					require.ErrorIs(rt, err, store.ErrConflict)
					return
				}
				if check(rt, err, who) {
					held, approvedBy = store.ReviewClaim{}, who
				}
			},
			"": func(rt *rapid.T) {
				c, err := h.ReviewCase(ctx, id)
				if !waiting {
					require.ErrorIs(rt, err, store.ErrNotFound)
					return
				}
				require.NoError(rt, err)
				require.Equal(rt, approvedBy, c.ApprovedBy)
				require.Equal(rt, held.Holds(at(now)), c.Claim.Holds(at(now)))
				if held.Holds(at(now)) {
					same(rt, held, c.Claim)
				}
			},
		})
	})
}

func testSameIdentity(t *testing.T, h *harness) {
	ctx := t.Context()
	for _, id := range []string{"a1", "a2", "a3"} {
		h.register(t, id)
	}
	h.append(t, "a1", "c1", submit(1, "same"), change(lifecycle.BeginReview, 2))
	h.approve(t, "a2", "same")
	h.append(t, "a3", "c3", submit(1, "other"))
	found, err := h.SameIdentity(ctx, "a1", 10)
	require.NoError(t, err)
	require.Equal(t, []store.SameIdentity{{AccountID: "a2", State: lifecycle.Approved}}, found)
	found, err = h.SameIdentity(ctx, "a3", 10)
	require.NoError(t, err)
	require.Empty(t, found)
	h.append(t, "a3", "c4", change(lifecycle.BeginReview, 2), change(lifecycle.Reject, 3), submit(4, "same"))
	found, err = h.SameIdentity(ctx, "a2", 1)
	require.NoError(t, err)
	require.Equal(t, []store.SameIdentity{{AccountID: "a1", State: lifecycle.UnderReview}}, found)
}
