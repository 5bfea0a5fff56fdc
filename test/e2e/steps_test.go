package e2e

import (
	"bytes"
	"image/png"
	"net/http"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"
)

// allStepsToSuccess is the merchant's whole way, step by step as the product's table numbers them.
func allStepsToSuccess(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	blocked := a.requireGate("block", "enforced")
	require.Equal(t, "existing-individuals", *blocked.Rule)
	require.True(t, blocked.Since.Equal(instant(t, "2020-12-04T00:00:00+08:00")))
	require.Equal(t, "submit", *blocked.RequiredStep)
	require.NotNil(t, blocked.Receipt)
	require.NotEmpty(t, blocked.Message.En)
	require.NotEmpty(t, blocked.Message.ZhCN)

	// 1: the login shows the prompt.
	in := a.login("first")
	require.Equal(t, "prompt", in.Decision.Effect)
	require.True(t, in.Prompt.Show)
	require.Equal(t, 1, *in.Prompt.Number)
	require.Equal(t, "enforced", *in.Prompt.Level)

	// 2: the account page.
	s := a.status()
	require.Equal(t, "unverified merchant", s.State+" "+s.Turn)
	require.Contains(t, s.Allowed, "submit")

	// 3 and 4: nothing is taken before the risk notice is confirmed. 5: faults stand at their fields, all at once.
	form := a.person.form()
	form["risk_notice_version"] = ""
	require.Equal(t, []string{"risk_notice_version"}, refused(a.service, http.StatusUnprocessableEntity, "validation_failed", a.path("verification/submit"), form).fields())
	wrong := person{name: "", number: a.person.number[:17] + "?"}
	require.ElementsMatch(t, []string{"name", "document.number"}, refused(a.service, http.StatusUnprocessableEntity, "validation_failed", a.path("verification/submit"), wrong.form()).fields())
	require.Equal(t, s.Seq, a.status().Seq, "nothing happened yet")

	// 5 and 6: submitted, and approved without a reload.
	page := a.follow()
	submitted := a.command("submit", a.person.form())
	require.Greater(t, submitted.Seq, s.Seq)
	s = page.until("approved")
	require.Contains(t, s.Allowed, "start_face")
	require.Contains(t, s.Allowed, "choose_manual", "the route without a face is offered")
	require.Equal(t, "start_face", *a.decide("create_label").RequiredStep)

	// 7 and 8: the terms, the QR code, the scan.
	qr := a.startFace()
	require.Equal(t, qr.URL, readQR(t, hand.open(qr.PNG, http.StatusOK)))
	s = page.until("qr_issued")
	require.Equal(t, qr, *s.QR, "the page shows the same code")
	hand.scan(qr)
	s = page.until("scanned")
	require.Equal(t, "provider", s.Turn)

	// 9 to 12: on the phone, and the page changes by itself.
	hand.finish(qr, "pass")
	s = page.until("verified")
	require.Equal(t, "face", *s.Method)
	require.Equal(t, "none", s.Turn)
	require.Nil(t, s.QR)

	require.NotNil(t, a.requireGate("allow", "verified").Since)
	require.False(t, a.login("second").Prompt.Show)
	require.Equal(t, []string{"prompt", "submit", "begin_review", "approve", "issue_qr", "scan", "pass"}, a.events())
	hand.open(qr.URL, http.StatusGone)
	hand.open(qr.PNG, http.StatusGone)
}

// readQR reads the picture as it is drawn. The library's search for a code in a photograph misses some 8 of 1,000 good ones.
func readQR(t *testing.T, p page) string {
	t.Helper()
	img, err := png.Decode(bytes.NewReader([]byte(p.text)))
	require.NoError(t, err)
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	require.NoError(t, err)
	code, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	require.NoError(t, err)
	return code.GetText()
}

