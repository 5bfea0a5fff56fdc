package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
)

func TestSweeps(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	c := newDocumented(f)
	const get, post = http.MethodGet, http.MethodPost
	f.account("a1")
	f.account("a2")
	body := object{"policy": "wishpost-face-verification", "reason": "by_hand"}
	id := "wishpost-face-verification.1.20201205T020000Z"
	require.Equal(t, id, c.check(202, post, "/v1/sweeps", body, idempotent("s1")).json()["id"])
	require.Equal(t, id, c.check(202, post, "/v1/sweeps", body, idempotent("s1")).json()["id"])

	running := c.check(200, get, "/v1/sweeps/"+id, nil).json()
	require.Equal(t, "running", running["state"])
	require.Equal(t, "2020-12-05T10:00:02+08:00", running["eta"])
	require.Equal(t, "operator", running["by"].(map[string]any)["kind"])
	require.Equal(t, "paused", c.check(200, post, "/v1/sweeps/"+id+"/pause", object{}).json()["state"])
	require.Equal(t, "running", c.check(200, post, "/v1/sweeps/"+id+"/resume", object{}).json()["state"])

	f.sweeps.Finish(t, id)
	done := c.check(200, get, "/v1/sweeps/"+id, nil).json()
	require.Equal(t, "done", done["state"])
	require.EqualValues(t, 2, done["restricted"])
	require.Len(t, done["counts"], 1)
	c.check(409, post, "/v1/sweeps/"+id+"/cancel", object{})
	list := c.check(200, get, "/v1/sweeps?limit=1", nil).json()
	require.Len(t, list["sweeps"], 1)
	rest := c.check(200, get, "/v1/sweeps?limit=1&cursor="+list["cursor"].(string), nil).json()
	require.Empty(t, rest["sweeps"])

	dry := object{"policy": "wishpost-face-verification", "reason": "by_hand", "dry_run": true}
	require.Equal(t, id+".dry", c.check(202, post, "/v1/sweeps", dry).json()["id"])
	require.Equal(t, "cancelled", c.check(200, post, "/v1/sweeps/"+id+".dry/cancel", object{}).json()["state"])
	c.check(409, post, "/v1/sweeps/"+id+".dry/resume", object{})

	c.check(404, post, "/v1/sweeps", object{"policy": "nobody", "reason": "x"})
	field(t, c.check(422, post, "/v1/sweeps", object{"reason": "two words"}).json(), "policy")
	for _, unknown := range []string{"x", "p.1.20201205T020000Z", "p.0.20201205T020000Z"} {
		f.get("/v1/sweeps/"+unknown).problem(http.StatusNotFound, api.CodeSweepNotFound)
	}
	f.do(post, "/v1/sweeps", body, as(f.newKey(api.VerificationsRead))).problem(http.StatusForbidden, api.CodeForbidden)
}

func TestSweepsWithoutEngine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	body := object{"policy": "wishpost-face-verification", "reason": "by_hand"}
	id, _ := f.post("/v1/sweeps", body).is(http.StatusAccepted)["id"].(string)
	_, err := f.store.BeginSweep(t.Context(), store.Sweep{
		ID: id, PolicyName: "wishpost-face-verification", PolicyVersion: 1, Instant: f.clock.now(), StartedAt: f.clock.now(),
	})
	require.NoError(t, err)
	f.sweeps.Err = api.ErrEngineUnavailable
	require.Equal(t, "running", f.get("/v1/sweeps/" + id).is(http.StatusOK)["state"], "the record answers")
	f.post("/v1/sweeps", body).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
	f.post("/v1/sweeps/"+id+"/pause", object{}).problem(http.StatusServiceUnavailable, api.CodeEngineUnavailable)
}

// TestASweepWhoseRunIsGone: the engine was lost, or somebody terminated the run. What the record says can be ended.
func TestASweepWhoseRunIsGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	key := contract.SweepKey{Policy: "wishpost-face-verification", Version: 1, Instant: f.clock.now()}
	_, err := f.store.BeginSweep(t.Context(), store.Sweep{
		ID: key.ID(), PolicyName: key.Policy, PolicyVersion: key.Version, Instant: key.Instant, StartedAt: f.clock.now(),
	})
	require.NoError(t, err)
	f.post("/v1/sweeps/"+key.ID()+"/pause", object{}).problem(http.StatusConflict, api.CodeSweepEnded)
	require.Equal(t, "cancelled", f.post("/v1/sweeps/"+key.ID()+"/cancel", object{}).is(http.StatusOK)["state"])
	require.Equal(t, "cancelled", f.get("/v1/sweeps/" + key.ID()).is(http.StatusOK)["state"])
	f.post("/v1/sweeps/"+key.ID()+"/cancel", object{}).problem(http.StatusConflict, api.CodeSweepEnded)
}

func TestRestrictions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	c := newDocumented(f)
	f.account("a1")
	f.account("a2")
	_, err := f.sweeps.Settle(t.Context(), "a1")
	require.NoError(t, err)
	path := "/v1/accounts/a1/restrictions"
	all := c.check(200, http.MethodGet, path, nil).json()["restrictions"].([]any)
	require.Len(t, all, 1)
	open := all[0].(map[string]any)
	require.Equal(t, "existing-individuals", open["rule"])
	require.Equal(t, "2020-12-04T00:00:00+08:00", open["since"])
	require.Nil(t, open["lifted_at"])
	ids := func(query string) (ids []string) {
		for _, v := range c.check(200, http.MethodGet, "/v1/verifications?"+query, nil).json()["verifications"].([]any) {
			ids = append(ids, v.(map[string]any)["account_id"].(string))
		}
		return ids
	}
	require.Equal(t, []string{"a1"}, ids("restricted=true"))
	require.Equal(t, []string{"a1"}, ids("restricted=true&rule=existing-individuals"))
	require.Empty(t, ids("restricted=true&rule=another"))
	require.Empty(t, ids("restricted=true&state=verified"))
	c.check(422, http.MethodGet, "/v1/verifications?restricted=maybe", nil)

	f.clock.set(beijing(t, "2020-12-06 10:00:00"))
	f.extended("a1", "2020-12-11T00:00:00+08:00")
	_, err = f.sweeps.Settle(t.Context(), "a1")
	require.NoError(t, err)
	all = c.check(200, http.MethodGet, path, nil).json()["restrictions"].([]any)
	require.Equal(t, "extended", all[0].(map[string]any)["lift_reason"])
	entries := f.get("/v1/accounts/a1/history").is(http.StatusOK)["entries"].([]any)
	detail := entries[1].(map[string]any)["detail"].(map[string]any)["restricted"].(map[string]any)
	require.EqualValues(t, 1, detail["opened"])
	f.get("/v1/accounts/nobody/restrictions").problem(http.StatusNotFound, api.CodeAccountNotFound)
}
