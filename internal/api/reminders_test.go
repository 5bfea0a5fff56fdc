package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

func TestRunsOfReminders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 10:00:00")
	start := object{"policy": "wishpost-face-verification", "dry_run": true}
	run := f.post("/v1/reminders", start, idempotent("k1")).is(http.StatusAccepted)["run_id"].(string)
	require.Equal(t, run, f.post("/v1/reminders", start, idempotent("k1")).is(http.StatusAccepted)["run_id"])
	require.NotEqual(t, run, f.post("/v1/reminders", start).is(http.StatusAccepted)["run_id"])
	require.Len(t, f.runs.All(), 2)
	path := "/v1/reminders/" + run
	got := f.get(path).is(http.StatusOK)
	require.Equal(t, []any{run, "wishpost-face-verification", true, "running"}, []any{got["run_id"], got["policy"], got["dry_run"], got["state"]})
	require.Equal(t, object{}, object(got["counts"].(map[string]any)["milestones"].(map[string]any)))
	require.Equal(t, "paused", f.post(path+"/pause", object{}).is(http.StatusOK)["state"])
	require.Equal(t, "running", f.post(path+"/resume", object{}).is(http.StatusOK)["state"])
	f.post(path+"/cancel", object{}).is(http.StatusOK)
	require.Equal(t, "cancelled", f.get(path).is(http.StatusOK)["state"])
	require.Equal(t, "cancelled", f.post(path+"/cancel", object{}).is(http.StatusOK)["state"], "cancelled is cancelled")

	field(t, f.post("/v1/reminders", object{}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "policy")
	f.post("/v1/reminders", object{"policy": "another"}).problem(http.StatusNotFound, api.CodePolicyNotFound)
	for _, id := range []string{"nothing", "p:1", "P:1", "p:%20"} {
		f.get("/v1/reminders/"+id).problem(http.StatusNotFound, api.CodeRunNotFound)
		f.post("/v1/reminders/"+id+"/pause", object{}).problem(http.StatusNotFound, api.CodeRunNotFound)
		f.post("/v1/reminders/"+id+"/cancel", object{}).problem(http.StatusNotFound, api.CodeRunNotFound)
	}
	weak := as(f.newKey(api.AccountsWrite, api.PoliciesApprove))
	f.post("/v1/reminders", start, weak).problem(http.StatusForbidden, api.CodeForbidden)
	f.post(path+"/pause", object{}, weak).problem(http.StatusForbidden, api.CodeForbidden)
	f.runs.Failing = api.ErrEngineUnavailable
	f.post("/v1/reminders", start).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
}

func TestContactIsKeptInTheVaultOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 10:00:00")
	f.account("a1")
	const path, number, other = "/v1/accounts/a1/contact", "+8613812345678", "+8613987654321"
	put := func(n string) answer { return f.do(http.MethodPut, path, object{"phone": n}) }
	require.Equal(t, "+86138****5678", put(number).is(http.StatusOK)["phone"])
	require.Len(t, f.vault.kept(), 1)
	ref, err := f.store.Contact(t.Context(), "a1")
	require.NoError(t, err)
	text, err := f.vault.Text(t.Context(), "a1", ref)
	require.NoError(t, err)
	require.Equal(t, number, text)

	put(other).is(http.StatusOK)
	require.Len(t, f.vault.kept(), 1, "the number before is gone")
	for _, bad := range []string{"", "13812345678", "+86138123456789", "+8612812345678", "+1 650 253 0000", "+86 13812345678", canaryName} {
		got := put(bad)
		field(t, got.problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "phone")
		if bad != "" {
			require.NotContains(t, string(got.body), bad)
		}
	}
	f.do(http.MethodPut, "/v1/accounts/nobody/contact", object{"phone": number}).problem(http.StatusNotFound, api.CodeAccountNotFound)
	require.Len(t, f.vault.kept(), 1, "nothing is left of what was refused")
	f.do(http.MethodPut, path, object{"phone": number}, as(f.newKey(api.VerificationsWrite))).problem(http.StatusForbidden, api.CodeForbidden)

	for range 2 {
		require.Nil(t, f.do(http.MethodDelete, path, nil).is(http.StatusOK)["phone"])
		require.Empty(t, f.vault.kept())
	}
	f.do(http.MethodDelete, "/v1/accounts/nobody/contact", nil).problem(http.StatusNotFound, api.CodeAccountNotFound)
	for _, secret := range []string{"13812345678", "13987654321"} {
		require.NotContains(t, f.logs.String(), secret)
	}
}

func TestPromptFeedback(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-11-20 10:00:00")
	f.account("a1")
	for range 3 {
		f.post("/v1/accounts/a1/logins", object{}).is(http.StatusOK)
	}
	f.clock.set(beijing(t, "2020-11-20 10:00:05"))
	report := func(number, event string) answer {
		return f.post("/v1/accounts/a1/prompts/"+number, object{"event": event})
	}
	require.Equal(t, true, report("2", "shown").is(http.StatusOK)["first"])
	f.clock.set(beijing(t, "2020-11-20 10:01:00"))
	require.Equal(t, false, report("2", "shown").is(http.StatusOK)["first"])
	report("2", "acted").is(http.StatusOK)
	report("3", "dismissed").is(http.StatusOK)
	for _, number := range []string{"0", "4", "-1", "x", "99999999999999999999"} {
		report(number, "shown").problem(http.StatusNotFound, api.CodePromptNotFound)
	}
	field(t, report("1", "ignored").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "event")
	f.post("/v1/accounts/nobody/prompts/1", object{"event": "shown"}).problem(http.StatusNotFound, api.CodeAccountNotFound)

	first := f.get("/v1/accounts/a1/prompts?limit=2").is(http.StatusOK)
	rest := f.get("/v1/accounts/a1/prompts?limit=2&cursor=" + first["cursor"].(string)).is(http.StatusOK)
	require.Nil(t, rest["cursor"])
	all := append(first["prompts"].([]any), rest["prompts"].([]any)...)
	require.Len(t, all, 3)
	type row struct{ number, level, shown, dismissed, acted any }
	var rows []row
	for _, p := range all {
		m := p.(map[string]any)
		rows = append(rows, row{m["number"], m["level"], m["shown_at"], m["dismissed_at"], m["acted_at"]})
	}
	require.Equal(t, []row{
		{float64(1), "notice", nil, nil, nil},
		{float64(2), "notice", "2020-11-20T10:00:05+08:00", nil, "2020-11-20T10:01:00+08:00"},
		{float64(3), "notice", nil, "2020-11-20T10:01:00+08:00", nil},
	}, rows)
	field(t, f.get("/v1/accounts/a1/prompts?cursor=x").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "cursor")
	f.get("/v1/accounts/nobody/prompts").problem(http.StatusNotFound, api.CodeAccountNotFound)
}
