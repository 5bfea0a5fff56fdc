package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// keyID is the id of a key, which is who holds claims.
func keyID(secret string) string { return strings.Split(secret, "_")[1] }

// reviewers are keys of several reviewers.
func (f *fixture) reviewers(n int) []string {
	f.t.Helper()
	keys := make([]string, n)
	for i := range keys {
		keys[i] = f.newKey(api.ReviewsWrite, api.IdentitiesRead)
	}
	return keys
}

// underReview brings an account into the queue of reviews, with the findings that the checks would have made.
func (f *fixture) underReview(id string, findings ...string) {
	f.t.Helper()
	f.account(id)
	identity, err := f.vault.PutSubject(f.t.Context(), id, realname.Restore(canaryName, "cn_id", canaryNumber))
	require.NoError(f.t, err)
	_, err = f.store.Append(f.t.Context(), lifecycle.Append{AccountID: id, ChangeID: "submit-" + id, Head: lifecycle.AnyHead, Changes: []lifecycle.Change{
		{Event: lifecycle.Submit, At: f.clock.now(), Detail: lifecycle.Detail{Identity: &identity}},
		{Event: lifecycle.BeginReview, At: f.clock.now(), Detail: lifecycle.Detail{Findings: findings}},
	}})
	require.NoError(f.t, err)
}

// manual brings an account into the queue of the manual route.
func (f *fixture) manual(id string) {
	f.t.Helper()
	f.approved(id)
	f.post("/v1/accounts/"+id+"/verification/choose-manual", object{"reason": "no camera here"}).is(http.StatusOK)
}

func (f *fixture) cases(query string) (ids []string, all []object) {
	f.t.Helper()
	cursor := ""
	for {
		got := f.get("/v1/reviews?limit=2&" + query + cursor).is(http.StatusOK)
		for _, c := range got["cases"].([]any) {
			ids, all = append(ids, c.(object)["account_id"].(string)), append(all, c.(object))
		}
		if got["cursor"] == nil {
			return ids, all
		}
		cursor = "&cursor=" + url.QueryEscape(got["cursor"].(string))
	}
}

func TestQueueOfReviews(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-01 10:00:00")
	r1 := f.reviewers(1)[0]
	f.underReview("a1", "name_unusual")
	f.clock.advance(8 * 24 * time.Hour)
	f.underReview("a2", "duplicate_number", "name_unusual")
	f.clock.advance(24*time.Hour - 1)
	f.underReview("a3", "policy_requires_reviewer")
	f.manual("m1")
	f.clock.advance(1)

	ids, all := f.cases("queue=review")
	require.Equal(t, []string{"a1", "a2", "a3"}, ids)
	require.InDelta(t, 75, all[1]["risk"], 0)
	require.Equal(t, []any{"duplicate_number", "name_unusual"}, all[1]["findings"])
	require.Equal(t, []any{true, true, false}, []any{all[0]["late"], all[1]["late"], all[2]["late"]}, "late from the due instant on")
	require.Equal(t, "2020-11-10T10:00:00+08:00", all[1]["due"])
	require.Nil(t, all[1]["claim"])
	for query, want := range map[string][]string{
		"queue=review&order=risk": {"a2", "a1", "a3"}, "queue=manual": {"m1"}, "queue=review&late=true": {"a1", "a2"},
		"queue=review&age=day": {"a3"}, "queue=review&age=days": {"a2"}, "queue=review&age=week": {"a1"}, "queue=review&age=older": nil,
		"queue=review&age=days&late=true": {"a2"}, "queue=manual&late=true": nil,
	} {
		got, _ := f.cases(query)
		require.Equal(t, want, got, query)
	}
	f.post("/v1/reviews/a2/claim", object{}, as(r1)).is(http.StatusOK)
	f.post("/v1/reviews/a3/escalate", object{"reason": "unsure"}).is(http.StatusOK)
	for query, want := range map[string][]string{
		"claimed=free": {"a1", "a3"}, "claimed=held": {"a2"}, "claimed=mine": nil, "escalated=true": {"a3"},
	} {
		got, _ := f.cases("queue=review&" + query)
		require.Equal(t, want, got, query)
	}
	counts := f.get("/v1/reviews:counts?queue=review").is(http.StatusOK)
	for name, want := range map[string]float64{"waiting": 3, "free": 2, "late": 2, "escalated": 1} {
		require.InDelta(t, want, counts[name], 0, name)
	}
	text, err := json.Marshal(counts["ages"])
	require.NoError(t, err)
	require.JSONEq(t, `[{"age":"day","count":1},{"age":"days","count":1},{"age":"week","count":1},{"age":"older","count":0}]`, string(text))

	cursor := f.get("/v1/reviews?queue=review&limit=1").is(http.StatusOK)["cursor"].(string)
	for _, bad := range []string{"", "queue=x", "queue=review&order=x", "queue=manual&cursor=" + url.QueryEscape(cursor), "queue=review&order=risk&cursor=" + url.QueryEscape(cursor)} {
		f.get("/v1/reviews?"+bad).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	}
	f.get("/v1/reviews:counts").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
}

