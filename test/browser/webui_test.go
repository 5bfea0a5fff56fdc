package browser

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPayloadsInTheWebUI: Temporal's web UI shows payloads in clear to who is signed in to the admin pages in the same
// browser and may see them, and ciphertext to everybody else.
func TestPayloadsInTheWebUI(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.populate(t, population())
	workflow := s.TemporalUI + "/api/v1/namespaces/verigate/workflows/" + url.PathEscape("verification/"+anyID)
	for _, c := range []struct {
		login string
		sees  bool
		want  int
	}{
		{"", false, http.StatusUnauthorized}, {"viewer", false, http.StatusForbidden}, {"reviewer", false, http.StatusForbidden},
		{"operator", true, http.StatusOK}, {"auditor", true, http.StatusOK}, {"admin", true, http.StatusOK},
	} {
		t.Run("as "+c.login, func(t *testing.T) {
			t.Parallel()
			b := s.device(t, computer("en"))
			for _, noise := range []string{"401", "403", "404", "Failed to load", "warning", "Autofocus"} {
				b.expect(noise)
			}
			if c.login != "" {
				b.signInAs(c.login, "/admin/")
			}
			b.open(s.TemporalUI + "/namespaces/verigate/workflows")
			b.awaitText("verification/" + anyID)
			got := awaited[struct {
				Status    int
				Run, Text string
			}](b, `(async () => {
				const events = await (await fetch(`+quoted(workflow+"/history")+`)).json();
				const begun = events.history.events[0].workflowExecutionStartedEventAttributes;
				const codec = (await (await fetch('/api/v1/settings')).json()).Codec;
				const answer = await fetch(codec.Endpoint + '/decode?preserveStorageRefs=true', {method: 'POST', body: JSON.stringify(begun.input),
					headers: {'Content-Type': 'application/json', 'X-Namespace': 'verigate'}, credentials: codec.IncludeCredentials ? 'include' : 'same-origin'});
				const text = await answer.text();
				return {Status: answer.status, Run: begun.originalExecutionRunId, Text: answer.ok ? atob(JSON.parse(text).payloads[0].data) : text};
			})()`)
			require.Equal(t, c.want, got.Status)
			require.Equal(t, c.sees, strings.Contains(got.Text, anyID), "%s", got.Text)
			if !c.sees {
				require.Empty(t, got.Text)
			}
			// And the same through the UI's own eyes.
			b.open(s.TemporalUI + "/namespaces/verigate/workflows/" + url.PathEscape("verification/"+anyID) + "/" + got.Run + "/history")
			shown, hidden := `"account_id"`, "Payloads stay encrypted"
			if !c.sees {
				shown, hidden = hidden, shown
			}
			b.await("the page shows "+shown, `document.body.innerText.includes(`+quoted(shown)+`)`)
			require.False(t, b.says(hidden))
		})
	}
}
