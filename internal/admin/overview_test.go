package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/assert/v2"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// step is an entry of the log that does not need more than its event.
func step(e lifecycle.Event, at time.Time, reason string) lifecycle.Change {
	c := lifecycle.Change{Event: e, At: at, Reason: reason, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}
	if e == lifecycle.Submit {
		c.Detail.Identity = &lifecycle.Identity{Ref: "r", Digest: "d"}
	}
	return c
}

// log appends entries to an account's log.
func (w *world) log(id string, drafts ...lifecycle.Change) {
	w.t.Helper()
	v, err := w.store.Head(w.t.Context(), id)
	require.NoError(w.t, err)
	got, err := w.store.Append(w.t.Context(), lifecycle.Append{
		AccountID: id, ChangeID: fmt.Sprintf("%s-%d", id, v.Seq), Head: v.Seq, Known: v.Seq, Changes: drafts,
	})
	require.NoError(w.t, err)
	require.Equal(w.t, lifecycle.Appended, got.Outcome)
}

// tried is an attempt that ended in an event, and its QR code.
func tried(id string, at time.Time, e lifecycle.Event, reason string) []lifecycle.Change {
	qr := step(lifecycle.IssueQR, at, "")
	qr.Detail.Attempt = &lifecycle.Attempt{ID: id + "-1", Number: 1, Provider: "p", OrderNo: id, Revision: 1, StartedAt: at, EndsAt: at.Add(23 * time.Hour), ResultBy: at.AddDate(0, 1, 0)}
	qr.Detail.Lease = &lifecycle.Lease{ID: id + "-1", AttemptID: id + "-1", IssuedAt: at, ExpiresAt: at.Add(10 * time.Minute)}
	qr.Detail.Consent = &lifecycle.Consent{ID: id, TextVersion: "1", Language: "zh-CN", AgreedAt: at}
	if e == "" {
		return []lifecycle.Change{qr}
	}
	end := step(e, at.Add(4*time.Minute), reason)
	end.Detail.AttemptID, end.Detail.LeaseID = id+"-1", id+"-1"
	return []lifecycle.Change{qr, end}
}

// campaign fills the world with accounts in every state: n of each, verified over the last weeks.
func (w *world) campaign(n int) {
	w.t.Helper()
	now := w.clock.now()
	review := []lifecycle.Change{step(lifecycle.Submit, now.Add(-40*time.Hour), ""), step(lifecycle.BeginReview, now.Add(-39*time.Hour), "")}
	approved := append(review[:2:2], step(lifecycle.Approve, now.Add(-37*time.Hour), ""))
	for i := range n {
		name := func(state string) string {
			id := fmt.Sprintf("%s-%03d", state, i)
			w.account(id)
			return id
		}
		name("unverified")
		w.log(name("submitted"), step(lifecycle.Submit, now.Add(-time.Duration(i*3)*time.Hour), ""))
		w.log(name("review"), review...)
		w.log(name("rejected"), append(review[:2:2], step(lifecycle.Reject, now.Add(-38*time.Hour), []string{"document_blurred", "name_mismatch", "underage"}[i%3]))...)
		w.log(name("approved"), approved...)
		failed := name("failed")
		w.log(failed, append(approved[:3:3], tried(failed, now.Add(-time.Duration(i+1)*time.Hour), lifecycle.Fail, []string{"face_mismatch", "expired"}[i%2])...)...)
		shown := name("qr")
		w.log(shown, append(approved[:3:3], tried(shown, now.Add(-5*time.Minute), "", "")...)...)
		w.log(name("manual"), append(approved[:3:3], step(lifecycle.ChooseManual, now.Add(-time.Duration(i)*time.Hour), ""))...)
		for j := range 3 {
			id := fmt.Sprintf("verified-%03d-%d", i, j)
			w.account(id)
			at := now.AddDate(0, 0, -(i*7+j*5)%25).Add(-3 * time.Hour)
			w.log(id, step(lifecycle.Submit, at.Add(-2*time.Hour), ""), step(lifecycle.BeginReview, at.Add(-110*time.Minute), ""), step(lifecycle.Approve, at.Add(-90*time.Minute), ""))
			w.log(id, tried(id, at, lifecycle.Pass, "")...)
		}
	}
	_, err := w.store.BeginSweep(w.t.Context(), store.Sweep{ID: "s1", PolicyName: w.rule.Name, PolicyVersion: 1, Instant: now.Add(-time.Hour), StartedAt: now.Add(-time.Hour), Total: 11 * n, Reason: "daily"})
	require.NoError(w.t, err)
	_, err = w.store.SaveSweep(w.t.Context(), store.SweepProgress{ID: "s1", State: contract.SweepDone, Done: 11 * n, At: now.Add(-50 * time.Minute)})
	require.NoError(w.t, err)
	_, err = w.store.BeginSweep(w.t.Context(), store.Sweep{ID: "s2", PolicyName: w.rule.Name, PolicyVersion: 1, Instant: now, StartedAt: now, Total: 11 * n, Reason: "by_hand"})
	require.NoError(w.t, err)
}

func TestOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 12:00:00")
	w.campaign(3)
	body := w.get(api.RoleViewer, "/admin/").is(http.StatusOK)
	require.Contains(t, body, "Until create_label is blocked")
	require.Contains(t, body, "2 d 12 h")
	require.Contains(t, body, "Blocked then if nobody else verifies")
	require.Regexp(t, `(?s)if nobody else verifies</p>\s*<p class="big">24<`, body)
	require.Contains(t, body, `href="/admin/accounts?state=rejected"><span class="unseen">rejected: </span>3</a>`)
	require.Contains(t, body, `href="/admin/accounts?rule=existing-individuals"><span class="unseen">Covered: </span>33</a>`)
	require.Contains(t, body, "document_blurred")
	require.Contains(t, body, "0 of 33 accounts, 0 restricted, 0 lifted", "the sweep that runs")
	require.Equal(t, 2, strings.Count(body, `<div class="scroll" tabindex="0" role="region" aria-label="`), "each chart has its table")
	require.Contains(t, body, `data-refresh="10"`)
	require.Contains(t, body, "Accounts were counted at 2020-12-01 12:00:00")
	require.NotContains(t, body, "style=")

	w.clock.advance(3 * 24 * time.Hour)
	require.Eventually(t, func() bool {
		return strings.Contains(w.get(api.RoleAuditor, "/admin/").is(http.StatusOK), "Enforced since 2020-12-04 00:00:00")
	}, 10*time.Second, 10*time.Millisecond)
}

func TestOverviewOfAnEmptySystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 12:00:00")
	body := w.get(api.RoleViewer, "/admin/").is(http.StatusOK)
	require.Contains(t, body, "There are no accounts yet")
	require.NotContains(t, body, "Burn-down")
	w.account("a1")
	w.clock.advance(time.Hour)
	require.Eventually(t, func() bool {
		body = w.get(api.RoleViewer, "/admin/").is(http.StatusOK)
		return !strings.Contains(body, "There are no accounts yet")
	}, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, body, "Burn-down")
	require.Contains(t, body, "nothing waits")
}

// TestOverviewOfTrouble shows what a page must not hide.
func TestOverviewOfTrouble(t *testing.T) {
	t.Parallel()
	at := time.Date(2020, 12, 1, 11, 0, 0, 0, lifecycle.Beijing())
	trouble := figures.Figures{
		At: at, Population: figures.Population{
			At: at, Accounts: 10, Covered: 10, Unverified: 4, Blocked: 4, EnforcedAt: &at, Rules: []figures.RuleFigures{{Policy: "p", Rule: "r", Observes: true}},
			Backlog:  figures.ReviewBacklog{Waiting: 2, Oldest: &at, Ages: []figures.AgeClass{{Name: "0-2h", Accounts: 2}}},
			BurnDown: figures.BurnDown{Days: []figures.BurnDownDay{{At: at.Add(-time.Hour), Unverified: 5}, {At: at.Add(time.Hour), Unverified: 4}}},
		},
		Restricted: []figures.RestrictedCount{{Policy: "p", Rule: "r", Accounts: 1234}},
		Log:        figures.LogCount{Behind: true},
		Refusals:   []figures.RefusalCount{{Action: "create_label", Refusals: 9, Accounts: 7}},
		Webhooks:   figures.WebhookFigures{Pending: 6, Failed: 3, OldestPending: &at, OldestUnsent: &at},
		Sweeps:     figures.SweepFigures{NextAt: &at},
		Provider: &figures.ProviderFigures{
			Name: "alipay", Since: at, Calls: []figures.ProviderCalls{{Operation: "query", Calls: 12000, Failures: 5}},
			LastSuccess: &at, LastFailure: &at, LastFault: "signature", FailuresInRow: 5,
		},
	}
	w := newWorld(t, "2020-12-01 12:00:00", func(c *admin.Config) {
		c.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "/v1/figures", r.URL.Path)
			assert.NoError(t, json.NewEncoder(w).Encode(trouble))
		})
	})
	body := w.get(api.RoleOperator, "/admin/").is(http.StatusOK)
	for _, shown := range []string{
		"5 failures in a row: signature is not theirs", "12,000", ">enforced</text>", "Enforced since 2020-12-01 11:00:00", "still being counted",
		`<span class="chip bad">3</span>`, "Oldest change not queued", "1,234", `<code>create_label</code></th><td class="num">7<`, ">observes<",
	} {
		require.Contains(t, body, shown)
	}
	require.NotContains(t, body, "by the forecast")

	w = newWorld(t, "2020-12-01 12:00:00", func(c *admin.Config) {
		c.API = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	})
	w.get(api.RoleOperator, "/admin/").is(http.StatusServiceUnavailable)
}

// TestEveryoneSeesTheOverview: it holds nothing of a person.
func TestEveryoneSeesTheOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 12:00:00")
	for _, role := range api.Roles() {
		w.get(role, "/admin/").is(http.StatusOK)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/admin/", nil)
	require.NoError(t, err)
	r.Header.Set(asHeader, string(api.RoleViewer))
	r.Header.Set("Accept-Language", "zh-CN")
	require.Contains(t, w.send(r).is(http.StatusOK), "尚无账户")
}
