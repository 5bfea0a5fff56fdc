package workflows_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/realname"
)

func TestHappyPath(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.provide(90*time.Second, activities.VerdictPassed)
	login := h.at(0, contract.UpdateLogin, "login:l1", contract.Login{LoginID: "l1", Level: "final"})
	submitted := h.at(time.Second, contract.UpdateSubmit, "c1", submit())
	started := h.at(2*time.Second, contract.UpdateStartFace, "c2", start())
	scanned := h.at(42*time.Second, contract.UpdateScan, "c3", contract.Scan{LeaseID: "wrong"})
	h.RegisterDelayedCallback(func() {
		s := started.status(t)
		h.at(0, contract.UpdateScan, "c4", contract.Scan{LeaseID: s.Lease.ID})
	}, 43*time.Second)
	h.run()

	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, contract.LoginResult{Number: 1}, login.value)
	require.Equal(t, lifecycle.Submitted, submitted.status(t).State)
	require.Equal(t, lifecycle.QRIssued, started.status(t).State)
	require.Equal(t, lifecycle.QRIssued, scanned.status(t).State, "a foreign lease scans nothing")
	require.Equal(t, []lifecycle.Event{
		lifecycle.Prompt, lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.IssueQR, lifecycle.Scan, lifecycle.Pass,
	}, h.log.events())
	require.Equal(t, lifecycle.Verified, h.log.head.State)
	require.Equal(t, lifecycle.MethodFace, h.log.head.Method)
	require.Len(t, h.orders.all(), 1)
	require.Regexp(t, `^[0-9a-f]{32}$`, h.orders.all()[0].OrderNo)
}

func TestReview(t *testing.T) {
	t.Parallel()
	young, faults := realname.New("李四", "cn_id", "110101201201010028", begin())
	require.Empty(t, faults)
	cases := []struct {
		name     string
		prepare  func(h *harness)
		want     lifecycle.State
		reason   string
		findings []string
	}{
		{"clean", func(*harness) {}, lifecycle.Approved, "", nil},
		{"minor", func(h *harness) { h.review.Subjects = fakeSubjects{young} }, lifecycle.Rejected, "under_14", nil},
		{"number verified elsewhere", func(h *harness) { h.review.Duplicates = fakeDuplicates(true) }, lifecycle.UnderReview, "", []string{activities.FindingDuplicateNumber}},
		{"number verified elsewhere, policy rejects", func(h *harness) {
			h.review.Duplicates = fakeDuplicates(true)
			h.review.Rules = fakeRules{review: policy.Review{Approve: policy.ApproveAutomatic, MinimumAge: 18, DuplicateNumber: policy.DuplicateReject}}
		}, lifecycle.Rejected, activities.FindingDuplicateNumber, nil},
		{"information gone", func(h *harness) { h.review.Subjects = fakeSubjects{} }, lifecycle.Rejected, activities.FindingInfoMissing, nil},
		{"policy wants a reviewer", func(h *harness) { h.review.Rules = fakeRules{} }, lifecycle.UnderReview, "", []string{activities.FindingPolicy}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			c.prepare(h)
			h.at(0, contract.UpdateSubmit, "c1", submit())
			h.stopAt(time.Minute)
			h.run()
			require.Equal(t, c.want, h.log.head.State)
			require.Equal(t, c.reason, h.log.head.Reason)
			if c.findings != nil {
				require.Equal(t, c.findings, h.log.head.Findings)
			}
		})
	}
}

func TestReviewerDecides(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.review.Rules = fakeRules{}
	h.at(0, contract.UpdateSubmit, "c1", submit())
	reviewer := lifecycle.Actor{Kind: lifecycle.ActorReviewer, ID: "r1"}
	rejected := h.at(time.Minute, contract.UpdateReview, "c2", contract.Review{Decision: contract.VerdictReject, ReasonCode: "unreadable", Actor: reviewer})
	twice := h.at(2*time.Minute, contract.UpdateReview, "c3", contract.Review{Decision: contract.VerdictApprove, Actor: reviewer})
	h.stopAt(time.Hour)
	h.run()
	require.Equal(t, "unreadable", rejected.status(t).Reason)
	require.Equal(t, lifecycle.Refusal{
		Code: lifecycle.CodeStepNotAllowed, State: lifecycle.Rejected,
		Allowed: []lifecycle.Step{lifecycle.StepRefresh, lifecycle.StepRevoke, lifecycle.StepSubmit},
	}, *twice.refusal(t))
}

func TestRefusalsLeaveNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	early := h.at(0, contract.UpdateStartFace, "c1", start())
	badShape := h.at(time.Second, contract.UpdateSubmit, "c2", contract.Submit{})
	h.run()
	require.NoError(t, h.GetWorkflowError(), "a run without an accepted command ends by itself")
	require.Equal(t, lifecycle.CodeStepNotAllowed, early.refusal(t).Code)
	require.ErrorContains(t, badShape.rejected, "identity")
	require.Empty(t, h.log.events())
}

func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.log.head.AccountID = "somebody-else"
	submitted := h.at(0, contract.UpdateSubmit, "c1", submit())
	h.run()
	require.ErrorContains(t, h.GetWorkflowError(), "not registered")
	require.True(t, submitted.done)
	require.Error(t, submitted.err)
}

func TestConsentIsRequired(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.provide(time.Minute, activities.VerdictOpen)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	without := h.at(time.Minute, contract.UpdateStartFace, "c2", contract.StartFace{Actor: merchant()})
	h.at(2*time.Minute, contract.UpdateStartFace, "c3", start())
	withdrawn := h.at(3*time.Minute, contract.UpdateWithdrawConsent, "c4", contract.Plain{Actor: merchant()})
	again := h.at(4*time.Minute, contract.UpdateStartFace, "c5", contract.StartFace{Actor: merchant()})
	h.stopAt(5 * time.Minute)
	h.run()
	require.Equal(t, lifecycle.CodeConsentRequired, without.refusal(t).Code)
	require.Equal(t, lifecycle.Approved, withdrawn.status(t).State)
	require.Equal(t, 1, withdrawn.status(t).Generation)
	require.Equal(t, lifecycle.CodeConsentRequired, again.refusal(t).Code)
}

func TestLeaseEndsAndTheSameAttemptIsShownAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.provide(10*time.Minute, activities.VerdictOpen)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	first := h.at(time.Second, contract.UpdateStartFace, "c2", start())
	second := h.at(11*time.Minute, contract.UpdateStartFace, "c3", contract.StartFace{Actor: merchant()})
	third := h.at(12*time.Minute, contract.UpdateStartFace, "c4", contract.StartFace{Actor: merchant()})
	h.stopAt(13 * time.Minute)
	h.run()
	require.Len(t, h.orders.all(), 1, "the provider's attempt lives on")
	leases := []*lifecycle.Lease{first.status(t).Lease, second.status(t).Lease, third.status(t).Lease}
	require.Equal(t, leases[0].AttemptID, leases[1].AttemptID)
	require.NotEqual(t, leases[0].ID, leases[1].ID)
	require.NotEqual(t, leases[1].ID, leases[2].ID)
	require.Contains(t, h.log.events(), lifecycle.Expire)
	require.Equal(t, 1, third.status(t).Attempts.Used)
}

func TestDoubleClickShowsOneQR(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var face *activities.Face
	h.OnActivity(face.StartFace, mock.Anything, mock.Anything).After(3 * time.Second).Return(
		func(_ context.Context, in activities.StartFaceInput) (activities.StartFaceResult, error) {
			h.orders.add(in)
			return activities.StartFaceResult{Provider: "fake", ProviderRef: "r", StartedAt: h.Now(), EndsAt: h.Now().Add(23 * time.Hour)}, nil
		})
	h.OnActivity(face.AwaitFace, mock.Anything, mock.Anything).After(10*time.Minute).Return(activities.Answer{Verdict: activities.VerdictOpen}, nil)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	first := h.at(time.Second, contract.UpdateStartFace, "c2", start())
	second := h.at(2*time.Second, contract.UpdateStartFace, "c3", start())
	h.stopAt(time.Minute)
	h.run()
	require.Len(t, h.orders.all(), 1)
	require.Equal(t, first.status(t).Lease, second.status(t).Lease)
}

