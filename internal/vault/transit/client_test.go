package transit_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/transit"
)

// tokenFrom has the token read from a file.
func tokenFrom(file string) func(*transit.Config) {
	return func(c *transit.Config) { c.Token, c.TokenFile = "", file }
}

// TestAnEmptyFileOfTheToken is for later: an agent may be writing it. The service would answer with the status of a key
// that does not open, which is for good.
func TestAnEmptyFileOfTheToken(t *testing.T) {
	t.Parallel()
	_, server := newService(t)
	wrapped, id, err := open(t, server.URL).Wrap(t.Context(), []byte("key"), nil)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("\n"), 0o600))
	k := open(t, server.URL, tokenFrom(file))
	_, err = k.Unwrap(t.Context(), id, wrapped, nil)
	require.ErrorIs(t, err, vault.ErrUnavailable)
	require.NotErrorIs(t, err, vault.ErrUnsealed)
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	plain, err := k.Unwrap(t.Context(), id, wrapped, nil)
	require.NoError(t, err)
	require.Equal(t, "key", string(plain))
}

// TestTheTokenGoesNowhereElse: a redirection is not followed, whichever way the token is given.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	for name, change := range map[string]func(*transit.Config){"token": func(*transit.Config) {}, "file": tokenFrom(file)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other, elsewhere := newService(t)
			s, server := newService(t)
			s.misbehave = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, elsewhere.URL+"/v1/transit/encrypt/verigate", http.StatusTemporaryRedirect)
				return true
			}
			_, _, err := open(t, server.URL, change).Wrap(t.Context(), []byte("key"), nil)
			require.ErrorIs(t, err, vault.ErrUnavailable)
			require.Len(t, s.asked(), 1)
			require.Empty(t, other.asked())
		})
	}
}

// TestTheEnvironmentOfAnotherProgram: what the service's own tools read from there is not for us.
func TestTheEnvironmentOfAnotherProgram(t *testing.T) {
	other, elsewhere := newService(t)
	_, server := newService(t)
	for name, value := range map[string]string{
		"VAULT_ADDR": elsewhere.URL, "VAULT_AGENT_ADDR": elsewhere.URL, "VAULT_PROXY_ADDR": elsewhere.URL, "VAULT_TOKEN": "s.other",
		"VAULT_NAMESPACE": "other", "VAULT_WRAP_TTL": "5m", "VAULT_HEADERS": `{"X-Other": "1"}`, "VAULT_CLIENT_TIMEOUT": "1h",
	} {
		t.Setenv(name, value)
	}
	headers := http.Header{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers = r.Header.Clone()
		server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	_, _, err := open(t, front.URL).Wrap(t.Context(), []byte("key"), nil)
	require.NoError(t, err)
	require.Empty(t, other.asked())
	require.Empty(t, headers.Get("X-Vault-Wrap-TTL"), "a wrapped answer holds no key")
	require.Empty(t, headers.Get("X-Other"))
}

// TestTheCertificateIsChecked against the file or the system's certificates, whatever the environment says.
func TestTheCertificateIsChecked(t *testing.T) {
	s, _ := newService(t)
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	t.Setenv("VAULT_SKIP_VERIFY", "true")
	_, err := open(t, server.URL).IDs(t.Context())
	require.ErrorIs(t, err, vault.ErrUnavailable)
	require.Empty(t, s.asked())
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, text, 0o600))
	ids, err := open(t, server.URL, func(c *transit.Config) { c.CAFile = file }).IDs(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"transit/verigate/v1"}, ids)
}
