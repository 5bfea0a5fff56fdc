package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/dossier"
	"github.com/verigate/verigate/internal/store"
)

// TestExportOfAnAccount proves itself, and has names and numbers only for who may see them and asks for them.
func TestExportOfAnAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.approved("a1")
	f.qr("a1")
	name, number := canaryName, canaryNumber
	const path = "/v1/accounts/a1/export"
	auditor, both := as(f.newKey(api.AuditRead)), as(f.newKey(api.AuditRead, api.IdentitiesRead))

	plain := f.get(path, auditor)
	require.Equal(t, http.StatusOK, plain.status)
	require.Equal(t, `attachment; filename="a1.json"`, plain.header.Get("Content-Disposition"))
	found, err := dossier.Check(bytes.NewReader(plain.body), f.gate.PublicKeys())
	require.NoError(t, err)
	require.True(t, found.Intact())
	require.Equal(t, "a1", found.AccountID)
	require.NotContains(t, string(plain.body), name)
	require.NotContains(t, string(plain.body), number)

	require.Contains(t, string(plain.body), `"region":"CN"`)
	altered, err := dossier.Check(strings.NewReader(strings.Replace(string(plain.body), `"region":"CN"`, `"region":"US"`, 1)), f.gate.PublicKeys())
	require.NoError(t, err)
	require.False(t, altered.Intact())

	f.get(path+"?personal=true", auditor).problem(http.StatusForbidden, api.CodeForbidden)
	personal := f.get(path+"?personal=true&format=html", both)
	require.Equal(t, http.StatusOK, personal.status)
	require.Contains(t, personal.header.Get("Content-Type"), "text/html")
	require.Contains(t, string(personal.body), name)
	require.Contains(t, string(personal.body), number)
	f.get("/v1/accounts/nobody/export", auditor).problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.get(path, as(f.newKey(api.VerificationsRead, api.IdentitiesRead))).problem(http.StatusForbidden, api.CodeForbidden)

	entries, err := f.store.AuditEntries(t.Context(), store.AuditFilter{Action: "export-account", Oldest: true, Limit: 10})
	require.NoError(t, err)
	var told []string
	for _, e := range entries {
		told = append(told, e.Outcome+" "+string(e.After))
	}
	require.Contains(t, told, `ok {"format":"html","personal":true}`)
	require.Contains(t, told, `forbidden {"format":"json","personal":true}`)
}
