package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const (
	// maxUpload bounds a posted form with pictures in bytes. It is more than can be taken, so that whoever sends too large
	// a picture is told which one it is.
	maxUpload = 10 * evidence.MaxBytes
	// uploadWait is how long a form with pictures may take to arrive.
	uploadWait = 5 * time.Minute
)

// evidencePage asks for what a reviewer decides on.
type evidencePage struct {
	*frame
	Asks   bool      // for the consent first
	Text   agreement // to be agreed to
	Fields []evidenceField
	Faults []evidenceFault // in the order of the fields
	Typed  string          // words that are not kept yet
	Most   int             // MiB of a file
	Days   int             // that evidence is kept after the decision
}

// evidenceField is one kind of evidence in the form.
type evidenceField struct {
	Kind   string
	Words  bool
	Needed bool
	Many   bool // another one does not take the place of one that is there
	Given  []store.Evidence
	Fault  *evidenceFault
}

// evidenceFault is what is wrong with one field, nothing given if it has no kind. The message is evidence.fault.<Code>.
type evidenceFault struct {
	Kind  string
	Code  string
	Bound int
}

// nothingGiven is the code of a form in which nothing was chosen and nothing written.
const nothingGiven = "nothing"

func (s *Server) evidencePage(v *visit, f *frame) (any, error) {
	agreed, err := s.picturesAgreed(v)
	if err != nil {
		return nil, err
	}
	if !agreed {
		return s.askPictures(v, f), nil
	}
	return s.evidenceForm(v, f, "", nil)
}

func (s *Server) evidenceForm(v *visit, f *frame, typed string, faults []evidenceFault) (*evidencePage, error) {
	all, err := s.evidence.List(v.r.Context(), v.session.AccountID)
	if err != nil {
		return nil, err
	}
	p := &evidencePage{
		frame: f, Faults: faults, Typed: cut(typed, 4*evidence.MaxWords), Most: evidence.MaxBytes >> 20,
		Days: int(s.evidence.Keep() / (24 * time.Hour)),
	}
	for _, k := range evidence.Kinds() {
		field := evidenceField{Kind: k.Name, Words: k.Medium == evidence.Words, Needed: slices.Contains(s.evidence.Needs(), k.Name), Many: k.Most > 1}
		field.Given = slices.DeleteFunc(evidence.Current(all), func(e store.Evidence) bool { return e.Kind != k.Name })
		if i := slices.IndexFunc(faults, func(f evidenceFault) bool { return f.Kind == k.Name }); i >= 0 {
			field.Fault = &faults[i]
		}
		p.Fields = append(p.Fields, field)
	}
	return p, nil
}

// giveEvidence takes what a form brings, piece by piece: what can be taken is kept, whatever is wrong with the rest.
func (s *Server) giveEvidence(v *visit) error {
	defer s.awaitUpload(v.w)()
	agreed, err := s.picturesAgreed(v)
	if err != nil {
		return err
	}
	form, err := v.r.MultipartReader()
	if err != nil || !agreed || !v.fits(pageEvidence) {
		_, _ = io.Copy(io.Discard, v.r.Body) // a browser that is still sending would not read the answer
		return s.proceed(v, "")
	}
	given := &upload{s: s, v: v}
	if err := given.read(form); err != nil {
		var over *http.MaxBytesError
		if !errors.As(err, &over) {
			return err
		}
		given.faults = append(given.faults, evidenceFault{"", string(evidence.TooLarge), evidence.MaxBytes >> 20})
	}
	if chosen := s.languages.Named(given.language); chosen != nil { // switched while typing
		s.languages.Choose(v.w, chosen)
		v.lang = chosen
		return s.evidenceAgain(v, http.StatusOK, given.words, given.faults)
	}
	if given.words != "" && given.refused == nil {
		if err := given.add(evidence.Holding, []byte(given.words)); err != nil {
			return err
		}
	}
	switch {
	case given.refused != nil:
		return s.settle(v, given.refused, "")
	case len(given.faults) == 0 && given.kept == 0:
		given.faults = []evidenceFault{{"", nothingGiven, 0}}
		fallthrough
	case len(given.faults) > 0:
		return s.evidenceAgain(v, http.StatusUnprocessableEntity, given.words, given.faults)
	}
	return s.proceed(v, noteGiven)
}