func TestClaimsAreLeases(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	keys := f.reviewers(2)
	f.underReview("a1")
	got := f.post("/v1/reviews/a1/claim", object{}, as(keys[0])).is(http.StatusOK)["claim"].(object)
	require.Equal(t, keyID(keys[0]), got["holder"])
	require.Equal(t, true, got["mine"])
	require.Equal(t, "2020-12-05T10:15:00+08:00", got["until"])
	refused := func(path string, body any) {
		t.Helper()
		p := f.post(path, body, as(keys[1])).problem(http.StatusConflict, api.CodeCaseClaimed)
		require.Equal(t, keyID(keys[0]), p["holder"], "who")
		require.Equal(t, "2020-12-05T10:25:00+08:00", p["next_at"], "until when")
	}
	f.clock.advance(10 * time.Minute)
	f.post("/v1/reviews/a1/claim", object{}, as(keys[0])).is(http.StatusOK) // renewed
	f.clock.advance(15*time.Minute - 1)
	for path, body := range map[string]any{
		"/v1/reviews/a1/claim": object{}, "/v1/reviews/a1/release": object{}, "/v1/reviews/a1/escalate": object{"reason": "mine"},
		"/v1/reviews/a1": object{"decision": "approve"}, "/v1/accounts/a1/identity:reveal": object{"reason": "check", "fields": []string{"name"}},
	} {
		refused(path, body)
	}
	require.Empty(t, f.engine.Seen(), "the engine was not asked")
	f.clock.advance(1)
	f.post("/v1/reviews/a1/claim", object{}, as(keys[1])).is(http.StatusOK) // the lease has ended
	f.post("/v1/reviews/a1", object{"decision": "approve"}, as(keys[0])).problem(http.StatusConflict, api.CodeCaseClaimed)
	require.Nil(t, f.post("/v1/reviews/a1/release", object{}, as(keys[1])).is(http.StatusOK)["claim"])
	f.post("/v1/reviews/a1/release", object{}, as(keys[1])).is(http.StatusOK)
	require.Equal(t, "approved", f.post("/v1/reviews/a1", object{"decision": "approve"}, as(keys[0])).is(http.StatusOK)["state"], "nobody holds it")
	f.post("/v1/reviews/a1/claim", object{}).problem(http.StatusNotFound, api.CodeCaseNotFound)
	f.post("/v1/reviews/a1/release", object{}).problem(http.StatusNotFound, api.CodeCaseNotFound)
	f.post("/v1/reviews/a1/escalate", object{"reason": "late"}).problem(http.StatusNotFound, api.CodeCaseNotFound)
	f.get("/v1/reviews/a1").problem(http.StatusNotFound, api.CodeCaseNotFound)
	f.post("/v1/reviews/nobody/claim", object{}).problem(http.StatusNotFound, api.CodeAccountNotFound)
}

