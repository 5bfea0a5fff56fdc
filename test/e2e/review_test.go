package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// childIsRejected: the checks refuse a child, and the merchant may hand in something else.
func childIsRejected(t *testing.T, d *demo) {
	a := d.accountOf(t, d.born(bornYearsAgo(10)))
	page := a.follow()
	a.command("submit", a.person.form())
	s := page.until("rejected")
	require.Equal(t, "under_14", *s.Reason)
	require.Equal(t, "merchant", s.Turn)
	require.Contains(t, s.Allowed, "submit")
	refused(a.service, http.StatusConflict, "step_not_allowed", a.path("verification/start-face"), consent())
	a.requireGate("block", "enforced")

	a.person = d.adult()
	a.command("submit", a.person.form())
	page.until("approved")
}

// reviewerDecides: the number of somebody who is verified already is looked at by a person.
func reviewerDecides(t *testing.T, d *demo) {
	hand := d.phone(t)
	first := d.account(t)
	hand.finish(first.showQR(), "pass")
	first.await("verified")

	a := d.accountOf(t, first.person)
	page := a.follow()
	a.command("submit", a.person.form())
	s := page.until("under_review")
	require.Equal(t, "operator", s.Turn)
	require.Contains(t, a.queue(), a.id)
	log := a.history()
	require.Equal(t, []string{"duplicate_number"}, log[len(log)-1].Detail.Findings)

	decision := map[string]any{"decision": "approve"}
	require.Equal(t, "reviews:write", refused(a.service, http.StatusForbidden, "forbidden", "/v1/reviews/"+a.id, decision).Scope)
	require.Equal(t, []string{"reason_code"}, refused(a.reviewer, http.StatusUnprocessableEntity, "validation_failed", "/v1/reviews/"+a.id, map[string]any{"decision": "reject"}).fields())
	a.review("", "reject", "number_of_another_account")
	s = page.until("rejected")
	require.Equal(t, "number_of_another_account", *s.Reason)
	require.NotContains(t, a.queue(), a.id)
	p := refused(a.reviewer, http.StatusConflict, "step_not_allowed", "/v1/reviews/"+a.id, decision)
	require.Equal(t, "rejected", p.State)

	a.command("submit", a.person.form())
	page.until("under_review")
	a.review("", "approve", "")
	page.until("approved")
	log = a.history()
	last := log[len(log)-1]
	require.Equal(t, "approve reviewer", last.Event+" "+last.Actor.Kind)
	require.True(t, last.Detail.HasNote)
	hand.finish(a.startFace(), "pass")
	page.until("verified")
}

// queue lists the accounts whose review waits for a person.
func (a *account) queue() []string {
	a.t.Helper()
	var ids []string
	for path := "/v1/verifications?state=under_review&limit=2"; ; {
		page := get[statusPage](a.reviewer, path)
		for _, s := range page.Verifications {
			require.Equal(a.t, "under_review operator", s.State+" "+s.Turn)
			ids = append(ids, s.AccountID)
		}
		if page.Cursor == nil {
			return ids
		}
		path = "/v1/verifications?state=under_review&limit=2&cursor=" + *page.Cursor
	}
}

// correction: long after the window only support may correct, and only with a key and a reason for it.
func correction(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	other := d.adult()
	p := refused(a.service, http.StatusConflict, "correction_not_allowed", a.path("verification/correct"), other.form())
	require.Equal(t, "qr_issued", p.State)
	require.Equal(t, "qr_issued", a.status().State)

	support := other.form()
	support["support_reason"] = "misspelt_name"
	require.Equal(t, "accounts:correct", refused(a.service, http.StatusForbidden, "forbidden", a.path("verification/correct"), support).Scope)

	id := hand.scan(qr)
	page := a.follow()
	page.until("scanned")
	post[status](a.reviewer, a.path("verification/correct"), support) // by a key that sends no merchant's commands
	page.until("approved")
	hand.open(qr.URL, http.StatusGone)

	// The face of the person who was corrected away verifies nobody.
	hand.decide(id, "pass")
	require.Equal(t, "approved", a.command("refresh", map[string]any{}).State)
	a.requireGate("block", "enforced")
	hand.finish(a.qr(a.command("start-face", map[string]any{})), "pass")
	page.until("verified")
	for _, e := range a.history() {
		if e.Event == "correct" {
			require.Equal(t, "support", e.Detail.Correction)
			require.Equal(t, "misspelt_name", *e.Reason)
		}
	}
}