// awaitUpload gives a form with pictures its own time. A deadline in the past wakes the reader, so no clock is read.
func (s *Server) awaitUpload(w http.ResponseWriter) (stop func()) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // the server's own begins with the request
	timer := time.AfterFunc(uploadWait, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
	return func() { timer.Stop() }
}

func (s *Server) evidenceAgain(v *visit, status int, typed string, faults []evidenceFault) error {
	f := s.inside(v, pageEvidence)
	f.Faulty = len(faults) > 0
	p, err := s.evidenceForm(v, f, typed, faults)
	if err != nil {
		return err
	}
	s.render(v.w, v.r, status, string(pageEvidence), p)
	return nil
}

// upload is a form that arrives.
type upload struct {
	s *Server
	v *visit

	words, language string
	kept            int
	faults          []evidenceFault
	refused         error // why nothing more is taken
}

// read takes the pictures one after another, so that no more than one of them is held, and never on a disk.
func (u *upload) read(form *multipart.Reader) error {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(io.LimitReader(part, evidence.MaxBytes+1))
		if err != nil {
			return err
		}
		name := part.FormName()
		kind, known := evidence.KindOf(name)
		switch {
		case name == "lang":
			u.language = string(content)
		case known && kind.Medium == evidence.Words:
			u.words = strings.TrimSpace(string(content))
		case known && len(content) > 0 && u.refused == nil: // a field without a file comes empty
			if err := u.add(name, content); err != nil {
				return err
			}
		}
	}
}

// add keeps one piece, or remembers what is wrong with it.
func (u *upload) add(kind string, content []byte) error {
	_, err := u.s.evidence.Add(u.v.r.Context(), evidence.Piece{
		AccountID: u.v.session.AccountID, Kind: kind, Content: content, By: u.v.actor().ID,
	})
	var fault *evidence.Fault
	var refusal *lifecycle.Refusal
	switch {
	case err == nil:
		u.kept++
		if kind == evidence.Holding {
			u.words = "" // it is on record, and need not be typed again
		}
		return nil
	case errors.As(err, &fault):
		u.faults = append(u.faults, evidenceFault{kind, string(fault.Code), fault.Bound})
		return nil
	case errors.As(err, &refusal):
		u.refused = err
		return nil
	default:
		return err
	}
}

// removeEvidence takes one piece back. What is not there any more need not be taken back.
func (s *Server) removeEvidence(v *visit) error {
	if !v.fits(pageEvidence) {
		return s.proceed(v, "")
	}
	_, err := s.evidence.Remove(v.r.Context(), v.session.AccountID, v.r.PostFormValue("id"))
	switch {
	case errors.Is(err, evidence.ErrNotFound):
		return s.proceed(v, "")
	case err != nil:
		return err
	}
	return s.proceed(v, noteRemoved)
}

// manualPage says how far the review without a face is, and what was given for it.
type manualPage struct {
	*frame
	Since    time.Time
	Person   *person
	Evidence []store.Evidence
	Missing  []string // kinds
}

func (s *Server) manualPage(v *visit, f *frame) (any, error) {
	all, err := s.evidence.List(v.r.Context(), v.session.AccountID)
	if err != nil {
		return nil, err
	}
	given := evidence.Current(all)
	slices.SortStableFunc(given, func(a, b store.Evidence) int { return evidence.Place(a.Kind) - evidence.Place(b.Kind) })
	return &manualPage{f, v.head.Since, s.person(v), given, s.evidence.Missing(all)}, nil
}
