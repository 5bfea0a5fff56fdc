package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

func TestLinkToTheMerchantPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	body := object{"purpose": "verify", "return_url": "https://shop.example/account?tab=1"}
	got := f.post("/v1/accounts/a1/links", body).is(http.StatusCreated)
	require.Equal(t, "2020-12-05T10:10:00+08:00", got["expires_at"])
	url, ok := got["url"].(string)
	require.True(t, ok)
	token, ok := strings.CutPrefix(url, f.server.URL+"/m/l/")
	require.True(t, ok, url)
	id, ok := f.tokens.LinkID(token)
	require.True(t, ok)
	require.Equal(t, got["link_id"], id)
	link, err := f.store.Link(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "a1", link.AccountID)
	require.Equal(t, "https://shop.example/account?tab=1", link.ReturnURL)
	require.True(t, link.UsedAt.IsZero())

	again := f.post("/v1/accounts/a1/links", body).is(http.StatusCreated)
	require.NotEqual(t, url, again["url"], "each request makes a link of its own")
	_, ok = f.tokens.LinkID(strings.TrimPrefix(f.tokens.ScanURL(id), f.server.URL+"/s/"))
	require.False(t, ok, "a token of another purpose opens nothing")
}

func TestLinkIsRepeatedAndItsAddressNotSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	k := &keeper{Store: f.store}
	g := f.over(k)
	body := object{"purpose": "verify"}
	first := g.post("/v1/accounts/a1/links", body, idempotent("one")).is(http.StatusCreated)
	second := g.post("/v1/accounts/a1/links", body, idempotent("one")).is(http.StatusCreated)
	require.Equal(t, first, second)
	require.Len(t, k.saved, 1)
	require.NotContains(t, string(k.saved[0].Body), "/m/l/")
}

func TestLinksAreRevoked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	f.account("a2")
	for _, id := range []string{"a1", "a1", "a2"} {
		f.post("/v1/accounts/"+id+"/links", object{"purpose": "verify"}).is(http.StatusCreated)
	}
	f.clock.advance(time.Minute)
	require.Equal(t, object{"links": float64(2), "sessions": float64(0)}, f.post("/v1/accounts/a1/links:revoke", object{"reason": "lost_device"}).is(http.StatusOK))
	require.Equal(t, object{"links": float64(0), "sessions": float64(0)}, f.post("/v1/accounts/a1/links:revoke", object{}).is(http.StatusOK))
	require.Equal(t, object{"links": float64(1), "sessions": float64(0)}, f.post("/v1/accounts/a2/links:revoke", object{}).is(http.StatusOK))
	f.post("/v1/accounts/nobody/links:revoke", object{}).problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.post("/v1/accounts/a1/links:revoke", object{}, as(f.newKey(api.VerificationsRead))).problem(http.StatusForbidden, api.CodeForbidden)
}

func TestLinkRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 10:00:00")
	f.account("a1")
	f.post("/v1/accounts/nobody/links", object{"purpose": "verify"}).problem(http.StatusNotFound, api.CodeAccountNotFound)
	f.post("/v1/accounts/a1/links", object{"purpose": "verify"}, as(f.newKey(api.VerificationsRead))).problem(http.StatusForbidden, api.CodeForbidden)
	p := f.post("/v1/accounts/a1/links", object{"purpose": "admin"}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
	field(t, p, "purpose")
	for _, bad := range []string{
		"javascript:alert(1)", "http://shop.example/", "//shop.example/", "/relative", "https://u:p@shop.example/", "https://shop.example/#x",
		"https:shop.example", "https://shop.example/" + strings.Repeat("a", 1024), "data:text/html,x",
	} {
		p := f.post("/v1/accounts/a1/links", object{"purpose": "verify", "return_url": bad}).problem(http.StatusUnprocessableEntity, api.CodeValidationFailed)
		field(t, p, "return_url")
	}
	for _, good := range []string{"https://shop.example", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:9/x"} {
		f.post("/v1/accounts/a1/links", object{"purpose": "verify", "return_url": good}).is(http.StatusCreated)
	}
}
