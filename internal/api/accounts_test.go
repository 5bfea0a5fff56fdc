package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

func TestPutAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	body := object{"kind": "individual", "region": "CN", "registered_at": "2020-11-01T01:00:00Z"}
	want := object{"account_id": "a1", "kind": "individual", "region": "CN", "registered_at": "2020-11-01T09:00:00+08:00", "closed_at": nil, "version": 1.0}
	require.Equal(t, want, f.do(http.MethodPut, "/v1/accounts/a1", body).is(http.StatusCreated))
	require.Equal(t, want, f.do(http.MethodPut, "/v1/accounts/a1", body).is(http.StatusOK))
	body["registered_at"] = "2020-11-01T09:00:00+08:00"
	require.Equal(t, want, f.do(http.MethodPut, "/v1/accounts/a1", body).is(http.StatusOK), "the same instant")
}

func TestChangingFactsNeedsScopeAndReason(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	f.account("a1")
	other := object{"kind": "enterprise", "region": "CN", "registered_at": "2020-10-01T09:00:00+08:00"}
	service := f.newKey(api.AccountsWrite)
	got := f.do(http.MethodPut, "/v1/accounts/a1", other, as(service)).problem(http.StatusForbidden, api.CodeForbidden)
	require.Equal(t, "accounts:correct", got["scope"])
	other["reason"] = "typing_error"
	f.do(http.MethodPut, "/v1/accounts/a1", other, as(service)).problem(http.StatusForbidden, api.CodeForbidden)
	delete(other, "reason")
	f.do(http.MethodPut, "/v1/accounts/a1", other).problem(http.StatusConflict, api.CodeFactsDiffer)

	changed := f.do(http.MethodPut, "/v1/accounts/a1?reason=typing_error", other).is(http.StatusOK)
	require.InEpsilon(t, 2.0, changed["version"], 0.001)
	require.Equal(t, "enterprise", changed["kind"])
	require.Empty(t, f.vault.kept())
	other["kind"], other["reason"] = "individual", "王小明 called and said it was wrong"
	f.do(http.MethodPut, "/v1/accounts/a1", other).is(http.StatusOK)
	require.Len(t, f.vault.kept(), 1, "free text lies in the vault")
}

func TestAccountFaultsComeTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-01 00:00:00")
	got := f.do(http.MethodPut, "/v1/accounts/a1", object{"kind": "company", "region": "cn", "registered_at": "2020-11-01 09:00"}).
		problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	require.Equal(t, "not_allowed", field(t, got, "kind")["code"])
	require.Equal(t, "form", field(t, got, "region")["code"])
	require.Equal(t, "instant", field(t, got, "registered_at")["code"])
	for _, bad := range []string{"", "2020-11-01T09:00:00", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "2020-13-01T00:00:00Z"} {
		got := f.do(http.MethodPut, "/v1/accounts/a1", object{"kind": "individual", "region": "CN", "registered_at": bad}).
			problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
		field(t, got, "registered_at")
	}
	for _, id := range []string{"a%20b", "a%2Fb", "%E5%90%8D", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		got := f.get("/v1/accounts/"+id).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
		field(t, got, "account_id")
	}
}

func TestGetAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.account("a1")
	got := f.get("/v1/accounts/a1").is(http.StatusOK)
	require.Equal(t, "2020-10-01T09:00:00+08:00", got["registered_at"])
	require.Equal(t, "unverified", got["verification"].(object)["state"])
	gates, ok := got["gates"].(object)
	require.True(t, ok)
	require.Len(t, gates, 4)
	require.Equal(t, "block", gates["create_label"].(object)["effect"])
	require.Equal(t, "prompt", gates["login"].(object)["effect"])
	require.Equal(t, "allow", gates["print_label"].(object)["effect"])
	blocks, err := f.store.Blocks(t.Context(), "a1")
	require.NoError(t, err)
	require.Empty(t, blocks, "looking records nothing")
	f.get("/v1/accounts/nobody").problem(http.StatusNotFound, api.CodeAccountNotFound)
}
