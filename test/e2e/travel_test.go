package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// timeTravel writes down what the gate said at moments of an account's life, and asks later what it said then.
func timeTravel(t *testing.T, d *demo) {
	before := d.known(t, "not-registered-yet", person{})
	early := d.known(t, "sample-old", person{}).decide("login").At
	refused(before.service, http.StatusNotFound, "account_not_found", before.path("decisions"), map[string]any{"action": "login"})

	a, hand := d.account(t), d.phone(t)
	var said []decision
	note := func() {
		for _, action := range []string{"create_label", "login", "print_label"} {
			said = append(said, a.decide(action))
		}
	}
	note()
	a.submit("approved")
	note()
	granted := a.extend(said[0].At.Add(48 * time.Hour))
	note()
	hand.finish(a.startFace(), "pass")
	a.await("verified")
	note()
	post[status](a.reviewer, a.path("revoke"), map[string]any{"reason": "forged_card"})
	note()

	effects := map[string]bool{}
	for _, then := range said {
		effects[then.Effect+" "+then.Reason] = true
		now := a.decideAt(then.Action, then.At, "did")
		require.True(t, now.Hypothetical)
		require.Equal(t, "did", now.Basis)
		require.Nil(t, now.Receipt)
		now.Hypothetical, now.Basis, now.Receipt = then.Hypothetical, then.Basis, then.Receipt
		require.Equal(t, normal(then), normal(now))
	}
	for _, want := range []string{"block enforced", "allow extended", "allow verified", "prompt enforced", "allow not_restricted"} {
		require.Contains(t, effects, want)
	}

	// What was not recorded by then was not known then.
	p := refused(a.service, http.StatusNotFound, "account_not_found", a.path("decisions"),
		map[string]any{"action": "login", "at": early.Format(time.RFC3339Nano), "basis": "did"})
	require.NotEmpty(t, p.Detail)
	require.Equal(t, "block enforced", effectOf(a.decideAt("create_label", granted.GrantedAt.Add(-time.Nanosecond), "did")))
	require.Equal(t, "block enforced", effectOf(a.decideAt("create_label", instant(t, "2020-12-04T00:00:00+08:00"), "would")))
	require.Equal(t, "allow announced", effectOf(a.decideAt("create_label", instant(t, "2020-12-03T23:59:59.999999999+08:00"), "would")))
	require.Equal(t, "block enforced", effectOf(a.decideAt("create_label", granted.Until, "would")), "the extension ends by itself")
	refused(a.service, http.StatusUnprocessableEntity, "validation_failed", a.path("decisions"), map[string]any{"action": "login", "basis": "did"})
	refused(a.service, http.StatusUnprocessableEntity, "unknown_action", a.path("decisions"), map[string]any{"action": "fly"})
	refused(a.service, http.StatusUnprocessableEntity, "validation_failed", a.path("decisions"), map[string]any{"action": "login", "at": "2020-12-04T00:00:00"})
}

func effectOf(d decision) string { return d.Effect + " " + d.Reason }

// normal writes the instants of a decision alike, so that two can be compared.
func normal(d decision) decision {
	for _, at := range []**time.Time{&d.Since, &d.Deadline, &d.NextChangeAt} {
		if *at != nil {
			u := (*at).UTC()
			*at = &u
		}
	}
	d.At = d.At.UTC()
	return d
}
