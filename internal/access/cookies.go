package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

const (
	sessionCookie = "verigate_admin"
	wayCookie     = "verigate_admin_way" // of a sign-in that is under way at the provider

	// touchEvery is how often at most an act of the person is written down.
	touchEvery = 30 * time.Second
)

// cookie is the full name of a cookie. The prefix has browsers refuse it from elsewhere and without https.
func (s *Service) cookie(name string) string {
	if s.cfg.HTTPS {
		return "__Host-" + name
	}
	return name
}

// keep hands the session's secret to the browser, which forgets it when it is closed.
func (s *Service) keep(w http.ResponseWriter, secret string) {
	s.set(w, http.Cookie{Name: s.cookie(sessionCookie), Value: secret}) //nolint:gosec // set gives it Secure, HttpOnly and SameSite
}

func (s *Service) drop(w http.ResponseWriter, name string) {
	s.set(w, http.Cookie{Name: name, MaxAge: -1}) //nolint:gosec // set gives it Secure, HttpOnly and SameSite
}

func (s *Service) set(w http.ResponseWriter, c http.Cookie) { //nolint:gosec // they are set below
	c.Path, c.HttpOnly, c.Secure, c.SameSite = "/", true, s.cfg.HTTPS, http.SameSiteLaxMode
	http.SetCookie(w, &c)
}

// brought is the hash of the session's secret that a request brings, nil if it brings none.
func (s *Service) brought(r *http.Request) []byte {
	cookie, err := r.Cookie(s.cookie(sessionCookie))
	if err != nil || cookie.Value == "" || len(cookie.Value) > 64 {
		return nil
	}
	return hashOf(cookie.Value)
}

// newSecret returns 256 random bits as text, and their hash.
func newSecret() (secret string, hash []byte) {
	secret = randomText()
	return secret, hashOf(secret)
}

func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
