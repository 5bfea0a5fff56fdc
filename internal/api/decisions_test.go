package api_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policytest"
)

// TestBoundariesOverHTTP asks the cases of the founding rule, and of both rules of 2020 together, at the gate itself, at
// their very instant, and again later as a question about the past.
func TestBoundariesOverHTTP(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"boundary.yaml", "registration-boundary.yaml"} {
		cases, err := policytest.Cases(os.DirFS("../../testdata/policies"), suite)
		require.NoError(t, err)
		for _, c := range cases {
			t.Run(suite+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, "2020-10-05 00:00:00")
				if suite != "boundary.yaml" {
					f.publishBoth()
				}
				f.askCase(c)
			})
		}
	}
}

func (f *fixture) askCase(c policytest.Case) {
	t := f.t
	t.Helper()
	f.arrange(c)
	path := "/v1/accounts/" + c.Account.ID + "/decisions"

	f.clock.set(c.At)
	now := f.post(path, object{"action": c.Action}).is(http.StatusOK)
	checkDecision(t, c, now)
	require.Equal(t, false, now["hypothetical"])
	require.NotEmpty(t, now["receipt"])

	f.clock.set(c.At.AddDate(1, 0, 0))
	past := f.post(path, object{"action": c.Action, "at": c.At.Format(time.RFC3339Nano), "basis": "would"}).is(http.StatusOK)
	checkDecision(t, c, past)
	require.Equal(t, true, past["hypothetical"])
	require.Equal(t, "would", past["basis"])
	require.Nil(t, past["receipt"])
}

// arrange makes an account with the case's facts and standing.
func (f *fixture) arrange(c policytest.Case) {
	f.t.Helper()
	f.do(http.MethodPut, "/v1/accounts/"+c.Account.ID, object{
		"kind": c.Account.Kind, "region": c.Account.Region, "registered_at": c.Account.RegisteredAt.Format(time.RFC3339Nano),
	}).is(http.StatusCreated)
	log := func(at time.Time, events ...lifecycle.Event) {
		for _, e := range events {
			change := lifecycle.Change{Event: e, At: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}, Reason: "test"}
			change.Detail.Provenance = &lifecycle.Provenance{At: at, Evidence: "e1"}
			change.Detail.Identity = &lifecycle.Identity{Ref: "r1", Digest: "d1"}
			change.Detail.UnlockAt = at.AddDate(1, 0, 0)
			_, err := f.store.Append(f.t.Context(), lifecycle.Append{
				AccountID: c.Account.ID, ChangeID: string(e), Head: lifecycle.AnyHead, Changes: []lifecycle.Change{change},
			})
			require.NoError(f.t, err)
		}
	}
	switch c.Standing.State {
	case lifecycle.Unverified:
		if !c.Standing.Since.IsZero() { // it was verified and was revoked then
			log(c.Standing.Since.Add(-time.Hour), lifecycle.ImportVerified)
			log(c.Standing.Since, lifecycle.Revoke)
		}
	case lifecycle.Verified:
		log(c.Standing.VerifiedAt, lifecycle.ImportVerified)
	case lifecycle.UnderReview:
		log(c.Standing.Since, lifecycle.Submit, lifecycle.BeginReview)
	case lifecycle.Locked:
		log(c.Standing.Since, lifecycle.ImportApproved, lifecycle.Lock)
	default:
		require.Fail(f.t, "a standing that this test cannot make", c.Standing.State)
	}
	for i, e := range c.Extensions {
		e.ID, e.AccountID = fmt.Sprintf("x%d", i), c.Account.ID
		if e.GrantedAt.IsZero() {
			e.GrantedAt = f.clock.now()
		}
		require.NoError(f.t, f.store.PutExtension(f.t.Context(), e, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "test"))
	}
}

func checkDecision(t testing.TB, c policytest.Case, got object) {
	t.Helper()
	require.Equal(t, string(c.Effect), got["effect"])
	require.Equal(t, string(c.Reason), got["reason"])
	for name, want := range map[string]*time.Time{"since": c.Since, "deadline": c.Deadline, "next_change_at": c.NextChangeAt} {
		switch {
		case want == nil:
		case want.IsZero():
			require.Nil(t, got[name], name)
		default:
			text, ok := got[name].(string)
			require.True(t, ok, "%s is %v", name, got[name])
			require.True(t, strings.HasSuffix(text, "+08:00"), "in the policy's zone: %s", text)
			at, err := time.Parse(time.RFC3339Nano, text)
			require.NoError(t, err)
			require.True(t, want.Equal(at), "%s is %s", name, text)
		}
	}
}

