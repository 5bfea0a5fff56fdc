package transit_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/transit"
	"github.com/verigate/verigate/internal/vault/vaulttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "s.invented"

// service stands in for the Transit engine of a key management service, with one key of many versions.
type service struct {
	t testing.TB

	mu        sync.Mutex
	versions  []tink.AEAD // version 1 is the first
	oldest    int         // that decrypts
	calls     []string
	misbehave func(w http.ResponseWriter, r *http.Request) bool
	token     string
	namespace string
}

func newService(t testing.TB) (*service, *httptest.Server) {
	t.Helper()
	s := &service{t: t, oldest: 1, token: token}
	s.rotate()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server
}

func (s *service) rotate() {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(s.t, err)
	a, err := aead.New(handle)
	require.NoError(s.t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions = append(s.versions, a)
}

func (s *service) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *service) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.calls...)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	if s.misbehave != nil && s.misbehave(w, r) {
		return
	}
	if r.Header.Get("X-Vault-Token") == "" {
		refuse(w, http.StatusBadRequest, "missing client token") // not 403
		return
	}
	if r.Header.Get("X-Vault-Token") != s.token || r.Header.Get("X-Vault-Namespace") != s.namespace {
		refuse(w, http.StatusForbidden, "permission denied")
		return
	}
	var in struct {
		Plaintext  string `json:"plaintext"`
		Ciphertext string `json:"ciphertext"`
		Associated string `json:"associated_data"`
	}
	if r.Method != http.MethodGet && json.NewDecoder(r.Body).Decode(&in) != nil {
		refuse(w, http.StatusBadRequest, "no JSON")
		return
	}
	bound, _ := base64.StdEncoding.DecodeString(in.Associated)
	switch r.Method + " " + r.URL.Path {
	case "PUT /v1/transit/encrypt/verigate":
		plain, _ := base64.StdEncoding.DecodeString(in.Plaintext)
		sealed, err := s.versions[len(s.versions)-1].Encrypt(plain, bound)
		if err != nil {
			refuse(w, http.StatusInternalServerError, "encrypt")
			return
		}
		answer(w, map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", len(s.versions), base64.StdEncoding.EncodeToString(sealed)), "key_version": len(s.versions)})
	case "PUT /v1/transit/decrypt/verigate":
		parts := strings.SplitN(in.Ciphertext, ":", 3)
		version, _ := strconv.Atoi(strings.TrimPrefix(parts[1], "v"))
		sealed, _ := base64.StdEncoding.DecodeString(parts[2])
		if version < s.oldest || version > len(s.versions) {
			refuse(w, http.StatusBadRequest, "ciphertext or signature version is disallowed by policy (too old)")
			return
		}
		plain, err := s.versions[version-1].Decrypt(sealed, bound)
		if err != nil {
			refuse(w, http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		answer(w, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
	case "GET /v1/transit/keys/verigate":
		answer(w, map[string]any{"latest_version": len(s.versions), "min_decryption_version": s.oldest, "type": "aes256-gcm96"})
	default:
		refuse(w, http.StatusNotFound, "no handler for route")
	}
}

func answer(w http.ResponseWriter, data map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "data": data})
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []string{why}})
}

func open(t testing.TB, address string, change ...func(*transit.Config)) *transit.KEK {
	t.Helper()
	c := transit.Config{Address: address, Mount: "transit", Key: "verigate", Token: token, Timeout: 5 * time.Second}
	for _, do := range change {
		do(&c)
	}
	k, err := transit.New(c)
	require.NoError(t, err)
	return k
}

func TestItIsAKEK(t *testing.T) {
	t.Parallel()
	s, server := newService(t)
	vaulttest.RunKEK(t, func(*testing.T) vaulttest.RotatingKEK {
		return vaulttest.RotatingKEK{
			Open: func(t *testing.T) vault.KEK { return open(t, server.URL) }, Rotate: s.rotate,
			Retire: func() { s.set(func() { s.oldest = len(s.versions) }) },
		}
	})
}

// TestAVaultOverTheService: records, a rotation, and a re-wrap.
func TestAVaultOverTheService(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, server := newService(t)
	records, keys, ring := sqlstoretest.Open(t).VaultRecords(), vaulttest.NewKeys(), vaulttest.NewKeyset(t)
	fresh := func() *vault.Sealed {
		v, err := vault.New(vault.Config{Records: records, Keys: keys, KEK: open(t, server.URL), Keyset: ring, Now: time.Now})
		require.NoError(t, err)
		return v
	}
	v := fresh()
	var refs []string
	for range 5 {
		ref, err := v.PutText(ctx, "a1", vault.KindNote, "text")
		require.NoError(t, err)
		refs = append(refs, ref)
	}
	for _, ref := range refs {
		_, err := v.Text(ctx, "a1", ref)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"PUT /v1/transit/encrypt/verigate"}, s.asked(), "the service is asked once a key, not once a record")
	s.rotate()
	v = fresh()
	changed, err := v.Rewrap(ctx, func(int, int) {})
	require.NoError(t, err)
	require.Equal(t, 1, changed)
	s.set(func() { s.oldest = 2 })
	v = fresh()
	require.NoError(t, v.Check(ctx))
	text, err := v.Text(ctx, "a1", refs[0])
	require.NoError(t, err)
	require.Equal(t, "text", text)
	_, err = v.Forget(ctx, "a1", vault.KindNote)
	require.NoError(t, err)
	_, err = v.Text(ctx, "a1", refs[0])
	require.ErrorIs(t, err, vault.ErrNotFound, "although the key was kept in memory")
}

