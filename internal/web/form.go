package web

import (
	"net/http"

	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// maxTyped bounds what is shown again of a field; longer input is a mistake that its own message explains.
const maxTyped = 400

// save checks real-name information as the API does and sends it. Whatever is wrong, the form comes back with what was
// typed and with each fault at its field.
func (s *Server) save(v *visit) error {
	if !v.fits(pageForm) {
		return s.proceed(v, "")
	}
	name, numberTyped := v.r.PostFormValue("name"), v.r.PostFormValue("number")
	if chosen := s.languages.Named(v.r.PostFormValue("lang")); chosen != nil { // switched while typing
		s.languages.Choose(v.w, chosen)
		v.lang = chosen
		return s.formAgain(v, http.StatusOK, name, numberTyped, nil, "")
	}
	subject, faults := realname.New(name, string(realname.CNID), numberTyped, v.now, s.cfg.Sandbox...)
	given, agreed := s.ticked(v, lifecycle.ConsentIdentity, "agreed", "version")
	if len(faults) > 0 || !agreed {
		return s.formAgain(v, http.StatusUnprocessableEntity, name, numberTyped, faults, "")
	}
	ctx := v.r.Context()
	var err error
	if given.Evidence, err = s.origin(v); err != nil {
		return err
	}
	taken, err := s.texts.Take(given)
	if err != nil {
		return err
	}
	identity, err := s.cfg.Vault.PutSubject(ctx, v.session.AccountID, subject)
	if err != nil {
		s.takeBack(ctx, v, given.Evidence)
		return err
	}
	change := v.change()
	if v.update == updateCorrect {
		_, err = s.cfg.Engine.Correct(ctx, v.session.AccountID, change, contract.Correct{
			Identity: identity, RiskNoticeVersion: v.session.Notice, Consent: &taken, Actor: v.actor(),
		})
	} else {
		_, err = s.cfg.Engine.Submit(ctx, v.session.AccountID, change, contract.Submit{
			Identity: identity, RiskNoticeVersion: v.session.Notice, Consent: &taken, Actor: v.actor(),
		})
	}
	s.tidy(ctx, v, change, err, identity.Ref, given.Evidence)
	if kind := noteOf(err); err != nil && kind != "" {
		if err := s.look(ctx, v); err != nil {
			return err
		}
		if v.fits(pageForm) { // still this page's turn: nothing typed may be lost
			return s.formAgain(v, http.StatusServiceUnavailable, name, numberTyped, nil, kind)
		}
	}
	if err == nil { // the next information needs the notice confirmed anew
		if err := s.cfg.Store.ConfirmNotice(ctx, v.session.Hash, ""); err != nil {
			s.cfg.Logger.WarnContext(ctx, "confirmed notice was not taken back", "error", err)
		}
	}
	return s.settle(v, err, noteSaved)
}

func (s *Server) formAgain(v *visit, status int, name, number string, faults realname.Faults, kind string) error {
	f := s.inside(v, pageForm)
	p := &formPage{frame: f, Name: cut(name, maxTyped), Number: cut(number, maxTyped), Faults: map[string]string{}, Person: s.person(v), Text: s.ask(v, lifecycle.ConsentIdentity)}
	p.Agreed = v.r.PostFormValue("agreed") == "yes"
	if status == http.StatusUnprocessableEntity {
		if _, agreed := s.ticked(v, lifecycle.ConsentIdentity, "agreed", "version"); !agreed {
			message, err := v.lang.Text("consent.form.unticked")
			if err != nil {
				return err
			}
			p.Agreed, p.Faults["agreed"] = false, message
		}
	}
	f.Faulty = status == http.StatusUnprocessableEntity
	if kind != "" {
		f.Note = &note{kind, v.now, true}
	}
	for _, fault := range faults {
		field := "number"
		if fault.Field == realname.FieldName {
			field = "name"
		}
		message := fault.Message.ZhCN
		if v.lang.Tag() == page.English {
			message = fault.Message.En
		}
		if p.Faults[field] == "" {
			p.Faults[field] = message
		}
	}
	s.render(v.w, v.r, status, string(pageForm), p)
	return nil
}