// TestADecisionThatWasNotTakenHoldsNothing: what was claimed for a decision alone is given back.
func TestADecisionThatWasNotTakenHoldsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	keys := f.reviewers(2)
	f.underReview("a1")
	kept := len(f.vault.kept())
	f.engine.Set(func(e *apitest.Engine) { e.Failing = api.ErrEngineUnavailable })
	f.post("/v1/reviews/a1", object{"decision": "approve", "note": "fine"}, as(keys[0])).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
	require.Len(t, f.vault.kept(), kept)
	f.post("/v1/reviews/a1/claim", object{}, as(keys[1])).is(http.StatusOK)
	f.post("/v1/reviews/a1", object{"decision": "approve"}, as(keys[1])).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
	p := f.post("/v1/reviews/a1/claim", object{}, as(keys[0])).problem(http.StatusConflict, api.CodeCaseClaimed)
	require.Equal(t, keyID(keys[1]), p["holder"], "a claim of its own stays")
	f.post("/v1/reviews/a1/release", object{}, as(keys[1])).is(http.StatusOK)

	f.engine.Set(func(e *apitest.Engine) { e.Failing = api.ErrOutcomeUnknown })
	f.post("/v1/reviews/a1", object{"decision": "approve"}, as(keys[0])).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
	f.post("/v1/reviews/a1/claim", object{}, as(keys[1])).problem(http.StatusConflict, api.CodeCaseClaimed)

	f.engine.Set(func(e *apitest.Engine) { e.Failing, e.Lost = nil, true })
	f.post("/v1/reviews/a1", object{"decision": "approve", "seq": 2}, as(keys[0]), idempotent("k")).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
	f.engine.Set(func(e *apitest.Engine) { e.Lost = false })
	require.Equal(t, "approved", f.post("/v1/reviews/a1", object{"decision": "approve", "seq": 2}, as(keys[0]), idempotent("k")).is(http.StatusOK)["state"],
		"the same command again is answered like the first time")
}

// TestADecisionSentAgainIsTheSame: also when somebody holds the next case of the account by now.
func TestADecisionSentAgainIsTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	keys := f.reviewers(2)
	f.manual("m1")
	reject := object{"decision": "reject", "reason_code": "blurred", "seq": 4}
	f.engine.Set(func(e *apitest.Engine) { e.Lost = true })
	f.post("/v1/reviews/m1/manual", reject, as(keys[0]), idempotent("k")).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
	f.engine.Set(func(e *apitest.Engine) { e.Lost = false })
	f.post("/v1/accounts/m1/verification/choose-manual", object{}).is(http.StatusOK)
	f.post("/v1/reviews/m1/claim", object{}, as(keys[1])).is(http.StatusOK)
	f.post("/v1/reviews/m1/manual", reject, as(keys[0]), idempotent("k")).is(http.StatusOK)
	entries, err := f.store.Events(t.Context(), "m1", 0, 100)
	require.NoError(t, err)
	rejected := 0
	for _, e := range entries {
		if e.Event == lifecycle.RejectManual {
			rejected++
		}
	}
	require.Equal(t, 1, rejected)
	c, err := f.store.ReviewCase(t.Context(), "m1")
	require.NoError(t, err)
	require.Equal(t, keyID(keys[1]), c.Claim.Holder, "the claim of the next case stays")
}

// TestOneReviewerDecides: whoever comes first, by a claim or by the decision itself, decides; the other is told who, or
// that it is over.
func TestOneReviewerDecides(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	keys := f.reviewers(2)
	for round := range 30 {
		id := fmt.Sprintf("a%d", round)
		f.underReview(id)
		path := "/v1/reviews/" + id
		first := round % 2 // who claims before the race in every third round
		if round%3 == 0 {
			f.post(path+"/claim", object{}, as(keys[first])).is(http.StatusOK)
		}
		var together sync.WaitGroup
		answers := make([]answer, 2)
		for i, decision := range []string{"approve", "reject"} {
			together.Go(func() {
				answers[i] = f.post(path, object{"decision": decision, "reason_code": "unclear", "note": "by " + decision}, as(keys[i]))
			})
		}
		together.Wait()
		winner := 0
		if answers[1].status == http.StatusOK {
			winner = 1
		}
		answers[winner].is(http.StatusOK)
		lost := answers[1-winner].json()
		require.Equal(t, http.StatusConflict, answers[1-winner].status, "%s", answers[1-winner].body)
		if round%3 == 0 {
			require.Equal(t, first, winner, "the holder decides")
		}
		switch lost["code"] {
		case string(api.CodeCaseClaimed):
			require.Equal(t, keyID(keys[winner]), lost["holder"])
		case string(api.CodeStepNotAllowed):
			require.Contains(t, []any{"approved", "rejected"}, lost["state"])
		default:
			require.Fail(t, "told nothing", "%v", lost)
		}
		entries, err := f.store.Events(t.Context(), id, 2, 10)
		require.NoError(t, err)
		require.Len(t, entries, 1, "one decision")
		require.Equal(t, keyID(keys[winner]), entries[0].Actor.ID)
		text, err := f.vault.Text(t.Context(), id, entries[0].Detail.NoteRef)
		require.NoError(t, err)
		require.Equal(t, "by "+[]string{"approve", "reject"}[winner], text)
	}
	require.Len(t, f.vault.kept(), 60, "a subject and one note each: the loser's was taken back")
}

