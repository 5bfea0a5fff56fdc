package admin

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/verigate/verigate/internal/api"
)

// ErrPassword means that a new password is too short or too long.
var ErrPassword = errors.New("admin: the new password does not do")

// ErrElsewhere means that somebody's password is kept by the identity provider.
var ErrElsewhere = errors.New("admin: the identity provider keeps the password")

func (s *Server) passwordRoutes() {
	if s.cfg.Entrance == nil {
		return
	}
	// Everybody who has a role may look, so this is open to everybody who is signed in.
	s.page("GET /admin/password", s.ownPassword, api.VerificationsRead, api.Admin)
	s.page("POST /admin/password", s.changePassword, api.VerificationsRead, api.Admin)
}

type passwordPage struct {
	*frame
	Fault string // message password.<Fault>
	At    string // id of the field that it is about
	Wait  int    // seconds, with the fault wait
}

func (s *Server) ownPassword(v *visit) error {
	return v.render("password", &passwordPage{frame: v.frame("password")})
}

// changePassword ends every session of the person and begins another one here. Passwords are not trimmed: what was
// typed is what counts.
func (s *Server) changePassword(v *visit) error {
	p := &passwordPage{frame: v.frame("password")}
	status := http.StatusUnprocessableEntity
	given, again := v.r.PostFormValue("new"), v.r.PostFormValue("again")
	err := error(nil)
	if given == again {
		err = s.cfg.Entrance.ChangePassword(v.w, v.r, v.r.PostFormValue("current"), given)
	}
	var wait *WaitError
	switch {
	case given != again:
		p.Fault, p.At = "differs", "again"
	case err == nil:
		return v.done(home, "password")
	case errors.As(err, &wait):
		status, p.Fault, p.Wait = http.StatusTooManyRequests, "wait", max(1, int(math.Ceil(wait.Wait.Seconds())))
		v.w.Header().Set("Retry-After", strconv.Itoa(p.Wait))
	case errors.Is(err, ErrSignedOut):
		s.signedOut(v.w, v.r)
		return nil
	case errors.Is(err, ErrRefused):
		p.Fault, p.At = "refused", "current"
	case errors.Is(err, ErrPassword):
		p.Fault, p.At = "length", "new"
	case errors.Is(err, ErrElsewhere):
		p.Fault = "elsewhere"
	default:
		return err
	}
	p.Faulty = true
	return v.renderAs(status, "password", p)
}
