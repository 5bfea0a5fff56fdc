package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/internal/evidence/evidencetest"
	"github.com/verigate/verigate/internal/store"
)

// during runs something while a decision is between the API's look at the evidence and its append.
func (f *fixture) during(decide func() answer, meanwhile func()) answer {
	f.t.Helper()
	block, begun := make(chan struct{}), make(chan struct{}, 1)
	f.engine.Set(func(e *apitest.Engine) { e.Block, e.Begun = block, begun })
	got := make(chan answer, 1)
	go func() { got <- decide() }()
	<-begun
	f.engine.Set(func(e *apitest.Engine) { e.Block, e.Begun = nil, nil })
	meanwhile()
	close(block)
	return <-got
}

// TestExchangedWhileItIsApproved: what comes between the look and the entry is not approved unseen, whether or not the
// reviewer named what was looked at.
func TestExchangedWhileItIsApproved(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.NeedEvidence = true })
	f.manual("a1")
	ids := f.giveAll()
	approve := func(body object) func() answer {
		body["decision"], body["note"] = "approve", "both sides are clear"
		return func() answer { return f.post("/v1/reviews/a1/manual", body) }
	}
	side := 480
	exchange := func() {
		side++
		ids[0] = f.give("id_front", "image/jpeg", evidencetest.JPEG(t, side, 300)).is(http.StatusCreated)["id"]
	}
	kept := len(f.vault.kept())
	f.during(approve(object{}), exchange).problem(http.StatusConflict, api.CodeEvidenceChanged)
	f.during(approve(object{"evidence": ids}), exchange).problem(http.StatusConflict, api.CodeEvidenceChanged)
	p := f.during(approve(object{"evidence": ids}), func() {
		f.do(http.MethodDelete, evidencePath+"/"+ids[2].(string), nil).is(http.StatusOK)
	}).problem(http.StatusConflict, api.CodeEvidenceMissing)
	field(t, p, "holding")
	require.Len(t, f.vault.kept(), kept, "notes of approvals that were not taken are not kept")
	require.Equal(t, "manual_review", f.get("/v1/accounts/a1/verification").is(http.StatusOK)["state"])
	view := f.get("/v1/reviews/a1").is(http.StatusOK)
	require.Nil(t, view["case"].(object)["claim"], "the case is free again")

	ids[2] = f.give("holding", "text/plain", []byte("The card is mine.")).is(http.StatusCreated)["id"]
	require.Equal(t, "verified", f.during(approve(object{"evidence": ids}), func() {}).is(http.StatusOK)["state"])
}

// TestSecondApprovalNeedsTheFirst: when the first approval is taken back while the second is under way, there is none
// that the second could follow.
func TestSecondApprovalNeedsTheFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Reviews.SecondApprover = true })
	keys := f.reviewers(2)
	f.manual("a1")
	f.give("holding", "text/plain", []byte("It is mine.")).is(http.StatusCreated)
	approve := func(key string) answer {
		return f.post("/v1/reviews/a1/manual", object{"decision": "approve"}, as(key))
	}
	approve(keys[0]).is(http.StatusAccepted)
	f.during(func() answer { return approve(keys[1]) }, func() {
		f.give("holding", "text/plain", []byte("It is my brother's.")).is(http.StatusCreated)
	}).problem(http.StatusConflict, api.CodeEvidenceChanged)
	step := f.get("/v1/reviews/a1").is(http.StatusOK)["steps"].([]any)[0].(object)
	require.Equal(t, "2020-12-05T10:00:00+08:00", step["taken_back_at"])
	f.clock.advance(time.Minute)
	approve(keys[1]).is(http.StatusAccepted)
	require.Equal(t, "verified", approve(keys[0]).is(http.StatusOK)["state"])
}

// stepping is the store with somebody who is faster than a first approval.
type stepping struct {
	api.Store
	before func()
}

func (s *stepping) StepReview(ctx context.Context, step store.ReviewStep) (store.ReviewStep, error) {
	if s.before != nil {
		s.before()
	}
	return s.Store.StepReview(ctx, step)
}

func TestFirstApprovalOfExchangedEvidence(t *testing.T) {
	t.Parallel()
	steps := &stepping{}
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) {
		c.Reviews.SecondApprover = true
		steps.Store = c.Store
		c.Store = steps
	})
	f.manual("a1")
	f.give("holding", "text/plain", []byte("It is mine.")).is(http.StatusCreated)
	kept := len(f.vault.kept())
	steps.before = func() { f.give("holding", "text/plain", []byte("It is my brother's.")).is(http.StatusCreated) }
	approve := object{"decision": "approve", "note": "it is hers"}
	f.post("/v1/reviews/a1/manual", approve).problem(http.StatusConflict, api.CodeEvidenceChanged)
	require.Len(t, f.vault.kept(), kept)
	view := f.get("/v1/reviews/a1").is(http.StatusOK)["case"].(object)
	require.Nil(t, view["first_approval"])
	require.Nil(t, view["claim"], "the case is free again")
	steps.before = nil
	f.post("/v1/reviews/a1/manual", approve).is(http.StatusAccepted)
}
