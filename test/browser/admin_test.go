package browser

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const policyName = "wishpost-face-verification"

// adminPage is one page of the operator, with the roles that it opens for.
type adminPage struct {
	name, path string
	roles      string // separated by spaces; an admin opens every page
}

const (
	everyRole = "viewer reviewer operator auditor"
	anyID     = "shop-under-review" // of the population
)

// adminPages are all pages that a person can go to by an address.
func adminPages() []adminPage {
	return []adminPage{
		{"overview", "/admin/", everyRole},
		{"accounts", "/admin/accounts", everyRole},
		{"accounts-filtered", "/admin/accounts?state=under_review&sort=changed", everyRole},
		{"account", "/admin/accounts/" + anyID, everyRole},
		{"account-failed", "/admin/accounts/shop-failed?view=full", everyRole},
		{"reviews", "/admin/reviews", everyRole},
		{"manual", "/admin/manual", everyRole},
		{"case", "/admin/reviews/" + anyID, "reviewer"},
		{"policies", "/admin/policies", everyRole},
		{"policy", "/admin/policies/" + policyName, everyRole},
		{"policy-version", "/admin/policies/" + policyName + "/1", everyRole},
		{"policy-new", "/admin/policies/~new?of=" + policyName + "&version=1", "operator"},
		{"impact", "/admin/policies/~impact?at=2030-12-10T00:00", "operator auditor"},
		{"sweeps", "/admin/sweeps", everyRole},
		{"reminders", "/admin/reminders", "operator auditor"},
		{"extensions", "/admin/extensions", "operator auditor"},
		{"webhooks", "/admin/webhooks", "operator auditor"},
		{"audit", "/admin/audit", "auditor"},
		{"proof", "/admin/audit/proof", "auditor"},
		{"receipts", "/admin/receipts", everyRole},
		{"keys", "/admin/keys", ""},
		{"operators", "/admin/operators", ""},
		{"password", "/admin/password", everyRole},
	}
}

// signInAs signs somebody of the demonstration in and ends at a page.
func (b *tab) signInAs(login, path string) {
	b.t.Helper()
	b.open(b.s.API + path)
	b.awaitPath("/admin/sign-in")
	b.fill("#username", login)
	b.fill("#password", b.s.AdminPassword)
	b.pressOn("form .primary")
	where, _, _ := strings.Cut(path, "?")
	b.awaitPath(where)
}

// fetched is the status that a request of the page's own gets: what a person could send past the buttons.
func (b *tab) fetched(path string) int {
	b.t.Helper()
	return awaited[int](b, fmt.Sprintf(`fetch(%s, {redirect: 'manual'}).then(r => r.status)`, quoted(path)))
}

// sent is fetched for a form.
func (b *tab) sent(path string, form url.Values) int {
	b.t.Helper()
	return awaited[int](b, fmt.Sprintf(`fetch(%s, {method: 'POST', redirect: 'manual', body: new URLSearchParams(%s)}).then(r => r.status)`, quoted(path), quoted(form.Encode())))
}

func awaited[T any](b *tab, promise string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](promise, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	return value
}

func TestAdminPages(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.populate(t, population())
	for _, language := range []string{"en", "zh-CN"} {
		t.Run("as admin in "+language, func(t *testing.T) {
			t.Parallel()
			b := s.device(t, computer(language))
			b.open(s.API + "/admin/sign-in")
			b.audit("admin-sign-in")
			b.signInAs("admin", "/admin/")
			for _, p := range adminPages() {
				b.open(s.API + p.path)
				b.await("the page is there", "!!document.querySelector('h1')")
				require.NotEmpty(t, eval[string](b, "document.querySelector('h1').innerText"), p.name)
				b.audit("admin-" + p.name)
			}
		})
	}
	for _, role := range strings.Fields(everyRole) {
		t.Run("as "+role, func(t *testing.T) {
			t.Parallel()
			b := s.device(t, computer("en"))
			b.expect("403") // asked for on purpose
			b.signInAs(role, "/admin/")
			for _, p := range adminPages() {
				if slices.Contains(strings.Fields(p.roles), role) {
					b.open(s.API + p.path)
					require.False(t, b.says("does not allow this"), "%s as %s", p.name, role)
					continue
				}
				require.Equal(t, http.StatusForbidden, b.fetched(p.path), "%s as %s", p.name, role)
				where, _, _ := strings.Cut(p.path, "?")
				require.Zero(t, eval[int](b, `[...document.querySelectorAll('.menu a')].filter(a => a.getAttribute('href') === `+quoted(where)+`).length`),
					"the menu of a %s leads to %s", role, p.name)
			}
		})
	}
}

