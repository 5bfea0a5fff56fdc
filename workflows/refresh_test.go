package workflows_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// asking is a harness with a QR on show, whose provider takes three seconds to answer the nth question, counted from one.
func asking(t *testing.T, answer func(h *harness, n int32, in activities.QueryFaceInput) (activities.QueryFaceResult, error)) (*harness, *atomic.Int32) {
	t.Helper()
	h := newHarness(t)
	h.provide(time.Hour, activities.VerdictOpen)
	var face *activities.Face
	asked := &atomic.Int32{}
	h.OnActivity(face.QueryFace, mock.Anything, mock.Anything).After(3 * time.Second).Return(
		func(_ context.Context, in activities.QueryFaceInput) (activities.QueryFaceResult, error) {
			return answer(h, asked.Add(1), in)
		})
	h.at(0, contract.UpdateSubmit, "c1", submit())
	h.at(time.Second, contract.UpdateStartFace, "c2", start())
	return h, asked
}

func (h *harness) refresh(after time.Duration, id string) *answer {
	return h.at(time.Minute+after, contract.UpdateRefresh, id, contract.Refresh{Actor: merchant()})
}

func passesAt(question int32) func(*harness, int32, activities.QueryFaceInput) (activities.QueryFaceResult, error) {
	return func(h *harness, n int32, in activities.QueryFaceInput) (activities.QueryFaceResult, error) {
		verdict := activities.VerdictOpen
		if n == question {
			verdict = activities.VerdictPassed
		}
		return activities.QueryFaceResult{Answers: []activities.Answer{h.verdict(in.Attempts[0].AttemptID, verdict)}}, nil
	}
}

func TestRefreshWaitsForTheQuestionUnderWay(t *testing.T) {
	t.Parallel()
	h, asked := asking(t, passesAt(1))
	first, second := h.refresh(0, "c3"), h.refresh(500*time.Millisecond, "c4")
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.Verified, first.status(t).State)
	require.Equal(t, lifecycle.Verified, second.status(t).State)
	require.EqualValues(t, 1, asked.Load())
}

// TestRefreshAsksAgainAfterASlowQuestion: what was asked a second before the button was pressed may be true no more. Of
// those who waited, one asks.
func TestRefreshAsksAgainAfterASlowQuestion(t *testing.T) {
	t.Parallel()
	h, asked := asking(t, passesAt(2))
	first := h.refresh(0, "c3")
	late := []*answer{h.refresh(time.Second, "c4"), h.refresh(2*time.Second, "c5")}
	h.run()
	require.NoError(t, h.GetWorkflowError())
	require.Equal(t, lifecycle.QRIssued, first.status(t).State)
	for _, a := range late {
		require.Equal(t, lifecycle.Verified, a.status(t).State)
	}
	require.EqualValues(t, 2, asked.Load())
}

func TestRefreshFailsWithTheQuestionItWaitedFor(t *testing.T) {
	t.Parallel()
	h, asked := asking(t, func(*harness, int32, activities.QueryFaceInput) (activities.QueryFaceResult, error) {
		return activities.QueryFaceResult{}, errGone
	})
	first, second := h.refresh(0, "c3"), h.refresh(500*time.Millisecond, "c4")
	h.stopAt(2 * time.Minute)
	h.run()
	for _, a := range []*answer{first, second} {
		require.True(t, a.done)
		require.ErrorIs(t, workflows.FromTemporal(a.err), workflows.ErrProviderUnavailable)
	}
	require.EqualValues(t, 2, asked.Load(), "one question, tried twice")
}