// TestOneReviewerClaims: of two who want the same case one gets it; of two who want the next one each gets another.
func TestOneReviewerClaims(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	keys := f.reviewers(2)
	for round := range 20 {
		id := fmt.Sprintf("a%d", round)
		f.underReview(id)
		answers := make([]answer, 2)
		var together sync.WaitGroup
		for i := range answers {
			together.Go(func() { answers[(i+round)%2] = f.post("/v1/reviews/"+id+"/claim", object{}, as(keys[(i+round)%2])) })
		}
		together.Wait()
		winner := 0
		if answers[1].status == http.StatusOK {
			winner = 1
		}
		answers[winner].is(http.StatusOK)
		p := answers[1-winner].problem(http.StatusConflict, api.CodeCaseClaimed)
		require.Equal(t, keyID(keys[winner]), p["holder"])
	}
	f.clock.advance(time.Hour)
	taken := make(chan string, 20)
	var together sync.WaitGroup
	for _, key := range keys {
		together.Go(func() {
			for {
				got := f.post("/v1/reviews:next", object{"queue": "review", "order": "risk"}, as(key)).is(http.StatusOK)
				if got["case"] == nil {
					return
				}
				taken <- got["case"].(object)["account_id"].(string)
			}
		})
	}
	together.Wait()
	close(taken)
	seen := map[string]bool{}
	for id := range taken {
		require.False(t, seen[id], id)
		seen[id] = true
	}
	require.Len(t, seen, 20)
}

func TestNextCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	keys := f.reviewers(2)
	f.underReview("a1")
	f.clock.advance(time.Minute)
	f.underReview("a2", "duplicate_number")
	next := func(key int, body object) any {
		t.Helper()
		got := f.post("/v1/reviews:next", body, as(keys[key])).is(http.StatusOK)["case"]
		if got == nil {
			return nil
		}
		return got.(object)["account_id"]
	}
	require.Equal(t, "a1", next(0, object{"queue": "review"}))
	f.post("/v1/reviews/a1/release", object{}, as(keys[0])).is(http.StatusOK)
	require.Equal(t, "a2", next(0, object{"queue": "review"}), "what one gave back is not one's next")
	f.post("/v1/reviews/a2/escalate", object{"reason": "looks wrong to me: " + canaryName}, as(keys[0])).is(http.StatusOK)
	require.Equal(t, "a1", next(1, object{"queue": "review", "order": "risk"}), "escalated cases are left out")
	require.Nil(t, next(1, object{"queue": "review"}))
	require.Equal(t, "a2", next(1, object{"queue": "review", "escalated": true}))
	require.Nil(t, next(1, object{"queue": "manual"}))
	step := f.get("/v1/reviews/a2", as(keys[1])).is(http.StatusOK)["steps"].([]any)[0].(object)
	require.Equal(t, "escalated", step["act"])
	require.Equal(t, "stated", step["reason"])
	require.Equal(t, "looks wrong to me: "+canaryName, step["note"])
	require.Equal(t, keyID(keys[0]), step["by"])
	first := f.post("/v1/reviews:next", object{"queue": "manual"}, as(keys[0]), idempotent("n")).is(http.StatusOK)
	require.Nil(t, first["case"])
	for _, bad := range []object{{}, {"queue": "x"}, {"queue": "review", "order": "x"}} {
		f.post("/v1/reviews:next", bad).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	}
	field(t, f.post("/v1/reviews/a1/escalate", object{"reason": " "}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
}

// TestADecisionNamesItsCase: what was looked at is what is decided.
func TestADecisionNamesItsCase(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	key := f.reviewers(1)[0]
	f.manual("m1")
	seen := f.get("/v1/reviews/m1", as(key)).is(http.StatusOK)["case"].(object)["seq"]
	f.post("/v1/accounts/m1/logins", object{"login_id": "l1"}).is(http.StatusOK) // a prompt is counted: the case is the same
	f.post("/v1/reviews/m1/manual", object{"decision": "reject", "reason_code": "blurred", "seq": seen}, as(key)).is(http.StatusOK)
	f.post("/v1/accounts/m1/verification/choose-manual", object{}).is(http.StatusOK)
	p := f.post("/v1/reviews/m1/manual", object{"decision": "approve", "seq": seen}, as(key)).problem(http.StatusConflict, api.CodeCaseMoved)
	require.Equal(t, "manual_review", p["state"])
	free, _ := f.cases("queue=manual&claimed=free")
	require.Equal(t, []string{"m1"}, free, "nothing is held by a refused decision")
	seen = f.get("/v1/reviews/m1", as(key)).is(http.StatusOK)["case"].(object)["seq"]
	require.Equal(t, "verified", f.post("/v1/reviews/m1/manual", object{"decision": "approve", "seq": seen}, as(key)).is(http.StatusOK)["state"])
	field(t, f.post("/v1/reviews/m1/manual", object{"decision": "approve", "seq": -1}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "seq")

	// The merchant comes into the queue anew while the decision is on its way to the engine.
	f.manual("m2")
	begun, block := make(chan struct{}, 1), make(chan struct{})
	f.engine.Set(func(e *apitest.Engine) { e.Begun, e.Block = begun, block })
	done := make(chan answer, 1)
	go func() { done <- f.post("/v1/reviews/m2/manual", object{"decision": "approve"}, as(key)) }()
	<-begun
	f.engine.Set(func(e *apitest.Engine) { e.Begun, e.Block = nil, nil })
	f.clock.advance(time.Second)
	f.post("/v1/accounts/m2/verification/cancel-manual", object{}).is(http.StatusOK)
	f.post("/v1/accounts/m2/verification/choose-manual", object{}).is(http.StatusOK)
	close(block)
	(<-done).problem(http.StatusConflict, api.CodeCaseMoved)
}

// TestNothingIsDecidedWhereNoCaseWaits: the engine is not even asked, or a decision that is sent a moment too early would
// be taken for a case that nobody held, looked at or approved first.
func TestNothingIsDecidedWhereNoCaseWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Reviews.SecondApprover = true })
	f.approved("a1")
	before := len(f.engine.Seen())
	for _, path := range []string{"/v1/reviews/a1", "/v1/reviews/a1/manual"} {
		f.post(path, object{"decision": "approve"}).problem(http.StatusConflict, api.CodeStepNotAllowed)
	}
	require.Len(t, f.engine.Seen(), before)
}

// TestFirstApprovalIsOfWhatWasSeen: it counts no longer when other evidence is there.
func TestFirstApprovalIsOfWhatWasSeen(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Reviews.SecondApprover = true })
	keys := f.reviewers(2)
	f.manual("a1")
	decide := func(key string, ids ...any) answer {
		return f.post("/v1/reviews/a1/manual", object{"decision": "approve", "evidence": ids}, as(key))
	}
	first := f.give("holding", "text/plain", []byte("It is mine.")).is(http.StatusCreated)["id"]
	decide(keys[0], first).is(http.StatusAccepted)
	f.clock.advance(time.Minute)
	second := f.give("holding", "text/plain", []byte("It is my brother's.")).is(http.StatusCreated)["id"]
	decide(keys[1], first).problem(http.StatusConflict, api.CodeEvidenceChanged)
	require.Equal(t, "manual_review", decide(keys[1], second).is(http.StatusAccepted)["state"], "this is the first approval of what is there")
	f.clock.advance(time.Minute)
	require.Equal(t, "verified", decide(keys[0], second).is(http.StatusOK)["state"])
}

