package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// touchEvery is how often at most an act of the person is written down.
const touchEvery = 30 * time.Second

// visit is one request within a session.
type visit struct {
	r       *http.Request
	w       http.ResponseWriter
	lang    *page.Catalogue
	now     time.Time
	auto    bool // the page asked by itself, nobody acted
	session store.Session
	head    lifecycle.Verification
	status  contract.Status
	update  updateRight
}

// cookie is the name of the session's cookie. The prefix has browsers refuse it from elsewhere and without https.
func (s *Server) cookie() string {
	if s.cfg.HTTPS {
		return "__Host-verigate"
	}
	return "verigate_session"
}

// keep hands the session's secret to the browser.
func (s *Server) keep(w http.ResponseWriter, secret string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(), Value: secret, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: s.cfg.HTTPS, SameSite: http.SameSiteLaxMode,
	})
}

func (s *Server) drop(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: s.cookie(), Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.cfg.HTTPS, SameSite: http.SameSiteLaxMode})
}

// newSecret returns 256 random bits as text, and their hash.
func newSecret() (secret string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, hashOf(secret)
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// errNoSession means that the browser has no session that is good now.
var errNoSession = errors.New("web: no session")

// known returns the session of the request's cookie, errNoSession with what is known of it if it is over.
func (s *Server) known(r *http.Request) (store.Session, error) {
	cookie, err := r.Cookie(s.cookie())
	if err != nil || len(cookie.Value) > 64 || cookie.Value == "" {
		return store.Session{}, errNoSession
	}
	found, err := s.cfg.Store.Session(r.Context(), hashOf(cookie.Value))
	if errors.Is(err, store.ErrNotFound) {
		return store.Session{}, errNoSession
	}
	if err != nil {
		return store.Session{}, err
	}
	if !s.good(found) {
		return found, errNoSession
	}
	return found, nil
}

func (s *Server) good(session store.Session) bool {
	now := s.cfg.Now()
	return session.EndedAt.IsZero() && now.Before(session.ExpiresAt) && now.Sub(session.SeenAt) < s.cfg.SessionIdle
}

// within runs a handler inside the session of the request, with the state as it is recorded now.
func (s *Server) within(h func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, err := s.known(r)
		if errors.Is(err, errNoSession) {
			s.ended(w, r, session)
			return
		}
		if err == nil && s.tooMany(w, r, session) {
			return
		}
		var v *visit
		if err == nil {
			v, err = s.visit(w, r, session)
		}
		if err == nil {
			err = h(v)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// tooMany answers a command beyond what one account may be sent. Leaving and withdrawing a consent are rights, which
// nothing that was done before may delay.
func (s *Server) tooMany(w http.ResponseWriter, r *http.Request, session store.Session) bool {
	if r.Method != http.MethodPost || r.URL.Path == "/m/leave" || r.URL.Path == "/m/withdraw" {
		return false
	}
	wait := s.cfg.Commands.Take(session.AccountID)
	if wait > 0 {
		s.retryAfter(w, wait)
		s.plain(w, r, http.StatusTooManyRequests, "often")
	}
	return wait > 0
}

func (s *Server) visit(w http.ResponseWriter, r *http.Request, session store.Session) (*visit, error) {
	v := &visit{r: r, w: w, lang: s.languages.Of(r), now: s.cfg.Now(), session: session}
	v.auto = r.Header.Get("X-Verigate-Auto") != "" ||
		r.Method == http.MethodGet && (r.URL.Query().Has("auto") || r.URL.Path == "/m/state" || r.URL.Path == "/m/events")
	if !v.auto && v.now.Sub(session.SeenAt) >= touchEvery {
		if err := s.cfg.Store.TouchSession(r.Context(), session.Hash, v.now); err != nil {
			return nil, err
		}
	}
	return v, s.look(r.Context(), v)
}

// look reads the state.
func (s *Server) look(ctx context.Context, v *visit) error {
	head, err := s.cfg.Store.Head(ctx, v.session.AccountID)
	if err != nil {
		return err
	}
	v.now = s.cfg.Now()
	v.head, v.status = head, contract.StatusOf(head, s.cfg.Limits, v.now)
	v.update, err = s.mayUpdate(ctx, v)
	return err
}

// fail answers an error that no page is made for.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the browser left; there is nobody to tell
	}
	s.cfg.Logger.WarnContext(r.Context(), "page failed", "error", err)
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, vault.ErrUnavailable) {
		s.retryAfter(w, 2*time.Second)
		s.plain(w, r, http.StatusServiceUnavailable, "down")
		return
	}
	s.plain(w, r, http.StatusInternalServerError, "broken")
}

// leave ends the session.
func (s *Server) leave(v *visit) error {
	if err := s.cfg.Store.EndSession(v.r.Context(), v.session.Hash, v.now); err != nil {
		return err
	}
	s.drop(v.w)
	http.Redirect(v.w, v.r, "/m/bye", http.StatusSeeOther)
	return nil
}

func (s *Server) bye(w http.ResponseWriter, r *http.Request) { s.plain(w, r, http.StatusOK, "bye") }
