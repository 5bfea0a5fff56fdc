package admin_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/page/pagetest"
)

func TestSignedOutLeadsToTheSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.get("", "/admin/").leads("/admin/sign-in")
	w.get("", "/admin").leads("/admin/")
	r := httptest.NewRequest(http.MethodGet, "/admin/", nil)
	r.Header.Set("X-Verigate-Auto", "1")
	require.Equal(t, http.StatusUnauthorized, w.send(r).status)
}

// TestEveryRowOfTheTable opens what its scopes allow and nothing else, whatever the address of the row.
func TestEveryRowOfTheTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	for _, rule := range w.admin.Rules() {
		require.NotEmpty(t, rule.Needs, "%s: everybody who is signed in could open it", rule.Pattern)
		method, path, ok := strings.Cut(rule.Pattern, " ")
		require.True(t, ok, rule.Pattern)
		path = strings.NewReplacer("{$}", "", "{account_id}", "a1", "{", "", "}", "").Replace(path)
		for _, role := range api.Roles() {
			if role.Allows(rule.Needs...) {
				continue
			}
			r := httptest.NewRequest(method, path, nil)
			r.Header.Set(asHeader, string(role))
			require.Equal(t, http.StatusForbidden, w.send(r).status, "%s as %s", rule.Pattern, role)
		}
	}
}

func TestPagesKeepToThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	got := w.get(api.RoleViewer, "/admin/")
	require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, got.header.Get("Content-Security-Policy"), "unsafe")
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.NotContains(t, got.is(http.StatusOK), " style=")
	require.NotRegexp(t, `\son[a-z]+=`, got.body)

	r := httptest.NewRequest(http.MethodPost, "/admin/lang", strings.NewReader("lang=en"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, w.send(r).status)
	require.Equal(t, http.StatusNotFound, w.get(api.RoleAdmin, "/admin/nothing").status)
}

func TestMessagesAreComplete(t *testing.T) {
	t.Parallel()
	zh, en := pagetest.Texts(t, admin.Assets(), "assets/messages")
	pagetest.Complete(t, zh, en, "switch", "site")
	pagetest.Used(t, admin.Assets(), "assets/pages", zh, families(zh))
}

// prefixes are of the messages whose names are put together from codes.
func prefixes() []string {
	return []string{
		"menu.", "title.", "role.", "state.", "done.", "plain.", "time.",
		"account.of.", "account.act.",
		"evidence.kind.",
		"signin.",
		"queue.count.", "queue.order.", "queue.claimed.", "clock.", "risk.", "finding.", "explain.", "case.field.", "case.document.",
		"case.kind.", "case.act.", "case.event.", "look.", "reject.",
		"span.", "overview.chart.", "overview.fault.", "overview.first.", "overview.attempts.",
		"list.turn.", "list.is.", "list.kind.", "list.extension.", "list.sort.",
		"secret.", "scope.", "keys.state.", "password.",
		"sweep.state.", "reminders.state.", "reminders.count.", "actor.", "extension.", "webhook.disabled.", "delivery.", "fault.",
		"act.", "chain.", "effect.", "receipts.missing.",
		"policy.state.", "policy.act.", "class.", "change.",
	}
}

// families are the messages whose names are put together from codes.
func families(texts map[string]string) []string {
	var all []string
	for key := range texts {
		for _, prefix := range prefixes() {
			if strings.HasPrefix(key, prefix) {
				all = append(all, key)
			}
		}
	}
	return all
}

// BenchmarkLook measures nothing: it serves the pages to a browser, everybody being an admin, for whoever draws a page.
//
//	VERIGATE_LOOK=127.0.0.1:8181 go test ./internal/admin -run '^$' -bench Look -timeout 0
func BenchmarkLook(b *testing.B) {
	address := os.Getenv("VERIGATE_LOOK")
	if address == "" {
		b.Skip("VERIGATE_LOOK names the address to serve at")
	}
	w := newWorld(b, "2020-12-01 10:00:00", func(c *admin.Config) { c.Sessions = &sessions{everybody: api.RoleAdmin} })
	for _, id := range []string{"a1", "a2", "a3"} {
		w.account(id)
	}
	lookPolicies(w)
	lookOperations(w)
	w.shop()
	w.campaign(12)
	w.sampleReviews()
	w.story("a4")
	w.wander("a5")
	w.manual("a6")
	lookAudit(w)
	server := &http.Server{Addr: address, Handler: w.admin, ReadHeaderTimeout: time.Second}
	require.NoError(b, server.ListenAndServe())
}
