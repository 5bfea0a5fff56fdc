package browser

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMerchant walks the merchant's way, steps 1 to 15, on a computer with a phone beside it.
func TestMerchant(t *testing.T) {
	t.Parallel()
	onStage(t, map[string]func(*testing.T, *stage){
		"whole way":                      wholeWay,
		"other states":                   otherStates,
		"pages without a session":        outside,
		"without a mouse":                wayByKeyboard,
		"without a script":               wayWithoutScript,
		"on a phone":                     wayOnPhone,
		"code on every screen":           codeOnEveryScreen,
		"result by push":                 resultByPush,
		"result by polling":              resultByPolling,
		"result by the button":           resultByButton,
		"no result yet":                  noResultYet,
		"two tabs":                       twoTabs,
		"two devices":                    twoDevices,
		"a used link leads nowhere else": usedLink,
	})
}

// wholeWay is everything that goes well, from the prompt to the label, with a reload and a step back on every page.
func wholeWay(t *testing.T, s *stage) {
	for _, language := range languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			a := s.account(t)
			b := s.device(t, computer(language))
			b.signIn(a.id)
			b.pressOn(".vg-prompt-go")
			b.audit("01-landing")
			b.steady()
			b.land()
			b.audit("02-status-unverified")
			b.steady()

			b.pressOn("#update")
			b.audit("03-risk-notice")
			b.steady()
			b.backTo("/m/")
			b.confirmNotice()
			b.audit("04-form")
			b.steady()
			number := s.number()
			wrong := number[:17] + map[bool]string{true: "1", false: "0"}[number[17] == '0']
			b.expect("/m/form") // 422
			b.save(person, wrong)
			b.awaitElement("#faults")
			require.Equal(t, wrong, eval[string](b, "document.querySelector('#number').value"), "nothing typed is lost")
			require.Equal(t, person, eval[string](b, "document.querySelector('#name').value"))
			require.True(t, eval[bool](b, "document.activeElement.id === 'faults'"), "the focus is on what is wrong")
			b.audit("05-form-faults")
			b.save(person, number)

			b.awaitPath("/m/terms") // by way of the review, which approves by itself
			require.False(t, b.says(number), "the number is masked")
			require.True(t, eval[bool](b, "document.querySelector('[data-tick] button.primary').disabled"))
			require.False(t, eval[bool](b, "document.querySelector('#agreed').checked"))
			b.audit("08-terms")
			b.steady()
			b.consent()
			b.awaitElement("#qr")
			b.audit("09-qr-waiting")
			b.steady()
			b.backTo("/m/qr") // the terms do not fit any more

			p := s.scan(t, b.photograph(), language)
			b.awaitElement(".state.scanned")
			b.audit("10-qr-scanned")
			b.steady()
			p.agree()
			p.finish("pass")
			b.awaitPath("/m/done")
			b.audit("13-done")
			b.steady()
			b.open(s.API + "/m/")
			b.audit("14-status-verified")
			b.backTo("/m/done")
			require.Equal(t, "verified", a.status().State)

			b.pressOn("main a[href^='" + s.Portal + "']")
			b.awaitPath("/dashboard")
			b.awaitElement("[data-state=verified]")
			b.pressOn("#create-label")
			b.awaitElement("#answer[data-kind=created]")
		})
	}
}

// otherStates is everything that does not go well, and the route without a face.
func otherStates(t *testing.T, s *stage) {
	for _, language := range languages() {
		t.Run("review "+language, func(t *testing.T) {
			t.Parallel()
			reviewPages(t, s, language)
		})
		t.Run("failure "+language, func(t *testing.T) {
			t.Parallel()
			failurePages(t, s, language)
		})
		t.Run("manual "+language, func(t *testing.T) {
			t.Parallel()
			manualPages(t, s, language)
		})
	}
}

func reviewPages(t *testing.T, s *stage, language string) {
	taken := s.number()
	s.account(t).command("submit", map[string]any{
		"name": person, "document": map[string]string{"type": "cn_id", "number": taken}, "risk_notice_version": "2020-11",
	})
	a := s.account(t)
	b := s.device(t, computer(language))
	b.enter(a)
	b.confirmNotice()
	b.save(person, taken) // a number of another account: a reviewer decides
	b.awaitPath("/m/review")
	a.await("under_review")
	b.audit("06-review")
	b.steady()
	a.review("reject", "name_id_mismatch")
	b.awaitPath("/m/rejected")
	b.audit("07-rejected")
	b.steady()
	b.open(s.API + "/m/")
	b.audit("07-status-rejected")
	b.confirmNotice()
	b.save(person, taken)
	b.awaitPath("/m/review")
	a.await("under_review")
	a.review("approve", "")
	b.awaitPath("/m/terms")
}

func failurePages(t *testing.T, s *stage, language string) {
	a, b := s.showQR(t, computer(language))
	p := s.scan(t, b.photograph(), language)
	p.agree()
	p.finish("fail")
	b.awaitPath("/m/failed")
	b.audit("11-failed")
	b.steady()
	b.pressOn("#again")
	b.awaitPath("/m/qr")
	b.awaitElement("#qr")
	b.backTo("/m/qr")

	b.pressOn("a[href='/m/withdraw']")
	b.awaitPath("/m/withdraw")
	b.audit("12-withdraw")
	b.steady()
	b.pressOn("form[action='/m/withdraw'] button.primary")
	b.awaitElement("#note .note")
	b.audit("12-withdrawn")
	require.NotEqual(t, "qr_issued", a.status().State)
}

