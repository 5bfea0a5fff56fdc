package admin_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
)

// secondVersion is the founding rule with its phases a week later.
func secondVersion(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	return strings.NewReplacer("version: 1", "version: 2", "2020-12-04T", "2020-12-11T").Replace(string(text))
}

func TestAPolicyIsSeenBeforeItIsPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.account("a1")
	w.account("a2")
	const path = "/admin/policies/~new"
	begun := w.get(api.RoleOperator, path+"?of="+founding+"&version=1").is(http.StatusOK)
	require.Contains(t, begun, "name: "+founding)
	require.NotContains(t, begun, `value="publish"`)
	w.get(api.RoleViewer, path).is(http.StatusForbidden)

	w.post(api.RoleOperator, path, "text", " ").is(http.StatusUnprocessableEntity)
	faulty := w.post(api.RoleOperator, path, "text", strings.Replace(secondVersion(t), "kind: individual", "kind: cat", 1), "note", "typed").is(http.StatusUnprocessableEntity)
	require.Contains(t, faulty, `<li class="bad">`)
	require.Contains(t, faulty, `value="typed"`)

	text := secondVersion(t)
	form := []string{"text", text, "note", "deadline moved"}
	unseen := w.post(api.RoleOperator, path, append(form, "do", "publish")...).is(http.StatusOK)
	require.Contains(t, unseen, "Whom it would hit", "publishing shows the impact first")
	require.Contains(t, unseen, founding+" v2 (proposed)")
	seen := value(t, unseen, "seen")
	w.post(api.RoleOperator, path, "text", text+"\n# another\n", "note", "n", "do", "publish", "seen", seen).is(http.StatusOK) // another text is checked anew
	require.NotContains(t, w.get(api.RoleViewer, "/admin/policies").is(http.StatusOK), "v2")

	published := append(form, "do", "publish", "seen", seen, "once", once(t, unseen))
	w.post(api.RoleOperator, path, published...).leads("/admin/policies/" + founding + "/2?done=policy_propose")
	version := "/admin/policies/" + founding + "/2"
	mine := w.get(api.RoleOperator, version).is(http.StatusOK)
	require.Contains(t, mine, "somebody else has to approve it")
	require.NotContains(t, mine, version+"/approve")
	require.Contains(t, mine, "<ins>2020-12-11T00:00:00")
	w.post(api.RoleViewer, version+"/approve").is(http.StatusForbidden)
	w.post(api.RoleOperator, version+"/approve", "reason", "ok").is(http.StatusConflict)
	theirs := w.get(api.RoleAdmin, version).is(http.StatusOK)
	w.post(api.RoleAdmin, version+"/approve", "once", once(t, theirs), "reason", "ok").leads(version + "?done=policy_approve")
	require.Contains(t, w.get(api.RoleViewer, version).is(http.StatusOK), "in force")
	require.Contains(t, w.get(api.RoleViewer, "/admin/policies?at=2020-11-20T00:00").is(http.StatusOK), `>v1</a>`)
	w.get(api.RoleViewer, "/admin/policies?at=yesterday").is(http.StatusUnprocessableEntity)
	w.post(api.RoleOperator, version+"/withdraw", "reason", "late").is(http.StatusConflict)
	w.get(api.RoleViewer, "/admin/policies/nothing").is(http.StatusNotFound)
	w.get(api.RoleViewer, version+"9").is(http.StatusNotFound)
}

// value is what a hidden field of a page holds.
func value(t testing.TB, body, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(body, `name="`+name+`" value="`)
	require.True(t, found, name)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

func TestTheBrakeFromThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 10:00:00")
	w.account("a1")
	const path = "/admin/policies/" + founding
	page := w.get(api.RoleOperator, path).is(http.StatusOK)
	require.Contains(t, page, "enforces")
	require.NotContains(t, w.get(api.RoleViewer, path).is(http.StatusOK), path+"/brake")
	w.post(api.RoleReviewer, path+"/brake", "reason", "wrong").is(http.StatusForbidden)
	w.post(api.RoleOperator, path+"/brake").is(http.StatusUnprocessableEntity)
	w.post(api.RoleOperator, path+"/brake", "once", once(t, page), "reason", "wrong cohort").leads(path + "?done=policy_brake")
	_, err := w.gate.Decide(t.Context(), "a1", "create_label")
	require.NoError(t, err)
	require.Contains(t, w.get(api.RoleViewer, "/admin/policies").is(http.StatusOK), "The emergency brake holds")
	braked := w.get(api.RoleAuditor, path).is(http.StatusOK)
	require.Contains(t, braked, "wrong cohort")
	require.Contains(t, braked, "Accounts that would have been blocked")
	w.post(api.RoleOperator, path+"/release", "reason", "mended").leads(path + "?done=policy_release")
	require.NotContains(t, w.get(api.RoleViewer, "/admin/policies").is(http.StatusOK), "The emergency brake holds")
}

func TestImpactFromThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	for i := range 3 {
		w.account(fmt.Sprintf("a%d", i))
	}
	const path = "/admin/policies/~impact"
	require.NotContains(t, w.get(api.RoleOperator, path).is(http.StatusOK), "<svg", "nothing is counted before somebody asks")
	w.get(api.RoleViewer, path).is(http.StatusForbidden)
	w.get(api.RoleOperator, path+"?at=soon").is(http.StatusUnprocessableEntity)
	w.get(api.RoleOperator, path+"?at=2020-11-01T00:00").is(http.StatusUnprocessableEntity)
	got := w.get(api.RoleAuditor, path+"?at=2020-12-05T00:00&class=blocked").is(http.StatusOK)
	require.Contains(t, got, `<p class="big">3</p>`)
	require.Contains(t, got, "<svg")
	require.Contains(t, got, `href="/admin/accounts/a2"`)
	file := w.get(api.RoleAuditor, path+"/accounts?at=2020-12-05T00:00&class=blocked")
	require.Equal(t, 4, strings.Count(file.is(http.StatusOK), "\n"))
	require.Equal(t, `attachment; filename="impact-2020-12-05.csv"`, file.header.Get("Content-Disposition"))
	w.get(api.RoleAuditor, path+"/accounts?at=never").is(http.StatusUnprocessableEntity)
}

// lookPolicies fills the pages of this file for a browser.
func lookPolicies(w *world) {
	w.t.Helper()
	text := secondVersion(w.t)
	seen := value(w.t, w.post(api.RoleOperator, "/admin/policies/~new", "text", text).body, "seen")
	w.post(api.RoleOperator, "/admin/policies/~new", "text", text, "note", "the deadline moves by a week, see notice 17", "do", "publish", "seen", seen)
	w.post(api.RoleOperator, "/admin/policies/"+founding+"/brake", "reason", "wrong cohort", "rule", "existing-individuals")
}
