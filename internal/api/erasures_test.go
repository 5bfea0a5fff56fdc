package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

func TestErasureOverTheAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.account("a2")
	const path = "/v1/accounts/a1/erasures"
	eraser, reader := as(f.newKey(api.IdentitiesErase)), as(f.newKey(api.VerificationsRead))
	require.NotEmpty(t, f.get("/v1/accounts/a1/holdings", reader).is(http.StatusOK)["holdings"])

	f.post(path, object{"reason": "subject_request"}, as(f.newKey(api.IdentitiesRead, api.AccountsCorrect, api.ReviewsWrite))).problem(http.StatusForbidden, api.CodeForbidden)
	field(t, f.post(path, object{"reason": "because of 张三"}, eraser).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "reason")
	field(t, f.post(path, object{"reason": "mistake", "kinds": []string{"everything"}}, eraser).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed), "kinds")
	f.post("/v1/accounts/nobody/erasures", object{"reason": "mistake"}, eraser).problem(http.StatusNotFound, api.CodeAccountNotFound)

	done := f.post(path, object{"reason": "subject_request"}, eraser).is(http.StatusCreated)
	require.Equal(t, "completed", done["state"])
	require.Equal(t, true, done["receipt"].(object)["genuine"])
	require.NotEmpty(t, done["destroyed"])
	require.Empty(t, f.get("/v1/accounts/a1/holdings", reader).is(http.StatusOK)["holdings"])
	require.Equal(t, false, f.get("/v1/accounts/a1/identity", reader).is(http.StatusOK)["known"])
	status := f.get("/v1/accounts/a1/verification", reader).is(http.StatusOK)
	require.Equal(t, "unverified", status["state"])

	list := f.get(path, reader).is(http.StatusOK)["erasures"].([]any)
	require.Len(t, list, 1)
	id := list[0].(object)["id"].(string)
	require.Equal(t, id, f.get(path+"/"+id, reader).is(http.StatusOK)["id"])
	f.get("/v1/accounts/a2/erasures/"+id, reader).problem(http.StatusNotFound, api.CodeErasureNotFound)

	// The merchant may begin again.
	f.post("/v1/accounts/a1/verification/submit", realName()).is(http.StatusOK)
	require.NotEmpty(t, f.get("/v1/accounts/a1/holdings", reader).is(http.StatusOK)["holdings"])
}
