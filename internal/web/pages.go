package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// frame is what every page has around its own content.
type frame struct {
	lang     *page.Catalogue
	Page     string // its name; the title is message title.<Page>
	Path     string // where it is
	Operator Operator
	Now      time.Time

	Inside    bool   // within a session
	Account   string // within a session
	ReturnURL string
	Version   string // of the state that the page shows
	Follows   bool   // the page follows changes from elsewhere
	Waits     bool   // and is redrawn by them
	Note      *note
	Faulty    bool   // the form below has faults: the title says so first
	Once      string // number of the command that a form of this page sends
	Step      int    // of the merchant's way, 1 to 4; 0 shows none
	Bad       bool   // the step at hand has failed

	MayWithdraw bool // a consent to face processing is in force
}

// T is a text in the reader's language.
func (f *frame) T(key string, pairs ...any) (string, error) { return f.lang.Text(key, pairs...) }

// N is a text for a number.
func (f *frame) N(key string, n int) (string, error) { return f.lang.Count(key, n) }

// Lang is the language of the page, as BCP 47 writes it.
func (f *frame) Lang() string { return f.lang.Tag() }

// Other is the language that the page can be switched to.
func (f *frame) Other() string { return f.lang.Other() }

// When is an instant in words, with its zone.
func (f *frame) When(t time.Time) string { return f.lang.When(t) }

// ISO is an instant for machines.
func (f *frame) ISO(t time.Time) string { return t.In(lifecycle.Beijing()).Format(time.RFC3339) }

// Clock is a time of day.
func (f *frame) Clock(t time.Time) string { return f.lang.Clock(t) }

// Notice is the version of the risk notice.
func (f *frame) Notice() string { return NoticeVersion }

// stage is one step of the progress shown above the content.
type stage struct {
	Class, Mark, Label string
	Said               string // what the class says, for who cannot see it
	Current            bool
}

// At is the nth step.
func (f *frame) At(n int) (stage, error) {
	label, err := f.lang.Text("steps." + strconv.Itoa(n))
	if err != nil {
		return stage{}, err
	}
	s, said := stage{Class: "todo", Mark: strconv.Itoa(n), Label: label}, ""
	switch {
	case n < f.Step:
		s.Class, s.Mark, said = "done", "✓", "steps.done"
	case n == f.Step && f.Bad:
		s.Class, s.Mark, s.Current, said = "bad", "!", true, "steps.bad"
	case n == f.Step:
		s.Class, s.Current, said = "current", true, "steps.current"
	}
	if said != "" {
		s.Said, err = f.lang.Text(said)
	}
	return s, err
}

// OperatorName is the operator in the reader's language.
func (f *frame) OperatorName() string {
	if f.lang.Tag() == page.English {
		return f.Operator.NameEn
	}
	return f.Operator.NameZh
}

// Reason is why something was refused, in plain words. Codes that reviewers made up are not shown to merchants.
func (f *frame) Reason(code string) (string, error) {
	if key := "reason." + code; f.lang.Has(key) {
		return f.lang.Text(key)
	}
	return f.lang.Text("reason.other")
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// outside is the frame of a page that needs no session.
func (s *Server) outside(r *http.Request, name string) *frame {
	return &frame{lang: s.languages.Of(r), Page: name, Path: r.URL.Path, Operator: s.cfg.Operator, Now: s.cfg.Now()}
}

// inside is the frame of a page of a session.
func (s *Server) inside(v *visit, p site) *frame {
	once, _ := newSecret()
	return &frame{
		lang: v.lang, Page: string(p), Path: p.path(), Operator: s.cfg.Operator, Now: v.now, Inside: true,
		Account: v.session.AccountID, ReturnURL: v.session.ReturnURL, Version: v.version(), Follows: true, Waits: p.waits(),
		Once: once, Step: step(v, p), Bad: v.head.State == lifecycle.Rejected || v.head.State == lifecycle.FaceFailed || v.head.State == lifecycle.Locked,
		MayWithdraw: v.can(lifecycle.StepWithdrawConsent) && p != pageWithdraw,
	}
}

// step is how far the merchant's way is: information, review, verification, done.
func step(v *visit, p site) int {
	if p == pageUpdate || p == pageForm {
		return 1
	}
	switch v.head.State {
	case lifecycle.Submitted, lifecycle.UnderReview, lifecycle.Rejected:
		return 2
	case lifecycle.Approved:
		if v.head.Identity == nil {
			return 1
		}
		return 3
	case lifecycle.QRIssued, lifecycle.Scanned, lifecycle.FaceFailed, lifecycle.Locked, lifecycle.ManualReview:
		return 3
	case lifecycle.Verified:
		return 5
	default:
		return 1
	}
}

// show answers a page if it fits the state, and leads to the one that does otherwise.
func (s *Server) show(v *visit, p site, build func(*visit, *frame) (any, error)) error {
	if !v.fits(p) {
		to := v.main()
		if p == pageForm && v.update != updateNone {
			to = pageUpdate // the notice comes first
		}
		http.Redirect(v.w, v.r, to.path(), http.StatusSeeOther)
		return nil
	}
	f := s.inside(v, p)
	if !v.auto {
		f.Note = s.takeNote(v)
	}
	data, err := build(v, f)
	if err != nil {
		return err
	}
	s.render(v.w, v.r, http.StatusOK, string(p), data)
	return nil
}

// render draws a page whole before it writes anything, so that a fault never leaves half a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	content, err := s.templates.Draw(name, data)
	if err != nil {
		s.cfg.Logger.ErrorContext(r.Context(), "page cannot be drawn", "page", name, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	page.Write(w, status, s.languages.Of(r), content)
}

// plainPage says one thing: that a link was used, that a session is over, that something is broken.
type plainPage struct {
	*frame
	Kind string // the messages are plain.<Kind>.title and .text
}

func (s *Server) plain(w http.ResponseWriter, r *http.Request, status int, kind string) {
	s.plainWith(w, r, status, kind, "")
}

func (s *Server) plainWith(w http.ResponseWriter, r *http.Request, status int, kind, returnURL string) {
	f := s.outside(r, "plain")
	f.Path, f.ReturnURL = pageStatus.path(), returnURL
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/m/l/") {
		f.Path = r.URL.Path
	}
	s.render(w, r, status, "plain", &plainPage{f, kind})
}

// ended answers a request whose session is over, with the way back if it is known.
func (s *Server) ended(w http.ResponseWriter, r *http.Request, session store.Session) {
	if r.URL.Path == "/m/state" || r.URL.Path == "/m/events" {
		w.WriteHeader(http.StatusUnauthorized) // for the script, which then asks for the page
		return
	}
	s.plainWith(w, r, http.StatusUnauthorized, "ended", session.ReturnURL)
}
