package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/evidence/evidencetest"
)

// TestTwoReviewers: both look at one case, one takes it, and only that one decides. By keyboard.
func TestTwoReviewers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.everyState(t)
	const path = "/admin/reviews/" + anyID
	first, second := s.device(t, computer("en")), s.device(t, computer("zh-CN"))
	first.signInAs("reviewer", path)
	second.signInAs("reviewer2", path)
	first.pressOn("#decision form .primary")
	first.awaitElement("#approve")
	second.expect("409")
	second.pressOn("#decision form .primary") // that page still says that nobody holds it
	second.awaitElement("[role=alert]")
	second.audit("admin-case-of-another")
	require.Zero(t, eval[int](second, "document.querySelectorAll('#approve').length"))
	require.Equal(t, http.StatusConflict, decideAs(second, path))

	first.audit("admin-case-mine")
	first.keys("u")
	first.await("the reason has the focus", "document.activeElement.name === 'reason'")
	first.keys("\t\r")
	first.awaitElement(".secret.clear")
	require.True(t, first.says(person), "the name is shown to who gave a reason")
	first.audit("admin-case-in-clear")
	first.keys("a")
	first.await("the note has the focus", "document.activeElement.name === 'note'")
	eval[bool](first, "document.querySelector('#approve form').requestSubmit(), true")
	first.await("it is decided", "!!document.querySelector('.note.good')")
	(&account{t, s.demo, anyID}).await("approved")
	second.expect("404") // it has left the queue
	second.open(s.API + path)
	require.False(t, second.says(person))
}

// decideAs sends a decision past the page, as a script of the reader's could.
func decideAs(b *tab, path string) int {
	b.t.Helper()
	return b.sent(path+"/decide", url.Values{"decision": {"approve"}})
}

// TestManualCase: what a merchant gave is shown to who takes the case, and decides it.
func TestManualCase(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	a := s.account(t).approved()
	a.command("choose-manual", map[string]string{"reason": "no_phone"})
	card := evidencetest.JPEG(t, 640, 400)
	a.give("id_front", "image/jpeg", card)
	a.give("id_back", "image/jpeg", card)
	a.give("holding", "text/plain", []byte("这张证件属于本人。"))

	b := s.device(t, computer("en"))
	b.signInAs("reviewer", "/admin/manual")
	b.pressOn("#next")
	b.awaitPath("/admin/manual/" + a.id)
	b.await("the pictures are drawn", "[...document.querySelectorAll('.pieces img')].length === 2 && [...document.querySelectorAll('.pieces img')].every(i => i.complete && i.naturalWidth > 0)")
	b.audit("admin-manual-case")
	b.pressOn(".pieces a")
	b.await("the picture is drawn", "[...document.querySelectorAll('main img')].some(i => i.complete && i.naturalWidth > 320)")
	b.audit("admin-evidence")
	b.open(s.API + "/admin/manual/" + a.id)
	b.press("#approve summary")
	b.pressOn("#approve form .primary")
	a.await("verified")
}

// give uploads a piece of evidence.
func (a *account) give(kind, media string, content []byte) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.path("/evidence?kind="+kind), bytes.NewReader(content))
	require.NoError(a.t, err)
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+a.d.APIKey)
	res, err := a.d.http.Do(r)
	require.NoError(a.t, err)
	require.NoError(a.t, res.Body.Close())
	require.Equal(a.t, http.StatusCreated, res.StatusCode)
}

// TestTimeTravel: what the page shows of an instant is what the API answers.
func TestTimeTravel(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := s.device(t, computer("en"))
	b.signInAs("viewer", "/admin/accounts/sample-old")
	b.audit("admin-account-sample")
	for _, at := range []string{"2020-11-16T23:59:59", "2020-11-17T00:00:00", "2020-12-03T23:59:59", "2020-12-04T00:00:00"} {
		b.open(s.API + "/admin/accounts/sample-old?basis=would&at=" + at)
		shown := eval[string](b, `JSON.stringify([...document.querySelectorAll('#travel td[data-effect]')].map(c => c.dataset.effect + ' ' + c.dataset.reason))`)
		var page []string
		require.NoError(t, json.Unmarshal([]byte(shown), &page))
		var said []string
		for _, action := range []string{"create_label", "login", "print_label", "void_label"} {
			var d struct{ Effect, Reason string }
			s.call(t, http.MethodPost, s.API+"/v1/accounts/sample-old/decisions", s.APIKey, map[string]string{"action": action, "at": at + "+08:00"}, http.StatusOK, &d)
			said = append(said, d.Effect+" "+d.Reason)
		}
		require.Equal(t, said, page, at)
	}
	require.Contains(t, strings.Join(eval[[]string](b, `[...document.querySelectorAll('#travel td[data-effect]')].map(c => c.dataset.effect)`), " "), "block")
}
