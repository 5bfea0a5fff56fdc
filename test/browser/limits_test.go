package browser

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLimits waits for the end of QR codes, of links and of the day's attempts.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := newStage(t, "VERIGATE_LIMITS_QR_LEASE=1m", "VERIGATE_LIMITS_ATTEMPTS_PER_DAY=2", "VERIGATE_PAGES_LINK_LIFE=1m")
	for name, run := range map[string]func(*testing.T, *stage, string){"expired QR": expiredQR, "expired link": expiredLink, "locked": locked} {
		for _, language := range languages() {
			t.Run(name+" "+language, func(t *testing.T) {
				t.Parallel()
				run(t, s, language)
			})
		}
	}
}

// expiredQR: for a code that nobody scanned the page gets another by itself, once. After that it says that the code has
// ended, and offers another. Old codes are dead.
func expiredQR(t *testing.T, s *stage, language string) {
	_, b := s.showQR(t, computer(language))
	first := b.photograph()
	b.await("another code is shown by itself", `document.querySelector("#scan-link").value !== `+quoted(first))
	second := b.photograph()
	require.NotEqual(t, first, second)
	b.awaitElement("#renew")
	b.audit("18-qr-ended")
	b.steady()
	for _, old := range []string{first, second} {
		p := s.device(t, phone(language))
		p.expect("status of 410")
		p.open(old)
		require.False(t, eval[bool](p, visible("main.phone")), "the old code leads nowhere")
		p.inspect("phone-code-ended")
	}
	b.pressOn("#renew")
	p := s.scan(t, b.photograph(), language)
	p.agree()
	p.finish("pass")
	b.awaitPath("/m/done")
}

// expiredLink: a link that was not used in time opens nothing, neither for who opens it then nor for who had opened the
// page before.
func expiredLink(t *testing.T, s *stage, language string) {
	a := s.account(t)
	early, late := s.device(t, computer(language)), s.device(t, computer(language))
	link := a.link()
	early.open(link)
	early.awaitElement("form[action^='/m/l/'] button.primary")
	expired := map[string]string{"zh-CN": "此链接已过期", "en": "This link has expired"}[language]
	ends := time.Now().Add(time.Minute) // no earlier than the link does
	eventually(t, patience, func() string { return "the link's minute is over" }, func() bool { return time.Now().After(ends) })
	for _, b := range []*tab{early, late} {
		b.expect("status of 410")
	}
	late.open(link)
	late.awaitText(expired)
	require.False(t, late.says(a.id))
	late.audit("25-expired-link")
	early.pressOn("form[action^='/m/l/'] button.primary")
	early.awaitText(expired)
	early.expect("status of 401")
	early.open(s.API + "/m/")
	require.False(t, early.says(a.id), "no session was begun")
}

// locked: the day's attempts are used up; an operator unlocks, and the page follows.
func locked(t *testing.T, s *stage, language string) {
	clearOfMidnight(t)
	a, b := s.showQR(t, computer(language))
	p := s.scan(t, b.photograph(), language)
	p.agree()
	p.finish("fail")
	b.awaitPath("/m/failed")
	b.pressOn("#again")
	b.awaitElement("#qr")
	p = s.scan(t, b.photograph(), language)
	p.agree()
	p.finish("fail")
	b.awaitPath("/m/locked")
	b.audit("19-locked")
	b.steady()
	a.d.call(t, http.MethodPost, a.path("/unlock"), a.d.ReviewerKey, map[string]string{"reason": "hardship"}, http.StatusOK, nil)
	b.await("the page moves on", "location.pathname !== '/m/locked'")
}

// clearOfMidnight waits until the Beijing day, by which attempts are counted, will last as long as the test.
func clearOfMidnight(t *testing.T) {
	t.Helper()
	eventually(t, 5*time.Minute, func() string { return "midnight in Beijing is over" }, func() bool {
		now := time.Now().In(time.FixedZone("UTC+8", 8*60*60))
		y, m, d := now.Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, now.Location()).Sub(now) > 3*time.Minute
	})
}
