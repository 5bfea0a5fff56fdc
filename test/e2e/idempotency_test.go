package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// idempotency: a repeated request is answered like the first time and does nothing more.
func idempotency(t *testing.T, d *demo) {
	a := d.account(t)
	submit := keyed(a.path("verification/submit"), "once", a.person.form())
	first := a.service.send(submit)
	require.Equal(t, http.StatusOK, first.status, "%s", first.body)
	require.Empty(t, first.header.Get("Idempotent-Replayed"))
	a.await("approved")
	second := a.service.send(submit)
	require.Equal(t, "true", second.header.Get("Idempotent-Replayed"))
	require.Equal(t, first.status, second.status)
	require.JSONEq(t, string(first.body), string(second.body), "as the first time, although the state has moved on")
	require.Equal(t, []string{"submit", "begin_review", "approve"}, a.events())

	other := keyed(a.path("verification/submit"), "once", d.adult().form())
	refusedRequest(a.service, http.StatusConflict, "idempotency_conflict", other)

	// A refusal is repeated too, and the same key is free at another address and for another account.
	manual := keyed(a.path("verification/cancel-manual"), "once", map[string]any{})
	refusedRequest(a.service, http.StatusConflict, "step_not_allowed", manual)
	again := a.service.send(manual)
	require.Equal(t, http.StatusConflict, again.status)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	b := d.account(t)
	require.Equal(t, b.id, ask[status](b.service, http.StatusOK, keyed(b.path("verification/submit"), "once", b.person.form())).AccountID)
}

// oneQRForManyClicks: a double click, a second tab, a retry: one order, and everybody sees the same code.
func oneQRForManyClicks(t *testing.T, d *demo) {
	a := d.account(t)
	a.submit("approved")
	const clicks = 8
	answers := make([]answer, clicks)
	failures := make([]error, clicks)
	var wg sync.WaitGroup
	for i := range clicks {
		key := fmt.Sprintf("click-%d", i/2) // half of them are one client's retries
		wg.Go(func() {
			answers[i], failures[i] = a.service.try(keyed(a.path("verification/start-face"), key, consent()))
		})
	}
	wg.Wait()
	orders := map[string]bool{}
	for i := range clicks {
		require.NoError(t, failures[i])
		require.Equal(t, http.StatusOK, answers[i].status, "%s", answers[i].body)
		orders[decoded[status](t, answers[i].body).State] = true
	}
	require.Equal(t, map[string]bool{"qr_issued": true}, orders)
	s := a.status()
	require.Equal(t, 1, s.Attempts.Used)
	ids := map[string]bool{}
	for _, e := range a.history() {
		if e.Detail.Attempt != nil {
			ids[e.Detail.Attempt.ID] = true
		}
	}
	require.Len(t, ids, 1, "one attempt")
	d.phone(t).finish(*s.QR, "pass")
	a.await("verified")
}

// loginCountedOnce: however often a login is reported, its prompt has one number.
func loginCountedOnce(t *testing.T, d *demo) {
	a := d.account(t)
	numbers := make([]int, 6)
	answers := make([]answer, len(numbers))
	failures := make([]error, len(numbers))
	var wg sync.WaitGroup
	for i := range numbers {
		report := keyed(a.path("logins"), fmt.Sprintf("try-%d", i), map[string]any{"login_id": fmt.Sprintf("login-%d", i/3)})
		wg.Go(func() { answers[i], failures[i] = a.service.try(report) })
	}
	wg.Wait()
	for i := range numbers {
		require.NoError(t, failures[i])
		require.Equal(t, http.StatusOK, answers[i].status, "%s", answers[i].body)
		if n := decoded[login](t, answers[i].body).Prompt.Number; n != nil {
			numbers[i] = *n
		}
	}
	// A number that could not be counted in time is null and is told when the same login is reported again.
	for i := range numbers {
		n := a.login(fmt.Sprintf("login-%d", i/3)).Prompt.Number
		require.NotNil(t, n)
		if numbers[i] != 0 {
			require.Equal(t, numbers[i], *n)
		}
		numbers[i] = *n
	}
	require.Equal(t, numbers[0], numbers[2])
	require.Equal(t, numbers[3], numbers[5])
	require.ElementsMatch(t, []int{1, 2}, []int{numbers[0], numbers[3]})
	require.Equal(t, []string{"prompt", "prompt"}, a.events())
}