func TestDecisionIsTheContract(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	got := f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)
	receipt := got["receipt"]
	delete(got, "receipt")
	message, ok := got["message"].(object)
	require.True(t, ok)
	require.Contains(t, message["en"], "cannot create shipping labels")
	require.Contains(t, message["zh-CN"], "无法创建物流面单")
	delete(got, "message")
	require.Equal(t, object{
		"account_id": "a1", "action": "create_label", "effect": "block", "reason": "enforced", "rule": "existing-individuals",
		"policy": "wishpost-face-verification", "policy_version": float64(1), "since": "2020-12-04T00:00:00+08:00",
		"at": "2020-12-05T10:00:00+08:00", "next_change_at": nil, "would_be": nil, "deadline": "2020-12-04T00:00:00+08:00",
		"required_step": "submit", "hypothetical": false,
	}, got)
	said, err := f.gate.VerifyReceipt(receipt.(string))
	require.NoError(t, err)
	require.Equal(t, policy.Block, said.Effect)
}

func TestDecideDid(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	f.clock.advance(time.Hour)
	did := f.post("/v1/accounts/a1/decisions", object{"action": "create_label", "at": "2020-12-05T10:30:00+08:00", "basis": "did"}).is(http.StatusOK)
	require.Equal(t, "block", did["effect"])
	require.Equal(t, "did", did["basis"])
	f.post("/v1/accounts/a1/decisions", object{"action": "create_label", "at": "2020-12-05T09:59:59+08:00", "basis": "did"}).
		problem(http.StatusNotFound, api.CodeAccountNotFound)
	would := f.post("/v1/accounts/a1/decisions", object{"action": "create_label", "at": "2030-01-01T00:00:00Z"}).is(http.StatusOK)
	require.Equal(t, "would", would["basis"], "the default")
	require.Equal(t, "2030-01-01T08:00:00+08:00", would["at"])
}

func TestBatchDecisions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	f.account("a2")
	f.verified("a2")
	got := f.post("/v1/decisions:batch", object{"action": "create_label", "account_ids": []string{"a2", "nobody", "a1", "a2", "no such/id"}}).is(http.StatusOK)
	list, ok := got["decisions"].([]any)
	require.True(t, ok)
	require.Len(t, list, 5)
	require.Equal(t, "verified", list[0].(object)["reason"])
	require.Equal(t, "nobody", list[1].(object)["account_id"])
	require.Equal(t, "account_not_found", list[1].(object)["problem"].(object)["code"])
	require.Equal(t, "block", list[2].(object)["effect"])
	require.Equal(t, list[0], list[3])
	require.Contains(t, list[4].(object), "problem")

	f.post("/v1/decisions:batch", object{"action": "create_label", "account_ids": make([]string, 1001)}).
		problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
	f.post("/v1/decisions:batch", object{"action": "create_label", "account_ids": []string{}}).
		problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	f.post("/v1/decisions:batch", object{"action": "fly", "account_ids": []string{"a1"}}).
		problem(http.StatusUnprocessableEntity, api.CodeUnknownAction)
}

// verified imports a verification of long ago.
func (f *fixture) verified(id string) {
	f.t.Helper()
	_, err := f.store.Append(f.t.Context(), lifecycle.Append{
		AccountID: id, ChangeID: "import", Head: lifecycle.AnyHead, Changes: []lifecycle.Change{{
			Event: lifecycle.ImportVerified, At: beijing(f.t, "2020-10-02 00:00:00"), Actor: lifecycle.Actor{Kind: lifecycle.ActorImport},
			Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: beijing(f.t, "2020-10-02 00:00:00"), Evidence: "e1"}},
		}},
	})
	require.NoError(f.t, err)
}

