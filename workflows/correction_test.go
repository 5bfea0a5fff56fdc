package workflows_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func correct() contract.Correct {
	return contract.Correct{Identity: lifecycle.Identity{Ref: "ref-2", Digest: "digest-2"}, RiskNoticeVersion: "1", Actor: merchant()}
}

func bySupport() contract.Correct {
	c := correct()
	c.Support, c.Reason, c.Actor = true, "name_misspelt", lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "o1"}
	return c
}

// mayCorrectOnce opens a window from the first minute of a run to the second.
func (h *harness) mayCorrectOnce() {
	h.records.Rules = fakeRules{
		review:     policy.Review{Approve: policy.ApproveAutomatic, MinimumAge: 18},
		correction: policy.Correction{Mode: policy.CorrectionOnce, From: begin().Add(time.Minute), Before: begin().Add(2 * time.Minute)},
	}
}

func (h *harness) corrections() (rights []string) {
	for _, c := range h.log.log {
		if c.Event == lifecycle.Correct {
			rights = append(rights, c.Detail.Correction)
		}
	}
	return rights
}

// TestCorrectionWindow: the window's first instant is in it and its last one is not; a correction by support counts
// apart.
func TestCorrectionWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after   time.Duration
		allowed bool
	}{
		"a millisecond before": {time.Minute - time.Millisecond, false},
		"its first instant":    {time.Minute, true},
		"its last millisecond": {2*time.Minute - time.Millisecond, true},
		"its end":              {2 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			h.mayCorrectOnce()
			h.at(0, contract.UpdateSubmit, "c1", submit())
			support := h.at(30*time.Second, contract.UpdateCorrect, "c2", bySupport())
			tried := h.at(c.after, contract.UpdateCorrect, "c3", correct())
			var again *answer
			if c.allowed {
				again = h.at(c.after, contract.UpdateCorrect, "c4", correct())
			}
			late := h.at(time.Hour, contract.UpdateCorrect, "c5", bySupport())
			h.stopAt(2 * time.Hour)
			h.run()
			support.status(t)
			late.status(t)
			if !c.allowed {
				require.Equal(t, lifecycle.CodeCorrectionNotAllowed, tried.refusal(t).Code)
				require.Equal(t, []string{"support", "support"}, h.corrections())
				return
			}
			tried.status(t)
			require.Equal(t, lifecycle.CodeCorrectionNotAllowed, again.refusal(t).Code, "once means once")
			require.Equal(t, []string{"support", "policy", "support"}, h.corrections())
			i := slices.IndexFunc(h.log.log, func(e lifecycle.Change) bool { return e.Detail.Correction == lifecycle.CorrectionByPolicy })
			require.True(t, h.log.log[i].At.Equal(begin().Add(c.after)), "recorded at the instant that was judged")
			require.Equal(t, 1, h.log.head.Corrections)
		})
	}
}

// TestTwoCorrectionsAtOnce: one uses the right up, the other finds it used up, whether the review is over by then or not.
func TestTwoCorrectionsAtOnce(t *testing.T) {
	t.Parallel()
	for name, review := range map[string]policy.Approval{"reviewed at once": policy.ApproveAutomatic, "under review": policy.ApproveReviewer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			h.mayCorrectOnce()
			h.review.Rules = fakeRules{review: policy.Review{Approve: review, MinimumAge: 18}}
			h.at(0, contract.UpdateSubmit, "c1", submit())
			if review == policy.ApproveReviewer {
				h.at(time.Second, contract.UpdateReview, "c2", contract.Review{Decision: contract.VerdictApprove, Actor: merchant()})
			}
			both := []*answer{
				h.at(time.Minute, contract.UpdateCorrect, "c3", correct()),
				h.at(time.Minute, contract.UpdateCorrect, "c4", correct()),
			}
			h.stopAt(time.Hour)
			h.run()
			both[0].status(t)
			require.Equal(t, lifecycle.CodeCorrectionNotAllowed, both[1].refusal(t).Code)
			require.Equal(t, []string{"policy"}, h.corrections())
		})
	}
}

// TestClosedAccount: what the store refuses because the account is closed reaches the caller as the refusal it is.
func TestClosedAccount(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.log.before = func(a lifecycle.Append) error { return h.log.head.RefuseClosed(a.Changes[0].Event) }
	refused := h.at(0, contract.UpdateSubmit, "c1", submit())
	h.stopAt(time.Hour)
	h.run()
	refusal := refused.refusal(t)
	require.Equal(t, lifecycle.CodeAccountClosed, refusal.Code)
	require.Equal(t, lifecycle.Unverified, refusal.State)
	require.Contains(t, refusal.Allowed, lifecycle.StepSubmit)
	require.Empty(t, h.log.events())
}