func TestLostOrderIsAbandonedByNumber(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var face *activities.Face
	var found atomic.Bool
	h.OnActivity(face.StartFace, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.StartFaceInput) (activities.StartFaceResult, error) {
			h.orders.add(in)
			if !found.Swap(true) {
				return activities.StartFaceResult{}, errors.New("the answer is lost")
			}
			return activities.StartFaceResult{Provider: "fake", ProviderRef: "r", StartedAt: h.Now(), EndsAt: h.Now().Add(23 * time.Hour)}, nil
		})
	h.OnActivity(face.AwaitFace, mock.Anything, mock.Anything).After(10*time.Minute).Return(activities.Answer{Verdict: activities.VerdictOpen}, nil)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	started := h.at(time.Second, contract.UpdateStartFace, "c2", start())
	h.stopAt(time.Minute)
	h.run()
	require.Equal(t, lifecycle.QRIssued, started.status(t).State)
	require.Len(t, h.orders.all(), 2)
	require.NotEqual(t, h.orders.all()[0].OrderNo, h.orders.all()[1].OrderNo)
	require.Equal(t, []string{h.orders.all()[0].OrderNo}, h.log.last().Detail.Abandoned)
}

func TestTheSameCommandAgainAfterTheProviderWasAway(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var face *activities.Face
	var back atomic.Bool
	h.OnActivity(face.StartFace, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.StartFaceInput) (activities.StartFaceResult, error) {
			h.orders.add(in)
			if !back.Load() {
				return activities.StartFaceResult{}, errors.New("no answer")
			}
			return activities.StartFaceResult{Provider: "fake", ProviderRef: "r", StartedAt: h.Now(), EndsAt: h.Now().Add(23 * time.Hour)}, nil
		})
	h.OnActivity(face.AwaitFace, mock.Anything, mock.Anything).After(10*time.Minute).Return(activities.Answer{Verdict: activities.VerdictOpen}, nil)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	failed := h.at(time.Second, contract.UpdateStartFace, contract.UpdateID("c2", "first"), start())
	h.RegisterDelayedCallback(func() { back.Store(true) }, 30*time.Second)
	again := h.at(time.Minute, contract.UpdateStartFace, contract.UpdateID("c2", "second"), start())
	once := h.at(2*time.Minute, contract.UpdateStartFace, contract.UpdateID("c2", "third"), start())
	h.stopAt(3 * time.Minute)
	h.run()
	require.ErrorIs(t, workflows.FromTemporal(failed.err), workflows.ErrProviderUnavailable)
	require.Equal(t, lifecycle.QRIssued, again.status(t).State)
	require.Equal(t, again.status(t).Lease, once.status(t).Lease, "the same command is one QR")
	numbers := map[string]bool{}
	for _, o := range h.orders.all() {
		require.False(t, numbers[o.OrderNo], "an order number is never used twice")
		numbers[o.OrderNo] = true
	}
	require.Len(t, h.orders.all(), 3)
}

func TestFailThenLockThenUnlockAtMidnight(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.records.Settings.Limits.AttemptsPerDay = 2
	h.provide(30*time.Second, activities.VerdictFailed)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Second, contract.UpdateStartFace, "c2", start())
	h.at(time.Minute, contract.UpdateStartFace, "c3", contract.StartFace{Actor: merchant()})
	refusedLocked := h.at(2*time.Minute, contract.UpdateStartFace, "c4", contract.StartFace{Actor: merchant()})
	midnight := lifecycle.NextDay(begin())
	next := h.at(midnight.Sub(begin())+time.Second, contract.UpdateStartFace, "c5", contract.StartFace{Actor: merchant()})
	h.stopAt(midnight.Sub(begin()) + 5*time.Second)
	h.run()
	r := refusedLocked.refusal(t)
	require.Equal(t, lifecycle.CodeAttemptsExhausted, r.Code)
	require.True(t, midnight.Equal(r.NextAt))
	require.Equal(t, []lifecycle.Event{
		lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.IssueQR, lifecycle.Fail,
		lifecycle.IssueQR, lifecycle.Fail, lifecycle.Lock, lifecycle.Unlock, lifecycle.IssueQR,
	}, h.log.events())
	require.Equal(t, 1, next.status(t).Attempts.Used)
	require.Len(t, h.orders.all(), 3)
}

