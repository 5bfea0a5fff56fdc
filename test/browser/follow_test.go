package browser

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// endings are the results of a face scan, with the page that shows each.
func endings() map[string]string { return map[string]string{"pass": "/m/done", "fail": "/m/failed"} }

func eachEnding(t *testing.T, run func(t *testing.T, result, path string)) {
	t.Helper()
	for result, path := range endings() {
		t.Run(result, func(t *testing.T) {
			t.Parallel()
			run(t, result, path)
		})
	}
}

// resultByPush: steps 12 and 13. Without polling, only an event can bring the result.
func resultByPush(t *testing.T, s *stage) {
	eachEnding(t, func(t *testing.T, result, path string) {
		_, b := s.showQR(t, computer("en"))
		b.block("/m/state")
		p := s.scan(t, b.photograph(), "en")
		p.agree()
		p.finish(result)
		b.awaitPath(path)
	})
}

// resultByPolling: the same behind a proxy that lets no event stream through.
func resultByPolling(t *testing.T, s *stage) {
	eachEnding(t, func(t *testing.T, result, path string) {
		_, b := s.showQR(t, computer("en"))
		b.block("/m/events")
		b.reload() // the stream that was open before is cut with its page
		p := s.scan(t, b.photograph(), "en")
		p.agree()
		p.finish(result)
		b.awaitPath(path)
	})
}

// resultByButton: steps 14 and 15. Neither events nor polling get through; the button under the QR does.
func resultByButton(t *testing.T, s *stage) {
	eachEnding(t, func(t *testing.T, result, path string) {
		a, b := s.showQR(t, computer("en"))
		b.block("/m/events", "/m/state")
		b.reload()
		p := s.scan(t, b.photograph(), "en")
		p.agree()
		p.finish(result)
		a.await(map[string]string{"pass": "verified", "fail": "face_failed"}[result])
		require.Equal(t, "/m/qr", eval[string](b, "location.pathname"), "the page does not know yet")
		b.refresh()
		b.awaitPath(path)
	})
}

// noResultYet: the button says what is true now, also when nothing has happened.
func noResultYet(t *testing.T, s *stage) {
	for _, language := range languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			_, b := s.showQR(t, computer(language))
			b.refresh()
			b.awaitPath("/m/qr")
			b.awaitElement("#note .note[role=status]")
			b.audit("09-qr-no-result-yet")
		})
	}
}

// twoTabs: both tabs of one device follow, whichever of them acts.
func twoTabs(t *testing.T, s *stage) {
	_, first := s.showQR(t, computer("en"))
	second := first.another()
	second.open(s.API + "/m/qr")
	second.awaitElement("#qr")
	second.pressOn("a[href='/m/alternative']")
	second.pressOn("form[action='/m/alternative'] button.primary")
	second.awaitPath("/m/manual")
	first.awaitPath("/m/manual")
	first.pressOn("form[action='/m/manual'] button")
	first.awaitElement("#renew") // the code ended when the other way was chosen
	second.awaitElement("#renew")
	first.pressOn("#renew")
	second.awaitElement("#qr")
	p := s.scan(t, first.photograph(), "en")
	p.agree()
	p.finish("pass")
	first.awaitPath("/m/done")
	second.awaitPath("/m/done")
}

// twoDevices: a second device needs a link of its own, and then follows as the first does.
func twoDevices(t *testing.T, s *stage) {
	a, first := s.showQR(t, computer("en"))
	second := s.device(t, computer("zh-CN"))
	second.expect("status of 401")
	second.open(s.API + "/m/qr")
	require.False(t, second.says(a.id), "no session, no account")
	second.enter(a)
	second.pressOn("#next")
	second.awaitPath("/m/qr")
	require.Equal(t, first.photograph(), second.photograph(), "one code for one account")
	p := s.scan(t, second.photograph(), "en")
	first.awaitElement(".state.scanned")
	second.awaitElement(".state.scanned")
	p.agree()
	p.finish("pass")
	first.awaitPath("/m/done")
	second.awaitPath("/m/done")
}

// usedLink: whoever gets hold of a link after its merchant opened it sees nothing.
func usedLink(t *testing.T, s *stage) {
	a := s.account(t)
	link := a.link()
	first, thief := s.device(t, computer("en")), s.device(t, computer("en"))
	first.open(link)
	thief.open(link)
	first.land()
	thief.expect("status of 410")
	thief.pressOn("form[action^='/m/l/'] button.primary")
	thief.awaitText("This link has already been used")
	require.False(t, thief.says(a.id))
	first.open(link)
	first.awaitPath("/m/")
}