// routeWithoutFace: chosen, left, refused and accepted.
func routeWithoutFace(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	qr := a.showQR()
	id := hand.scan(qr)
	s := a.command("choose-manual", map[string]any{"reason": a.person.name + " would rather not"})
	require.Equal(t, "manual_review operator", s.State+" "+s.Turn)
	require.Nil(t, s.QR)
	hand.open(qr.URL, http.StatusGone)
	require.Equal(t, "approved", a.command("cancel-manual", map[string]any{}).State)
	p := refused(a.service, http.StatusConflict, "step_not_allowed", a.path("verification/cancel-manual"), map[string]any{})
	require.Equal(t, "approved", p.State)
	require.Contains(t, p.Allowed, "start_face")

	a.command("choose-manual", map[string]any{})
	decision := map[string]any{"decision": "approve"}
	require.Equal(t, "reviews:write", refused(a.service, http.StatusForbidden, "forbidden", "/v1/reviews/"+a.id+"/manual", decision).Scope)
	refused(a.reviewer, http.StatusConflict, "step_not_allowed", "/v1/reviews/"+a.id, decision)
	s = a.review("/manual", "reject", "evidence_unreadable")
	require.Equal(t, "approved", s.State)
	require.Equal(t, "evidence_unreadable", *s.Reason)
	a.command("choose-manual", map[string]any{})
	s = a.review("/manual", "approve", "")
	require.Equal(t, "verified", s.State)
	require.Equal(t, "manual", *s.Method)
	a.requireGate("allow", "verified")
	hand.decide(id, "pass")
	require.Equal(t, "manual", *a.command("refresh", map[string]any{}).Method, "what came later changes nothing")
}

// withdrawnConsent: what was scanned under a consent that was taken back counts no more.
func withdrawnConsent(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	id := hand.scan(a.showQR())
	s := a.command("withdraw-consent", map[string]any{})
	require.Equal(t, "approved", s.State)
	require.NotContains(t, s.Allowed, "withdraw_consent")
	hand.decide(id, "pass")
	require.Equal(t, "approved", a.command("refresh", map[string]any{}).State)
	a.requireGate("block", "enforced")
	refused(a.service, http.StatusUnprocessableEntity, "consent_required", a.path("verification/start-face"), map[string]any{})

	again := a.startFace()
	require.NotEqual(t, id, hand.scan(again), "another order")
	hand.finish(again, "pass")
	a.await("verified")
}

// revoked: an operator undoes a verification, and the rules apply again at once.
func revoked(t *testing.T, d *demo) {
	a, hand := d.account(t), d.phone(t)
	hand.finish(a.showQR(), "pass")
	a.await("verified")
	a.requireGate("allow", "verified")
	require.Equal(t, []string{"reason"}, refused(a.reviewer, http.StatusUnprocessableEntity, "validation_failed", a.path("revoke"), map[string]any{"reason": ""}).fields())
	refused(a.service, http.StatusForbidden, "forbidden", a.path("revoke"), map[string]any{"reason": "forged_card"})
	s := post[status](a.reviewer, a.path("revoke"), map[string]any{"reason": "forged_card", "note": "so says " + a.person.name})
	require.Equal(t, "unverified", s.State)
	require.Nil(t, s.Method)
	a.requireGate("block", "enforced")
	require.True(t, a.login("afterwards").Prompt.Show)
	require.Equal(t, "unverified", a.command("refresh", map[string]any{}).State, "the old pass counts no more")

	hand.finish(a.showQR(), "pass")
	a.await("verified")
	a.requireGate("allow", "verified")
}
