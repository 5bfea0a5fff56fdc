package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/page"
)

// visit is one request of somebody who is signed in.
type visit struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	person Person
	lang   *page.Catalogue
	now    time.Time
}

// autoHeader marks requests that a page sends by itself.
const autoHeader = "X-Verigate-Auto"

// within runs a handler for persons whose role opens any of the scopes.
func (s *Server) within(h func(*visit) error, needs []api.Scope) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		person, err := s.cfg.Sessions.Person(r.Context(), r, r.Header.Get(autoHeader) != "")
		if errors.Is(err, ErrSignedOut) {
			s.signedOut(w, r)
			return
		}
		v := &visit{s: s, w: w, r: r, person: person, lang: s.languages.Of(r), now: s.cfg.Now()}
		switch {
		case err != nil:
		case !person.Role.Allows(needs...):
			err = &problem{Status: http.StatusForbidden, Code: "forbidden"}
		default:
			err = h(v)
		}
		if err != nil {
			v.fail(err)
		}
	}
}

// signedOut leads to the sign-in, and back from there. A script is told so, and asks for the page.
func (s *Server) signedOut(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(autoHeader) != "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	to := url.Values{}
	if r.Method == http.MethodGet && r.URL.RequestURI() != home {
		to.Set("back", r.URL.RequestURI())
	}
	http.Redirect(w, r, strings.TrimSuffix("/admin/sign-in?"+to.Encode(), "?"), http.StatusSeeOther)
}

// can reports whether the person's role opens any of the scopes: a page draws no button that would be refused.
func (v *visit) can(needs ...api.Scope) bool { return v.person.Role.Allows(needs...) }

// form returns a field of the posted form without spaces around it.
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }

// query returns a parameter of the address without spaces around it.
func (v *visit) query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// render answers a page.
func (v *visit) render(name string, data any) error { return v.renderAs(http.StatusOK, name, data) }

// renderAs is render with a status: a form that comes back with its faults has 422.
func (v *visit) renderAs(status int, name string, data any) error {
	content, err := v.s.templates.Draw(name, data)
	if err != nil {
		return err
	}
	page.Write(v.w, status, v.lang, content)
	return nil
}

// done leads to a page after a command was taken; the page says so by the message done.<what>. A reload of it sends
// nothing again.
func (v *visit) done(to, what string) error {
	target, err := url.Parse(page.OwnPath(to, home, home))
	if err != nil {
		return err
	}
	q := target.Query()
	q.Set("done", what)
	target.RawQuery = q.Encode()
	http.Redirect(v.w, v.r, target.String(), http.StatusSeeOther)
	return nil
}

// fail answers an error that the handler did not draw itself.
func (v *visit) fail(err error) {
	if v.r.Context().Err() != nil {
		return // the browser left; there is nobody to tell
	}
	var p *problem
	if !errors.As(err, &p) {
		v.s.cfg.Logger.WarnContext(v.r.Context(), "admin page failed", "error", err)
		p = &problem{Status: http.StatusInternalServerError, Code: "internal"}
	}
	if v.r.Header.Get(autoHeader) != "" {
		v.w.WriteHeader(p.Status)
		return
	}
	if p.RetryAfter != "" {
		v.w.Header().Set("Retry-After", p.RetryAfter)
	}
	f := v.frame("problem")
	if err := v.renderAs(p.Status, "problem", &problemPage{f, p, v.back()}); err != nil {
		v.s.cfg.Logger.ErrorContext(v.r.Context(), "page cannot be drawn", "page", "problem", "error", err)
		http.Error(v.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// back is the page that a form of ours stands on, the first page if it is not known.
func (v *visit) back() string { return page.OwnPath(v.form("back"), home, home) }

type problemPage struct {
	*frame
	Problem *problem
	Back    string
}