// TestFaultsOfTheService are for later, and never quote what was sent.
func TestFaultsOfTheService(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"sealed": func(w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, http.StatusServiceUnavailable, "Vault is sealed")
			return true
		},
		"broken": func(w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, http.StatusInternalServerError, "canary")
			return true
		},
		"refused": func(w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, http.StatusForbidden, "canary")
			return true
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte("<html>canary")); return true },
		"empty":   func(w http.ResponseWriter, _ *http.Request) bool { answer(w, map[string]any{}); return true },
		"nonsense": func(w http.ResponseWriter, _ *http.Request) bool {
			answer(w, map[string]any{"ciphertext": "canary", "plaintext": "!", "latest_version": "many"})
			return true
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://127.0.0.1:1/canary", http.StatusTemporaryRedirect)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, server := newService(t)
			k := open(t, server.URL)
			wrapped, id, err := k.Wrap(t.Context(), []byte("canary canary canary"), []byte("bound"))
			require.NoError(t, err)
			s.set(func() { s.misbehave = fault })
			k = open(t, server.URL)
			_, _, wrapErr := k.Wrap(t.Context(), []byte("canary"), nil)
			_, unwrapErr := k.Unwrap(t.Context(), id, wrapped, []byte("bound"))
			_, idsErr := k.IDs(t.Context())
			for _, err := range []error{wrapErr, unwrapErr, idsErr} {
				require.ErrorIs(t, err, vault.ErrUnavailable)
				require.NotContains(t, err.Error(), "canary")
			}
		})
	}
}

func TestAServiceThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s, server := newService(t)
	release := make(chan struct{})
	s.misbehave = func(http.ResponseWriter, *http.Request) bool { <-release; return true }
	defer close(release)
	k := open(t, server.URL, func(c *transit.Config) { c.Timeout = 50 * time.Millisecond })
	_, _, err := k.Wrap(t.Context(), []byte("x"), nil)
	require.ErrorIs(t, err, vault.ErrUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = open(t, server.URL).Wrap(ctx, []byte("x"), nil)
	require.ErrorIs(t, err, vault.ErrUnavailable)
	require.NotErrorIs(t, err, vault.ErrUnsealed)
}

// TestTheTokenOfNow: an agent of the service writes another one into the file.
func TestTheTokenOfNow(t *testing.T) {
	t.Parallel()
	s, server := newService(t)
	s.namespace = "team"
	file := filepath.Join(t.TempDir(), "token")
	k := open(t, server.URL, func(c *transit.Config) { c.Token, c.TokenFile, c.Namespace = "", file, "team" })
	_, err := k.IDs(t.Context())
	require.ErrorIs(t, err, vault.ErrUnavailable)
	require.ErrorContains(t, err, "token")
	require.NoError(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	_, err = k.IDs(t.Context())
	require.NoError(t, err)
	s.set(func() { s.token = "s.renewed" })
	_, err = k.IDs(t.Context())
	require.ErrorIs(t, err, vault.ErrUnavailable)
	require.NoError(t, os.WriteFile(file, []byte("s.renewed\n"), 0o600))
	_, err = k.IDs(t.Context())
	require.NoError(t, err)
}

func TestAFileOfCertificatesThatIsNone(t *testing.T) {
	t.Parallel()
	_, err := transit.New(transit.Config{Address: "https://127.0.0.1:1", Mount: "transit", Key: "k", CAFile: "nowhere.pem"})
	require.Error(t, err)
}

// TestFromAKeysetToTheService: what the keyset has wrapped opens, and a re-wrap leaves nothing to it.
func TestFromAKeysetToTheService(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, server := newService(t)
	records, keys, ring := sqlstoretest.Open(t).VaultRecords(), vaulttest.NewKeys(), vaulttest.NewKeyset(t)
	ref, err := vaulttest.With(t, records, keys, ring).PutText(ctx, "a1", vault.KindNote, "text")
	require.NoError(t, err)
	before, err := ring.KEK()
	require.NoError(t, err)
	v, err := vault.New(vault.Config{
		Records: records, Keys: keys, KEK: vault.Moved(open(t, server.URL), before, vault.KeysetIDs), Keyset: ring, Now: time.Now,
	})
	require.NoError(t, err)
	require.NoError(t, v.Check(ctx))
	read := func() {
		t.Helper()
		text, err := v.Text(ctx, "a1", ref)
		require.NoError(t, err)
		require.Equal(t, "text", text)
	}
	read()
	changed, err := v.Rewrap(ctx, func(int, int) {})
	require.NoError(t, err)
	require.Equal(t, 1, changed)
	read()
	status, err := v.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, []int{status.KEKs[0].Keys, status.KEKs[1].Keys})
	require.Contains(t, status.KEKs[0].ID, "transit/")
}
