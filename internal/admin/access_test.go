package admin_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/access/people"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// person lets somebody in.
func (w *world) person(login string, role api.Role) store.Operator {
	w.t.Helper()
	o := people.New(login, "Name of "+login, string(role), "hash", "test", w.clock.now())
	require.NoError(w.t, w.store.AddOperator(w.t.Context(), o))
	return o
}

var secretPattern = regexp.MustCompile(`id="secret" readonly value="([^"]+)"`)

func TestAnOperatorIsAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.person("boss", api.RoleAdmin)
	number := once(t, w.get(api.RoleAdmin, "/admin/operators").is(http.StatusOK))
	form := []string{"once", number, "back", "/admin/operators", "login", "Anna", "name", "Anna Berg", "role", "reviewer", "reason", "new here"}
	got := w.post(api.RoleAdmin, "/admin/operators", form...)
	shown := secretPattern.FindStringSubmatch(got.is(http.StatusOK))
	require.NotNil(t, shown, got.body)
	require.Contains(t, got.body, "Password of anna")
	again := w.post(api.RoleAdmin, "/admin/operators", form...)
	require.NotContains(t, again.is(http.StatusOK), shown[1], "a button pressed twice adds one person, and shows nothing twice")
	require.Contains(t, again.body, "shown before")

	page := w.get(api.RoleAdmin, "/admin/operators").is(http.StatusOK)
	require.Equal(t, 1, strings.Count(page, "Anna Berg</th>"))
	require.NotContains(t, page, shown[1])
	o, err := w.store.OperatorByLogin(t.Context(), "anna")
	require.NoError(t, err)
	require.Equal(t, "reviewer", o.Role)
	require.Equal(t, "test-admin", o.CreatedBy)
}

// TestAnOperatorFormComesBack with what was typed and the faults at their fields.
func TestAnOperatorFormComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.person("anna", api.RoleAdmin)
	for _, tc := range []struct{ login, fault string }{{"a b", "must be 1 to 64 characters"}, {"anna", "Somebody has this login name"}} {
		number := once(t, w.get(api.RoleAdmin, "/admin/operators").body)
		body := w.post(api.RoleAdmin, "/admin/operators", "once", number, "login", tc.login, "name", "Anna <b>", "role", "auditor", "reason", "why not").
			is(http.StatusUnprocessableEntity)
		require.Contains(t, body, `value="`+tc.login+`"`)
		require.Contains(t, body, "Anna &lt;b&gt;")
		require.Contains(t, body, `<option value="auditor" selected>`)
		require.Contains(t, body, `aria-describedby="fault-login"`)
		require.Regexp(t, `id="fault-login">[^<]*`+tc.fault, body)
		require.Contains(t, body, "<title>Error: ")
		require.NotEqual(t, number, once(t, body), "the next attempt is another command")
	}
}

func TestOperatorCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	boss := w.person("boss", api.RoleAdmin)
	anna := w.person("anna", api.RoleViewer)
	path := "/admin/operators/" + anna.ID
	now := func() store.Operator {
		o, err := w.store.Operator(t.Context(), anna.ID)
		require.NoError(t, err)
		return o
	}
	w.post(api.RoleAdmin, path+"/role", "role", "auditor", "reason", "moved").leads("/admin/operators?done=operator_role")
	require.Equal(t, "auditor", now().Role)
	require.Contains(t, w.get(api.RoleAdmin, "/admin/operators?done=operator_role").body, "The role was changed.")
	w.post(api.RoleAdmin, path+"/disable", "reason", "left").leads("/admin/operators?done=operator_disabled")
	require.True(t, now().Disabled)
	w.post(api.RoleAdmin, path+"/enable", "reason", "back").leads("/admin/operators?done=operator_enabled")
	require.False(t, now().Disabled)
	got := w.post(api.RoleAdmin, path+"/password", "reason", "forgotten")
	require.NotNil(t, secretPattern.FindStringSubmatch(got.is(http.StatusOK)), got.body)
	require.NotEqual(t, anna.Password, now().Password)

	require.Contains(t, w.post(api.RoleAdmin, "/admin/operators/"+boss.ID+"/disable", "reason", "r").is(http.StatusConflict), "Make somebody else an admin first")
	w.post(api.RoleAdmin, path+"/disable").is(http.StatusUnprocessableEntity)
	require.False(t, now().Disabled, "no reason, no act")
	for _, role := range []api.Role{api.RoleViewer, api.RoleReviewer, api.RoleOperator, api.RoleAuditor} {
		w.post(role, path+"/disable", "reason", "r").is(http.StatusForbidden)
		require.NotContains(t, w.get(role, "/admin/").body, "/admin/operators")
		require.NotContains(t, w.get(role, "/admin/").body, "/admin/keys")
	}
}

// TestOnesOwnRow has no command that would be refused.
func TestOnesOwnRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	me := store.Operator{ID: "test-admin", Login: "me", Name: "Me", Role: "admin", Password: "h", CreatedAt: w.clock.now()}
	require.NoError(t, w.store.AddOperator(t.Context(), me))
	w.person("other", api.RoleAdmin)
	body := w.get(api.RoleAdmin, "/admin/operators").is(http.StatusOK)
	require.NotContains(t, body, "/admin/operators/test-admin/")
	require.Contains(t, body, "/admin/password")
	require.Contains(t, w.post(api.RoleAdmin, "/admin/operators/test-admin/role", "role", "viewer", "reason", "r").is(http.StatusConflict), "Another admin has to change your role")
}