func TestSecondPairOfEyes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Reviews.SecondApprover = true })
	keys := f.reviewers(3)
	f.manual("m1")
	approve := object{"decision": "approve", "reason_code": "evidence_seen", "note": "both sides are clear"}
	got := f.post("/v1/reviews/m1/manual", approve, as(keys[0]), idempotent("k"))
	require.Equal(t, "manual_review", got.is(http.StatusAccepted)["state"], "recorded, and without effect")
	require.Equal(t, "manual_review", f.post("/v1/reviews/m1/manual", approve, as(keys[0]), idempotent("k")).is(http.StatusAccepted)["state"])
	kept := len(f.vault.kept())
	p := f.post("/v1/reviews/m1/manual", approve, as(keys[0])).problem(http.StatusConflict, api.CodeSecondApprover)
	require.Contains(t, p["detail"], "first approval")
	require.Len(t, f.vault.kept(), kept)
	view := f.get("/v1/reviews/m1", as(keys[1])).is(http.StatusOK)
	require.Equal(t, true, view["second_approver"])
	require.Nil(t, view["case"].(object)["claim"], "the first approval ends the claim")
	require.Equal(t, keyID(keys[0]), view["case"].(object)["first_approval"].(object)["by"])
	step := view["steps"].([]any)[0].(object)
	require.Equal(t, []any{"approved", true, "evidence_seen", "both sides are clear"}, []any{step["act"], step["present"], step["reason"], step["note"]})
	next := f.post("/v1/reviews:next", object{"queue": "manual"}, as(keys[0])).is(http.StatusOK)
	require.Nil(t, next["case"], "not for the same eyes")
	require.Equal(t, "verified", f.post("/v1/reviews/m1/manual", approve, as(keys[1])).is(http.StatusOK)["state"])

	f.manual("m2")
	require.Equal(t, "approved", f.post("/v1/reviews/m2/manual", object{"decision": "reject", "reason_code": "blurred"}, as(keys[0])).is(http.StatusOK)["state"],
		"to reject takes one")
	f.underReview("a1")
	f.post("/v1/reviews/a1", object{"decision": "approve"}, as(keys[0])).is(http.StatusOK)

	for round := range 10 { // of several at once one is the first; whoever comes after may be the second, and nobody is both
		id := fmt.Sprintf("r%d", round)
		f.manual(id)
		answers := make([]answer, len(keys))
		var together sync.WaitGroup
		for i := range keys {
			together.Go(func() { answers[i] = f.post("/v1/reviews/"+id+"/manual", approve, as(keys[i])) })
		}
		together.Wait()
		firsts, seconds := 0, 0
		for _, a := range answers {
			switch a.status {
			case http.StatusAccepted:
				firsts++
			case http.StatusOK:
				seconds++
			default:
				require.Equal(t, http.StatusConflict, a.status, "%s", a.body)
			}
		}
		require.Equal(t, 1, firsts)
		require.LessOrEqual(t, seconds, 1)
		steps, err := f.store.ReviewSteps(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, steps, 1)
	}
}

func TestACase(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	key := f.newKey(api.ReviewsWrite)
	f.approved("other")
	f.underReview("a1", "duplicate_number")
	got := f.get("/v1/reviews/a1", as(key)).is(http.StatusOK)
	require.Equal(t, object{"revision": 1.0, "document_type": "cn_id", "name": "欧**娜", "number": "110***********4514"}, got["identity"])
	require.Equal(t, []any{object{"account_id": "other", "state": "approved"}}, got["duplicates"])
	require.Len(t, got["history"], 2)
	require.Equal(t, "a1", got["account"].(object)["account_id"])
	require.Equal(t, false, got["second_approver"])

	f.manual("m1")
	history := f.get("/v1/reviews/m1", as(key)).is(http.StatusOK)["history"].([]any)
	require.Equal(t, "no camera here", history[len(history)-1].(object)["note"], "why the merchant chose the route")

	require.NoError(t, f.vault.Delete(t.Context(), "a1", f.vault.of("a1")[0]))
	require.Nil(t, f.get("/v1/reviews/a1", as(key)).is(http.StatusOK)["identity"])
	f.get("/v1/reviews/nobody", as(key)).problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.get("/v1/reviews/a1", as(f.newKey(api.VerificationsRead))).problem(http.StatusForbidden, api.CodeForbidden)
}

