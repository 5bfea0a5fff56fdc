package admin_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/api/apitest"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// member asks the API as a person of a role.
func (w *world) member(role api.Role, method, path string, body any) *httptest.ResponseRecorder {
	w.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(w.t, err)
	r := httptest.NewRequest(method, path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	recorded := httptest.NewRecorder()
	w.api.ServeHTTP(recorded, api.As(r, api.Principal{ID: "test-" + string(role), Role: role}))
	return recorded
}

// approved brings an account to where face verification can start.
func (w *world) approved(id string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.account(id)
	identity, err := w.vault.PutSubject(ctx, id, realname.Restore("欧阳娜娜", "cn_id", "110101199003074514"))
	require.NoError(w.t, err)
	merchant := lifecycle.Actor{Kind: lifecycle.ActorMerchant, ID: "link:1"}
	_, err = w.engine.Submit(ctx, id, "submit-"+id, contract.Submit{Identity: identity, RiskNoticeVersion: "1", Actor: merchant})
	require.NoError(w.t, err)
	w.clock.advance(20 * time.Minute)
	_, err = w.engine.Review(ctx, id, "review-"+id, contract.Review{Decision: contract.VerdictApprove, Actor: lifecycle.Actor{Kind: lifecycle.ActorReviewer, ID: "reviewer-1"}})
	require.NoError(w.t, err)
}

// face starts a face verification.
func (w *world) face(id string) {
	w.t.Helper()
	in := contract.StartFace{
		Consent: &contract.Consent{TextVersion: "2020-11", Language: "zh-CN", EvidenceRef: "text-1"}, Actor: lifecycle.Actor{Kind: lifecycle.ActorMerchant},
	}
	_, err := w.engine.StartFace(w.t.Context(), id, fmt.Sprintf("%x", sha256.Sum256([]byte(id+w.clock.now().String()))), in)
	require.NoError(w.t, err)
}

// failed fails so many attempts, minutes apart.
func (w *world) failed(id string, times int) {
	w.t.Helper()
	for range times {
		w.clock.advance(3 * time.Minute)
		w.face(id)
		w.clock.advance(time.Minute)
		w.scanned(id)
		w.clock.advance(time.Minute)
		require.NoError(w.t, w.engine.Provider(w.t.Context(), id, lifecycle.Fail))
	}
}

func (w *world) scanned(id string) {
	w.t.Helper()
	v, err := w.store.Head(w.t.Context(), id)
	require.NoError(w.t, err)
	_, err = w.engine.Scan(w.t.Context(), id, "scan:"+v.Lease.ID, contract.Scan{LeaseID: v.Lease.ID})
	require.NoError(w.t, err)
}

func (w *world) event(id, changeID string, c lifecycle.Change) {
	w.t.Helper()
	_, err := w.engine.Event(w.t.Context(), id, changeID, string(c.Event), c)
	require.NoError(w.t, err)
}

// story is an account with something in every part of its page; it ends locked.
func (w *world) story(id string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.approved(id)
	system := lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "key-1"}
	for i := range 3 {
		_, err := w.engine.Login(ctx, id, contract.Login{
			LoginID: fmt.Sprintf("%s-%d", id, i), Level: "warning", Policy: w.rule.Name, PolicyVersion: 1, Rule: w.rule.Rules[0].ID, Actor: system,
		})
		require.NoError(w.t, err)
		w.clock.advance(time.Hour)
	}
	w.event(id, "remind-"+id, lifecycle.Change{Event: lifecycle.Remind, Actor: system, Detail: lifecycle.Detail{Reminder: &lifecycle.Reminder{
		Milestone: "P3D", Level: "warning", Deadline: w.rule.Rules[0].Phases[2].From, Policy: w.rule.Name, PolicyVersion: 1, Rule: w.rule.Rules[0].ID,
	}}})
	require.Equal(w.t, http.StatusCreated, w.member(api.RoleOperator, http.MethodPost, "/v1/accounts/"+id+"/extensions", map[string]string{
		"until": w.clock.now().Add(10 * time.Minute).Format(time.RFC3339), "reason": "campaign",
	}).Code)
	w.failed(id, 2)
	w.event(id, "restrict-"+id, lifecycle.Change{Event: lifecycle.Restrict, Actor: system, Detail: lifecycle.Detail{Restricted: &lifecycle.Restricted{
		Policy: w.rule.Name, PolicyVersion: 1, Rule: w.rule.Rules[0].ID, Since: w.rule.Rules[0].Phases[2].From, Actions: []string{"create_label"},
	}}})
	_, err := w.gate.Decide(ctx, id, "create_label")
	require.NoError(w.t, err)
	w.failed(id, 3)
}

func TestAccountPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.story("a1")
	body := w.get(api.RoleAdmin, "/admin/accounts/a1").is(http.StatusOK)
	for _, want := range []string{
		"欧**娜", "110***********4514", "attempts used up", "data-run=\"same\"", "existing-individuals", "2020-11", "P3D", "test-operator", "reviewer-1",
		`<g class="node visited current" data-state="locked"`, `<g class="step used" data-from="face_failed" data-to="locked">`,
	} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "欧阳娜娜")
	require.NotContains(t, body, "110101199003074514")
	require.Empty(t, strings.TrimSpace(strings.Join(emptyTables.FindAllString(body, -1), "")), "a table without a row")
	require.NotContains(t, w.get(api.RoleViewer, "/admin/accounts/a1").is(http.StatusOK), `class="command"`)
}

var emptyTables = regexp.MustCompile(`<tbody>\s*</tbody>`)

// wander takes an account through steps that are drawn only where they were taken.
func (w *world) wander(id string) {
	w.t.Helper()
	w.approved(id)
	operator := lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "op-1"}
	from := lifecycle.Detail{Provenance: &lifecycle.Provenance{At: w.clock.now(), Evidence: "old/1"}}
	w.face(id)
	w.scanned(id)
	for i, c := range []lifecycle.Change{
		{Event: lifecycle.ChooseManual}, {Event: lifecycle.ApproveManual}, {Event: lifecycle.Revoke, Reason: "fraud"}, {Event: lifecycle.ImportVerified, Detail: from},
		{Event: lifecycle.Revoke, Reason: "fraud"}, {Event: lifecycle.ImportApproved, Detail: from},
	} {
		c.Actor = operator
		w.event(id, fmt.Sprintf("%s-%d", id, i), c)
	}
}

func TestTheWayTakenIsDrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.wander("a1")
	body := w.get(api.RoleViewer, "/admin/accounts/a1").is(http.StatusOK)
	require.Equal(t, 2, strings.Count(body, `<g class="step used" data-from="verified" data-to="unverified">`), "once wide and once narrow")
	require.Contains(t, body, ">8 10</text>", "both times that it was revoked")
	require.Equal(t, 2, strings.Count(body, `<g class="node visited current" data-state="approved"`))
	require.Equal(t, 2, strings.Count(body, `<g class="node" data-state="locked"`), "never been there")
	require.Contains(t, body, `<li value="11"><b>Approval imported</b>: unverified → approved`)
	require.NotContains(t, body, `data-from="locked" data-to="verified"`, "not usual, and not taken")
}

func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	for _, path := range []string{"", "?at=2020-12-05T00:00:00", "/log.ndjson"} {
		require.Contains(t, w.get(api.RoleAdmin, "/admin/accounts/nobody"+path).is(http.StatusNotFound), "account_not_found")
	}
	w.post(api.RoleAdmin, "/admin/accounts/nobody/unlock", "reason", "x").is(http.StatusNotFound)
}

