package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
)

// admins are requests with a key that may do everything.
func (f *fixture) admins() option { return as(f.newKey(api.Admin)) }

// operator adds somebody and returns their path and the password that was made.
func (f *fixture) operator(login string, role api.Role) (path, made string) {
	f.t.Helper()
	got := f.post("/v1/operators", object{"login": login, "name": "Name " + strings.TrimSpace(login), "role": role, "reason": "new"}, f.admins()).is(http.StatusCreated)
	return "/v1/operators/" + got["operator"].(object)["operator_id"].(string), got["password"].(string)
}

// asPerson sends a command as somebody who is signed in.
func (f *fixture) asPerson(p api.Principal, path string, body object) answer {
	f.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(f.t, err)
	got := f.ask(p, http.MethodPost, path, string(text))
	return answer{t: f.t, status: got.Code, header: got.Header(), body: got.Body.Bytes()}
}

func TestOperatorsAreManaged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.operator("boss", api.RoleAdmin)
	path, made := f.operator(" Anna ", api.RoleReviewer)
	require.NoError(t, password.Check(made))
	kept, err := f.store.OperatorByLogin(t.Context(), "anna")
	require.NoError(t, err)
	require.Contains(t, kept.Password, "$argon2id$v=19$m=19456,t=2,p=1$")
	fits, _, err := password.NewHasher(password.Standard()).Verify(t.Context(), kept.Password, made)
	require.NoError(t, err)
	require.True(t, fits)

	list := f.get("/v1/operators", f.admins()).is(http.StatusOK)["operators"].([]any)
	require.Len(t, list, 2)
	require.NotContains(t, string(f.get("/v1/operators", f.admins()).body), "argon2id")
	first := f.get("/v1/operators?limit=1", f.admins()).is(http.StatusOK)
	require.Equal(t, list[:1], first["operators"])
	second := f.get("/v1/operators?limit=1&cursor="+first["cursor"].(string), f.admins()).is(http.StatusOK)
	require.Equal(t, list[1:], second["operators"])
	require.Nil(t, second["cursor"])

	f.clock.advance(time.Minute)
	got := f.post(path, object{"role": "auditor", "reason": "moved"}, f.admins()).is(http.StatusOK)
	require.Equal(t, "auditor", got["role"])
	require.Equal(t, "anna", got["login"])
	require.Equal(t, "2020-12-05T10:01:00+08:00", got["changed_at"])
	require.Equal(t, true, f.post(path, object{"disabled": true, "reason": "left"}, f.admins()).is(http.StatusOK)["disabled"])
	f.post("/v1/operators", object{"login": "ANNA", "name": "A", "role": "viewer", "reason": "r"}, f.admins()).problem(http.StatusConflict, api.CodeLoginTaken)

	reset := f.post(path+"/password", object{"reason": "forgotten"}, f.admins()).is(http.StatusOK)
	require.NotEqual(t, made, reset["password"])
	given := f.post(path+"/password", object{"password": "correct horse battery", "reason": "forgotten"}, f.admins())
	require.Nil(t, given.is(http.StatusOK)["password"])
	require.NotContains(t, string(given.body), "correct horse")
}

func TestOperatorFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	p := f.post("/v1/operators", object{"login": "a b", "name": " x", "role": "king", "password": "short"}, f.admins()).
		problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	for _, name := range []string{"login", "name", "role", "password", "reason"} {
		field(t, p, name)
	}
	require.NotContains(t, p["errors"], "short")
	path, _ := f.operator("anna", api.RoleViewer)
	field(t, f.post(path, object{"role": "admin"}, f.admins()).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	for _, missing := range []string{"/v1/operators/op_9", "/v1/operators/op_9/password"} {
		f.post(missing, object{"reason": "r"}, f.admins()).problem(http.StatusNotFound, api.CodeOperatorNotFound)
	}
}

// TestNobodyLocksEverybodyOut: the last admin stays, nobody changes their own role, the provider's people are the
// provider's.
func TestNobodyLocksEverybodyOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	boss, _ := f.operator("boss", api.RoleAdmin)
	for _, body := range []object{{"role": "viewer", "reason": "r"}, {"disabled": true, "reason": "r"}} {
		f.post(boss, body, f.admins()).problem(http.StatusConflict, api.CodeLastAdmin)
	}
	self := strings.TrimPrefix(boss, "/v1/operators/")
	f.operator("second", api.RoleAdmin)
	for path, body := range map[string]object{
		boss: {"role": "viewer", "reason": "r"}, boss + "/password": {"reason": "r"},
	} {
		got := f.asPerson(api.Principal{ID: self, Role: api.RoleAdmin}, path, body)
		got.problem(http.StatusConflict, api.CodeOwnAccount)
	}
	f.asPerson(api.Principal{ID: self, Role: api.RoleAdmin}, boss, object{"disabled": true, "reason": "r"}).problem(http.StatusConflict, api.CodeOwnAccount)
	f.asPerson(api.Principal{ID: self, Role: api.RoleAdmin}, boss, object{"name": "Another", "reason": "r"}).is(http.StatusOK)
	f.post(boss, object{"role": "viewer", "reason": "r"}, f.admins()).is(http.StatusOK)

	require.NoError(t, f.store.AddOperator(t.Context(), store.Operator{
		ID: "op_x", Name: "X", Role: "viewer", Issuer: "https://issuer.example", Subject: "s", CreatedAt: f.clock.now(),
	}))
	f.post("/v1/operators/op_x", object{"role": "admin", "reason": "r"}, f.admins()).problem(http.StatusConflict, api.CodeKeptElsewhere)
	f.post("/v1/operators/op_x/password", object{"reason": "r"}, f.admins()).problem(http.StatusConflict, api.CodeKeptElsewhere)
	require.Equal(t, true, f.post("/v1/operators/op_x", object{"disabled": true, "reason": "r"}, f.admins()).is(http.StatusOK)["disabled"])
}