// of are the records of one account.
func (v *countingVault) of(account string) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var refs []string
	for ref, owner := range v.refs {
		if owner == account {
			refs = append(refs, ref)
		}
	}
	return refs
}

func TestRevealedNamesAreOnRecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.Reviews.Reveals = api.Rate{PerSecond: 0.1, Burst: 3} })
	keys := f.reviewers(2)
	f.underReview("a1")
	path := "/v1/accounts/a1/identity:reveal"
	number := object{"reason": "compare_evidence", "fields": []string{"number"}}
	f.post(path, number, as(keys[0])).problem(http.StatusConflict, api.CodeClaimNeeded)
	f.post("/v1/reviews/a1/claim", object{}, as(keys[0])).is(http.StatusOK)
	f.post(path, number, as(keys[1])).problem(http.StatusConflict, api.CodeCaseClaimed)
	f.post(path, number, as(f.newKey(api.ReviewsWrite))).problem(http.StatusForbidden, api.CodeForbidden)
	f.clock.advance(time.Minute)
	got := f.post(path, number, as(keys[0]), idempotent("k"))
	require.Equal(t, object{"account_id": "a1", "revision": 1.0, "name": nil, "number": canaryNumber}, got.is(http.StatusOK))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	again := f.post(path, number, as(keys[0]), idempotent("k"))
	require.Empty(t, again.header.Get("Idempotent-Replayed"), "the answer is kept nowhere")
	require.Equal(t, canaryNumber, again.is(http.StatusOK)["number"])
	require.Equal(t, canaryName, f.post(path, object{"reason": "name_check", "fields": []string{"name"}}, as(keys[0])).is(http.StatusOK)["name"])
	require.NotEmpty(t, f.post(path, number, as(keys[0])).problem(http.StatusTooManyRequests, api.CodeRateLimited)["detail"])
	f.clock.advance(14 * time.Minute)
	f.post(path, number, as(keys[0])).is(http.StatusOK) // a look renews the claim
	admin := f.newKey(api.Admin)
	f.post(path, number, as(admin)).is(http.StatusOK) // whoever holds it
	f.clock.advance(15 * time.Minute)
	f.post(path, number, as(keys[0])).problem(http.StatusConflict, api.CodeClaimNeeded)
	require.Equal(t, canaryNumber, f.post(path, number, as(admin)).is(http.StatusOK)["number"])
	f.account("a2")
	f.post("/v1/accounts/a2/identity:reveal", number, as(admin)).problem(http.StatusNotFound, api.CodeIdentityNotFound)
	f.post("/v1/accounts/nobody/identity:reveal", number, as(admin)).problem(http.StatusNotFound, api.CodeAccountNotFound)
	for name, bad := range map[string]object{
		"reason": {"fields": []string{"name"}}, "fields": {"reason": "x"},
	} {
		field(t, f.post(path, bad, as(admin)).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), name)
	}
	field(t, f.post(path, object{"reason": "because of " + canaryName, "fields": []string{"name"}}, as(admin)).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	field(t, f.post(path, object{"reason": "x", "fields": []string{"name", "name"}}, as(admin)).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "fields")

	act, err := f.api.RevealAct(t.Context(), store.Key{ID: "p1", Scopes: []string{string(api.Admin)}}, "a1", "compare_evidence", "number", "name")
	require.NoError(t, err)
	require.Equal(t, "account/a1", act.Subject)
	require.Equal(t, "compare_evidence", act.Reason)
	require.JSONEq(t, `{"fields":["name","number"],"revision":1}`, string(act.After))
	require.Empty(t, act.Before)
	act, err = f.api.RevealAct(t.Context(), store.Key{ID: "p2"}, "a1", "compare_evidence", "number")
	require.Error(t, err)
	require.Equal(t, "account/a1", act.Subject, "a refused look is on record too")
	require.NotContains(t, f.logs.String(), canaryNumber)
}
