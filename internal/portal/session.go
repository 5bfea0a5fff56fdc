package portal

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

const (
	sessionCookie = "portal_session"
	sessionFor    = 8 * time.Hour
	maxSessions   = 1000 // the oldest goes first
	maxLabels     = 5    // of a session, on display
)

// session is what the portal remembers of one signed-in browser.
type session struct {
	account string
	started time.Time

	prompt *shownPrompt // of the login, until it was shown
	answer *answer      // to the last press on a button
	labels []label      // newest first
}

type label struct {
	Number    string
	CreatedAt time.Time
	Unchecked bool // made while the gate did not answer
}

// answer is what the dashboard says about the last press.
type answer struct {
	Kind     string    // "created", "unchecked", "blocked", "unavailable"
	Decision *Decision // of "blocked"
}

// sessions are in memory: whoever restarts the portal signs in again.
type sessions struct {
	now func() time.Time

	mu    sync.Mutex
	byID  map[string]*session
	order []string // oldest first
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, byID: map[string]*session{}}
}

// start signs an account in under an id of its own, whatever cookie came with the request.
func (s *sessions) start(account string, prompt *shownPrompt) (id string) {
	id = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[id] = &session{account: account, started: s.now(), prompt: prompt}
	s.order = append(s.order, id)
	for len(s.order) > maxSessions {
		delete(s.byID, s.order[0])
		s.order = s.order[1:]
	}
	return id
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id) // its place in order is given up when it is the oldest
}

// account returns whose session it is; empty if it is none, or over.
func (s *sessions) account(id string) string {
	account := ""
	s.change(id, func(one *session) { account = one.account })
	return account
}

// change calls f with the session, if there is one.
func (s *sessions) change(id string, f func(*session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	switch {
	case !ok:
	case s.now().Sub(one.started) >= sessionFor:
		delete(s.byID, id)
	default:
		f(one)
	}
}

func sessionID(r *http.Request) string {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// setSession sets the cookie; an empty id removes it.
func (p *Portal) setSession(w http.ResponseWriter, id string) {
	c := &http.Cookie{
		Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: p.secure,
	}
	if id == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
