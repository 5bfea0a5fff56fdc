package admin_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// The canaries: what no page may show but the one that was asked to.
const (
	canaryName   = "欧阳金丝雀"
	canaryNumber = "11010519491231002X"
)

const otherReviewer = api.RoleReviewer + "/2"

// reviewed registers an account and brings it into the queue of reviews, with what the checks found.
func (w *world) reviewed(id string, findings ...string) {
	w.t.Helper()
	w.account(id)
	w.reviewedAs(id, canaryName, canaryNumber, findings...)
}

func (w *world) reviewedAs(id, name, number string, findings ...string) {
	w.t.Helper()
	identity, err := w.vault.PutSubject(w.t.Context(), id, realname.Restore(name, "cn_id", number))
	require.NoError(w.t, err)
	_, err = w.store.Append(w.t.Context(), lifecycle.Append{AccountID: id, ChangeID: "submit-" + id, Head: lifecycle.AnyHead, Changes: []lifecycle.Change{
		{Event: lifecycle.Submit, At: w.clock.now(), Actor: lifecycle.Actor{Kind: lifecycle.ActorMerchant}, Detail: lifecycle.Detail{Identity: &identity}},
		{Event: lifecycle.BeginReview, At: w.clock.now(), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}, Detail: lifecycle.Detail{Findings: findings}},
	}})
	require.NoError(w.t, err)
}

// byHand brings an account that is under review into the queue of the manual route.
func (w *world) byHand(id string) {
	w.t.Helper()
	_, err := w.engine.Review(w.t.Context(), id, "approve-"+id, contract.Review{Decision: contract.VerdictApprove, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}})
	require.NoError(w.t, err)
	ref, err := w.vault.PutText(w.t.Context(), id, vault.KindNote, "My phone has no camera.")
	require.NoError(w.t, err)
	_, err = w.engine.ChooseManual(w.t.Context(), id, "manual-"+id, contract.Plain{Reason: "stated", NoteRef: ref, Actor: lifecycle.Actor{Kind: lifecycle.ActorMerchant}})
	require.NoError(w.t, err)
}

// sampleReviews fills the queues for whoever draws their pages.
func (w *world) sampleReviews() {
	w.t.Helper()
	now := w.clock.now()
	for i, findings := range [][]string{
		{"policy_requires_reviewer"}, {"name_unusual", "policy_requires_reviewer"}, {"duplicate_number", "policy_requires_reviewer"},
		{"age_unknown"}, {"policy_requires_reviewer"}, {"name_too_long"}, {"duplicate_number", "name_unusual"}, {"under_age"},
	} {
		w.clock.set(now.Add(-time.Duration(8-i) * 7 * time.Hour))
		id, number := fmt.Sprintf("shop-%04d", 4711+i), fmt.Sprintf("1101051949123100%d0", i)
		if findings[0] == "duplicate_number" {
			number = canaryNumber
		}
		w.account(id)
		w.reviewedAs(id, canaryName, number, findings...)
	}
	for i := range 3 {
		w.clock.set(now.Add(-time.Duration(30*i) * time.Hour))
		w.account(fmt.Sprintf("manual-%d", i))
		w.reviewedAs(fmt.Sprintf("manual-%d", i), "王小明", fmt.Sprintf("1101051949123111%d0", i))
		w.byHand(fmt.Sprintf("manual-%d", i))
	}
	w.clock.set(now)
	claim := func(id, holder string) {
		_, _, err := w.store.ClaimReview(w.t.Context(), id, "", store.ReviewClaim{Holder: holder, At: now, Until: now.Add(12 * time.Minute)})
		require.NoError(w.t, err)
	}
	ref, err := w.vault.PutText(w.t.Context(), "shop-4713", vault.KindNote, "The other account belongs to a brother, he says. Please look at both.")
	require.NoError(w.t, err)
	_, err = w.store.StepReview(w.t.Context(), store.ReviewStep{
		AccountID: "shop-4713", CaseSeq: 2, Act: store.ReviewEscalated, At: now.Add(-time.Hour), Actor: "li.na", Code: "stated", NoteRef: ref, ChangeID: "e",
	})
	require.NoError(w.t, err)
	claim("shop-4711", "li.na")
	claim("shop-4713", "test-admin")
}

func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = to
}

// take claims a case on its page.
func (w *world) take(role api.Role, id string) {
	w.t.Helper()
	w.post(role, "/admin/reviews/"+id+"/claim", "back", "/admin/reviews/"+id).leads("/admin/reviews/" + id + "?done=claimed")
}

// seqOf is the number of the case in the form of a decision.
func seqOf(t testing.TB, body string) string {
	t.Helper()
	m := regexp.MustCompile(`name="seq" value="(\d+)"`).FindStringSubmatch(body)
	require.NotNil(t, m)
	return m[1]
}

