package browser

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPortal is about the sample portal and the login prompt.
func TestPortal(t *testing.T) {
	t.Parallel()
	onStage(t, map[string]func(*testing.T, *stage){
		"faults are noticed":      faultsAreNoticed,
		"pages of the phone":      phonePages,
		"pages of the portal":     portalPages,
		"prompt at every login":   promptAtEveryLogin,
		"levels of the prompt":    promptLevels,
		"link of the prompt":      promptLink,
		"prompt without a mouse":  promptByKeyboard,
		"prompt without a script": promptWithoutScript,
		"prompt tells":            promptTells,
	})
}

// faultsAreNoticed breaks a page on purpose: the other tests are worth nothing if this one hears nothing.
func faultsAreNoticed(t *testing.T, s *stage) {
	b := s.device(t, computer("en"))
	b.open(s.Portal)
	require.Empty(t, b.heard())
	eval[bool](b, `document.body.setAttribute("style", "color: red"), true`)
	eventually(t, patience, func() string { return "a violation of the policy is heard" }, func() bool { return len(b.heard()) > 0 })
	eval[bool](b, `setTimeout(() => { throw new Error("on purpose") }), true`)
	eventually(t, patience, func() string { return "an exception is heard" }, func() bool { return len(b.heard()) > 0 })
	eval[bool](b, `document.querySelector("h1").insertAdjacentHTML("afterend", '<img src="/assets/portal.css">'), true`)
	require.Contains(t, b.violations(), "image-alt")
	b.heard()
}

// languages are what the pages speak, with a word of each sign-in page.
func languages() []string { return []string{"zh-CN", "en"} }

func (b *tab) signIn(account string) {
	b.t.Helper()
	b.open(b.s.Portal)
	b.fill("#account", account)
	b.pressOn("form.row button")
	b.awaitPath("/dashboard")
}

func portalPages(t *testing.T, s *stage) {
	for _, language := range languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			a := s.account(t)
			b := s.device(t, computer(language))
			b.open(s.Portal)
			b.audit("portal-signin")
			b.expect("422")
			b.expect("404")
			b.fill("#account", "nobody-here")
			b.pressOn("form.row button")
			b.audit("portal-signin-unknown")
			b.open(s.Portal + "/nowhere")
			b.audit("portal-nowhere")

			b.signIn(a.id)
			b.audit("portal-prompt-enforced")
			b.press(".vg-prompt-later")
			b.audit("portal-dashboard")
			b.pressOn("#create-label")
			b.awaitElement("#answer[data-kind=blocked]")
			require.False(t, b.says("SF0"), "no label was made")
			b.audit("portal-blocked")
			b.reload()
			require.False(t, eval[bool](b, visible("#answer")), "said once")

			b.signOut()
			b.signIn("sample-verified")
			require.False(t, eval[bool](b, visible("dialog")), "nothing to be prompted for")
			b.pressOn("#create-label")
			b.awaitElement("#answer[data-kind=created]")
			b.audit("portal-created")
		})
	}
}

func (b *tab) signOut() {
	b.t.Helper()
	b.pressOn(`form[action="/logout"] button`)
	b.awaitPath("/")
}

func promptAtEveryLogin(t *testing.T, s *stage) {
	a := s.account(t)
	b := s.device(t, computer("en"))
	for range 2 {
		b.signIn(a.id)
		b.awaitElement("dialog[open].vg-prompt-enforced")
		require.True(t, b.says("Until you have verified, you cannot:"))
		require.True(t, b.says("Create shipping labels"))
		b.reload()
		require.False(t, eval[bool](b, visible("dialog")), "a reload is no login")
		b.signOut()
	}
	b.signIn(a.id)
	b.pressOn(".vg-prompt-go")
	require.Contains(t, eval[string](b, "location.href"), s.API+"/m/", "verify now leads to the hosted pages")
}

