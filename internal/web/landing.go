package web

import (
	"errors"
	"net/http"

	"github.com/verigate/verigate/internal/store"
)

// landingPage asks for the press that uses the link up. It tells enough of the account for its holder to notice that a
// link is somebody else's, and no more.
type landingPage struct {
	*frame
	Account string // masked
	Minutes int    // that a session lasts
}

// landing shows a link without opening it: scanners and previews get this far.
func (s *Server) landing(w http.ResponseWriter, r *http.Request) {
	link, ok := s.link(w, r)
	if !ok {
		return
	}
	if session, err := s.known(r); err == nil && session.LinkID == link.ID {
		http.Redirect(w, r, pageStatus.path(), http.StatusSeeOther) // the same browser comes back by its own link
		return
	}
	switch {
	case !link.UsedAt.IsZero():
		s.plain(w, r, http.StatusGone, "used")
	case !s.cfg.Now().Before(link.ExpiresAt):
		s.plain(w, r, http.StatusGone, "expired")
	default:
		s.render(w, r, http.StatusOK, "landing", &landingPage{s.outside(r, "landing"), masked(link.AccountID), int(s.cfg.SessionLife.Minutes())})
	}
}

// open uses the link up and begins a session, always with a new secret.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	link, ok := s.link(w, r)
	if !ok {
		return
	}
	if session, err := s.known(r); err == nil {
		if session.LinkID == link.ID { // a double click: the first press opened it
			http.Redirect(w, r, pageStatus.path(), http.StatusSeeOther)
			return
		}
	}
	now := s.cfg.Now()
	secret, hash := newSecret()
	_, err := s.cfg.Store.OpenLink(r.Context(), link.ID, store.Session{Hash: hash, CreatedAt: now, ExpiresAt: now.Add(s.cfg.SessionLife)})
	switch {
	case errors.Is(err, store.ErrUsed):
		s.plain(w, r, http.StatusGone, "used")
	case errors.Is(err, store.ErrEnded):
		s.plain(w, r, http.StatusGone, "expired")
	case err != nil:
		s.fail(w, r, err)
	default:
		s.replace(r)
		s.keep(w, secret, s.cfg.SessionLife)
		http.Redirect(w, r, pageStatus.path(), http.StatusSeeOther)
	}
}

// replace ends the session that the browser had before: one browser holds one.
func (s *Server) replace(r *http.Request) {
	old, err := s.known(r)
	if err == nil {
		err = s.cfg.Store.EndSession(r.Context(), old.Hash, s.cfg.Now())
	}
	if err != nil && !errors.Is(err, errNoSession) {
		s.cfg.Logger.WarnContext(r.Context(), "an earlier session was not ended; it ends by itself", "error", err)
	}
}

// link finds the link of the request's token, or answers that there is none.
func (s *Server) link(w http.ResponseWriter, r *http.Request) (store.Link, bool) {
	id, ok := s.cfg.Links.LinkID(r.PathValue("token"))
	if !ok {
		s.plain(w, r, http.StatusNotFound, "unknown")
		return store.Link{}, false
	}
	link, err := s.cfg.Store.Link(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		s.plain(w, r, http.StatusNotFound, "unknown")
		return store.Link{}, false
	case err != nil:
		s.fail(w, r, err)
		return store.Link{}, false
	}
	return link, true
}

// masked keeps both ends of an account id.
func masked(id string) string {
	const ends = 3
	if len(id) <= 2*ends {
		return id[:1] + "•••"
	}
	return id[:ends] + "•••" + id[len(id)-ends:]
}
