package e2e

import (
	"net/http"

	"github.com/stretchr/testify/require"
)

// transition is one kind of change, with how to get there, how to make it, and what may come instead.
type transition struct {
	event   string // as the fail-points name it: the first entry of an append
	update  string // the command whose answer can be cut off, "" if nobody waits for one
	env     []string
	prepare func(*course)
	trigger func(*course)
	again   func(*course) // the same command, nil for what is none
	other   func(*course) // another command
}

func transitions() []transition {
	repeat := func(event string) func(*course) { return func(w *course) { w.repeat(event) } }
	cut := func(r func(*course) request) func(*course) { return func(w *course) { w.doom(r(w)) } }
	submit := func(w *course) request { return w.merchant("submit", w.person.form()) }
	return []transition{
		{event: "submit", update: "submit", trigger: cut(submit), again: repeat("submit"), other: (*course).reportLogin},
		{event: "begin_review", trigger: cut(submit), again: repeat("submit"), other: (*course).tryManual},
		{event: "approve", update: "review", prepare: (*course).underReview, other: (*course).reportLogin,
			trigger: cut(func(w *course) request { return w.verdict("", "approve") }), again: repeat("approve")},
		{event: "reject", update: "review", prepare: (*course).underReview, other: (*course).reportLogin,
			trigger: cut(func(w *course) request { return w.verdict("", "reject") }), again: repeat("reject")},
		{event: "issue_qr", update: "start_face", prepare: (*course).approved, other: (*course).tryManual,
			trigger: cut(func(w *course) request { return w.merchant("start-face", consent()) }), again: repeat("issue_qr")},
		{event: "scan", update: "scan", prepare: (*course).shown, trigger: (*course).doomedScan, other: (*course).tryManual},
		{event: "pass", update: "refresh", prepare: (*course).shown, trigger: (*course).doomedPass,
			again: repeat("refresh"), other: (*course).tryManual},
		{event: "fail", prepare: (*course).shown, trigger: (*course).failAtProvider, other: (*course).tryManual},
		{event: "expire", env: []string{leaseEnv + shortLease.String()}, prepare: (*course).shown,
			trigger: func(*course) {}, other: (*course).tryManual},
		{event: "choose_manual", update: "choose_manual", prepare: (*course).approved, other: (*course).tryFace,
			trigger: cut(func(w *course) request { return w.merchant("choose-manual", map[string]any{}) }), again: repeat("choose_manual")},
		{event: "cancel_manual", update: "cancel_manual", prepare: (*course).manual, other: (*course).refuseManual,
			trigger: cut(func(w *course) request { return w.merchant("cancel-manual", map[string]any{}) }), again: repeat("cancel_manual")},
		{event: "approve_manual", update: "manual_decision", prepare: (*course).manual, other: (*course).refuseManual,
			trigger: cut(func(w *course) request { return w.verdict("/manual", "approve") }), again: repeat("approve_manual")},
		{event: "reject_manual", update: "manual_decision", prepare: (*course).manual, other: func(w *course) { w.do("approve_manual", w.verdict("/manual", "approve")) },
			trigger: cut(func(w *course) request { return w.verdict("/manual", "reject") }), again: repeat("reject_manual")},
		{event: "withdraw_consent", update: "withdraw_consent", prepare: (*course).shown, other: (*course).tryManual,
			trigger: cut(func(w *course) request { return w.merchant("withdraw-consent", map[string]any{}) }), again: repeat("withdraw_consent")},
		{event: "correct", update: "correct", prepare: (*course).support, other: (*course).tryFace,
			trigger: cut((*course).correction), again: repeat("correct")},
		{event: "revoke", update: "revoke", prepare: (*course).imported, other: (*course).reportLogin,
			trigger: cut(func(w *course) request {
				return byReviewer(keyed(w.path("revoke"), w.key(), map[string]any{"reason": "forged_card"}))
			}), again: repeat("revoke")},
		{event: "unlock", update: "unlock", env: []string{attemptsEnv + "1"}, prepare: (*course).locked, other: (*course).tryManual,
			trigger: cut(func(w *course) request {
				return byReviewer(keyed(w.path("unlock"), w.key(), map[string]any{"reason": "hardship"}))
			}), again: repeat("unlock")},
		{event: "prompt", update: "login", trigger: (*course).doomedLogin, again: (*course).repeatLogin, other: func(w *course) { w.do("submit", submit(w)) }},
	}
}

// How to get there.

func (w *course) approved() {
	w.must("submit", w.merchant("submit", w.person.form()))
	w.await("approved")
}

func (w *course) underReview() {
	w.must("submit", w.merchant("submit", w.person.form()))
	w.await("under_review")
}

func (w *course) shown() {
	w.approved()
	w.must("issue_qr", w.merchant("start-face", consent()))
}

func (w *course) manual() {
	w.approved()
	w.must("choose_manual", w.merchant("choose-manual", map[string]any{}))
	w.service.giveEvidence(w.id, w.person.name)
}

func (w *course) locked() {
	w.shown()
	w.failAtProvider()
	w.await("locked")
}

// imported makes the account one that an older process verified.
func (w *course) imported() {
	line := coveredFacts()
	line["account_id"] = w.id
	line["verified"] = map[string]any{"at": "2020-10-05T10:00:00+08:00", "method": "counter", "evidence": "box/17"}
	require.Equal(w.t, "updated", w.service.importLines(w.t, line)[0].Result)
}

// How the process is brought to die where no command is cut off, or one of another form.

func (w *course) doomedScan() {
	w.t.Helper()
	_, err := w.hand.fetch(http.MethodGet, w.status().QR.URL, nil)
	require.Error(w.t, err)
}

func (w *course) doomedPass() {
	w.t.Helper()
	w.hand.decide(w.hand.scan(*w.status().QR), "pass")
	w.cut = w.merchant("refresh", map[string]any{})
	_, _ = w.service.try(w.cut) // who waits for the result may be first, and die first
}

func (w *course) failAtProvider() {
	w.t.Helper()
	w.hand.finish(*w.status().QR, "fail")
}
