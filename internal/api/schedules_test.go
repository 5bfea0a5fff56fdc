package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

type planned struct {
	list []api.Planned
	err  error
}

func (p planned) Planned(context.Context) ([]api.Planned, error) { return p.list, p.err }

func TestSchedules(t *testing.T) {
	t.Parallel()
	none := newFixture(t, "2020-12-01 10:00:00")
	require.Empty(t, none.get("/v1/schedules").is(http.StatusOK)["schedules"])

	next := beijing(t, "2020-12-04 00:00:00")
	f := newFixture(t, "2020-12-01 10:00:00", func(c *api.Config) {
		c.Schedules = planned{list: []api.Planned{
			{What: "sweeps", Next: []time.Time{next.UTC()}, Last: next.AddDate(0, 0, -4)}, {What: "reminders", Policy: "p", Paused: true},
		}}
	})
	list := newDocumented(f).check(200, http.MethodGet, "/v1/schedules", nil).json()["schedules"].([]any)
	require.Equal(t, object{
		"what": "sweeps", "policy": nil, "paused": false, "next": []any{"2020-12-04T00:00:00+08:00"}, "last_at": "2020-11-30T00:00:00+08:00",
	}, list[0])
	require.Equal(t, object{"what": "reminders", "policy": "p", "paused": true, "next": []any{}, "last_at": nil}, list[1])

	away := newFixture(t, "2020-12-01 10:00:00", func(c *api.Config) { c.Schedules = planned{err: api.ErrEngineUnavailable} })
	away.get("/v1/schedules").problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
}

func TestListOfReminderRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 10:00:00")
	require.Empty(t, f.get("/v1/reminders").is(http.StatusOK)["runs"])
	start := object{"policy": "wishpost-face-verification"}
	first := f.post("/v1/reminders", start).is(http.StatusAccepted)["run_id"]
	second := f.post("/v1/reminders", start).is(http.StatusAccepted)["run_id"]
	f.post("/v1/reminders/"+first.(string)+"/cancel", object{}).is(http.StatusOK)
	c := newDocumented(f)
	runs := c.check(200, http.MethodGet, "/v1/reminders", nil).json()["runs"].([]any)
	require.Len(t, runs, 2)
	row := func(i int, name string) any { return runs[i].(map[string]any)[name] }
	require.Equal(t, []any{second, first}, []any{row(0, "run_id"), row(1, "run_id")})
	require.Equal(t, []any{"running", "cancelled", "wishpost-face-verification"}, []any{row(0, "state"), row(1, "state"), row(0, "policy")})
	require.Len(t, f.get("/v1/reminders?limit=1").is(http.StatusOK)["runs"], 1)
	f.get("/v1/reminders?limit=0").problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	f.get("/v1/reminders", as(f.newKey(api.AuditRead))).is(http.StatusOK)
	f.get("/v1/reminders", as(f.newKey(api.AccountsWrite))).problem(http.StatusForbidden, api.CodeForbidden)
	f.runs.Failing = api.ErrEngineUnavailable
	f.get("/v1/reminders").problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
}