// text is a page without its tags.
func text(body string) string {
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))), " ")
}

func TestQueuePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	require.Contains(t, w.get(api.RoleReviewer, "/admin/reviews").is(http.StatusOK), "Nobody is waiting")
	w.reviewed("old", "name_unusual")
	w.clock.advance(20 * time.Hour)
	w.reviewed("young", "duplicate_number", "from_a_later_version")
	w.clock.advance(4*time.Hour + 30*time.Minute)
	w.take(otherReviewer, "old")
	got := text(w.get(api.RoleReviewer, "/admin/reviews").is(http.StatusOK))
	require.Regexp(t, `old 1 day ago late by 30 minutes low 15 unusual name test-reviewer-2 until 10:45:00`, got)
	require.Regexp(t, `young 4 hours ago due in 19 hours high 80 same number on another account · from_a_later_version nobody`, got)
	require.Contains(t, got, "2 waiting 1 free 1 late 0 escalated 1 under 1 day 1 1 to 3 days 0 3 to 10 days 0 over 10 days")
	require.NotContains(t, got, "young 4 hours ago late")
	order := func(query string) []string {
		var ids []string
		for _, m := range regexp.MustCompile(`class="id" href="/admin/reviews/([a-z]+)`).FindAllStringSubmatch(w.get(api.RoleReviewer, "/admin/reviews"+query).is(http.StatusOK), -1) {
			ids = append(ids, m[1])
		}
		return ids
	}
	require.Equal(t, []string{"old", "young"}, order(""))
	require.Equal(t, []string{"young", "old"}, order("?order=risk"))
	require.Equal(t, []string{"old"}, order("?late=true"))
	require.Equal(t, []string{"young"}, order("?claimed=free"))
	require.Equal(t, []string{"young"}, order("?age=day"))
	require.Contains(t, w.get(api.RoleReviewer, "/admin/reviews?age=older").is(http.StatusOK), "No case fits these filters")
	require.Equal(t, http.StatusUnprocessableEntity, w.get(api.RoleReviewer, "/admin/reviews?order=x").status)
	require.Contains(t, w.get(api.RoleReviewer, "/admin/manual").is(http.StatusOK), "Nobody is waiting")

	for _, role := range []api.Role{api.RoleViewer, api.RoleOperator, api.RoleAuditor} {
		body := w.get(role, "/admin/reviews").is(http.StatusOK)
		require.Contains(t, body, "young")
		require.NotContains(t, body, `href="/admin/reviews/young`, "a link that would be refused")
		require.NotContains(t, body, "/next")
		w.get(role, "/admin/reviews/young").is(http.StatusForbidden)
		w.post(role, "/admin/reviews/next").is(http.StatusForbidden)
		w.post(role, "/admin/reviews/young/reveal", "field", "name", "reason", "name_check").is(http.StatusForbidden)
	}
}

func TestQueuePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	for i := range 55 {
		w.reviewed(fmt.Sprintf("a%02d", i))
		w.clock.advance(time.Minute)
	}
	first := w.get(api.RoleReviewer, "/admin/reviews?claimed=free").is(http.StatusOK)
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(first)
	require.NotNil(t, next)
	second := w.get(api.RoleReviewer, html.UnescapeString(next[1])).is(http.StatusOK)
	require.Contains(t, first, "a49")
	require.NotContains(t, first, "a50")
	require.Contains(t, second, "a50")
	require.NotContains(t, second, "a49")
	require.Contains(t, second, `href="/admin/reviews?claimed=free"`)
}

func TestTheNextOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.reviewed("a1")
	w.clock.advance(time.Minute)
	w.reviewed("a2", "duplicate_number")
	queue := w.get(api.RoleReviewer, "/admin/reviews?order=risk").is(http.StatusOK)
	number := once(t, queue[strings.Index(queue, "/next"):])
	w.post(api.RoleReviewer, "/admin/reviews/next", "once", number, "order", "risk").leads("/admin/reviews/a2?done=claimed&order=risk")
	w.post(api.RoleReviewer, "/admin/reviews/next", "once", number, "order", "risk").leads("/admin/reviews/a2?done=claimed&order=risk")
	w.post(otherReviewer, "/admin/reviews/next").leads("/admin/reviews/a1?done=claimed")
	w.post(api.RoleReviewer, "/admin/reviews/next").leads("/admin/reviews?done=queue_empty")
	body := w.get(otherReviewer, "/admin/reviews/a2").is(http.StatusOK)
	require.Contains(t, body, "test-reviewer holds this case until")
	require.NotContains(t, body, "/decide", "no form that would be refused")
	require.NotContains(t, body, "/reveal")

	w.post(api.RoleReviewer, "/admin/reviews/a2/release").leads("/admin/reviews?done=returned")
	require.Contains(t, w.get(otherReviewer, "/admin/reviews/a2").is(http.StatusOK), "Claim this case")
	w.post(otherReviewer, "/admin/reviews/a2/escalate", "reason", "Two brothers? Please look.").leads("/admin/reviews?done=escalated")
	require.Contains(t, text(w.get(api.RoleReviewer, "/admin/reviews").is(http.StatusOK)), "same number on another account escalated")
	w.post(api.RoleReviewer, "/admin/reviews/next").leads("/admin/reviews?done=queue_empty")
	w.post(api.RoleReviewer, "/admin/reviews/next", "escalated", "true").leads("/admin/reviews/a2?done=claimed&escalated=true")
	require.Contains(t, w.get(api.RoleReviewer, "/admin/reviews/a2").is(http.StatusOK), "Two brothers? Please look.")
	w.post(api.RoleReviewer, "/admin/reviews/a2/escalate", "reason", "").is(http.StatusUnprocessableEntity)
}

