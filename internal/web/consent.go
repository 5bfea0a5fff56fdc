package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// agreement is a text that a page asks the reader to agree to.
type agreement struct{ consent.Text }

// Digest is the beginning of the text's digest: enough to tell two texts apart.
func (a agreement) Digest() string { return a.SHA256[:min(16, len(a.SHA256))] }

// ask returns the text in force of a kind, in the reader's language.
func (s *Server) ask(v *visit, kind lifecycle.ConsentKind) agreement {
	t, _ := s.texts.Text(consent.Current(kind), v.lang.Tag()) // a test loads every one of them
	return agreement{t.For(s.processor(v.lang.Tag()))}
}

func (s *Server) processor(language string) lifecycle.Processor {
	name := s.cfg.Operator.NameZh
	if language == page.English {
		name = s.cfg.Operator.NameEn
	}
	return lifecycle.Processor{Name: name, Contact: s.cfg.Operator.Contact}
}

func (s *Server) termsPage(v *visit, f *frame) *termsPage {
	return &termsPage{
		frame: f, Face: s.ask(v, lifecycle.ConsentFace), Provide: s.ask(v, lifecycle.ConsentProvide), Person: s.person(v),
		Left: v.status.Attempts.Left,
	}
}

// ticked reads what a form says was agreed to. ok is false without the tick, and for another text than the one in force.
func (s *Server) ticked(v *visit, kind lifecycle.ConsentKind, box, version string) (g consent.Given, ok bool) {
	g = consent.Given{
		Kind: kind, Version: v.r.PostFormValue(version), Language: v.lang.Tag(), Action: "ticked", Channel: "page:" + v.r.URL.Path,
		By: v.actor().ID, ShownAt: v.shownAt(),
	}
	if given := s.languages.Named(v.r.PostFormValue("shown")); given != nil {
		g.Language = given.Tag() // the language of the text above the tick, should another tab have switched since
	}
	g.Processor = s.processor(g.Language)
	_, err := s.texts.Check(g)
	return g, err == nil && v.r.PostFormValue(box) == "yes"
}

// shownAt is when the page of the form was drawn, by what the form says; zero if that cannot be.
func (v *visit) shownAt() time.Time {
	seconds, err := strconv.ParseInt(v.r.PostFormValue("shown_at"), 10, 64)
	at := time.Unix(seconds, 0).UTC()
	if err != nil || at.After(v.now) || at.Before(v.session.CreatedAt.Truncate(time.Second)) {
		return time.Time{}
	}
	return at
}

// origin seals where a consent came from.
func (s *Server) origin(v *visit) (ref string, err error) {
	text, err := consent.Origin{Address: s.cfg.ClientIP(v.r), UserAgent: cut(v.r.UserAgent(), 512)}.Text()
	if err != nil {
		return "", err
	}
	return s.cfg.Vault.PutText(v.r.Context(), v.session.AccountID, vault.KindConsent, text)
}

// agree records the consents and starts face verification. Without the ticks nothing is sent, whatever the script did.
func (s *Server) agree(v *visit) error {
	if !v.fits(pageTerms) {
		return s.proceed(v, "")
	}
	face, ok := s.ticked(v, lifecycle.ConsentFace, "agreed", "version")
	provide, too := s.ticked(v, lifecycle.ConsentProvide, "provided", "provide_version")
	if !ok || !too {
		f := s.inside(v, pageTerms)
		f.Faulty = true
		p := s.termsPage(v, f)
		p.Unticked = true
		s.render(v.w, v.r, http.StatusUnprocessableEntity, string(pageTerms), p)
		return nil
	}
	ref, err := s.origin(v)
	if err != nil {
		return err
	}
	face.Evidence, provide.Evidence = ref, ref
	command := contract.StartFace{Actor: v.actor()}
	for _, g := range []consent.Given{face, provide} {
		c, err := s.texts.Take(g)
		if err != nil {
			return err
		}
		if command.Consent == nil {
			command.Consent = &c
			continue
		}
		command.Also = append(command.Also, c)
	}
	change := v.change()
	_, err = s.cfg.Engine.StartFace(v.r.Context(), v.session.AccountID, change, command)
	s.tidy(v.r.Context(), v, change, err, ref)
	return s.settle(v, err, "")
}

// decline records the refusal and shows the way without a face.
func (s *Server) decline(v *visit) error {
	if !v.fits(pageTerms) {
		return s.proceed(v, "")
	}
	if err := s.refused(v); err != nil {
		return err
	}
	return s.otherwise(v, noteDeclined)
}

// refused keeps that the terms of face processing were refused.
func (s *Server) refused(v *visit) error {
	kind := lifecycle.ConsentFace
	_, err := s.noteAnswer(v, store.AnswerRefused, consent.Given{
		Kind: kind, Version: consent.Current(kind), Language: v.lang.Tag(), Action: "declined", Channel: "page:" + v.r.URL.Path,
		By: v.actor().ID, Processor: s.processor(v.lang.Tag()),
	})
	return err
}

// noteAnswer keeps an answer; first is false if the same one was kept before on that day.
func (s *Server) noteAnswer(v *visit, answer store.Answer, g consent.Given) (first bool, err error) {
	c, err := s.texts.Take(g)
	if err != nil {
		return false, err
	}
	return s.cfg.Store.NoteConsent(v.r.Context(), store.ConsentNote{
		AccountID: v.session.AccountID, Answer: answer,
		Consent: c.Record(uuid.NewString(), v.now, v.head.Generation, v.head.Identity),
	})
}

// picturesAgreed reports whether the processing of pictures was agreed to.
func (s *Server) picturesAgreed(v *visit) (bool, error) {
	notes, err := s.cfg.Store.ConsentNotes(v.r.Context(), v.session.AccountID)
	return slices.ContainsFunc(notes, func(n store.ConsentNote) bool {
		return n.Answer == store.AnswerAgreed && n.Consent.TextVersion == consent.Current(lifecycle.ConsentPictures)
	}), err
}

// agreePictures records the consent to pictures being processed; only then the form for them is shown.
func (s *Server) agreePictures(v *visit) error {
	if !v.fits(pageEvidence) {
		return s.proceed(v, "")
	}
	g, ok := s.ticked(v, lifecycle.ConsentPictures, "agreed", "version")
	if !ok {
		f := s.inside(v, pageEvidence)
		f.Faulty = true
		s.render(v.w, v.r, http.StatusUnprocessableEntity, string(pageEvidence), s.askPictures(v, f))
		return nil
	}
	ref, err := s.origin(v)
	if err != nil {
		return err
	}
	g.Evidence = ref
	first, err := s.noteAnswer(v, store.AnswerAgreed, g)
	if err != nil {
		return err // the note may be there all the same, so where it came from stays
	}
	if !first {
		s.takeBack(v.r.Context(), v, ref)
	}
	http.Redirect(v.w, v.r, pageEvidence.path(), http.StatusSeeOther)
	return nil
}

func (s *Server) askPictures(v *visit, f *frame) *evidencePage {
	return &evidencePage{frame: f, Asks: true, Text: s.ask(v, lifecycle.ConsentPictures)}
}