func manualPages(t *testing.T, s *stage, language string) {
	a, b := s.showQR(t, computer(language))
	b.pressOn("a[href='/m/alternative']")
	b.awaitPath("/m/alternative")
	b.audit("15-alternative")
	b.steady()
	b.pressOn("form[action='/m/alternative'] button.primary")
	b.awaitPath("/m/manual")
	b.audit("16-manual")
	b.steady()
	b.pressOn("form[action='/m/manual'] button")
	b.await("the way with a face is open again", "location.pathname !== '/m/manual'")
	require.NotEqual(t, "manual_review", a.status().State)
	b.audit("17-manual-left")
}

// outside is what is shown to whoever has no session, or one no more.
func outside(t *testing.T, s *stage) {
	for _, language := range languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			a := s.account(t)
			b := s.device(t, computer(language))
			for _, status := range []string{"401", "404", "410"} {
				b.expect("the server responded with a status of " + status)
			}
			b.open(s.API + "/m/")
			b.audit("20-no-session")
			b.open(s.API + "/m/nowhere")
			b.audit("21-nowhere")
			b.open(s.API + "/m/l/bm90aGluZw")
			b.audit("22-unknown-link")
			link := a.link()
			b.open(link)
			b.land()
			b.pressOn("form[action='/m/leave'] button")
			b.awaitPath("/m/bye")
			b.audit("23-left")
			b.backTo("/m/")
			require.False(t, b.says(a.id), "nothing of the account is shown after leaving")
			b.open(link)
			b.audit("24-used-link")
		})
	}
}

// wayByKeyboard goes the whole way without touching a mouse.
func wayByKeyboard(t *testing.T, s *stage) {
	a := s.account(t)
	b := s.device(t, computer("en"))
	b.open(a.link())
	b.tabTo("a.skip")
	b.tabTo("form[action^='/m/l/'] button.primary")
	b.keys("\r")
	b.awaitPath("/m/")
	b.tabTo("#update")
	b.keys("\r")
	b.awaitPath("/m/update")
	b.tabTo("form[action='/m/update'] button.primary")
	b.keys("\r")
	b.awaitPath("/m/form")
	b.tabTo("#name")
	b.keys(person)
	b.tabTo("#number")
	b.keys(s.number())
	b.tabTo("#agreed")
	b.keys(" ")
	b.tabTo("#real-name button.primary")
	b.keys("\r")
	b.awaitPath("/m/terms")
	b.tabTo("#agreed")
	b.keys(" ")
	b.tabTo("#provided")
	b.keys(" ")
	b.tabTo("[data-tick] button.primary")
	b.keys("\r")
	b.awaitPath("/m/qr")
	b.tabTo("#refresh")
	require.True(t, strings.HasPrefix(b.photograph(), s.API+"/s/"))
	p := s.scan(t, b.photograph(), "en")
	b.awaitElement(".state.scanned")
	require.True(t, eval[bool](b, "document.activeElement.id === 'refresh'"), "the focus stays while the page changes")
	p.agree()
	p.finish("pass")
	b.awaitPath("/m/done")
}

// wayWithoutScript goes the whole way with forms and links alone.
func wayWithoutScript(t *testing.T, s *stage) {
	a := s.account(t).approved()
	b := s.device(t, computer("zh-CN"))
	b.noScript()
	b.enter(a)
	b.pressOn("#next")
	// The browser itself asks for the tick; whoever takes that out meets the server.
	eval[bool](b, "document.querySelector('#agreed').required = document.querySelector('#provided').required = false, true")
	b.expect("/m/terms") // 422
	b.pressOn("[data-tick] button.primary")
	b.awaitPath("/m/terms")
	require.Equal(t, "approved", a.status().State, "the server asks for the tick as well")
	b.press("#agreed")
	b.press("#provided")
	b.pressOn("[data-tick] button.primary")
	b.awaitPath("/m/qr")
	p := s.scan(t, b.photograph(), "zh-CN")
	p.agree()
	p.finish("pass")
	a.await("verified")
	b.refresh()
	b.awaitPath("/m/done")
}

// wayOnPhone: the merchant has no computer. Instead of a QR code there is a button that opens Alipay, which leads back to
// a page that says where to go from there.
func wayOnPhone(t *testing.T, s *stage) {
	for _, language := range languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			_, b := s.showQR(t, phone(language))
			require.True(t, strings.HasPrefix(eval[string](b, "document.querySelector('#app').href"), "alipays://"))
			require.False(t, eval[bool](b, visible("#qr")))
			b.audit("09-qr-on-a-phone")
			b.pressOn("a[href='/m/qr?view=qr']")
			link := b.photograph()
			p := b.another()
			p.open(link)
			p.agree()
			p.finish("pass")
			p.await("Alipay returns to our page", "location.pathname.startsWith('/r/')")
			p.awaitText("如果就在这部手机上打开，请切换回原来的页面")
			p.awaitText("If it is open on this phone, switch back to where you came from")
			p.inspect("phone-returned")
			b.awaitPath("/m/done")
			b.audit("13-done-on-a-phone")
		})
	}
}
