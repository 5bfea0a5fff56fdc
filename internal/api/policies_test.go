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
	"github.com/verigate/verigate/internal/store"
)

const founding = "wishpost-face-verification"

// policyText is the founding rule as another version, with one text replaced.
func policyText(t testing.TB, version int, old, changed string) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	out := strings.Replace(string(text), "version: 1", fmt.Sprintf("version: %d", version), 1)
	require.Contains(t, out, old)
	return strings.Replace(out, old, changed, 1)
}

// people are keys of an author, an approver and an auditor.
func (f *fixture) people() (author, approver, auditor option) {
	f.t.Helper()
	return as(f.newKey(api.PoliciesWrite)), as(f.newKey(api.PoliciesApprove)), as(f.newKey(api.AuditRead))
}

func TestPublishOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	author, approver, auditor := f.people()
	text := policyText(t, 2, "2020-12-04T00:00:00+08:00", "2020-12-11T00:00:00+08:00")
	body := object{"text": text, "effective_from": "2020-12-02T00:00:00+08:00", "note": "a week more"}

	f.post("/v1/policies", body, approver).problem(http.StatusForbidden, api.CodeForbidden)
	proposed := f.post("/v1/policies", body, author).is(http.StatusCreated)
	require.Equal(t, "proposed", proposed["state"])
	require.Equal(t, "2020-12-02T00:00:00+08:00", proposed["effective_from"])
	f.post("/v1/policies", body, author).is(http.StatusOK)

	version := "/v1/policies/" + founding + "/versions/2"
	f.post(version+"/approve", object{}, author).problem(http.StatusForbidden, api.CodeForbidden)
	both := as(f.newKey(api.PoliciesWrite, api.PoliciesApprove))
	own := policyText(t, 3, "2020-12-04T00:00:00+08:00", "2020-12-12T00:00:00+08:00")
	f.clock.advance(time.Second)
	f.post("/v1/policies", object{"text": own, "note": "mine"}, both).is(http.StatusCreated)
	f.post("/v1/policies/"+founding+"/versions/3/approve", object{}, both).problem(http.StatusConflict, api.CodeSecondApprover)

	f.clock.advance(time.Second)
	approved := f.post(version+"/approve", object{"reason": "seen"}, approver).is(http.StatusOK)
	require.Equal(t, "scheduled", approved["state"])
	f.clock.set(beijing(t, "2020-12-05 00:00:00"))
	f.account("a1")
	got := f.post("/v1/accounts/a1/decisions", object{"action": "create_label"}).is(http.StatusOK)
	require.Equal(t, "allow", got["effect"])
	require.InDelta(t, 2, got["policy_version"], 0)

	read := f.get(version, auditor).is(http.StatusOK)
	require.Equal(t, text, read["text"])
	require.Equal(t, "in_force", read["state"])
	list := f.get("/v1/policies", auditor).is(http.StatusOK)["policies"].([]any)
	require.Len(t, list, 3)
	require.Equal(t, "superseded", list[0].(object)["state"])
	ruling := list[1].(object)["rulings"].([]any)[0].(object)
	require.Equal(t, "approved", ruling["ruling"])
	require.Equal(t, "seen", ruling["reason"])
	require.NotEqual(t, list[1].(object)["author"], ruling["actor"])

	rejected := f.post("/v1/policies/"+founding+"/versions/3/reject", object{"reason": "enough"}, approver).is(http.StatusOK)
	require.Equal(t, "rejected", rejected["state"])
	p := f.post("/v1/policies/"+founding+"/versions/3/approve", object{}, approver).problem(http.StatusConflict, api.CodePolicyState)
	require.Equal(t, "rejected", p["policy_state"])
	p = f.post(version+"/withdraw", object{"reason": "x"}, author).problem(http.StatusConflict, api.CodePolicyState)
	require.Equal(t, "in_force", p["policy_state"])

	events := f.get("/v1/policies/"+founding+"/history", auditor).is(http.StatusOK)["events"].([]any)
	acts := make([]any, len(events))
	for i, e := range events {
		acts[i] = e.(object)["act"]
	}
	require.Equal(t, []any{"proposed", "approved", "proposed", "proposed", "approved", "rejected"}, acts)
}

func TestOneKeySufficesWhereItIsSaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00", func(c *api.Config) { c.PublishAlone = true })
	author, _, _ := f.people()
	body := object{"text": policyText(t, 2, "mode: enforce", "mode: observe"), "note": "observe"}
	require.Equal(t, "in_force", f.post("/v1/policies", body, author).is(http.StatusCreated)["state"])
}

func TestWhatIsWrongWithAPolicyIsSaid(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	fault := func(name string, body object) object {
		t.Helper()
		return field(t, f.post("/v1/policies", body).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), name)
	}
	good := policyText(t, 2, "mode: enforce", "mode: observe")
	require.Equal(t, "required", fault("text", object{"note": "n"})["code"])
	require.Equal(t, "required", fault("note", object{"text": good})["code"])
	require.Equal(t, "too_long", fault("note", object{"text": good, "note": strings.Repeat("长", 2001)})["code"])
	require.Equal(t, "instant", fault("effective_from", object{"text": good, "note": "n", "effective_from": "2020-12-04"})["code"])
	past := fault("effective_from", object{"text": good, "note": "n", "effective_from": "2020-11-30T23:00:00+08:00"})
	require.Contains(t, past["message"], "would change what the gate has said")
	require.Contains(t, fault("text.zone", object{"text": policyText(t, 2, "Asia/Shanghai", "Mars/Olympus"), "note": "n"})["message"], "line 5: ")
	number := fault("text.version", object{"text": policyText(t, 5, "mode: enforce", "mode: observe"), "note": "n"})
	require.Contains(t, number["message"], "must be 2")
	taken := object{"text": policyText(t, 1, "mode: enforce", "mode: observe"), "note": "n"}
	f.post("/v1/policies", taken).problem(http.StatusConflict, api.CodePolicyVersionTaken)

	clash := policyText(t, 1, "name: "+founding, "name: other")
	p := f.post("/v1/policies", object{"text": clash, "note": "n"}).problem(http.StatusConflict, api.CodePoliciesClash)
	require.Contains(t, p["detail"], "a rule of the same id")

	version := "/v1/policies/" + founding + "/versions/"
	for _, path := range []string{version + "9/approve", version + "x/approve", "/v1/policies/x/versions/1/approve"} {
		f.post(path, object{}).problem(http.StatusNotFound, api.CodePolicyNotFound)
	}
	field(t, f.post(version+"1/withdraw", object{}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	field(t, f.post(version+"1/reject", object{}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	f.post("/v1/policies", object{"text": strings.Repeat("#", 4<<20), "note": "n"}).problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge)
}

// TestOneIdempotencyKeyIsNotTwoCommands: the same key and body for another version is another command.
func TestOneIdempotencyKeyIsNotTwoCommands(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	author, approver, _ := f.people()
	for version := 2; version <= 3; version++ {
		f.post("/v1/policies", object{"text": policyText(t, version, "mode: enforce", "mode: observe"), "note": "n"}, author).is(http.StatusCreated)
	}
	for version := 2; version <= 3; version++ {
		got := f.post(fmt.Sprintf("/v1/policies/%s/versions/%d/approve", founding, version), object{}, approver, idempotent("same"))
		require.InDelta(t, version, got.is(http.StatusOK)["version"], 0)
	}
}

func TestDiffOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	f.post("/v1/policies", object{"text": policyText(t, 2, "login: prompt # a login is never blocked", "login: block"), "note": "n"}).is(http.StatusCreated)
	path := "/v1/policies/" + founding + "/diff"
	want := []any{object{"path": "rules.existing-individuals.phases.enforced.effects.login", "from": "prompt", "to": "block"}}
	for _, query := range []string{"", "?from=1&to=2", "?from=in_force&to=2"} {
		got := f.get(path + query).is(http.StatusOK)
		require.Equal(t, want, got["differences"], query)
		require.InDelta(t, 2, got["to"], 0)
	}
	require.Empty(t, f.get(path + "?to=1").is(http.StatusOK)["differences"])
	for _, query := range []string{"?from=9", "?to=x"} {
		f.get(path+query).problem(http.StatusNotFound, api.CodePolicyNotFound)
	}
	f.get("/v1/policies/x/diff").problem(http.StatusNotFound, api.CodePolicyNotFound)
}

func TestBrakeOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	author, approver, auditor := f.people()
	for _, id := range []string{"a1", "a2", "a3"} {
		f.account(id)
	}
	decide := func(id string, more object) object {
		t.Helper()
		body := object{"action": "create_label"}
		for name, value := range more {
			body[name] = value
		}
		return f.post("/v1/accounts/"+id+"/decisions", body).is(http.StatusOK)
	}
	policy := "/v1/policies/" + founding
	require.Equal(t, "block", decide("a1", nil)["effect"])

	f.clock.advance(time.Second)
	field(t, f.post(policy+"/brake", object{}, author).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	field(t, f.post(policy+"/brake", object{"rule": "x", "reason": "r"}, author).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "rule")
	f.post("/v1/policies/x/brake", object{"reason": "r"}, author).problem(http.StatusNotFound, api.CodePolicyNotFound)
	f.post(policy+"/brake", object{"reason": "r"}, approver).problem(http.StatusForbidden, api.CodeForbidden)
	braked := f.post(policy+"/brake", object{"rule": "existing-individuals", "reason": "wrong cohort"}, author).is(http.StatusCreated)
	require.Equal(t, "2020-12-05T00:00:01+08:00", braked["since"])
	require.Equal(t, braked, f.post(policy+"/brake", object{"rule": "existing-individuals", "reason": "again"}, author).is(http.StatusOK))

	for _, id := range []string{"a1", "a1", "a2", "a3"} {
		got := decide(id, nil)
		require.Equal(t, "allow", got["effect"])
		require.Equal(t, "block", got["would_be"])
		require.InDelta(t, 1, got["policy_version"], 0)
	}
	require.Equal(t, "block", decide("a1", object{"at": "2020-12-05T00:00:00+08:00", "basis": "did"})["effect"], "before the brake")
	f.clock.advance(time.Hour)
	for _, basis := range []string{"did", "would"} {
		require.Equal(t, "allow", decide("a1", object{"at": "2020-12-05T00:00:01+08:00", "basis": basis})["effect"], basis)
	}
	row := f.get("/v1/policies:in-force").is(http.StatusOK)["policies"].([]any)[0].(object)["rules"].([]any)[0].(object)
	phases, ok := row["phases"].([]any)
	require.True(t, ok)
	require.Equal(t, object{"from": "2020-12-04T00:00:00+08:00", "stage": "enforced"}, phases[2])
	require.Equal(t, object{"id": "existing-individuals", "mode": "observe", "braked": true, "phases": phases}, row)
	before := f.get("/v1/policies:in-force?at=2020-12-05T00:00:00%2B08:00").is(http.StatusOK)
	require.Equal(t, "2020-12-05T00:00:00+08:00", before["at"])
	require.Equal(t, object{"id": "existing-individuals", "mode": "enforce", "braked": false, "phases": phases}, before["policies"].([]any)[0].(object)["rules"].([]any)[0])
	field(t, f.get("/v1/policies:in-force?at=yesterday").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "at")
	require.Len(t, f.get("/v1/brakes", auditor).is(http.StatusOK)["brakes"], 1)

	f.observedPages(auditor)

	f.post(policy+"/release", object{"reason": "r"}, author).problem(http.StatusConflict, api.CodeNotBraked)
	left := f.post(policy+"/release", object{"rule": "existing-individuals", "reason": "mended"}, author).is(http.StatusOK)
	require.Empty(t, left["brakes"])
	require.Equal(t, "block", decide("a1", nil)["effect"])
	require.Equal(t, "block", decide("a2", nil)["effect"])
	blocks, err := f.store.Blocks(t.Context(), "a2")
	require.NoError(t, err)
	require.Len(t, blocks, 2, "it was observed, and now it is blocked: two things")
	require.Equal(t, []bool{true, false}, []bool{blocks[0].Observed, blocks[1].Observed})
}

// observedPages reads what the brake let through, three accounts of which one came twice.
func (f *fixture) observedPages(auditor option) {
	t := f.t
	t.Helper()
	path := "/v1/policies/" + founding + "/observed"
	first := f.get(path+"?limit=2", auditor).is(http.StatusOK)
	rule := first["rules"].([]any)[0].(object)
	require.Equal(t, "existing-individuals", rule["rule"])
	require.InDelta(t, 3, rule["accounts"], 0)
	accounts := first["accounts"].([]any)
	require.Len(t, accounts, 2)
	require.Equal(t, "a1", accounts[0].(object)["account_id"])
	cursor, ok := first["cursor"].(string)
	require.True(t, ok)
	second := f.get(path+"?limit=2&cursor="+cursor, auditor).is(http.StatusOK)
	require.Len(t, second["accounts"], 1)
	require.Equal(t, "a3", second["accounts"].([]any)[0].(object)["account_id"])
	require.Nil(t, second["cursor"])
	require.Empty(t, second["rules"])
	require.Empty(t, f.get(path+"?rule=x", auditor).is(http.StatusOK)["rules"])
	require.Len(t, f.get(path+"?rule=existing-individuals&version=1", auditor).is(http.StatusOK)["accounts"], 3)
	field(t, f.get(path+"?rule=x&cursor="+cursor, auditor).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
	field(t, f.get(path+"?version=0", auditor).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "version")
	f.get("/v1/policies/x/observed", auditor).problem(http.StatusNotFound, api.CodePolicyNotFound)
}

// TestOldDecisionsKeepTheirVersion: a receipt and a question about the past name the version of that time, a prompt and
// a decision of today the one in force.
func TestOldDecisionsKeepTheirVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	author, approver, _ := f.people()
	f.account("a1")
	ask := func(more object) object {
		t.Helper()
		body := object{"action": "login"}
		for name, value := range more {
			body[name] = value
		}
		return f.post("/v1/accounts/a1/decisions", body).is(http.StatusOK)
	}
	old := ask(nil)
	require.InDelta(t, 1, old["policy_version"], 0)

	next := object{"text": policyText(t, 2, "2020-12-04T", "2020-12-11T"), "note": "n", "effective_from": "2020-12-02T00:00:00+08:00"}
	f.post("/v1/policies", next, author).is(http.StatusCreated)
	f.post("/v1/policies/"+founding+"/versions/2/approve", object{}, approver).is(http.StatusOK)
	require.InDelta(t, 1, ask(nil)["policy_version"], 0, "not in force yet")

	f.clock.set(beijing(t, "2020-12-02 00:00:00"))
	require.InDelta(t, 2, ask(nil)["policy_version"], 0)
	login := f.post("/v1/accounts/a1/logins", object{"login_id": "l1"}).is(http.StatusOK)
	require.InDelta(t, 2, login["decision"].(object)["policy_version"], 0)
	for _, basis := range []string{"did", "would"} {
		past := ask(object{"at": "2020-12-01T23:59:59.999999999+08:00", "basis": basis})
		require.InDelta(t, 1, past["policy_version"], 0, basis)
		require.InDelta(t, 2, ask(object{"at": "2020-12-02T00:00:00+08:00", "basis": basis})["policy_version"], 0, basis)
	}
	said, err := f.gate.VerifyReceipt(old["receipt"].(string))
	require.NoError(t, err)
	require.Equal(t, 1, said.PolicyVersion)
	entries, err := f.store.Events(t.Context(), "a1", 0, 10)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	prompt := entries[len(entries)-1].Detail.Prompt
	require.NotNil(t, prompt)
	require.Equal(t, 2, prompt.PolicyVersion)
}

// publishBoth publishes the second sample beside the founding rule.
func (f *fixture) publishBoth() {
	f.t.Helper()
	text, err := os.ReadFile("../../testdata/policies/registration-2020.yaml")
	require.NoError(f.t, err)
	require.NoError(f.t, f.store.PublishPolicy(f.t.Context(), store.PublishedPolicy{
		Name: "wishpost-registration", Version: 1, Text: text, EffectiveFrom: beijing(f.t, "2020-10-01 00:00:00"), Author: "test",
	}))
}
