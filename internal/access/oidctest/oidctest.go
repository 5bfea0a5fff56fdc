// Package oidctest is a small OpenID Connect provider for tests: discovery, keys, the authorization code flow with
// PKCE, ID tokens with real RS256 signatures. It can misbehave.
package oidctest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// ClientID and ClientSecret are the one client's.
	ClientID     = "verigate"
	ClientSecret = "client secret"

	keyID = "key-1"
)

// Misbehaviour is what is wrong with the ID tokens, or with the provider's answers.
type Misbehaviour string

const (
	None          Misbehaviour = ""
	WrongNonce    Misbehaviour = "wrong nonce"
	NoNonce       Misbehaviour = "no nonce"
	WrongAudience Misbehaviour = "wrong audience"
	WrongIssuer   Misbehaviour = "wrong issuer"
	Expired       Misbehaviour = "expired"
	ForeignKey    Misbehaviour = "signed by a foreign key"
	Unsigned      Misbehaviour = "unsigned"
	Symmetric     Misbehaviour = "signed with the client's secret"
	Changed       Misbehaviour = "changed after it was signed"
	NoToken       Misbehaviour = "no ID token"
	NoSubject     Misbehaviour = "no subject"
)

// All lists every misbehaviour of tokens.
func All() []Misbehaviour {
	return []Misbehaviour{
		WrongNonce, NoNonce, WrongAudience, WrongIssuer, Expired, ForeignKey, Unsigned, Symmetric, Changed, NoToken, NoSubject,
	}
}

// Provider is a running provider.
type Provider struct {
	t      testing.TB
	server *httptest.Server
	now    func() time.Time
	keys   map[bool]*rsa.PrivateKey // by whether it is the published one

	mu     sync.Mutex
	claims map[string]any
	wrong  Misbehaviour
	down   bool
	codes  map[string]url.Values // requests for authorization, by code; each is good once
}

// New starts a provider that lets everybody in as whom Claims says.
func New(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := &Provider{t: t, now: now, keys: map[bool]*rsa.PrivateKey{}, codes: map[string]url.Values{}}
	for _, published := range []bool{true, false} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(t, err)
		p.keys[published] = key
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.published)
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		down := p.down
		p.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

// Issuer is the provider's base URL.
func (p *Provider) Issuer() string { return p.server.URL }

// Client asks the provider; its connections end with the test.
func (p *Provider) Client() *http.Client { return p.server.Client() }

// Claims sets who signs in from now on, as claims of the ID token.
func (p *Provider) Claims(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = maps.Clone(claims)
}

// Misbehave makes the tokens from now on wrong.
func (p *Provider) Misbehave(m Misbehaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = m
}

// Down takes the provider away, or brings it back.
func (p *Provider) Down(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Authorize does what a browser does at the address that it was sent to, whose person says yes at once, and returns
// the address that the browser is led back to.
func (p *Provider) Authorize(address string) (back string) {
	p.t.Helper()
	u, err := url.Parse(address)
	require.NoError(p.t, err)
	require.Equal(p.t, p.server.URL+"/authorize", u.Scheme+"://"+u.Host+u.Path)
	q := u.Query()
	require.Equal(p.t, "code", q.Get("response_type"))
	require.Equal(p.t, ClientID, q.Get("client_id"))
	require.Equal(p.t, "S256", q.Get("code_challenge_method"))
	require.NotEmpty(p.t, q.Get("nonce"))
	require.NotEmpty(p.t, q.Get("state"))
	p.mu.Lock()
	defer p.mu.Unlock()
	code := "code-" + rand.Text()
	p.codes[code] = q
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, map[string]any{
		"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token",
		"jwks_uri": p.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
	})
}

func (p *Provider) published(w http.ResponseWriter, _ *http.Request) {
	key := p.keys[true].PublicKey
	p.answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID, "n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes()),
	}}})
}

// token exchanges a code, once, for whoever knows the client's secret and the verifier of the code's challenge.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if raw, err := url.QueryUnescape(secret); err == nil {
		secret = raw
	}
	if id != ClientID || secret != ClientSecret {
		p.answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	asked, known := p.codes[code]
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || asked.Get("code_challenge") != text(challenge[:]) || asked.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	delete(p.codes, code)
	body := map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60}
	if p.wrong != NoToken {
		body["id_token"] = p.idToken(asked.Get("nonce"))
	}
	p.answer(w, http.StatusOK, body)
}

// idToken makes the token, wrong in the one way that is asked for.
func (p *Provider) idToken(nonce string) string {
	now := p.now()
	claims := map[string]any{
		"iss": p.server.URL, "aud": ClientID, "sub": "subject-1", "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	maps.Copy(claims, p.claims)
	switch p.wrong {
	case WrongNonce:
		claims["nonce"] = "another"
	case NoNonce:
		delete(claims, "nonce")
	case WrongAudience:
		claims["aud"] = "another-client"
	case WrongIssuer:
		claims["iss"] = "https://issuer.example"
	case Expired:
		claims["exp"] = now.Add(-time.Second).Unix()
	case NoSubject:
		delete(claims, "sub")
	case None, ForeignKey, Unsigned, Symmetric, Changed, NoToken:
	}
	return p.sign(claims)
}

func (p *Provider) sign(claims map[string]any) string {
	algorithm := map[Misbehaviour]string{Unsigned: "none", Symmetric: "HS256"}[p.wrong]
	if algorithm == "" {
		algorithm = "RS256"
	}
	signed := p.part(map[string]any{"alg": algorithm, "kid": keyID, "typ": "JWT"}) + "." + p.part(claims)
	signature := ""
	switch p.wrong {
	case Unsigned:
	case Symmetric:
		signature = text(mac(signed))
	default:
		sum := sha256.Sum256([]byte(signed))
		raw, err := rsa.SignPKCS1v15(rand.Reader, p.keys[p.wrong != ForeignKey], crypto.SHA256, sum[:])
		assert.NoError(p.t, err)
		signature = text(raw)
	}
	if p.wrong == Changed {
		claims["groups"] = []string{"admins"}
		signed = p.part(map[string]any{"alg": algorithm, "kid": keyID, "typ": "JWT"}) + "." + p.part(claims)
	}
	return signed + "." + signature
}

func (p *Provider) part(value any) string {
	raw, err := json.Marshal(value)
	assert.NoError(p.t, err)
	return text(raw)
}

func (p *Provider) answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func text(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func mac(signed string) []byte {
	m := hmac.New(sha256.New, []byte(ClientSecret))
	_, _ = m.Write([]byte(signed)) // never fails
	return m.Sum(nil)
}