// TestAdminSession: signing in leads back, signing out ends the session in every tab, and a page that was open notices.
func TestAdminSession(t *testing.T) {
	t.Parallel()
	onStage(t, map[string]func(*testing.T, *stage){
		"by keyboard": func(t *testing.T, s *stage) {
			b := s.device(t, computer("en"))
			b.open(s.API + "/admin/policies?at=2020-12-01T00:00")
			b.awaitPath("/admin/sign-in")
			b.keys("operator")
			b.tabTo("#password")
			b.keys(s.AdminPassword + "\r")
			b.awaitPath("/admin/policies")
			require.Equal(t, "?at=2020-12-01T00:00", strings.ReplaceAll(eval[string](b, "location.search"), "%3A", ":"))
			b.tabTo(".menu a[href='/admin/sweeps']")
			b.keys("\r")
			b.awaitPath("/admin/sweeps")
		},
		"signed out elsewhere": func(t *testing.T, s *stage) {
			b := s.device(t, computer("en"))
			b.expect("401")
			b.signInAs("operator", "/admin/sweeps")
			other := b.another()
			other.open(s.API + "/admin/")
			other.pressOn("form[action='/admin/sign-out'] button")
			b.awaitPath("/admin/sign-in") // the live page asked by itself
		},
		"wrong password": func(t *testing.T, s *stage) {
			b := s.device(t, computer("zh-CN"))
			b.expect("401")
			b.expect("422")
			b.expect("403")
			b.open(s.API + "/admin/sign-in")
			b.fill("#username", "viewer")
			b.fill("#password", "not the password")
			b.pressOn("form .primary")
			b.awaitElement("[role=alert]")
			b.audit("admin-sign-in-refused")
		},
		"another site's form": func(t *testing.T, s *stage) {
			b := s.device(t, computer("en"))
			b.signInAs("operator", "/admin/sweeps")
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.API+"/admin/sweeps", strings.NewReader("policy="+policyName+"&reason=x"))
			require.NoError(t, err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://evil.example")
			res, err := s.http.Do(r)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, res.Body)
			require.NoError(t, res.Body.Close())
			require.Equal(t, http.StatusForbidden, res.StatusCode)
		},
	})
}

// TestAdminSweep: a sweep from the page, watched to its end.
func TestAdminSweep(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.populate(t, 20)
	b := s.device(t, computer("en"))
	b.signInAs("operator", "/admin/sweeps")
	b.fill("#reason", "browser_test")
	b.pressOn("section form .primary")
	b.awaitText("The sweep has begun.")
	b.await("the sweep is done", "!!document.querySelector('#sweep .chip.good')")
	b.audit("admin-sweep-done")

	b.open(s.API + "/admin/policies/" + policyName)
	b.press("details.command summary.danger")
	b.await("the reason has the focus", "document.activeElement.name === 'reason'")
	b.keys("wrong cohort\r")
	b.awaitText("from the next decision on it only observes")
	b.audit("admin-policy-braked")
}

// TestAdminExtension: one person asks, another approves; the first one has no button for it.
func TestAdminExtension(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a := s.account(t)
	b := s.device(t, computer("en"))
	b.signInAs("operator", "/admin/extensions?account="+a.id)
	until := time.Now().In(beijing(t)).AddDate(0, 0, 20).Format("2006-01-02T15:04")
	eval[bool](b, "document.getElementById('until').value = "+quoted(until)+", true")
	b.fill("#reason", "hardship")
	b.pressOn("form[action='/admin/extensions'] .primary")
	b.awaitText("Somebody else has to approve it.")
	require.True(t, b.says("asked for by you"))
	b.audit("admin-extension-asked")

	admin := s.device(t, phone("zh-CN"))
	admin.signInAs("admin", "/admin/extensions?state=requested")
	admin.press("details.command summary:not(.danger)")
	admin.await("the reason has the focus", "document.activeElement.name === 'reason'")
	admin.keys("ok\r")
	admin.awaitPath("/admin/extensions")
	admin.await("it is approved", "!document.querySelector('td .chip.wait')")
}

// TestAdminPolicy: checked, seen, published by one person and approved by another.
func TestAdminPolicy(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.populate(t, 20)
	b := s.device(t, computer("en"))
	b.signInAs("operator", "/admin/policies/~new?of="+policyName+"&version=1")
	eval[bool](b, `(() => { const t = document.getElementById('text'); t.value = t.value.replace('version: 1', 'version: 2').replace('kind: individual', 'kind: cat'); return true })()`)
	b.expect("422")
	b.pressOn("button[value=check]")
	b.awaitElement("li.bad")
	b.audit("admin-policy-faults")
	eval[bool](b, `(() => { const t = document.getElementById('text'); t.value = t.value.replace('kind: cat', 'kind: individual'); return true })()`)
	b.pressOn("button[value=check]")
	b.awaitElement("figure svg")
	b.fill("#note", "moved")
	b.audit("admin-policy-checked")
	b.pressOn("button[value=publish]")
	b.awaitPath("/admin/policies/" + policyName + "/2")
	require.True(t, b.says("somebody else has to approve it"))

	admin := s.device(t, computer("zh-CN"))
	admin.signInAs("admin", "/admin/policies/"+policyName+"/2")
	admin.audit("admin-policy-proposed")
	admin.press("details.command summary:not(.danger)")
	admin.await("the reason has the focus", "document.activeElement.name === 'reason'")
	admin.keys("ok\r")
	admin.await("it is in force", "!!document.querySelector('dl .chip.good')")
}