func TestACaseIsDecided(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	for _, id := range []string{"a1", "a2", "a3"} {
		w.reviewed(id, "duplicate_number")
		w.clock.advance(time.Minute)
	}
	w.take(api.RoleReviewer, "a1")
	body := w.get(api.RoleReviewer, "/admin/reviews/a1").is(http.StatusOK)
	require.Contains(t, body, "The same document number stands on another account.", "in plain words")
	require.Contains(t, body, `href="/admin/accounts/a2"`)
	seq := seqOf(t, body)
	faulty := w.post(api.RoleReviewer, "/admin/reviews/a1/decide", "decision", "reject", "note", "keep <this>", "seq", seq).is(http.StatusUnprocessableEntity)
	require.Contains(t, faulty, `id="fault-reason_code"`)
	require.Contains(t, faulty, "keep &lt;this&gt;", "what was typed comes back")
	require.Contains(t, faulty, `id="reject" open`)

	w.post(api.RoleReviewer, "/admin/reviews/a1/decide", "decision", "reject", "reason_code", "duplicate_number", "note", "see a2", "seq", seq, "go_on", "1").
		leads("/admin/reviews/a2?done=decided&go_on=1")
	v, err := w.store.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, lifecycle.Rejected, v.State)
	require.Equal(t, "duplicate_number", v.Reason)
	require.Contains(t, w.get(api.RoleReviewer, "/admin/reviews/a2?go_on=1").is(http.StatusOK), `name="go_on" value="1" checked`)
	w.post(api.RoleReviewer, "/admin/reviews/a2/decide", "decision", "approve", "seq", "2").leads("/admin/reviews?done=decided")
	w.get(api.RoleReviewer, "/admin/reviews/a2").is(http.StatusNotFound)
	w.take(api.RoleReviewer, "a3")
	w.post(api.RoleReviewer, "/admin/reviews/a3/decide", "decision", "approve", "seq", "2", "go_on", "1").leads("/admin/reviews?done=decided_last")

	w.reviewed("m1")
	w.byHand("m1")
	page := w.get(api.RoleReviewer, "/admin/manual/m1").is(http.StatusOK)
	require.Contains(t, page, "My phone has no camera.")
	w.post(api.RoleReviewer, "/admin/manual/m1/decide", "decision", "approve", "seq", "1").is(http.StatusConflict)
	require.Contains(t, w.post(api.RoleReviewer, "/admin/manual/m1/decide", "decision", "approve", "seq", "1").body, "come into the queue anew")
	w.post(api.RoleReviewer, "/admin/manual/m1/decide", "decision", "approve").leads("/admin/manual?done=decided")
}

// TestTwoReviewersRace: on the pages too, one decides and the other is told.
func TestTwoReviewersRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	roles := []api.Role{api.RoleReviewer, otherReviewer}
	for round := range 10 {
		id := fmt.Sprintf("a%d", round)
		w.reviewed(id)
		answers := make([]answer, 2)
		var together sync.WaitGroup
		for i, decision := range []string{"approve", "reject"} {
			together.Go(func() {
				answers[i] = w.post(roles[i], "/admin/reviews/"+id+"/decide", "decision", decision, "reason_code", "other", "seq", "2")
			})
		}
		together.Wait()
		winner := 0
		if answers[1].status == http.StatusSeeOther {
			winner = 1
		}
		answers[winner].leads("/admin/reviews?done=decided")
		told := answers[1-winner].is(http.StatusConflict)
		who := "test-" + strings.ReplaceAll(string(roles[winner]), "/", "-")
		require.Regexp(t, `Not done: (`+who+` holds this case until 10:15:00|`+who+` held this case|the case has left the queue\. The account is now: (approved|rejected))`, text(told))
		entries, err := w.store.Events(t.Context(), id, 2, 5)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.Equal(t, who, entries[0].Actor.ID)
	}
	w.reviewed("b1")
	w.take(api.RoleReviewer, "b1")
	told := w.post(otherReviewer, "/admin/reviews/b1/claim").is(http.StatusConflict)
	require.Contains(t, told, "Not done: test-reviewer holds this case until 10:15:00.")
}

