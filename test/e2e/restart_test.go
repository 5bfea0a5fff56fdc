package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRestart ends the process in good order and goes on where it was.
func TestRestart(t *testing.T) {
	t.Parallel()
	afterwards(t, (*demo).stop)
}

// TestPowerCut is the same without any order.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	afterwards(t, (*demo).kill)
}

// soon is what a page may take to follow the phone after a start on a busy machine. It is less than the minute and a
// quarter after which the engine gives up a worker that is gone: nobody may have to wait for that.
const soon = 45 * time.Second

// afterwards takes accounts halfway, ends the process, starts it again on the same data, and takes them on.
func afterwards(t *testing.T, end func(*demo, testing.TB)) {
	t.Helper()
	d := startDemo(t)
	hand := d.phone(t)
	halfway, waiting, manual, done := d.account(t), d.account(t), d.account(t), d.account(t)
	qr := halfway.showQR()
	certify := hand.scan(qr)
	halfway.await("scanned")
	waiting.person = done.person
	hand.finish(done.showQR(), "pass")
	done.await("verified")
	waiting.submit("under_review")
	manual.showQR()
	manual.command("choose-manual", map[string]any{})
	number := *halfway.login("before").Prompt.Number
	everybody := []*account{halfway, waiting, manual, done}
	before, states := d.ready, map[string]status{}
	logs := map[string][]entry{}
	for _, a := range everybody {
		states[a.id], logs[a.id] = a.status(), a.history()
	}

	end(d, t)
	d.start(t)
	require.Equal(t, before.API, d.ready.API)
	require.Equal(t, before.APIKey, d.ready.APIKey, "keys are good after a restart")
	require.Equal(t, before.ReviewerKey, d.ready.ReviewerKey)
	for _, a := range everybody {
		require.Equal(t, states[a.id], a.status())
		require.Equal(t, logs[a.id], a.history())
	}
	require.Equal(t, "allow verified", effectOf(done.decide("create_label")))
	require.Equal(t, "block enforced", effectOf(waiting.decide("create_label")))
	require.Equal(t, number, *halfway.login("before").Prompt.Number, "a login that was counted is not counted again")

	page := halfway.follow()
	require.Equal(t, certify, hand.scan(qr), "the code on the screen is good, and leads to the same order")
	hand.finish(qr, "pass")
	page.untilWithin("verified", soon) // by itself: nobody pressed anything
	require.Equal(t, "approved", waiting.review("", "approve", "").State)
	require.Equal(t, "verified", manual.review("/manual", "approve", "").State)
	for _, a := range everybody {
		a.settled()
	}
}

// settled checks at rest what must hold of every account: the log has no gap and follows the table, the projection
// is its fold, and the workflow says the same.
func (a *account) settled() []entry {
	a.t.Helper()
	log := a.history()
	require.NoError(a.t, faultIn(log))
	s := a.status()
	if len(log) > 0 {
		last := log[len(log)-1]
		require.Equal(a.t, last.Seq, s.Seq, "the projection is the fold of the log")
		require.Equal(a.t, last.To, s.State)
	}
	run := decoded[status](a.t, a.service.insist(keyed(a.path("verification/refresh"), a.d.newID(a.t), map[string]any{})).body)
	require.Equal(a.t, s.State, run.State, "the workflow says what is recorded")
	require.Equal(a.t, s.Seq, run.Seq)
	require.Equal(a.t, s.Attempts.Used, run.Attempts.Used)
	return log
}

// TestManual is what a newcomer sees first.
func TestManual(t *testing.T) {
	t.Parallel()
	d := &demo{bin: binary(t, binEnv)}
	for _, args := range [][]string{{"--help"}, {"demo", "--help"}} {
		text := string(d.verigate(t, args...))
		require.Contains(t, text, "demo")
		require.Greater(t, strings.Count(text, "\n"), 10)
	}
}

// TestServedDescription checks that the running server describes itself.
func TestServedDescription(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	stranger := caller{t, d, "", web(t)}
	for _, path := range []string{"/healthz", "/readyz"} {
		require.Equal(t, http.StatusOK, stranger.send(request{method: http.MethodGet, path: path}).status, path)
	}
	var described struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(stranger.send(request{method: http.MethodGet, path: "/openapi.json"}).body, &described))
	require.Equal(t, "3.1.0", described.OpenAPI)
	require.Contains(t, described.Paths, "/v1/accounts/{account_id}/decisions")
	docs := stranger.send(request{method: http.MethodGet, path: "/docs"})
	require.Equal(t, http.StatusOK, docs.status)
	require.NotContains(t, string(docs.body), "https://unpkg.com")
}