func TestLatePassAfterTheLease(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.provide(10*time.Minute, activities.VerdictOpen)
	var face *activities.Face
	var asked atomic.Int32
	h.OnActivity(face.QueryFace, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.QueryFaceInput) (activities.QueryFaceResult, error) {
			verdict := activities.VerdictOpen
			if asked.Add(1) == 3 {
				verdict = activities.VerdictPassed
			}
			return activities.QueryFaceResult{Answers: []activities.Answer{h.verdict(in.Attempts[0].AttemptID, verdict)}}, nil
		})
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Second, contract.UpdateStartFace, "c2", start())
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.Verified, h.log.head.State)
	require.EqualValues(t, 3, asked.Load())
	require.WithinDuration(t, begin().Add(6*time.Hour), h.log.last().At, time.Minute)
}

func TestPassAfterCorrectionDoesNotCount(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.provideOrders()
	var face *activities.Face
	var first string
	h.OnActivity(face.AwaitFace, mock.Anything, mock.Anything).After(10*time.Minute).Return(activities.Answer{Verdict: activities.VerdictOpen}, nil)
	h.OnActivity(face.QueryFace, mock.Anything, mock.Anything).After(time.Minute).Return(
		func(_ context.Context, in activities.QueryFaceInput) (activities.QueryFaceResult, error) {
			first = in.Attempts[0].AttemptID
			return activities.QueryFaceResult{Answers: []activities.Answer{h.verdict(first, activities.VerdictPassed)}}, nil
		})
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Second, contract.UpdateStartFace, "c2", start())
	h.at(20*time.Second, contract.UpdateRefresh, "c3", contract.Refresh{Actor: merchant()})
	denied := h.at(30*time.Second, contract.UpdateCorrect, "c4", contract.Correct{Identity: submit().Identity, RiskNoticeVersion: "1", Actor: merchant()})
	corrected := h.at(40*time.Second, contract.UpdateCorrect, "c5", contract.Correct{
		Identity: submit().Identity, RiskNoticeVersion: "1", Support: true, Reason: "name_misspelt", Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "o1"},
	})
	h.stopAt(time.Hour)
	h.run()
	require.Equal(t, lifecycle.CodeCorrectionNotAllowed, denied.refusal(t).Code)
	require.Equal(t, lifecycle.Submitted, corrected.status(t).State)
	require.Equal(t, lifecycle.Approved, h.log.head.State)
	require.Equal(t, lifecycle.Pass, h.log.last().Event)
	require.True(t, h.log.last().Ignored)
}

func TestCrashAfterTheAppendChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.SetStartTime(time.Now()) // the test environment measures retries of local activities on the wall clock
	failed := map[string]bool{}
	h.log.after = func(a lifecycle.Append) error { // every first append is written and its answer lost
		if !failed[a.ChangeID] {
			failed[a.ChangeID] = true
			return errors.New("connection lost")
		}
		return nil
	}
	h.provide(90*time.Second, activities.VerdictPassed)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	started := h.at(time.Second, contract.UpdateStartFace, "c2", start())
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.QRIssued, started.status(t).State)
	require.Equal(t, []lifecycle.Event{
		lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.IssueQR, lifecycle.Pass,
	}, h.log.events())
	require.Len(t, h.orders.all(), 1)
}

