package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// expiredQR: a code that was not used in time ends, and another one of the same order takes its place.
func expiredQR(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	old := a.showQR()
	first := hand.scan(old)
	s := a.await("approved")
	require.Nil(t, s.QR)
	require.Contains(t, s.Allowed, "start_face")
	require.Equal(t, 1, s.Attempts.Used)
	require.Contains(t, hand.open(old.URL, http.StatusGone).text, "二维码已失效")
	hand.open(old.PNG, http.StatusGone)

	shown := a.command("start-face", map[string]any{})
	require.Equal(t, 1, shown.Attempts.Used, "no other attempt begins")
	again := a.qr(shown)
	require.NotEqual(t, old.LeaseID, again.LeaseID)
	require.Equal(t, first, hand.scan(again), "both codes lead to the same order")
	hand.open(old.URL, http.StatusGone)
	hand.finish(again, "pass")
	a.await("verified")
	require.Equal(t, []string{"submit", "begin_review", "approve", "issue_qr", "scan", "expire", "issue_qr", "scan", "pass"}, a.events())
}

// latePass: whoever finishes after the code ended has passed all the same.
func latePass(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	id := hand.scan(a.showQR())
	a.await("approved")
	hand.decide(id, "pass")
	require.Equal(t, "verified", a.command("refresh", map[string]any{}).State)
	a.requireGate("allow", "verified")
}

// latePassByReturn: nobody presses anything; the phone that comes back is enough.
func latePassByReturn(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	location := hand.open(qr.URL, http.StatusFound).location
	id := hand.certifyID(location)
	hand.open(location, http.StatusOK)
	page := a.follow()
	page.until("approved")
	done := hand.press(d.ready.Alipay+"/phone/"+id+"/result", map[string][]string{"result": {"pass"}})
	hand.open(done.location, http.StatusOK)
	page.until("verified")
}

// latePassOfOlderAttempt: the first attempt failed by evidence, a second one is shown, and then the first one passes.
func latePassOfOlderAttempt(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	first := hand.scan(qr)
	hand.finish(qr, "fail")
	a.await("face_failed")
	second := hand.scan(a.qr(a.command("start-face", map[string]any{})))
	require.NotEqual(t, first, second)
	hand.decide(first, "pass")
	require.Equal(t, "verified", a.command("refresh", map[string]any{}).State)
}

// lockedAndUnlocked: with the day's attempts used up the account is locked until the day ends or an operator helps.
func lockedAndUnlocked(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	clearOfMidnight(t, a)
	page := a.follow()
	qr := a.showQR()
	hand.finish(qr, "fail")
	require.Equal(t, 1, page.until("face_failed").Attempts.Left)
	hand.finish(a.qr(a.command("start-face", map[string]any{})), "fail")
	s := page.until("locked")
	require.Equal(t, 2, s.Attempts.Used)
	require.Equal(t, 0, s.Attempts.Left)
	require.Equal(t, "none", s.Turn)
	y, m, day := s.Since.In(beijing()).Date()
	midnight := time.Date(y, m, day+1, 0, 0, 0, 0, beijing())
	require.True(t, s.Attempts.NextAt.Equal(midnight), "next_at is %s", s.Attempts.NextAt)

	p := refused(a.service, http.StatusConflict, "attempts_exhausted", a.path("verification/start-face"), consent())
	require.True(t, p.NextAt.Equal(midnight))
	require.Equal(t, "locked", p.State)
	require.Equal(t, "reviews:write", refused(a.service, http.StatusForbidden, "forbidden", a.path("unlock"), map[string]any{"reason": "hardship"}).Scope)
	unlocked := post[status](a.reviewer, a.path("unlock"), map[string]any{"reason": "hardship"})
	require.Equal(t, "approved", unlocked.State)
	require.Equal(t, 2, unlocked.Attempts.Left, "a fresh allowance")
	hand.finish(a.startFace(), "pass")
	page.until("verified")
}

func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// clearOfMidnight waits until the Beijing day will last long enough for a test about its attempts. The clock is that
// of the answers.
func clearOfMidnight(t *testing.T, a *account) {
	t.Helper()
	eventually(t, 5*time.Minute, "midnight is over", func() bool {
		now := a.decide("login").At.In(beijing())
		y, m, d := now.Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, beijing()).Sub(now) > 2*time.Minute
	})
}
