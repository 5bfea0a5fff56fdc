package admin_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
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
