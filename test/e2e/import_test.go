package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// importAccounts: good lines are taken, bad ones are answered, and the same again changes nothing.
func importAccounts(t *testing.T, d *demo) {
	plain, verified, approved := d.known(t, d.newID(t), d.adult()), d.known(t, d.newID(t), d.adult()), d.known(t, d.newID(t), d.adult())
	line := func(a *account, more ...any) map[string]any {
		l := coveredFacts()
		l["account_id"] = a.id
		for i := 0; i < len(more); i += 2 {
			l[more[i].(string)] = more[i+1] //nolint:gosec // pairs
		}
		return l
	}
	lines := []any{
		line(plain),
		line(verified, "verified", map[string]any{"at": "2020-10-05T10:00:00+08:00", "method": "counter", "evidence": "box/17"}),
		line(approved, "real_name", map[string]any{"at": "2020-10-06T10:00:00+08:00", "evidence": "box/18"}),
		`{"account_id":"x"`,
		line(plain, "colour", "red"),
		line(plain, "region", "cn"),
		line(verified, "verified", map[string]any{"at": "2020-10-05T10:00:00+08:00", "method": "counter", "evidence": "box/17"}, "real_name", map[string]any{"at": "2020-10-06T10:00:00+08:00", "evidence": "box/18"}),
	}
	got := plain.service.importLines(t, lines...)
	require.Len(t, got, len(lines)+1)
	for i, want := range []string{"created", "created", "created", "error", "error", "error", "error"} {
		require.Equal(t, i+1, got[i].Line)
		require.Equal(t, want, got[i].Result, "line %d: %+v", i+1, got[i].Problem)
		require.Equal(t, want == "error", got[i].Problem != nil)
	}
	require.Equal(t, "invalid_request", got[3].Problem.Code)
	require.Equal(t, []string{"colour"}, got[4].Problem.fields())
	require.Equal(t, []string{"region"}, got[5].Problem.fields())
	require.Equal(t, summary{Lines: 7, Created: 3, Errors: 4}, *got[7].Summary)

	again := plain.service.importLines(t, lines[:3]...)
	require.Equal(t, summary{Lines: 3, Unchanged: 3}, *again[3].Summary)

	require.Equal(t, "unverified", plain.status().State)
	s := verified.status()
	require.Equal(t, "verified", s.State)
	require.Equal(t, "imported", *s.Method)
	verified.requireGate("allow", "verified")
	log := verified.history()
	require.Len(t, log, 1)
	require.Equal(t, "box/17", log[0].Detail.Provenance.Evidence)

	// An older approval lets the information be updated; the course then goes on here.
	require.Equal(t, "approved", approved.status().State)
	refused(approved.service, http.StatusConflict, "step_not_allowed", approved.path("verification/start-face"), consent())
	page := approved.follow()
	page.until("approved")
	submitted := approved.command("submit", approved.person.form())
	require.Greater(t, submitted.Seq, int64(1))
	eventually(t, patience, "the new information is reviewed", func() bool { return len(approved.events()) == 4 })
	d.phone(t).finish(approved.startFace(), "pass")
	page.until("verified")

	// Other facts of a known account can lift a block, so an import does not change them.
	moved := plain.service.importLines(t, line(plain, "region", "US"))
	require.Equal(t, "error", moved[0].Result)
	require.Equal(t, "facts_differ", moved[0].Problem.Code)
	plain.requireGate("block", "enforced")
}

// batch: many accounts at once, in the order asked.
func batch(t *testing.T, d *demo) {
	a, b := d.account(t), d.account(t)
	type item struct {
		decision
		Problem *refusal `json:"problem"`
	}
	got := post[struct {
		Decisions []item `json:"decisions"`
	}](a.service, "/v1/decisions:batch", map[string]any{"action": "create_label", "account_ids": []string{b.id, "nobody-here", a.id, "sample-verified"}})
	require.Len(t, got.Decisions, 4)
	for i, want := range []string{b.id, "nobody-here", a.id, "sample-verified"} {
		require.Equal(t, want, got.Decisions[i].AccountID)
	}
	require.Equal(t, "block enforced", effectOf(got.Decisions[0].decision))
	require.Equal(t, "account_not_found", got.Decisions[1].Problem.Code)
	require.Equal(t, "allow verified", effectOf(got.Decisions[3].decision))
}

// keysAndScopes: without a key nothing, with a key what it is for.
func keysAndScopes(t *testing.T, d *demo) {
	a := d.account(t)
	for name, key := range map[string]string{"none": "", "no key of ours": "vg_0011223344556677_c2VjcmV0", "cut": d.ready.APIKey[:len(d.ready.APIKey)-1]} {
		stranger := caller{t, d, key, web(t)}
		p := refusedRequest(stranger, http.StatusUnauthorized, "unauthenticated", request{method: http.MethodGet, path: a.path("verification")})
		require.NotEmpty(t, p.Title, name)
	}
	refused(a.reviewer, http.StatusForbidden, "forbidden", a.path("decisions"), map[string]any{"action": "login"})
	refused(a.service, http.StatusForbidden, "forbidden", "/v1/extensions/any/approve", map[string]any{})
	p := refusedRequest(a.service, http.StatusForbidden, "forbidden", request{
		method: http.MethodPut, path: a.path(""), body: map[string]any{"kind": "enterprise", "region": "CN", "registered_at": "2020-11-01T09:00:00+08:00"},
	})
	require.Equal(t, "accounts:correct", p.Scope)
	a.requireGate("block", "enforced")
}
