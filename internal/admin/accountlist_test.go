package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// shop fills the world with some accounts of every kind, in several states, restricted, extended and closed.
func (w *world) shop() {
	w.t.Helper()
	ctx, operator := w.t.Context(), lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "test"}
	for n := range 120 {
		id := fmt.Sprintf("shop-%03d", n)
		a := policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: time.Date(2020, 1, 1+n*3, 9, n%60, 0, 0, lifecycle.Beijing())}
		if n%9 == 8 {
			a.Kind, a.Region = policy.KindEnterprise, "HK"
		}
		_, _, err := w.store.PutAccount(ctx, store.PutAccount{Account: a, Actor: operator}, false)
		require.NoError(w.t, err)
		var way []lifecycle.Change
		for _, e := range [][]lifecycle.Event{
			nil, nil, {lifecycle.Submit}, {lifecycle.Submit, lifecycle.BeginReview}, {lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve},
			{lifecycle.Submit, lifecycle.BeginReview, lifecycle.Reject}, {lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.ChooseManual},
		}[n%7] {
			c := lifecycle.Change{Event: e, At: w.clock.now().Add(-time.Duration(n) * time.Minute), Actor: operator}
			if e == lifecycle.Submit {
				c.Detail.Identity = &lifecycle.Identity{Ref: "subject", Digest: "digest-" + id}
			}
			way = append(way, c)
		}
		if len(way) > 0 {
			_, err = w.store.Append(ctx, lifecycle.Append{AccountID: id, ChangeID: "shop", Head: lifecycle.AnyHead, Changes: way})
			require.NoError(w.t, err)
		}
		if n%11 == 0 {
			require.NoError(w.t, w.store.PutExtension(ctx, policy.Extension{
				ID: "e-" + id, AccountID: id, Until: w.clock.now().AddDate(0, 0, 1+n/11), GrantedAt: w.clock.now(),
			}, operator, "late"))
		}
		if n%13 == 12 {
			_, _, err = w.store.CloseAccount(ctx, store.Closing{AccountID: id, ClosedAt: w.clock.now(), Actor: operator})
			require.NoError(w.t, err)
		}
		_, err = w.sweeps.Settle(ctx, id)
		require.NoError(w.t, err)
	}
}

var (
	rowPattern  = regexp.MustCompile(`<a class="id" href="/admin/accounts/([^"]+)">`)
	nextPattern = regexp.MustCompile(`href="([^"]+)" rel="next"`)
	dropPattern = regexp.MustCompile(`<a href="([^"]+)" aria-label="Drop the filter`)
)

func rowsOf(body string) []string {
	var ids []string
	for _, m := range rowPattern.FindAllStringSubmatch(body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// unescaped is an address as the browser reads it.
func unescaped(address string) string { return strings.ReplaceAll(address, "&amp;", "&") }

func TestAccountListGoesOnPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-06 10:00:00")
	w.shop()
	var ids []string
	path := "/admin/accounts"
	for pages := 0; path != ""; pages++ {
		require.Less(t, pages, 4)
		body := w.get(api.RoleViewer, path).is(http.StatusOK)
		require.Equal(t, pages > 0, strings.Contains(body, "First page"))
		ids = append(ids, rowsOf(body)...)
		path = ""
		if m := nextPattern.FindStringSubmatch(body); m != nil {
			path = unescaped(m[1])
		}
	}
	require.Len(t, ids, 120)
	require.IsIncreasing(t, ids)
	lost := w.get(api.RoleViewer, "/admin/accounts?cursor=dTE&state=locked").is(http.StatusUnprocessableEntity)
	require.Contains(t, lost, `no longer known`)
	require.Contains(t, lost, `<a href="/admin/accounts?state=locked">First page</a>`)
}

// TestAccountListShowsWhatItFilters: the address is the query, each filter can be dropped, and the form holds all.
func TestAccountListShowsWhatItFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-06 10:00:00")
	w.shop()
	const path = "/admin/accounts?changed_since=2020-12-06&kind=individual&registered_before=2020-11-17&state=rejected%2Csubmitted"
	body := w.get(api.RoleViewer, path).is(http.StatusOK)
	require.NotEmpty(t, rowsOf(body))
	for _, part := range []string{
		`State: <b>rejected, submitted</b>`, `Registered before: <b>2020-11-17</b>`, `Kind: <b>individual</b>`,
		`value="rejected" checked`, `value="submitted" checked`, `name="registered_before" type="date" value="2020-11-17"`,
		`<option value="individual" selected>`, `<details class="more" open>`, `aria-sort="descending"`,
	} {
		require.Contains(t, body, part)
	}
	require.Equal(t, 1, strings.Count(body, "<details class=\"more\" open>"))
	drops := dropPattern.FindAllStringSubmatch(body, -1)
	require.Len(t, drops, 4)
	require.Equal(t, "/admin/accounts?changed_since=2020-12-06&kind=individual&registered_before=2020-11-17", unescaped(drops[0][1]))

	w.get(api.RoleViewer, "/admin/accounts?state=rejected&state=submitted&kind=&columns=state&columns=region&x=1").
		leads("/admin/accounts?columns=state%2Cregion&state=rejected%2Csubmitted")
	few := w.get(api.RoleViewer, "/admin/accounts?columns=state%2Cregion&kind=enterprise").is(http.StatusOK)
	require.Contains(t, few, "<td>HK</td>")
	require.NotContains(t, few, "<td>operator</td>")

	require.Contains(t, w.get(api.RoleViewer, "/admin/accounts?id_prefix=zz").is(http.StatusOK), `id="empty"`)
	wrong := w.get(api.RoleViewer, "/admin/accounts?region=China").is(http.StatusUnprocessableEntity)
	require.Contains(t, wrong, `aria-invalid="true" aria-describedby="fault-region"`)
	require.Contains(t, wrong, `<p class="fault" id="fault-region">must be`)
	require.Contains(t, wrong, `<title>Error: `)
	require.Contains(t, wrong, `existing-individuals`, "the form still knows the rules")
}