// failureAndAnotherTry: step 13, and what it offers.
func failureAndAnotherTry(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	page := a.follow()
	hand.finish(qr, "fail")
	s := page.until("face_failed")
	require.Equal(t, "face_not_passed", *s.Reason)
	require.Equal(t, 1, s.Attempts.Used)
	require.Equal(t, 4, s.Attempts.Left)
	require.Equal(t, "merchant", s.Turn)
	require.Subset(t, s.Allowed, []string{"start_face", "choose_manual"})
	a.requireGate("block", "enforced")

	// Another try needs no second consent, and is another order with a code of its own.
	again := a.qr(a.command("start-face", map[string]any{}))
	require.NotEqual(t, qr.LeaseID, again.LeaseID)
	hand.open(qr.URL, http.StatusGone)
	hand.finish(again, "pass")
	require.Equal(t, "face", *page.until("verified").Method)
	a.requireGate("allow", "verified")
}

// refreshButtonSuccess: step 14. The page hears nothing; the button under the QR code asks.
func refreshButtonSuccess(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	hand.decide(hand.scan(a.showQR()), "pass")
	s := a.command("refresh", map[string]any{})
	require.Equal(t, "verified", s.State)
	require.Equal(t, s.Seq, a.command("refresh", map[string]any{}).Seq, "pressing again changes nothing")
}

// refreshButtonFailure: step 15. A failure needs the grace after the phone's return, so the button is pressed again.
func refreshButtonFailure(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	require.Contains(t, []string{"qr_issued"}, a.command("refresh", map[string]any{}).State, "nothing has happened yet")
	hand.finish(qr, "fail")
	eventually(t, patience, "the button shows the failure", func() bool {
		return a.command("refresh", map[string]any{}).State == "face_failed"
	})
}

// notPassedIsNotFailed: the provider says "not passed" of whoever has not finished, so that alone is no failure.
func notPassedIsNotFailed(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	id := hand.scan(qr)
	for _, ending := range []string{"fail", "cancel", "close"} {
		hand.decide(id, ending)
		require.Equal(t, "scanned", a.command("refresh", map[string]any{}).State, "after %s", ending)
	}
	hand.decide(id, "pass")
	a.await("verified")
}

// noConsentNoFace: the box is unticked, or there is no box.
func noConsentNoFace(t *testing.T, d *demo) {
	a := d.account(t)
	a.submit("approved")
	orders := len(d.phone(t).orders())
	unticked := consent()
	unticked["consent"].(map[string]any)["agreed"] = false
	for name, body := range map[string]map[string]any{"no consent": {}, "unticked": unticked} {
		p := refused(a.service, http.StatusUnprocessableEntity, "consent_required", a.path("verification/start-face"), body)
		require.NotEmpty(t, p.Detail, name)
	}
	require.Equal(t, "approved", a.status().State)
	require.NotContains(t, a.events(), "issue_qr")
	require.LessOrEqual(t, orders, len(d.phone(t).orders()))
}

// accountAsSeen: the account page's one answer holds what the parts say.
func accountAsSeen(t *testing.T, d *demo) {
	a := d.account(t)
	a.submit("approved")
	seen := get[accountDetail](a.service, a.path(""))
	require.Equal(t, a.id, seen.AccountID)
	require.Equal(t, a.status(), seen.Verification)
	require.Equal(t, "block", seen.Gates["create_label"].Effect)
	require.Equal(t, "prompt", seen.Gates["login"].Effect)
	require.Equal(t, "allow", seen.Gates["print_label"].Effect)
	require.Equal(t, "allow", seen.Gates["void_label"].Effect)
}

// previewsMarkNothing: whoever looks at a link without opening it is no phone that was held up to the code.
func previewsMarkNothing(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	head, err := hand.fetch(http.MethodHead, qr.URL, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, head.status)
	require.Equal(t, "qr_issued", a.status().State)
	hand.open(d.ready.API+"/s/"+"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", http.StatusNotFound)
	first, second := hand.scan(qr), hand.scan(qr)
	require.Equal(t, first, second, "the code may be opened again")
	require.Equal(t, []string{"submit", "begin_review", "approve", "issue_qr", "scan"}, a.events(), "and is one scan")
}