// TestTheProvidersPeople have no password and no role of ours.
func TestTheProvidersPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	require.NoError(t, w.store.AddOperator(t.Context(), store.Operator{
		ID: "op_x", Name: "X", Role: store.NoRole, Issuer: "https://issuer.example", Subject: "s", CreatedAt: w.clock.now(),
	}))
	body := w.get(api.RoleAdmin, "/admin/operators").is(http.StatusOK)
	require.Contains(t, body, "no role")
	require.NotContains(t, body, "/admin/operators/op_x/role")
	require.NotContains(t, body, "/admin/operators/op_x/password")
	require.Contains(t, body, "/admin/operators/op_x/disable")
}

func TestAKeyIsCreatedAndEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	number := once(t, w.get(api.RoleAdmin, "/admin/keys").is(http.StatusOK))
	form := []string{"once", number, "label", "labels", "scopes", "decisions:read", "scopes", "accounts:write", "expires", "2020-12-31", "reason", "new service"}
	got := w.post(api.RoleAdmin, "/admin/keys", form...)
	shown := secretPattern.FindStringSubmatch(got.is(http.StatusOK))
	require.NotNil(t, shown, got.body)
	require.NotContains(t, w.post(api.RoleAdmin, "/admin/keys", form...).is(http.StatusOK), shown[1])
	id := strings.Split(shown[1], "_")[1]
	kept, err := w.store.Key(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []string{"decisions:read", "accounts:write"}, kept.Scopes)
	require.Equal(t, "2021-01-01T00:00:00+08:00", kept.ExpiresAt.In(lifecycle.Beijing()).Format(time.RFC3339), "the last day counts")

	page := w.get(api.RoleAdmin, "/admin/keys").is(http.StatusOK)
	require.Contains(t, page, "vg_"+id)
	require.NotContains(t, page, shown[1])
	w.post(api.RoleAdmin, "/admin/keys/"+id+"/expire", "expires", "2020-12-01", "reason", "r").leads("/admin/keys?done=key_expires")
	w.post(api.RoleAdmin, "/admin/keys/"+id+"/disable", "reason", "leaked").leads("/admin/keys?done=key_disabled")
	kept, err = w.store.Key(t.Context(), id)
	require.NoError(t, err)
	require.True(t, kept.Disabled)
	require.NotContains(t, w.get(api.RoleAdmin, "/admin/keys").body, "/admin/keys/"+id+"/disable")
	w.post(api.RoleAdmin, "/admin/keys/0123456789abcdef/disable", "reason", "r").is(http.StatusNotFound)
}

func TestAKeyOfSomeAccountsIsRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	number := once(t, w.get(api.RoleAdmin, "/admin/keys").is(http.StatusOK))
	got := w.post(api.RoleAdmin, "/admin/keys", "once", number, "label", "labels", "scopes", "decisions:read", "accounts", "shop-eu-*\r\n a1, a2", "reason", "one region")
	shown := secretPattern.FindStringSubmatch(got.is(http.StatusOK))
	require.NotNil(t, shown, got.body)
	id := strings.Split(shown[1], "_")[1]
	kept, err := w.store.Key(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, store.AccountSet{"shop-eu-*", "a1", "a2"}, kept.Accounts)

	page := w.get(api.RoleAdmin, "/admin/keys").is(http.StatusOK)
	require.Contains(t, page, `<span class="id">shop-eu-*</span>`)
	again := secretPattern.FindStringSubmatch(w.post(api.RoleAdmin, "/admin/keys/"+id+"/rotate", "once", once(t, page), "overlap", "24h", "reason", "yearly").is(http.StatusOK))
	require.NotNil(t, again)
	require.NotEqual(t, shown[1], again[1])
	require.True(t, strings.HasPrefix(again[1], "vg_"+id+"_"))
	require.Contains(t, w.get(api.RoleAdmin, "/admin/keys").body, "an old secret opens until")

	body := w.post(api.RoleAdmin, "/admin/keys", "once", "n", "label", "l", "scopes", "decisions:read", "accounts", "<b>*", "reason", "r").is(http.StatusUnprocessableEntity)
	require.Contains(t, body, "&lt;b&gt;*</textarea>")
	require.Contains(t, body, `id="fault-accounts"`)
}

func TestAKeyFormComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	body := w.post(api.RoleAdmin, "/admin/keys", "once", "n", "label", "labels", "expires", "2020-11-30", "reason", "r").is(http.StatusUnprocessableEntity)
	require.Contains(t, body, `value="labels"`)
	require.Contains(t, body, `id="fault-scopes"`)
	require.Contains(t, body, `id="fault-expires_at"`)
	body = w.post(api.RoleAdmin, "/admin/keys", "once", "m", "scopes", "audit:read", "expires", "soon").is(http.StatusUnprocessableEntity)
	require.Contains(t, body, `id="scope-audit:read" name="scopes" value="audit:read" checked`)
	require.Contains(t, body, `id="fault-label"`)
	require.Contains(t, body, `id="fault-reason"`)
}