func TestAccountListByInstants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-06 10:00:00")
	w.shop()
	body := w.get(api.RoleViewer, "/admin/accounts?registered_from=2020-01-04T09%3A01%3A00%2B08%3A00&registered_before=2020-01-05").is(http.StatusOK)
	require.Equal(t, []string{"shop-001"}, rowsOf(body))
	require.Contains(t, body, `name="registered_from" type="text" value="2020-01-04T09:01:00`)
}

// TestSavedLists: each leads to accounts that it speaks of, and is marked where it is shown.
func TestSavedLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-06 10:00:00")
	w.shop()
	body := w.get(api.RoleViewer, "/admin/accounts").is(http.StatusOK)
	links := regexp.MustCompile(`<li><a href="(/admin/accounts[^"]*)"( aria-current="page")?>([^<]+)</a></li>`).FindAllStringSubmatch(body, -1)
	shown := map[string]int{}
	for _, m := range links {
		if m[3] == "Accounts" {
			continue
		}
		view := w.get(api.RoleViewer, unescaped(m[1])).is(http.StatusOK)
		require.Equal(t, 2, strings.Count(view, `aria-current="page"`), "the menu and %s", m[3])
		require.Contains(t, view, m[1]+`" aria-current="page">`+m[3])
		shown[m[3]] = len(rowsOf(view))
	}
	require.Equal(t, map[string]int{
		"All": 50, "Blocked now": 50, "Waiting for review": 34, "Locked": 0, "Extended, ends within 7 days": 7, "Changed today": 50,
	}, shown)
}

func TestJump(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-06 10:00:00")
	w.get(api.RoleViewer, "/admin/accounts?jump=+shop-001+").leads("/admin/accounts/shop-001")
	body := w.get(api.RoleViewer, "/admin/accounts?jump=no+such").is(http.StatusOK)
	require.Contains(t, body, `id="fault-jump"`)
	require.Contains(t, body, "No account is registered yet.")
}

func TestAccountExportIsTheList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-06 10:00:00")
	w.shop()
	body := w.get(api.RoleViewer, "/admin/accounts?columns=state&restricted=true&state=unverified").is(http.StatusOK)
	require.Contains(t, body, `href="/admin/accounts.csv?restricted=true&amp;state=unverified"`)
	table := w.get(api.RoleViewer, "/admin/accounts.csv?restricted=true&state=unverified")
	require.Equal(t, rowsOf(body), regexp.MustCompile(`(?m)^shop-\d+`).FindAllString(table.is(http.StatusOK), -1))
	require.Equal(t, `attachment; filename="accounts-20201206-1000.csv"`, table.header.Get("Content-Disposition"))
	lines := w.get(api.RoleAuditor, "/admin/accounts.ndjson").is(http.StatusOK)
	require.Equal(t, 120, strings.Count(lines, "\n"))
	w.get(api.RoleViewer, "/admin/accounts.csv?region=China").is(http.StatusUnprocessableEntity)
}

// TestAccountListInChinese: no text of the page is left in the other language.
func TestAccountListInChinese(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-06 10:00:00")
	w.shop()
	r := httptest.NewRequest(http.MethodGet, "/admin/accounts?state=rejected&columns="+url.QueryEscape("state,turn,restriction"), nil)
	r.Header.Set(asHeader, string(api.RoleViewer))
	body := w.send(r).is(http.StatusOK)
	require.Contains(t, body, "当前受限")
	require.Contains(t, body, `<html lang="zh-CN">`)
	for _, english := range []string{"Blocked", "merchant<", "Show", "Restricted"} {
		require.NotContains(t, body, english)
	}
}