func TestAnotherWriterMovedTheHead(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.at(0, contract.UpdateLogin, "login:l1", contract.Login{LoginID: "l1"})
	h.RegisterDelayedCallback(func() {
		identity := submit().Identity
		h.log.put(t,
			lifecycle.Change{Event: lifecycle.Submit, At: h.Now(), Detail: lifecycle.Detail{Identity: &identity}},
			lifecycle.Change{Event: lifecycle.BeginReview, At: h.Now()}, lifecycle.Change{Event: lifecycle.Approve, At: h.Now()})
	}, time.Minute)
	h.provide(time.Hour, activities.VerdictOpen)
	stale := h.at(2*time.Minute, contract.UpdateStartFace, "c1", start())
	reloaded := h.at(3*time.Minute, contract.UpdateRefresh, "c2", contract.Refresh{Reload: true})
	fresh := h.at(4*time.Minute, contract.UpdateStartFace, "c3", start())
	h.stopAt(5 * time.Minute)
	h.run()
	require.Equal(t, lifecycle.Unverified, stale.refusal(t).State)
	require.Equal(t, lifecycle.Approved, reloaded.status(t).State)
	require.Equal(t, lifecycle.QRIssued, fresh.status(t).State)
}

func TestHeadMovedIsFoldedBeforeDeciding(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.at(0, contract.UpdateLogin, "login:l1", contract.Login{LoginID: "l1"})
	h.RegisterDelayedCallback(func() {
		h.log.put(t, lifecycle.Change{Event: lifecycle.ImportVerified, At: h.Now(), Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: h.Now()}}})
	}, time.Minute)
	late := h.at(2*time.Minute, contract.UpdateSubmit, "c1", submit())
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.Verified, late.refusal(t).State)
	require.NotContains(t, h.log.events(), lifecycle.Submit)
}

func TestResumeTakesUpWaitingAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.provideOrders()
	var face *activities.Face
	var waits atomic.Int32
	h.OnActivity(face.AwaitFace, mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.AwaitFaceInput) (activities.Answer, error) {
			if waits.Add(1) == 1 {
				<-ctx.Done() // a worker that died: the server would notice at the heartbeat timeout
				return activities.Answer{}, ctx.Err()
			}
			return h.verdict(in.Current.AttemptID, activities.VerdictPassed), nil
		})
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Second, contract.UpdateStartFace, "c2", start())
	resumed := h.at(1200*time.Millisecond, contract.UpdateRefresh, "c3", contract.Refresh{Resume: true})
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.QRIssued, resumed.status(t).State)
	require.Equal(t, lifecycle.Verified, h.log.head.State)
	require.EqualValues(t, 2, waits.Load())
}

func TestManualRoute(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	reviewer := lifecycle.Actor{Kind: lifecycle.ActorReviewer, ID: "r1"}
	h.at(0, contract.UpdateSubmit, "c1", submit())
	chosen := h.at(time.Minute, contract.UpdateChooseManual, "c2", contract.Plain{Actor: merchant()})
	h.at(2*time.Minute, contract.UpdateCancelManual, "c3", contract.Plain{Actor: merchant()})
	h.at(3*time.Minute, contract.UpdateChooseManual, "c4", contract.Plain{Actor: merchant()})
	h.at(4*time.Minute, contract.UpdateManualDecision, "c5", contract.Review{Decision: contract.VerdictReject, ReasonCode: "unreadable", Actor: reviewer})
	h.at(5*time.Minute, contract.UpdateChooseManual, "c6", contract.Plain{Actor: merchant()})
	h.at(6*time.Minute, contract.UpdateManualDecision, "c7", contract.Review{Decision: contract.VerdictApprove, Actor: reviewer})
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.ManualReview, chosen.status(t).State)
	require.Equal(t, lifecycle.MethodManual, h.log.head.Method)
}

