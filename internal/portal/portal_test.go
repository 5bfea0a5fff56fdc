package portal

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/fixturetest"
)

func TestSignInShowsThePromptOncePerLogin(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.answer("POST /v1/accounts/shop/logins", 200, promptLogin)
	r.service.answer("POST /v1/accounts/shop/decisions at", 200, blockedLabel)

	first := r.signIn("shop")
	require.Contains(t, first.text, "Please &lt;b&gt;verify&lt;/b&gt;.", "the fallback for browsers without scripts, escaped")
	require.NotContains(t, first.text, "<b>verify</b>")
	require.Contains(t, html.UnescapeString(first.text), `"later":"kept"`, "the prompt is handed on as it came")
	require.Contains(t, html.UnescapeString(first.text), `data-verigate-limits="[{"en":"Create shipping labels","zh-CN":"创建物流面单"}]"`)
	require.Contains(t, first.text, r.service.URL+"/embed/prompt.js")

	require.NotContains(t, r.get("/dashboard").text, "data-verigate-prompt", "a reload is no login")
	require.Contains(t, r.signIn("shop").text, "data-verigate-prompt", "the next login is one")

	var logins, hypothetical []asked
	for _, a := range r.service.requests() {
		switch {
		case strings.HasSuffix(a.path, "/logins"):
			logins = append(logins, a)
		case a.body["at"] != "":
			hypothetical = append(hypothetical, a)
		}
	}
	require.Len(t, logins, 2)
	require.NotEqual(t, logins[0].body["login_id"], logins[1].body["login_id"])
	require.Equal(t, "Bearer key", logins[0].auth)
	require.Equal(t, "2020-12-04T00:00:00+08:00", hypothetical[0].body["at"], "consequences are asked for the deadline")
}

func TestAllowedAtTheDeadlineIsNoConsequence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.answer("POST /v1/accounts/shop/logins", 200, promptLogin)
	r.service.answer("POST /v1/accounts/shop/decisions at", 200, allowedLabel)
	require.Contains(t, r.signIn("shop").text, `data-verigate-limits="[]"`)
}

func TestSignInGoesOnWithoutTheService(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.answer("POST /v1/accounts/shop/logins", 503, `{"code":"store_unavailable"}`)
	r.service.answer("GET /v1/accounts/shop", 503, `{"code":"store_unavailable"}`)
	p := r.signIn("shop")
	require.Equal(t, http.StatusOK, p.StatusCode)
	require.Contains(t, p.text, "Not known just now")
	require.NotContains(t, p.text, "data-verigate-prompt")
}

func TestSignInRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ account, says string }{
		"nothing typed":   {" ", "Please enter an account."},
		"unknown account": {`no"body`, "There is no such account."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			p := r.post("/login", url.Values{"account": {tc.account}})
			require.Equal(t, http.StatusUnprocessableEntity, p.StatusCode)
			require.Contains(t, p.text, tc.says)
			require.Contains(t, p.text, html.EscapeString(strings.TrimSpace(tc.account)), "what was typed stays")
			require.Empty(t, p.Header["Set-Cookie"])
		})
	}
}

func TestCreateLabelObeysTheGate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		answer string
		kind   string
		says   []string
		labels int
	}{
		"allowed":     {200, allowedLabel, "created", []string{"The label was created."}, 1},
		"blocked":     {200, blockedLabel, "blocked", []string{"It is blocked.", "rcp-1", "Do this now"}, 0},
		"unavailable": {503, `{"code":"store_unavailable"}`, "unchecked", []string{"created without a check", "to be checked"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.signIn("shop")
			r.service.answer("POST /v1/accounts/shop/decisions", tc.status, tc.answer)
			p := r.press("/labels", nil)
			require.Contains(t, p.text, `data-kind="`+tc.kind+`"`)
			for _, say := range tc.says {
				require.Contains(t, p.text, say)
			}
			require.Equal(t, tc.labels, strings.Count(p.text, "<b>SF"))
			again := r.get("/dashboard")
			require.NotContains(t, again.text, "data-kind=", "said once")
			require.Equal(t, tc.labels, strings.Count(again.text, "<b>SF"), "a reload creates nothing")
		})
	}
}

func TestCreateLabelSaysWhenItIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.signIn("shop")
	r.service.answer("POST /v1/accounts/shop/decisions", 403, `{"code":"forbidden"}`)
	p := r.post("/labels", nil)
	require.Equal(t, http.StatusBadGateway, p.StatusCode)
	require.Contains(t, p.text, "The identity service refused the request.")
}

func TestVerifyLeadsToTheHostedPagesAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.signIn("shop")
	r.service.answer("POST /v1/accounts/shop/links", 200, `{"url":"https://id.example/m/l/abc","expires_at":"2020-12-01T12:10:00+08:00"}`)
	p := r.post("/verify", nil)
	require.Equal(t, http.StatusSeeOther, p.StatusCode)
	require.Equal(t, "https://id.example/m/l/abc", p.Header.Get("Location"))
	all := r.service.requests()
	last := all[len(all)-1]
	require.Equal(t, map[string]string{"purpose": "verify", "return_url": r.portal.URL + "/dashboard"}, last.body)

	r.service.answer("POST /v1/accounts/shop/links", 503, `{"code":"engine_unavailable"}`)
	p = r.post("/verify", nil)
	require.Equal(t, http.StatusServiceUnavailable, p.StatusCode)
	require.Contains(t, p.text, "does not answer just now")
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.signIn("shop")
	r.service.answer("POST /v1/accounts/shop/decisions", 200, allowedLabel)
	for _, path := range []string{"/login", "/logout", "/labels", "/verify", "/language"} {
		for _, site := range []string{"cross-site", "same-site"} { // another port of this machine is same-site
			p := r.post(path, url.Values{"account": {"shop"}, "language": {"en"}}, "Sec-Fetch-Site", site)
			require.Equal(t, http.StatusForbidden, p.StatusCode, "%s %s", path, site)
		}
	}
	require.NotContains(t, r.get("/dashboard").text, "<b>SF")
}

func TestSessions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, path := range []string{"/labels", "/verify"} {
		p := r.post(path, nil)
		require.Equal(t, "/", p.Header.Get("Location"), "%s needs a session", path)
	}
	require.Equal(t, "/", r.get("/dashboard").Header.Get("Location"))

	planted := r.post("/login", url.Values{"account": {"shop"}}, "Cookie", sessionCookie+"=planted")
	cookie := planted.Header.Get("Set-Cookie")
	require.NotContains(t, cookie, "planted", "an id that came along is not taken over")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Lax")

	require.Equal(t, "/dashboard", r.get("/").Header.Get("Location"), "signed in already")
	r.now.Advance(sessionFor)
	require.Equal(t, "/", r.get("/dashboard").Header.Get("Location"), "over after its time")

	r.signIn("shop")
	r.post("/logout", nil)
	require.Equal(t, "/", r.get("/dashboard").Header.Get("Location"))
}

func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSessions((&fixturetest.Clock{}).Now)
	first := s.start("first", nil)
	for range maxSessions - 1 {
		s.start("more", nil)
	}
	require.Equal(t, "first", s.account(first))
	s.start("one too many", nil)
	require.Empty(t, s.account(first))
	require.Len(t, s.byID, maxSessions)
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, path := range []string{"/", "/dashboard", "/nowhere", "/assets/portal.css"} {
		h := r.get(path).Header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-store", h.Get("Cache-Control"), path)
		policy := h.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.Contains(t, policy, "script-src "+r.service.URL+";", path)
		require.NotContains(t, policy, "unsafe", path)
	}
}

func TestWhatBecameOfThePromptIsToldOfTheSessionsOwnAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service.answer("POST /v1/accounts/shop/logins", 200, promptLogin)
	r.service.answer("POST /v1/accounts/shop/prompts/3", 200, `{"number":3,"event":"shown","first":true}`)
	tell := func(number, event string) int {
		return r.post("/prompts", url.Values{"number": {number}, "event": {event}, "account": {"other"}}).StatusCode
	}
	require.Equal(t, http.StatusForbidden, tell("3", "shown"), "nobody is signed in")
	require.Contains(t, r.signIn("shop").text, `data-verigate-feedback="/prompts"`)
	require.Equal(t, http.StatusNoContent, tell("3", "shown"))
	require.Equal(t, http.StatusForbidden, tell("x", "shown"))
	require.Equal(t, http.StatusBadGateway, tell("4", "shown"), "the service refuses")
	var told []asked
	for _, a := range r.service.requests() {
		if strings.Contains(a.path, "/prompts/") {
			told = append(told, a)
		}
	}
	require.Len(t, told, 2)
	require.Equal(t, []string{"/v1/accounts/shop/prompts/3", "shown"}, []string{told[0].path, told[0].body["event"]})
	require.Contains(t, r.get("/").Header.Get("Content-Security-Policy"), "connect-src 'self';")
}
