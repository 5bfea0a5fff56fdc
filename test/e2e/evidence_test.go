package e2e

import (
	"crypto/rand"
	"net/http"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/evidence/evidencetest"
)

// giveEvidence gives what a review without a face needs; what is there already stays. The words hold a name that must be
// nowhere but in the vault.
func (c caller) giveEvidence(account, name string) {
	c.t.Helper()
	card := string(evidencetest.JPEG(c.t, 480, 300))
	for _, piece := range []struct{ kind, media, content string }{
		{"id_front", "image/jpeg", card}, {"id_back", "image/jpeg", card}, {"holding", "text/plain", "The card is held by " + name},
	} {
		a := c.insist(request{
			method: http.MethodPost, path: "/v1/accounts/" + account + "/evidence?kind=" + piece.kind, body: piece.content,
			header: map[string]string{"Content-Type": piece.media, "Idempotency-Key": rand.Text()},
		})
		require.Equal(c.t, http.StatusCreated, a.status, "%s", a.body)
	}
}