func TestLoginPrompts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, at, level string
		show            bool
		days            any
	}{
		{"before prompts begin", "2020-11-16 23:59:59", "", false, nil},
		{"when prompts begin", "2020-11-17 00:00:00", "notice", true, 17.0},
		{"more than seven days", "2020-11-26 23:59:59", "notice", true, 8.0},
		{"seven days", "2020-11-27 00:00:00", "warning", true, 7.0},
		{"two days", "2020-12-02 10:00:00", "warning", true, 2.0},
		{"a day and a second", "2020-12-02 23:59:59", "warning", true, 2.0},
		{"one day", "2020-12-03 00:00:00", "final", true, 1.0},
		{"the last second", "2020-12-03 23:59:59", "final", true, 1.0},
		{"at the deadline", "2020-12-04 00:00:00", "enforced", true, 0.0},
		{"long after", "2021-06-01 00:00:00", "enforced", true, 0.0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, c.at)
			f.account("a1")
			got := f.post("/v1/accounts/a1/logins", object{}).is(http.StatusOK)
			prompt, ok := got["prompt"].(object)
			require.True(t, ok)
			require.Equal(t, c.show, prompt["show"])
			if !c.show {
				require.Equal(t, object{
					"show": false, "number": nil, "level": nil, "deadline": nil, "days_left": nil, "message": nil, "link": nil,
				}, prompt)
				return
			}
			require.Equal(t, c.level, prompt["level"])
			require.Equal(t, c.days, prompt["days_left"])
			require.InEpsilon(t, 1.0, prompt["number"], 0.001)
			require.Equal(t, "2020-12-04T00:00:00+08:00", prompt["deadline"])
			require.Equal(t, "https://portal.example/a1", prompt["link"])
			require.NotEmpty(t, prompt["message"].(object)["en"])
		})
	}
}

func TestLoginsAreCountedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	f.account("a1")
	number := func(body object, options ...option) any {
		return f.post("/v1/accounts/a1/logins", body, options...).is(http.StatusOK)["prompt"].(object)["number"]
	}
	require.InEpsilon(t, 1.0, number(object{"login_id": "l1"}), 0.001)
	require.InEpsilon(t, 1.0, number(object{"login_id": "l1"}), 0.001, "the same login")
	require.InEpsilon(t, 2.0, number(object{"login_id": "l2"}), 0.001)
	require.InEpsilon(t, 3.0, number(object{}), 0.001)
	require.InEpsilon(t, 4.0, number(object{}), 0.001)
	require.InEpsilon(t, 5.0, number(object{}, idempotent("i1")), 0.001)
	require.InEpsilon(t, 5.0, number(object{}, idempotent("i1")), 0.001)
}

func TestVerifiedAccountsAreNotPrompted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.account("a1")
	f.verified("a1")
	got := f.post("/v1/accounts/a1/logins", object{}).is(http.StatusOK)
	require.Equal(t, false, got["prompt"].(object)["show"])
	require.Equal(t, "verified", got["decision"].(object)["reason"])
	require.NotContains(t, f.engine.Seen(), "login")
}

func TestLoginNeverHangsOrFailsForTheEngine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00", func(c *api.Config) { c.LoginWait = 20 * time.Millisecond })
	f.account("a1")
	block := make(chan struct{})
	f.engine.Set(func(e *apitest.Engine) { e.Block = block })
	got := f.post("/v1/accounts/a1/logins", object{"login_id": "l1"}).is(http.StatusOK)
	require.Equal(t, true, got["prompt"].(object)["show"])
	require.Nil(t, got["prompt"].(object)["number"])
	close(block)
	patient := f.over(f.store) // waits as long as usual
	f.engine.Set(func(e *apitest.Engine) { e.Block, e.Failing = nil, api.ErrEngineUnavailable })
	got = patient.post("/v1/accounts/a1/logins", object{"login_id": "l1"}).is(http.StatusOK)
	require.Nil(t, got["prompt"].(object)["number"])
	f.engine.Set(func(e *apitest.Engine) { e.Failing = nil })
	got = patient.post("/v1/accounts/a1/logins", object{"login_id": "l1"}).is(http.StatusOK)
	require.InEpsilon(t, 1.0, got["prompt"].(object)["number"], 0.001, "counted once, whatever happened before")
}

func TestGateAnswersErrorsAndNotGuesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.account("a1")
	f.store.set("Facts", true)
	for path, body := range map[string]object{
		"/v1/accounts/a1/decisions": {"action": "create_label"},
		"/v1/accounts/a1/logins":    {},
	} {
		got := f.post(path, body)
		got.problem(http.StatusServiceUnavailable, api.CodeStoreUnavailable)
		require.NotEmpty(t, got.header.Get("Retry-After"))
	}
	_, err := f.gate.Decide(t.Context(), "a1", "create_label")
	require.ErrorIs(t, err, store.ErrUnavailable)
}