// promptLevels signs in on days that lie differently far before the founding rule's deadline, and after it.
func promptLevels(t *testing.T, s *stage) {
	for _, level := range []struct{ name, at, en, zh string }{
		{"notice", "2020-11-17T09:00:00+08:00", "17 days left", "还剩 17 天"},
		{"warning", "2020-12-01T09:00:00+08:00", "3 days left", "还剩 3 天"},
		{"final", "2020-12-03T09:00:00+08:00", "Less than one day left", "剩余不足一天"},
		{"enforced", "2020-12-05T09:00:00+08:00", "The deadline has passed", "截止时间已过"},
	} {
		t.Run(level.name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339, level.at)
			require.NoError(t, err)
			then := &stage{demo: startDemoAt(t, at), axe: s.axe, browser: s.browser}
			for _, language := range languages() {
				a := then.account(t)
				b := then.device(t, computer(language))
				b.signIn(a.id)
				b.awaitElement("dialog[open].vg-prompt-" + level.name)
				b.awaitText(map[string]string{"en": level.en, "zh-CN": level.zh}[language])
				b.awaitText(map[string]string{"en": "Create shipping labels", "zh-CN": "创建物流面单"}[language])
				b.audit("portal-prompt-" + level.name)
				b.pressOn(".vg-prompt-go")
				b.awaitElement("form[action^='/m/l/']")
				require.Contains(t, eval[string](b, "location.href"), then.API+"/m/l/")
			}
		})
	}
}

// promptLink: a portal that shows the prompt in its own way gets the address from the answer. The script uses it where no
// action is given, and leaves out what is no web address.
func promptLink(t *testing.T, s *stage) {
	a := s.account(t)
	var login struct {
		Prompt struct {
			Link string `json:"link"`
		} `json:"prompt"`
	}
	s.call(t, http.MethodPost, a.path("/logins"), s.APIKey, map[string]string{"login_id": "login-1"}, http.StatusOK, &login)
	require.Equal(t, s.Portal+"/dashboard", login.Prompt.Link)
	b := s.device(t, computer("en"))
	b.open(login.Prompt.Link)
	b.awaitElement("#account") // sign in first
	b.signIn(a.id)
	b.press(".vg-prompt-later")
	for link, seen := range map[string]bool{login.Prompt.Link: true, "javascript:alert(1)": false} {
		eval[bool](b, fmt.Sprintf("VerigatePrompt.show({show: true, level: 'notice', link: %q}).then(said => { window.said = said }), true", link))
		b.awaitElement("dialog[open]")
		require.Equal(t, seen, eval[bool](b, visible("a.vg-prompt-go")), link)
		b.press(".vg-prompt-later")
		b.await("the caller is told", "window.said === 'later'")
		eval[bool](b, "delete window.said")
	}
}

func promptByKeyboard(t *testing.T, s *stage) {
	a := s.account(t)
	b := s.device(t, computer("zh-CN"))
	b.signIn(a.id)
	b.awaitElement("dialog[open]")
	require.True(t, eval[bool](b, `document.activeElement.matches(".vg-prompt-go")`), "the focus is in the dialog")
	b.tabTo(".vg-prompt-later")
	b.keys("\r")
	b.await("the dialog is closed", "!document.querySelector('dialog')")
	b.tabTo("#create-label")
	b.signOut()
	b.signIn(a.id)
	b.awaitElement("dialog[open]")
	b.keys("\x1b")
	b.await("Escape closes the dialog", "!document.querySelector('dialog')")
}

func promptWithoutScript(t *testing.T, s *stage) {
	a := s.account(t)
	b := s.device(t, computer("zh-CN"))
	b.noScript()
	b.signIn(a.id)
	require.True(t, eval[bool](b, visible("[data-verigate-prompt] button")))
	require.False(t, eval[bool](b, visible("dialog")))
}

// promptTells is about what the service hears of a prompt: that it was seen, and what the merchant did then.
func promptTells(t *testing.T, s *stage) {
	a := s.account(t)
	type told struct {
		Number      int     `json:"number"`
		ShownAt     *string `json:"shown_at"`
		DismissedAt *string `json:"dismissed_at"`
		ActedAt     *string `json:"acted_at"`
	}
	await := func(what string, last func(told) bool) {
		t.Helper()
		eventually(t, patience, func() string { return what }, func() bool {
			var all struct {
				Prompts []told `json:"prompts"`
			}
			s.call(t, http.MethodGet, a.path("/prompts"), s.APIKey, nil, http.StatusOK, &all)
			return len(all.Prompts) > 0 && last(all.Prompts[len(all.Prompts)-1])
		})
	}
	b := s.device(t, computer("en"))
	b.signIn(a.id)
	await("the first prompt was shown", func(p told) bool {
		return p.Number == 1 && p.ShownAt != nil && p.DismissedAt == nil && p.ActedAt == nil
	})
	b.press(".vg-prompt-later")
	await("and dismissed", func(p told) bool { return p.Number == 1 && p.DismissedAt != nil && p.ActedAt == nil })
	b.signOut()
	b.signIn(a.id)
	b.pressOn(".vg-prompt-go")
	await("the second one led on", func(p told) bool {
		return p.Number == 2 && p.ShownAt != nil && p.DismissedAt == nil && p.ActedAt != nil
	})
}