// TestActsByRole: what each role is offered for a locked account. That the server refuses the others is checked for the
// whole table of addresses.
func TestActsByRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.story("a1")
	offered := func(role api.Role, id string) (acts []string) {
		for _, m := range regexp.MustCompile(`id="act-([a-z-]+)"`).FindAllStringSubmatch(w.get(role, "/admin/accounts/"+id).is(http.StatusOK), -1) {
			acts = append(acts, m[1])
		}
		return acts
	}
	operator := []string{"extend", "link", "correct", "close"}
	require.Empty(t, offered(api.RoleViewer, "a1"))
	require.Empty(t, offered(api.RoleAuditor, "a1"))
	require.Equal(t, []string{"unlock", "send-to-manual", "revoke"}, offered(api.RoleReviewer, "a1"))
	require.Equal(t, operator, offered(api.RoleOperator, "a1"))
	require.Equal(t, []string{"unlock", "send-to-manual", "extend", "link", "correct", "revoke", "erase", "close"}, offered(api.RoleAdmin, "a1"))
	w.account("a2")
	require.Empty(t, offered(api.RoleReviewer, "a2"), "nothing fits an account of which nothing is known")

	sections := func(role api.Role) []bool {
		body := w.get(role, "/admin/accounts/a1").is(http.StatusOK)
		return []bool{strings.Contains(body, `id="extensions"`), strings.Contains(body, `id="versions"`), strings.Contains(body, `id="timeline"`)}
	}
	require.Equal(t, []bool{false, false, true}, sections(api.RoleViewer))
	require.Equal(t, []bool{true, true, true}, sections(api.RoleAuditor))
	require.Equal(t, []bool{true, true, true}, sections(api.RoleOperator))
}

// TestEveryAct does each of them, as it is done on the page, and sees the account in its new state.
func TestEveryAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.story("a1")
	const page = "/admin/accounts/a1"
	do := func(role api.Role, act, done string, pairs ...string) {
		t.Helper()
		form := append([]string{"reason", "The merchant called.", "once", once(t, w.get(role, page).is(http.StatusOK))}, pairs...)
		w.post(role, page+"/"+act, form...).leads(page + "?done=" + done)
		require.Contains(t, w.get(role, page+"?done="+done).is(http.StatusOK), `class="note good" role="status"`)
	}
	state := func() lifecycle.State {
		t.Helper()
		v, err := w.store.Head(t.Context(), "a1")
		require.NoError(t, err)
		return v.State
	}
	do(api.RoleReviewer, "unlock", "account_unlock")
	require.Equal(t, lifecycle.Approved, state())
	do(api.RoleReviewer, "send-to-manual", "account_send-to-manual")
	require.Equal(t, lifecycle.ManualReview, state())
	do(api.RoleReviewer, "take-from-manual", "account_take-from-manual")
	require.Equal(t, lifecycle.Approved, state())
	do(api.RoleOperator, "extend", "account_extension_requested", "until", "2020-12-20", "rule", "existing-individuals")
	require.Contains(t, w.get(api.RoleOperator, page).is(http.StatusOK), "2020-12-21 00:00:00", "to the end of the day")
	do(api.RoleOperator, "correct", "account_correct", "kind", "enterprise", "region", "CN", "registered_at", "2020-11-01T09:00:00+08:00")
	require.Contains(t, w.get(api.RoleOperator, page).is(http.StatusOK), "<dd>enterprise</dd>")
	do(api.RoleReviewer, "revoke", "account_revoke")
	require.Equal(t, lifecycle.Unverified, state())
	do(api.RoleOperator, "close", "account_close")
	closed := w.get(api.RoleAdmin, page).is(http.StatusOK)
	require.Contains(t, closed, `id="act-reopen"`)
	for _, gone := range []string{"extend", "link", "close", "send-to-manual"} {
		require.NotContains(t, closed, `id="act-`+gone+`"`)
	}
	do(api.RoleOperator, "reopen", "account_reopen")
	require.NotContains(t, w.get(api.RoleAdmin, page).is(http.StatusOK), `id="act-reopen"`)
	last, err := w.store.Events(t.Context(), "a1", 0, 1000)
	require.NoError(t, err)
	require.Equal(t, lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "test-reviewer"}, last[len(last)-1].Actor)
}

func TestTheLinkIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.account("a1")
	const page = "/admin/accounts/a1"
	form := []string{"reason", "lost it", "once", once(t, w.get(api.RoleOperator, page).is(http.StatusOK))}
	first := w.post(api.RoleOperator, page+"/link", form...).is(http.StatusOK)
	link := regexp.MustCompile(`value="(https://verigate\.example/[^"]+)"`).FindStringSubmatch(first)
	require.NotNil(t, link, first)
	require.Equal(t, link[1], regexp.MustCompile(`value="(https://verigate\.example/[^"]+)"`).FindStringSubmatch(w.post(api.RoleOperator, page+"/link", form...).is(http.StatusOK))[1],
		"a form that is sent twice makes one link")
	require.NotContains(t, w.get(api.RoleOperator, page).is(http.StatusOK), link[1])
}

func TestARefusedActSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.account("a1")
	refused := w.post(api.RoleReviewer, "/admin/accounts/a1/unlock", "reason", "called").is(http.StatusConflict)
	require.Contains(t, refused, "step_not_allowed")
	require.Contains(t, refused, `role="alert"`)
	require.Contains(t, refused, "<title>Error: ")
	missing := w.post(api.RoleReviewer, "/admin/accounts/a1/unlock", "reason", " ").is(http.StatusUnprocessableEntity)
	require.Contains(t, missing, "Give a reason.")

	form := w.post(api.RoleOperator, "/admin/accounts/a1/extend", "reason", "campaign <1>", "until", "2019-01-01").is(http.StatusUnprocessableEntity)
	require.Contains(t, form, `id="act-extend" open>`)
	require.Contains(t, form, `value="campaign &lt;1&gt;"`, "what was typed comes back")
	require.Regexp(t, `name="until" type="date" value="2019-01-01"[^>]* aria-invalid="true" aria-describedby="fault-field-until"`, form)
	require.Contains(t, form, `id="fault-field-until">must lie in the future`)
	form = w.post(api.RoleOperator, "/admin/accounts/a1/correct", "reason", "x", "kind", "individual", "region", "China", "registered_at", "soon").is(http.StatusUnprocessableEntity)
	require.Contains(t, form, `id="fault-field-region"`)
	require.Contains(t, form, `id="fault-field-registered_at"`)
}

// TestLiveDiffersFromAStaleProjection shows the mark, names what differs, and draws the page whatever the engine does.
func TestLiveDiffersFromAStaleProjection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00", func(c *admin.Config) { c.TemporalUI = "https://temporal.example/namespaces/default/" })
	w.approved("a1")
	recalls := func(r func(*contract.Status) error) string {
		w.engine.Set(func(e *apitest.Engine) { e.Recalls = r })
		return w.get(api.RoleViewer, "/admin/accounts/a1").is(http.StatusOK)
	}
	body := recalls(nil)
	require.Contains(t, body, `data-run="same"`)
	require.Contains(t, body, `href="https://temporal.example/namespaces/default/workflows/verification%2Fa1/run-1"`)
	body = recalls(func(s *contract.Status) error {
		s.State, s.Seq = lifecycle.UnderReview, s.Seq-1
		return nil
	})
	require.Contains(t, body, `<p class="note bad" data-run="differs">`)
	require.Regexp(t, `<th scope="row">State</th>\s*<td>under_review</td><td>approved</td>`, body)
	require.NotContains(t, body, ">Prompts</th>", "what is the same is not named")
	body = recalls(func(s *contract.Status) error {
		s.Seq--
		return nil
	})
	require.Contains(t, body, `<p class="note wait" data-run="differs">`, "behind, which mends itself")
	require.Contains(t, body, "has not read the last 1 entry yet")
	body = recalls(func(s *contract.Status) error {
		s.Seq++
		return nil
	})
	require.Contains(t, body, `<p class="note bad" data-run="differs">`, "it knows what the record does not")
	for want, err := range map[string]error{"none": api.ErrRunUnknown, "closed": api.ErrRunClosed, "away": api.ErrEngineUnavailable} {
		body = recalls(func(*contract.Status) error { return err })
		require.Contains(t, body, `data-run="`+want+`"`)
		require.Contains(t, body, `href="https://temporal.example/namespaces/default/workflows/verification%2Fa1"`)
		require.Contains(t, body, `id="timeline"`)
	}
}

