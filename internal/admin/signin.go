package admin

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/page"
)

// ErrRefused means that somebody is not let in, whatever the reason.
var ErrRefused = errors.New("admin: not let in")

// ErrStale means that a browser comes back from the identity provider with a sign-in that it did not begin, or too
// long ago.
var ErrStale = errors.New("admin: no such sign-in is under way")

// WaitError means that somebody has to wait before the next attempt to sign in.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string { return "admin: too many attempts; wait " + e.Wait.String() }

// Ways are how persons can sign in.
type Ways struct {
	Passwords bool   // by login name and password
	Provider  string // name of an identity provider; empty: none
}

// Entrance lets persons in and out.
type Entrance interface {
	Ways() Ways
	// SignIn begins a session for a login name and a password. It fails with ErrRefused or a *WaitError.
	SignIn(w http.ResponseWriter, r *http.Request, login, password string) (Person, error)
	// Begin returns the address of the identity provider to send a browser to, from where it comes back to Return.
	Begin(w http.ResponseWriter, r *http.Request, back string) (address string, err error)
	// Return begins a session for whom the provider says that it is, and returns what Begin got as back. It fails with
	// ErrRefused or ErrStale.
	Return(w http.ResponseWriter, r *http.Request) (p Person, back string, err error)
	// ChangePassword gives the person of the session another password, if the present one is right, and begins the one
	// session that goes on. It fails with ErrRefused, ErrPassword, ErrElsewhere or a *WaitError.
	ChangePassword(w http.ResponseWriter, r *http.Request, present, given string) error
	// SignOut ends the session of the request, if there is one.
	SignOut(w http.ResponseWriter, r *http.Request) error
}

const signInPath = "/admin/sign-in"

func (s *Server) signInRoutes() {
	if s.cfg.Entrance == nil {
		return
	}
	s.mux.HandleFunc("GET "+signInPath, s.showSignIn)
	s.mux.HandleFunc("POST "+signInPath, s.signIn)
	s.mux.HandleFunc("GET "+signInPath+"/provider", s.toProvider)
	s.mux.HandleFunc("GET "+signInPath+"/return", s.fromProvider)
	s.mux.HandleFunc("POST /admin/sign-out", s.signOut)
}

// signInPage is the form. What was wrong is told in one sentence, the same for every cause.
type signInPage struct {
	*frame
	Ways  Ways
	Title string
	Back  string // page to go to afterwards; empty: the first one
	Login string // as typed
	Fault string // message signin.<Fault>
	Wait  int    // seconds until the next attempt, with the fault wait
	Left  bool   // the person has just signed out
}

// Start is where the sign-in at the provider begins.
func (p *signInPage) Start() string {
	if p.Back == "" {
		return signInPath + "/provider"
	}
	return signInPath + "/provider?" + url.Values{"back": {p.Back}}.Encode()
}

func (s *Server) signInForm(r *http.Request, back string) *signInPage {
	if back = page.OwnPath(back, home, ""); strings.HasPrefix(back, "/admin/sign-") {
		back = ""
	}
	p := &signInPage{Ways: s.cfg.Entrance.Ways(), Title: s.cfg.Title, Back: back}
	p.frame = &frame{lang: s.languages.Of(r), Page: "signin", Here: signInPath, Now: s.cfg.Now()}
	if back != "" {
		p.Here += "?" + url.Values{"back": {back}}.Encode()
	}
	return p
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := s.signInForm(r, q.Get("back"))
	if _, err := s.cfg.Sessions.Person(r.Context(), r, false); err == nil {
		http.Redirect(w, r, page.OwnPath(p.Back, home, home), http.StatusSeeOther) //nolint:gosec // OwnPath keeps to our own pages
		return
	}
	p.Left = q.Has("left")
	s.drawSignIn(w, r, http.StatusOK, p)
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	p := s.signInForm(r, r.PostFormValue("back"))
	p.Login = strings.TrimSpace(r.PostFormValue("username"))
	_, err := s.cfg.Entrance.SignIn(w, r, p.Login, r.PostFormValue("password"))
	if err != nil {
		s.notIn(w, r, p, err)
		return
	}
	http.Redirect(w, r, page.OwnPath(p.Back, home, home), http.StatusSeeOther) //nolint:gosec // OwnPath keeps to our own pages
}

// toProvider is a link and no form: browsers hold a form's redirects to our own address, as the policy of these pages
// says.
func (s *Server) toProvider(w http.ResponseWriter, r *http.Request) {
	p := s.signInForm(r, r.URL.Query().Get("back"))
	address, err := s.cfg.Entrance.Begin(w, r, p.Back)
	if err != nil {
		s.notIn(w, r, p, err)
		return
	}
	http.Redirect(w, r, address, http.StatusSeeOther) //nolint:gosec // the configured provider's own address
}

func (s *Server) fromProvider(w http.ResponseWriter, r *http.Request) {
	_, back, err := s.cfg.Entrance.Return(w, r)
	p := s.signInForm(r, back)
	if errors.Is(err, ErrRefused) {
		p.Faulty, p.Fault = true, "turned_away"
		s.drawSignIn(w, r, http.StatusForbidden, p)
		return
	}
	if err != nil {
		s.notIn(w, r, p, err)
		return
	}
	http.Redirect(w, r, page.OwnPath(p.Back, home, home), http.StatusSeeOther) //nolint:gosec // OwnPath keeps to our own pages
}

// notIn draws the form again with what is to be said.
func (s *Server) notIn(w http.ResponseWriter, r *http.Request, p *signInPage, err error) {
	status := http.StatusServiceUnavailable
	var wait *WaitError
	switch {
	case errors.As(err, &wait):
		status, p.Fault, p.Wait = http.StatusTooManyRequests, "wait", max(1, int(math.Ceil(wait.Wait.Seconds())))
		w.Header().Set("Retry-After", strconv.Itoa(p.Wait))
	case errors.Is(err, ErrRefused):
		status, p.Fault = http.StatusUnprocessableEntity, "refused"
	case errors.Is(err, ErrStale):
		status, p.Fault = http.StatusUnprocessableEntity, "stale"
	case r.Context().Err() != nil:
		return // the browser left; there is nobody to tell
	default:
		s.cfg.Logger.WarnContext(r.Context(), "sign-in failed", "error", err)
		p.Fault = "down"
	}
	p.Faulty = true
	s.drawSignIn(w, r, status, p)
}

func (s *Server) drawSignIn(w http.ResponseWriter, r *http.Request, status int, p *signInPage) {
	content, err := s.templates.Draw("signin", p)
	if err != nil {
		s.cfg.Logger.ErrorContext(r.Context(), "page cannot be drawn", "page", "signin", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	page.Write(w, status, p.lang, content)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Entrance.SignOut(w, r); err != nil {
		s.cfg.Logger.WarnContext(r.Context(), "sign-out failed", "error", err)
		s.plain(w, r, http.StatusServiceUnavailable, "broken")
		return
	}
	http.Redirect(w, r, signInPath+"?left", http.StatusSeeOther)
}