// TestNamesAreMasked: no page shows a name or a number but the answer to a look.
func TestNamesAreMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.reviewed("a1", "name_unusual")
	shows := func(a answer, name, number bool) {
		t.Helper()
		require.Equal(t, name, strings.Contains(a.body, canaryName))
		require.Equal(t, number, strings.Contains(a.body, canaryNumber))
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	}
	look := func(role api.Role, field string) answer {
		t.Helper()
		return w.post(role, "/admin/reviews/a1/reveal", "field", field, "reason", "name_check", "back", "/admin/reviews/a1", "once", "x")
	}
	refused := look(api.RoleReviewer, "name")
	require.Contains(t, refused.is(http.StatusConflict), "you do not hold this case")
	shows(refused, false, false)
	w.take(api.RoleReviewer, "a1")
	page := w.get(api.RoleReviewer, "/admin/reviews/a1")
	shows(page, false, false)
	require.Contains(t, page.is(http.StatusOK), "欧***雀")
	require.Contains(t, page.body, "110***********002X")

	got := look(api.RoleReviewer, "name")
	got.is(http.StatusOK)
	shows(got, true, false)
	require.Contains(t, got.body, `data-masked="欧***雀" data-after="60"`)
	shows(look(api.RoleReviewer, "number"), false, true)
	shows(look(otherReviewer, "number"), false, false)
	require.Equal(t, http.StatusUnprocessableEntity, look(api.RoleReviewer, "birthday").status)
	require.Equal(t, http.StatusUnprocessableEntity, w.post(api.RoleReviewer, "/admin/reviews/a1/reveal", "field", "name").status, "a look needs a reason")
	for _, role := range api.Roles() {
		for _, rule := range w.admin.Rules() {
			method, path, _ := strings.Cut(rule.Pattern, " ")
			if method == http.MethodGet {
				shows(w.get(role, strings.NewReplacer("{$}", "", "{account_id}", "a1", "{", "", "}", "").Replace(path)), false, false)
			}
		}
	}
	w.clock.advance(16 * time.Minute)
	shows(look(api.RoleReviewer, "name"), false, false)
}

// secondApprover replaces the API by one that needs two approvals on the manual route.
func (w *world) secondApprover() {
	w.t.Helper()
	require.NoError(w.t, w.api.Close(w.t.Context()))
	w.config.Reviews.SecondApprover = true
	var err error
	w.api, err = api.New(w.config)
	require.NoError(w.t, err)
	w.admin, err = admin.New(admin.Config{API: w.api, Sessions: &sessions{}, Now: w.clock.now, Logger: w.config.Logger})
	require.NoError(w.t, err)
}

func TestTwoApprovals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	w.secondApprover()
	w.reviewed("m1")
	w.byHand("m1")
	claim := func(role api.Role) {
		w.post(role, "/admin/manual/m1/claim", "back", "/admin/manual/m1").leads("/admin/manual/m1?done=claimed")
	}
	claim(api.RoleReviewer)
	require.Contains(t, w.get(api.RoleReviewer, "/admin/manual/m1").is(http.StatusOK), "Yours will be the first.")
	w.post(api.RoleReviewer, "/admin/manual/m1/decide", "decision", "approve").leads("/admin/manual?done=first_approval")
	claim(api.RoleReviewer)
	body := w.get(api.RoleReviewer, "/admin/manual/m1").is(http.StatusOK)
	require.Contains(t, body, "Somebody else has to give the second.")
	require.NotContains(t, body, `id="approve"`)
	w.post(api.RoleReviewer, "/admin/manual/m1/decide", "decision", "approve").is(http.StatusConflict)
	w.post(api.RoleReviewer, "/admin/manual/m1/release").leads("/admin/manual?done=returned")
	require.Contains(t, text(w.get(otherReviewer, "/admin/manual").is(http.StatusOK)), "one approval")
	claim(otherReviewer)
	require.Contains(t, w.get(otherReviewer, "/admin/manual/m1").is(http.StatusOK), "test-reviewer has approved already.")
	w.post(otherReviewer, "/admin/manual/m1/decide", "decision", "approve").leads("/admin/manual?done=decided")
	v, err := w.store.Head(t.Context(), "m1")
	require.NoError(t, err)
	require.Equal(t, lifecycle.Verified, v.State)
}