func TestKeysAreManaged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	all := f.admins()
	body := object{"label": "labels", "scopes": []string{"decisions:read"}, "expires_at": "2020-12-06T10:00:00+08:00", "reason": "new service"}
	made := f.post("/v1/keys", body, all, idempotent("k")).is(http.StatusCreated)
	secret, key := made["secret"].(string), made["key"].(object)
	require.True(t, strings.HasPrefix(secret, key["prefix"].(string)+"_"))
	require.Equal(t, "open", key["state"])
	require.Nil(t, key["last_used_at"])
	again := f.post("/v1/keys", body, all, idempotent("k")).is(http.StatusCreated)
	require.Nil(t, again["secret"], "it is nowhere to be found again")
	require.Equal(t, key, again["key"])
	path := "/v1/keys/" + key["key_id"].(string)
	list := f.get("/v1/keys", all)
	require.Contains(t, list.is(http.StatusOK)["keys"], any(key))
	require.NotContains(t, string(list.body), secret[len(secret)-10:])

	require.Equal(t, http.StatusOK, f.get("/v1/policies", as(secret)).status)
	require.Equal(t, "2020-12-05T11:00:00+08:00", f.post(path+"/expire", object{"expires_at": "2020-12-05T11:00:00+08:00", "reason": "r"}, all).is(http.StatusOK)["expires_at"])
	f.clock.advance(time.Hour)
	f.get("/v1/policies", as(secret)).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
	require.Equal(t, "disabled", f.post(path+"/disable", object{"reason": "leaked"}, all).is(http.StatusOK)["state"])
	require.Equal(t, "disabled", f.post(path+"/expire", object{"expires_at": "2021-12-05T11:00:00+08:00", "reason": "r"}, all).is(http.StatusOK)["state"])
	f.get("/v1/policies", as(secret)).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
	for _, verb := range []string{"/expire", "/disable"} {
		f.post("/v1/keys/0123456789abcdef"+verb, object{"expires_at": "2021-12-05T11:00:00+08:00", "reason": "r"}, all)
	}
	f.post("/v1/keys/0123456789abcdef/disable", object{"reason": "r"}, all).problem(http.StatusNotFound, api.CodeKeyNotFound)
	p := f.post("/v1/keys", object{"label": "a\nb", "scopes": []string{"everything"}, "expires_at": "2020-12-05T10:00:00+08:00"}, all).
		problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	for _, name := range []string{"label", "scopes", "expires_at", "reason"} {
		field(t, p, name)
	}
}

// TestADisabledKeyIsOutAtOnce in the process that disabled it, although keys are remembered.
func TestADisabledKeyIsOutAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { c.KeyAge = time.Hour })
	secret := f.newKey(api.DecisionsRead)
	require.Equal(t, http.StatusOK, f.get("/v1/policies", as(secret)).status)
	f.post("/v1/keys/"+strings.Split(secret, "_")[1]+"/disable", object{"reason": "leaked"}, f.admins()).is(http.StatusOK)
	f.get("/v1/policies", as(secret)).problem(http.StatusUnauthorized, api.CodeUnauthenticated)
}

// touching counts what is written of the use of keys.
type touching struct {
	api.Store
	times atomic.Int32
}

func (s *touching) TouchKey(ctx context.Context, id string, at time.Time) error {
	s.times.Add(1)
	return s.Store.TouchKey(ctx, id, at)
}

// TestTheLastUseIsKnown to the minute: written at most once in it, and not for a request that was refused.
func TestTheLastUseIsKnown(t *testing.T) {
	t.Parallel()
	var counted touching
	f := newFixture(t, "2020-12-05 10:00:00", func(c *api.Config) { counted.Store, c.Store = c.Store, &counted })
	secret := f.newKey(api.DecisionsRead)
	id := strings.Split(secret, "_")[1]
	used := func() time.Time {
		k, err := f.store.Key(t.Context(), id)
		require.NoError(t, err)
		return k.LastUsedAt
	}
	use := func(secret string) { f.get("/v1/policies", as(secret)) }
	begun := f.clock.now()
	use(secret[:len(secret)-2] + "xx")
	require.True(t, used().IsZero())
	use(secret)
	require.Eventually(t, func() bool { return used().Equal(begun) }, 10*time.Second, time.Millisecond)
	f.clock.advance(59 * time.Second)
	use(secret)
	f.clock.advance(time.Second)
	use(secret)
	require.Eventually(t, func() bool { return used().Equal(begun.Add(time.Minute)) }, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 2, counted.times.Load())
}