// TestHugeLog: a page of the log is a page however long the log is, from either end, and the file has all of it.
func TestHugeLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.approved("a1")
	const prompts = 1500
	drafts := make([]lifecycle.Change, prompts)
	for i := range drafts {
		drafts[i] = lifecycle.Change{Event: lifecycle.Prompt, At: w.clock.now(), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}, Detail: lifecycle.Detail{
			Prompt: &lifecycle.PromptNote{Level: "warning", Policy: "p", PolicyVersion: 1, Rule: "r"},
		}}
	}
	_, err := w.store.Append(t.Context(), lifecycle.Append{AccountID: "a1", ChangeID: "many", Head: lifecycle.AnyHead, Known: 3, Changes: drafts})
	require.NoError(t, err)
	entry := regexp.MustCompile(`id="entry-(\d+)"`)
	next := regexp.MustCompile(`href="([^"]+#timeline)" rel="next"`)
	read := func(path string) (first, last string, following string) {
		body := w.get(api.RoleViewer, path).is(http.StatusOK)
		all := entry.FindAllStringSubmatch(body, -1)
		require.Len(t, all, 50)
		m := next.FindStringSubmatch(body)
		require.NotNil(t, m)
		return all[0][1], all[49][1], html.UnescapeString(m[1])
	}
	first, last, following := read("/admin/accounts/a1?view=full")
	require.Equal(t, []string{"1503", "1454"}, []string{first, last})
	first, last, _ = read(strings.TrimSuffix(following, "#timeline"))
	require.Equal(t, []string{"1453", "1404"}, []string{first, last})
	first, last, _ = read("/admin/accounts/a1?order=oldest")
	require.Equal(t, []string{"1", "50"}, []string{first, last})
	require.Contains(t, w.get(api.RoleViewer, "/admin/accounts/a1").is(http.StatusOK), ">Approved</b>: under review → approved", "the way is whole")

	file := w.get(api.RoleAuditor, "/admin/accounts/a1/log.ndjson")
	lines := strings.Split(strings.TrimSpace(file.is(http.StatusOK)), "\n")
	require.Len(t, lines, prompts+3)
	for i, line := range lines {
		var e struct{ Seq int }
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Equal(t, i+1, e.Seq)
	}
	require.Equal(t, "application/x-ndjson", file.header.Get("Content-Type"))
	require.Contains(t, file.header.Get("Content-Disposition"), "a1.ndjson")
}

func TestViewsOfTheTimeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-05 01:00:00")
	w.story("a1")
	full := w.get(api.RoleViewer, "/admin/accounts/a1?view=full").is(http.StatusOK)
	require.Contains(t, full, `<dt>Reminder</dt>`)
	require.Contains(t, full, `<span class="soft">milestone</span> P3D`)
	require.Contains(t, full, "Recorded 2020-12-05")
	text := html.UnescapeString(w.get(api.RoleViewer, "/admin/accounts/a1?view=json").is(http.StatusOK))
	from, to := strings.Index(text, "[\n"), strings.LastIndex(text, "]</pre>")
	require.Positive(t, from)
	var entries []map[string]any
	require.NoError(t, json.Unmarshal([]byte(text[from:to+1]), &entries))
	require.Equal(t, "lock", entries[0]["event"])
	compact := w.get(api.RoleViewer, "/admin/accounts/a1?view=other").is(http.StatusOK)
	require.Contains(t, compact, `<span class="chip">Reminder P3D</span>`)
	require.Contains(t, compact, `class="log log-compact"`)
}
