package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// account is one account of the platform, with the merchant who holds it and the services that know it.
type account struct {
	t                 testing.TB
	d                 *demo
	id                string
	person            person
	service, reviewer caller
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// newID returns an account id that no other test has.
func (d *demo) newID(t testing.TB) string {
	t.Helper()
	name := notInID.ReplaceAllString(t.Name()[strings.LastIndexByte(t.Name(), '/')+1:], "-")
	return fmt.Sprintf("%s-%d", name[:min(len(name), 50)], d.made.Add(1))
}

// account registers an account of an adult that the founding rule covers.
func (d *demo) account(t testing.TB) *account {
	t.Helper()
	return d.accountOf(t, d.adult())
}

func (d *demo) accountOf(t testing.TB, p person) *account {
	t.Helper()
	a := d.known(t, d.newID(t), p)
	facts := ask[accountFacts](a.service, http.StatusCreated, request{
		method: http.MethodPut, path: a.path(""), body: coveredFacts(),
	})
	require.Equal(t, a.id, facts.AccountID)
	require.Equal(t, 1, facts.Version)
	return a
}

// known is an account that somebody else registered.
func (d *demo) known(t testing.TB, id string, p person) *account {
	t.Helper()
	return &account{t: t, d: d, id: id, person: p, service: d.service(t), reviewer: d.reviewer(t)}
}

func coveredFacts() map[string]any {
	return map[string]any{"kind": "individual", "region": "CN", "registered_at": "2020-11-01T09:00:00+08:00"}
}

func (a *account) path(rest string) string {
	return strings.TrimSuffix("/v1/accounts/"+a.id+"/"+rest, "/")
}

func (a *account) status() status {
	a.t.Helper()
	return get[status](a.service, a.path("verification"))
}

func (a *account) decide(action string) decision {
	a.t.Helper()
	return post[decision](a.service, a.path("decisions"), map[string]any{"action": action})
}

// requireGate expects what the gate says of creating a label now.
func (a *account) requireGate(effect, reason string) decision {
	a.t.Helper()
	d := a.decide("create_label")
	require.Equal(a.t, effect+" "+reason, d.Effect+" "+d.Reason)
	require.False(a.t, d.Hypothetical)
	return d
}

// login reports a login until its prompt is counted. On a busy machine the count may come too late for the answer,
// which is then null; the same login reported again tells it.
func (a *account) login(id string) (in login) {
	a.t.Helper()
	eventually(a.t, patience, "prompt counted", func() bool {
		in = post[login](a.service, a.path("logins"), map[string]any{"login_id": id})
		return !in.Prompt.Show || in.Prompt.Number != nil
	})
	return in
}

// command posts a command of the merchant and returns the state that answers it.
func (a *account) command(step string, body any) status {
	a.t.Helper()
	return post[status](a.service, a.path("verification/"+step), body)
}

func (p person) form() map[string]any {
	return map[string]any{
		"name": p.name, "document": map[string]any{"type": "cn_id", "number": p.number}, "risk_notice_version": "risk-1",
	}
}

func consent() map[string]any {
	return map[string]any{
		"consent": map[string]any{"text_version": "face-2026-12", "language": "zh-CN", "agreed": true},
		"provide": map[string]any{"text_version": "provide-2026-12", "agreed": true},
	}
}

// submit hands in the real-name information and waits for what the review makes of it.
func (a *account) submit(want string) status {
	a.t.Helper()
	a.command("submit", a.person.form())
	return a.await(want)
}

// startFace agrees to the terms and returns the QR code.
func (a *account) startFace() qrCode {
	a.t.Helper()
	return a.qr(a.command("start-face", consent()))
}

func (a *account) qr(s status) qrCode {
	a.t.Helper()
	require.Equal(a.t, "qr_issued", s.State)
	require.NotNil(a.t, s.QR)
	return *s.QR
}

// showQR takes an account from nothing to its first QR code.
func (a *account) showQR() qrCode {
	a.t.Helper()
	a.submit("approved")
	return a.startFace()
}

// history reads the whole log, a few entries at a time.
func (a *account) history() []entry {
	a.t.Helper()
	var all []entry
	for path := a.path("history") + "?limit=7"; ; {
		page := get[historyPage](a.service, path)
		all = append(all, page.Entries...)
		if page.Cursor == nil {
			return all
		}
		path = a.path("history") + "?limit=7&cursor=" + *page.Cursor
	}
}

// events are the events that changed something, oldest first.
func (a *account) events() []string {
	a.t.Helper()
	var names []string
	for _, e := range a.history() {
		if !e.Ignored {
			names = append(names, e.Event)
		}
	}
	return names
}

// review decides as a reviewer.
func (a *account) review(path, decision, reason string) status {
	a.t.Helper()
	body := map[string]any{"decision": decision, "note": "looked at the card of " + a.person.name}
	if reason != "" {
		body["reason_code"] = reason
	}
	if path == "/manual" && decision == "approve" {
		refused(a.reviewer, http.StatusConflict, "evidence_missing", "/v1/reviews/"+a.id+path, body)
		a.service.giveEvidence(a.id, a.person.name)
	}
	return post[status](a.reviewer, "/v1/reviews/"+a.id+path, body)
}
