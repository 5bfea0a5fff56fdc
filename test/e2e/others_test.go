package e2e

import (
	"net/http"

	"github.com/stretchr/testify/require"
)

// What may come before the command that was cut off. Each is taken or refused by the state that it finds.

func (w *course) tryManual() {
	w.t.Helper()
	w.do("choose_manual", w.merchant("choose-manual", map[string]any{}))
}

func (w *course) tryFace() {
	w.t.Helper()
	w.dropped++ // it may meet a run that does not know yet what the crash left in the log, and is then judged again
	w.do("issue_qr", w.merchant("start-face", consent()))
}

func (w *course) refuseManual() {
	w.t.Helper()
	w.do("reject_manual", w.verdict("/manual", "reject"))
}

// verdict is a reviewer's decision.
func (w *course) verdict(path, decision string) request {
	body := map[string]any{"decision": decision}
	if decision == "reject" {
		body["reason_code"] = "evidence_unreadable"
	}
	return byReviewer(keyed("/v1/reviews/"+w.id+path, w.key(), body))
}

// support brings the account to where support may correct, with a key of support's from then on.
func (w *course) support() {
	w.approved()
	w.desk = caller{w.t, w.d, w.d.supportKey(w.t), web(w.t)}
}

func (w *course) correction() request {
	form := w.d.adult().form()
	form["support_reason"] = "misspelt_name"
	r := w.merchant("correct", form)
	r.header[roleHeader] = "support"
	return r
}

func (w *course) loginRequest(id string) request {
	return keyed(w.path("logins"), w.key(), map[string]any{"login_id": id})
}

// reportLogin reports a login and expects its prompt to be counted, now or when it is reported again.
func (w *course) reportLogin() { w.t.Helper(); w.countLogin(w.loginRequest("other"), "other") }

func (w *course) doomedLogin() { w.t.Helper(); w.doom(w.loginRequest("doomed")) }

func (w *course) repeatLogin() { w.t.Helper(); w.countLogin(w.cut, "doomed") }

func (w *course) countLogin(r request, id string) {
	w.t.Helper()
	got := w.service.insist(r)
	require.Equal(w.t, http.StatusOK, got.status, "%s", got.body)
	told := decoded[login](w.t, got.body).Prompt
	if !told.Show {
		require.Equal(w.t, "verified", w.status().State, "only who is verified is not prompted")
		return
	}
	number := told.Number
	eventually(w.t, patience, "the prompt is counted", func() bool {
		if number == nil {
			number = w.login(id).Prompt.Number
		}
		return number != nil
	})
	require.Equal(w.t, *number, *w.login(id).Prompt.Number, "the same login has the same number")
	w.acked["prompt"]++
}

// finish takes the account to verified from wherever it is, as merchant and reviewer would.
func (w *course) finish() {
	w.t.Helper()
	for range 20 {
		s := w.status()
		switch s.State {
		case "verified":
			return
		case "unverified", "rejected":
			w.do("submit", w.merchant("submit", w.person.form()))
		case "submitted":
			w.awaitOther("submitted")
		case "under_review":
			if len(w.history()[s.Seq-1].Detail.Findings) == 0 {
				w.awaitOther("under_review") // the checks are being written
				continue
			}
			w.do("approve", w.verdict("", "approve"))
		case "approved", "face_failed":
			w.do("issue_qr", w.merchant("start-face", consent()))
		case "qr_issued", "scanned":
			w.passShown(s)
		case "locked":
			w.do("unlock", byReviewer(keyed(w.path("unlock"), w.key(), map[string]any{"reason": "hardship"})))
		case "manual_review":
			w.service.giveEvidence(w.id, w.person.name)
			w.do("approve_manual", w.verdict("/manual", "approve"))
		}
	}
	require.FailNow(w.t, "the account does not get to verified", "it is %s", w.status().State)
}

// awaitOther waits for the program to leave a state by itself.
func (w *course) awaitOther(state string) {
	w.t.Helper()
	eventually(w.t, patience, "the state "+state+" is left", func() bool { return w.status().State != state })
}

// passShown scans the code that is shown, passes at the provider, presses the button, and waits for what follows.
func (w *course) passShown(s status) {
	w.t.Helper()
	if s.QR == nil {
		w.awaitOther(s.State) // the code has just ended, which is about to be written
		return
	}
	got, err := w.hand.fetch(http.MethodGet, s.QR.URL, nil)
	require.NoError(w.t, err)
	if got.status != http.StatusFound {
		require.Equal(w.t, http.StatusGone, got.status, "%s", got.text)
		return // it ended meanwhile
	}
	w.hand.decide(w.hand.certifyID(got.location), "pass")
	w.do("refresh", w.merchant("refresh", map[string]any{}))
	// The provider is asked about an account once a second at most: a question that was asked just before answers for
	// this one, and may be older than the pass. Then who waits for the result brings it.
	eventually(w.t, patience, "the result is taken", func() bool {
		state := w.status().State
		return state != "qr_issued" && state != "scanned"
	})
}

// check holds the log against what was acknowledged, and the provider's orders against both.
func (w *course) check() {
	w.t.Helper()
	log := w.settled()
	for event, n := range w.acked {
		switch event {
		case "refresh": // asks, and changes nothing by itself
		case "issue_qr":
			// Who clicks while an order is under way is shown the code of that order.
			require.LessOrEqual(w.t, count(log, event), n, "%s", event)
		default:
			require.Equal(w.t, n, count(log, event), "acknowledged, and in the log: %s", event)
		}
	}
	require.Equal(w.t, count(log, "submit")+count(log, "correct"), count(log, "begin_review"), "one review for each revision")
	for lease := range w.leases {
		require.True(w.t, hasLease(log, lease), "the code that was shown is not in the log")
	}
	orders := len(w.hand.orders())
	require.GreaterOrEqual(w.t, orders, len(attempts(log)), "an order for each attempt")
	require.LessOrEqual(w.t, orders, len(attempts(log))+w.dropped, "and no other")
}

func hasLease(log []entry, id string) bool {
	for _, e := range log {
		if e.Detail.Lease != nil && e.Detail.Lease.ID == id {
			return true
		}
	}
	return false
}
