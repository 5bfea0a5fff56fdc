package browser

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPortal is about the sample portal and the login prompt.
func TestPortal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for name, run := range map[string]func(*testing.T, *stage){
		"faults are noticed":      faultsAreNoticed,
		"pages of the phone":      phonePages,
		"pages of the portal":     portalPages,
		"prompt at every login":   promptAtEveryLogin,
		"levels of the prompt":    promptLevels,
		"prompt without a mouse":  promptByKeyboard,
		"prompt without a script": promptWithoutScript,
		"prompt tells":            promptTells,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, s)
		})
	}
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

// promptLevels shows what only other days would: the demonstration's clock stands after the deadline.
func promptLevels(t *testing.T, s *stage) {
	for _, language := range languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			b := s.device(t, computer(language))
			a := s.account(t)
			b.signIn(a.id)
			b.press(".vg-prompt-later")
			for _, level := range []struct {
				name string
				days int
				says string
			}{
				{"notice", 17, map[string]string{"en": "17 days left", "zh-CN": "还剩 17 天"}[language]},
				{"warning", 3, map[string]string{"en": "3 days left", "zh-CN": "还剩 3 天"}[language]},
				{"final", 1, map[string]string{"en": "Last day", "zh-CN": "最后一天"}[language]},
			} {
				eval[bool](b, fmt.Sprintf(`VerigatePrompt.show({show: true, level: %q, days_left: %d, message: {
				  en: "Please complete face verification before 4 December 2020, 00:00 (UTC+08:00).",
				  "zh-CN": "请在2020年12月4日00:00（UTC+08:00）之前完成人脸识别验证。"}, link: "javascript:alert(1)"},
				  {limits: [{en: "Create shipping labels", "zh-CN": "创建物流面单"}]}).then(said => { window.said = said }), true`, level.name, level.days))
				b.awaitElement("dialog[open].vg-prompt-" + level.name)
				b.awaitText(level.says)
				require.False(t, eval[bool](b, visible(".vg-prompt-go")), "a link that is no web address is left out")
				b.audit("portal-prompt-" + level.name)
				b.press(".vg-prompt-later")
				b.await("the caller is told", "window.said === 'later'")
				eval[bool](b, "delete window.said")
			}
		})
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
