package browser

import (
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/stretchr/testify/require"
)

// What the merchant does on the hosted pages, one function per step of the way.

// enter opens a one-time link and presses on its landing page.
func (b *tab) enter(a *account) {
	b.t.Helper()
	b.open(a.link())
	b.land()
}

func (b *tab) land() {
	b.t.Helper()
	b.pressOn("form[action^='/m/l/'] button.primary")
	b.awaitPath("/m/")
}

// confirmNotice goes from the status to the form, by the risk notice.
func (b *tab) confirmNotice() {
	b.t.Helper()
	b.pressOn("#update")
	b.awaitPath("/m/update")
	b.pressOn("form[action='/m/update'] button.primary")
	b.awaitPath("/m/form")
}

func (b *tab) save(name, number string) {
	b.t.Helper()
	b.fill("#name", name)
	b.fill("#number", number)
	if !eval[bool](b, "document.querySelector('#agreed').checked") { // it stays ticked when the form comes back
		b.press("#agreed")
	}
	b.pressOn("#real-name button.primary")
}

// consent ticks the box and starts.
func (b *tab) consent() {
	b.t.Helper()
	b.awaitPath("/m/terms")
	b.press("#agreed")
	b.press("#provided")
	b.await("the start is enabled", "!document.querySelector('[data-tick] button.primary').disabled")
	b.pressOn("[data-tick] button.primary")
	b.awaitPath("/m/qr")
}

// showQR brings a new account to the QR page.
func (s *stage) showQR(t testing.TB, d device) (*account, *tab) {
	t.Helper()
	a := s.account(t).approved()
	b := s.device(t, d)
	b.enter(a)
	b.pressOn("#next")
	b.consent()
	return a, b
}

// refresh presses the button under the QR.
func (b *tab) refresh() { b.t.Helper(); b.pressOn("#refresh") }

// block keeps requests from arriving, as a proxy does that knows no event streams.
func (b *tab) block(paths ...string) {
	b.t.Helper()
	var patterns []*network.BlockPattern
	for _, path := range paths {
		patterns = append(patterns, &network.BlockPattern{URLPattern: b.s.API + path + "*", Block: true})
	}
	b.expect("ERR_BLOCKED_BY_CLIENT")
	must(b, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: patterns})
}

// steady checks that a reload shows the same page again.
func (b *tab) steady() {
	b.t.Helper()
	path, title := eval[string](b, "location.pathname"), eval[string](b, "document.querySelector('h1').textContent")
	b.reload()
	b.awaitPath(path)
	require.Equal(b.t, title, eval[string](b, "document.querySelector('h1').textContent"), "after a reload of %s", path)
}

// backTo presses the browser's back button, after which the tab is at a path; it may be the one that it was at, where
// the page before does not fit the state any more.
func (b *tab) backTo(path string) {
	b.t.Helper()
	eval[bool](b, "window.pressedHere = true")
	eval[bool](b, "history.back(), true")
	b.await("back at "+path, "!window.pressedHere && location.pathname === "+quoted(path)+" && !!document.querySelector('h1')")
}

// review decides on the account's information.
func (a *account) review(decision, reason string) {
	a.t.Helper()
	in := map[string]string{"decision": decision}
	if reason != "" {
		in["reason_code"] = reason
	}
	a.d.call(a.t, http.MethodPost, a.d.API+"/v1/reviews/"+a.id, a.d.ReviewerKey, in, http.StatusOK, nil)
}
