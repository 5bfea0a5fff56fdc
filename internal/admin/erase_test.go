package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/vault"
)

// TestPersonalDataOfAnAccount: what is held stands on the page, and can be erased by admins alone, with a receipt.
func TestPersonalDataOfAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00")
	w.account("a1")
	_, err := w.vault.PutText(t.Context(), "a1", vault.KindContact, "+8613800000000")
	require.NoError(t, err)
	const path = "/admin/accounts/a1"
	before := w.get(api.RoleAdmin, path)
	require.Equal(t, http.StatusOK, before.status, before.body)
	require.Contains(t, before.body, `id="personal"`)
	require.Contains(t, before.body, "Telephone number")
	require.NotContains(t, w.get(api.RoleOperator, path).body, `id="act-erase"`)
	require.Equal(t, http.StatusForbidden, w.post(api.RoleReviewer, path+"/erase", "reason", "subject_request").status)

	done := w.post(api.RoleAdmin, path+"/erase", "reason", "subject_request")
	require.Equal(t, http.StatusSeeOther, done.status, done.body)
	after := w.get(api.RoleAdmin, path)
	require.Equal(t, http.StatusOK, after.status)
	require.Contains(t, after.body, "No personal data of this account is held")
	require.Contains(t, after.body, "signature holds")
	require.Contains(t, after.body, "subject_request")
}
