package browser

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLimits waits for the end of a QR code and of the day's attempts.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := newStage(t, "VERIGATE_LIMITS_QR_LEASE=1m", "VERIGATE_LIMITS_ATTEMPTS_PER_DAY=2")
	for name, run := range map[string]func(*testing.T, *stage, string){"expired QR": expiredQR, "locked": locked} {
		for _, language := range languages() {
			t.Run(name+" "+language, func(t *testing.T) {
				t.Parallel()
				run(t, s, language)
			})
		}
	}
}

// expiredQR: the page says by itself that the code has ended, and offers another one; the old one is dead.
func expiredQR(t *testing.T, s *stage, language string) {
	_, b := s.showQR(t, computer(language))
	old := b.photograph()
	b.awaitElement("#renew")
	b.audit("18-qr-ended")
	b.steady()
	p := s.device(t, phone(language))
	p.expect("status of 410")
	p.open(old)
	require.False(t, eval[bool](p, visible("main.phone")), "the old code leads nowhere")
	p.inspect("phone-code-ended")
	b.pressOn("#renew")
	b.awaitElement("#qr")
	fresh := b.photograph()
	require.NotEqual(t, old, fresh)
	p = s.scan(t, fresh, language)
	p.agree()
	p.finish("pass")
	b.awaitPath("/m/done")
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
