package admin_test

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/evidence/evidencetest"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// manual brings an account into the manual review, and returns the ids of what it gave: a picture and words.
func (w *world) manual(id string) (picture, words string) {
	w.t.Helper()
	w.account(id)
	head, err := w.store.Head(w.t.Context(), id)
	require.NoError(w.t, err)
	var changes []lifecycle.Change
	for _, e := range []lifecycle.Event{lifecycle.Submit, lifecycle.BeginReview, lifecycle.Approve, lifecycle.ChooseManual} {
		c := lifecycle.Change{Event: e, At: w.clock.now()}
		if e == lifecycle.Submit {
			c.Detail.Identity = &lifecycle.Identity{Ref: "subject-1", Digest: "d-" + id}
		}
		changes = append(changes, c)
	}
	_, err = w.store.Append(w.t.Context(), lifecycle.Append{AccountID: id, ChangeID: "manual-" + id, Head: head.Seq, Known: head.Seq, Changes: changes})
	require.NoError(w.t, err)
	give := func(kind string, content []byte) store.Evidence {
		r := httptest.NewRequest(http.MethodPost, "/v1/accounts/"+id+"/evidence?kind="+kind, bytes.NewReader(content))
		r.Header.Set("Content-Type", map[bool]string{true: "text/plain", false: "image/jpeg"}[kind == evidence.Holding])
		recorded := httptest.NewRecorder()
		w.api.ServeHTTP(recorded, api.As(r, api.Principal{ID: "admin-1", Role: api.RoleAdmin}))
		require.Equal(w.t, http.StatusCreated, recorded.Code, "%s", recorded.Body)
		all, err := w.store.EvidenceOf(w.t.Context(), id)
		require.NoError(w.t, err)
		for _, e := range all {
			if e.Kind == kind {
				return e
			}
		}
		return store.Evidence{}
	}
	return give(evidence.IDFront, evidencetest.JPEG(w.t, 480, 300)).ID, give(evidence.Holding, []byte("The card is mine.\n<b>I keep it</b>")).ID
}

func TestLookingAtEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	picture, words := w.manual("a1")
	other, _ := w.manual("a2")
	at := "/admin/accounts/a1/evidence/"
	require.Contains(t, w.get(api.RoleReviewer, at+words).is(http.StatusConflict), "claim_needed")
	require.NotContains(t, w.get(api.RoleReviewer, "/admin/manual/a1").is(http.StatusOK), at, "who has not taken the case sees none of it")
	require.Equal(t, http.StatusSeeOther, w.post(api.RoleReviewer, "/admin/manual/a1/claim").status)
	require.Contains(t, w.get(api.RoleReviewer, "/admin/manual/a1").is(http.StatusOK), at+picture+"/picture?size=small")
	page := w.get(api.RoleReviewer, at+picture).is(http.StatusOK)
	require.Contains(t, page, "Identity card, portrait side")
	require.Contains(t, page, `src="`+at+picture+`/picture?turn=0"`)
	require.Contains(t, page, `href="`+at+picture+`?turn=90"`)
	require.Contains(t, page, `href="`+at+picture+`?turn=270"`)
	require.Contains(t, page, "480 × 300")
	require.Contains(t, page, at+words, "the next or previous piece")
	zoomed := w.get(api.RoleReviewer, at+picture+"?turn=90&zoom=1").is(http.StatusOK)
	require.Contains(t, zoomed, `class="picture zoom"`)
	require.Contains(t, zoomed, `picture?turn=90"`)
	require.Contains(t, zoomed, `?turn=180&amp;zoom=1"`)
	require.Contains(t, w.get(api.RoleReviewer, at+picture+"?turn=45").is(http.StatusOK), `picture?turn=0"`)
	said := w.get(api.RoleReviewer, at+words).is(http.StatusOK)
	require.Contains(t, said, "The card is mine.\n&lt;b&gt;I keep it&lt;/b&gt;")

	got := w.get(api.RoleReviewer, at+picture+"/picture?turn=90")
	require.Equal(t, "image/jpeg", got.header.Get("Content-Type"))
	require.Equal(t, "inline", got.header.Get("Content-Disposition"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
	require.Contains(t, got.header.Get("Content-Security-Policy"), "sandbox")
	drawn, err := jpeg.Decode(strings.NewReader(got.is(http.StatusOK)))
	require.NoError(t, err)
	require.Equal(t, 480, drawn.Bounds().Dy(), "turned")
	small, err := jpeg.Decode(strings.NewReader(w.get(api.RoleReviewer, at+picture+"/picture?size=small").is(http.StatusOK)))
	require.NoError(t, err)
	require.Equal(t, 320, small.Bounds().Dx())

	for _, path := range []string{at + other, at + other + "/picture", at + "nothing", at + "nothing/picture", "/admin/accounts/nobody/evidence/" + picture} {
		require.Equal(t, http.StatusNotFound, w.get(api.RoleReviewer, path).status, path)
	}
	for _, role := range []api.Role{api.RoleViewer, api.RoleOperator, api.RoleAuditor} {
		require.Equal(t, http.StatusForbidden, w.get(role, at+picture).status)
		require.Equal(t, http.StatusForbidden, w.get(role, at+picture+"/picture").status)
	}
	for _, wanted := range []string{"document", "empty", "iframe"} {
		r := httptest.NewRequest(http.MethodGet, at+picture+"/picture", nil)
		r.Header.Set(asHeader, string(api.RoleReviewer))
		r.Header.Set("Sec-Fetch-Dest", wanted)
		require.Equal(t, http.StatusForbidden, w.send(r).status, wanted)
	}
}

// TestThePartSaysWhatIsThere draws the part as the case page does.
func TestThePartSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2020-12-01 10:00:00")
	picture, words := w.manual("a1")
	reviewer := w.part(api.RoleReviewer, "a1")
	require.Contains(t, reviewer, "incomplete")
	require.Contains(t, reviewer, "<b>Identity card, emblem side</b>", "what is missing")
	require.Contains(t, reviewer, "/admin/accounts/a1/evidence/"+picture+"/picture?size=small")
	require.NotContains(t, reviewer, words+"/picture", "words have no picture")
	require.NotContains(t, reviewer, "I keep it")
	require.Contains(t, reviewer, `<input type="hidden" name="evidence" value="`+picture+`">`)
	viewer := w.part(api.RoleViewer, "a1")
	require.NotContains(t, viewer, "/picture")
	require.Contains(t, viewer, "Your role does not see")
	w.account("a3")
	require.Contains(t, w.part(api.RoleReviewer, "a3"), "Nothing has been given yet")
}

// part is the page of the test on which the part stands.
func (w *world) part(role api.Role, account string) string {
	w.t.Helper()
	page := fstest.MapFS{"part.html": {Data: []byte(`{{define "content"}}{{template "evidence" (dict "f" . "account" .Account "Evidence" .Evidence)}}<form>{{template "evidence_seen" (dict "Evidence" .Evidence)}}</form>{{end}}`)}}
	r := httptest.NewRequest(http.MethodGet, "/admin/", nil)
	r.Header.Set("Accept-Language", "en")
	content, err := w.admin.DrawEvidence(r, page, role, account)
	require.NoError(w.t, err)
	return content
}