// TestAnApprovalIsOfWhatWasSeen: the store refuses it when something was exchanged since, and takes it when it was not.
func TestAnApprovalIsOfWhatWasSeen(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	reviewer := lifecycle.Actor{Kind: lifecycle.ActorReviewer, ID: "r1"}
	h.log.pieces = []string{"back", "front"}
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Minute, contract.UpdateChooseManual, "c2", contract.Plain{Actor: merchant()})
	approve := func(after time.Duration, id string, pieces ...string) *answer {
		return h.at(after, contract.UpdateManualDecision, id, contract.Review{
			Decision: contract.VerdictApprove, Seen: &lifecycle.Seen{Evidence: pieces}, Actor: reviewer,
		})
	}
	exchanged := approve(2*time.Minute, "c3", "front", "older")
	approve(3*time.Minute, "c4", "front", "back")
	h.run()
	require.NoError(t, h.GetWorkflowError())
	refusal := exchanged.refusal(t)
	require.Equal(t, lifecycle.CodeEvidenceChanged, refusal.Code)
	require.Equal(t, lifecycle.ManualReview, refusal.State)
	require.Equal(t, lifecycle.MethodManual, h.log.head.Method)
	require.Equal(t, "c4", h.log.last().ChangeID)
}

// TestADecisionIsForItsCase: a reviewer who looked at an earlier case decides nothing, whether the workflow knows of the
// later one already or finds it in the log.
func TestADecisionIsForItsCase(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	reviewer := lifecycle.Actor{Kind: lifecycle.ActorReviewer, ID: "r1"}
	approve := contract.Review{Decision: contract.VerdictApprove, Case: lifecycle.Case{Since: begin().Add(time.Minute), Revision: 1}, Actor: reviewer}
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Minute, contract.UpdateChooseManual, "c2", contract.Plain{Actor: merchant()})
	h.at(2*time.Minute, contract.UpdateCancelManual, "c3", contract.Plain{Actor: merchant()})
	h.at(3*time.Minute, contract.UpdateChooseManual, "c4", contract.Plain{Actor: merchant()})
	stale := h.at(4*time.Minute, contract.UpdateManualDecision, "c5", approve)
	h.RegisterDelayedCallback(func() { // behind the workflow's back
		h.log.put(t, lifecycle.Change{Event: lifecycle.CancelManual, At: begin().Add(5 * time.Minute)},
			lifecycle.Change{Event: lifecycle.ChooseManual, At: begin().Add(5 * time.Minute)})
	}, 5*time.Minute)
	approve.Case.Since = begin().Add(3 * time.Minute)
	overtaken := h.at(6*time.Minute, contract.UpdateManualDecision, "c6", approve)
	approve.Case.Since = begin().Add(5 * time.Minute)
	h.at(7*time.Minute, contract.UpdateManualDecision, "c7", approve)
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.CodeCaseMoved, stale.refusal(t).Code)
	require.Error(t, stale.rejected, "refused before it was accepted")
	require.Equal(t, lifecycle.CodeCaseMoved, overtaken.refusal(t).Code)
	require.Equal(t, lifecycle.MethodManual, h.log.head.Method)
}

func TestRevokeAfterVerified(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.log.put(t, lifecycle.Change{Event: lifecycle.ImportVerified, At: begin(), Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: begin()}}})
	revoked := h.at(0, contract.UpdateRevoke, "c1", contract.Plain{Reason: "fraud", Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "o1"}})
	h.stopAt(time.Minute)
	h.run()
	require.Equal(t, lifecycle.Unverified, revoked.status(t).State)
	require.Equal(t, "fraud", revoked.status(t).Reason)
}

func TestContinueAsNewKeepsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.records.Settings.ContinueAfter = 3
	h.provide(10*time.Minute, activities.VerdictOpen)
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Minute, contract.UpdateStartFace, "c2", start())
	last := h.at(2*time.Minute, contract.UpdateRefresh, "c3", contract.Refresh{})
	var face *activities.Face
	h.OnActivity(face.QueryFace, mock.Anything, mock.Anything).Return(activities.QueryFaceResult{}, nil)
	h.run()
	require.ErrorContains(t, h.GetWorkflowError(), "continue as new")
	require.Equal(t, lifecycle.QRIssued, last.status(t).State)
	require.Equal(t, lifecycle.QRIssued, h.log.head.State)
}
