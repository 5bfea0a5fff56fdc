package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// NoticeVersion is the version of the risk notice that the merchant confirms. A test keeps it together with the text:
// whoever changes that gives it a new version. What is agreed to is in package consent.
const NoticeVersion = "2026-11"

// change names the command of a form. A double click sends the same number and is the same command; a page drawn again
// has another, so other input is never answered with what became of the first.
func (v *visit) change() string {
	sum := sha256.Sum256([]byte("page\n" + string(v.session.Hash) + "\n" + v.r.URL.Path + "\n" + v.r.PostFormValue("once")))
	return hex.EncodeToString(sum[:16])
}

// actor is who the log says it was: the merchant, by way of this link.
func (v *visit) actor() lifecycle.Actor {
	return lifecycle.Actor{Kind: lifecycle.ActorMerchant, ID: "link:" + v.session.LinkID}
}

// proceed goes to the page of the state after a command.
func (s *Server) proceed(v *visit, kind string) error {
	if err := s.look(v.r.Context(), v); err != nil {
		return err
	}
	if kind != "" {
		s.leaveNote(v, kind)
	}
	http.Redirect(v.w, v.r, v.main().path(), http.StatusSeeOther)
	return nil
}

// settle answers a command: to the page of its state, saying why if it was not taken.
func (s *Server) settle(v *visit, err error, done string) error {
	if err == nil {
		return s.proceed(v, done)
	}
	kind := noteOf(err)
	if kind == "" {
		return err
	}
	s.cfg.Logger.InfoContext(v.r.Context(), "command was not taken", "note", kind, "error", err)
	return s.proceed(v, kind)
}

// noteOf is the note for an error of the engine, "" if it is not one that a merchant can act on.
func noteOf(err error) string {
	var refusal *lifecycle.Refusal
	if errors.As(err, &refusal) {
		switch refusal.Code {
		case lifecycle.CodeAttemptsExhausted:
			return noteExhausted
		case lifecycle.CodeCorrectionNotAllowed:
			return noteCorrections
		case lifecycle.CodeAccountClosed:
			return noteClosed
		case lifecycle.CodeStepNotAllowed, lifecycle.CodeConsentRequired, lifecycle.CodeCaseMoved, lifecycle.CodeEvidenceChanged:
			return noteNotAllowed
		}
		return noteNotAllowed
	}
	for _, row := range []struct {
		is   error
		kind string
	}{
		{api.ErrOutcomeUnknown, noteUnknown}, {api.ErrEngineUnavailable, noteEngineDown},
		{api.ErrProviderUnavailable, noteProvider}, {api.ErrProviderRefused, noteRefused},
	} {
		if errors.Is(err, row.is) {
			return row.kind
		}
	}
	return ""
}

// confirm remembers that the risk notice was confirmed; nothing else is written before that.
func (s *Server) confirm(v *visit) error {
	if !v.fits(pageUpdate) || v.r.PostFormValue("version") != NoticeVersion {
		return s.proceed(v, noteNotAllowed)
	}
	if err := s.cfg.Store.ConfirmNotice(v.r.Context(), v.session.Hash, NoticeVersion); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, pageForm.path(), http.StatusSeeOther)
	return nil
}

// tidy takes records of the vault back that the log does not hold: the command was refused, or repeated one that had
// brought records of its own. Where the outcome is not known the records stay, because the log may hold them.
func (s *Server) tidy(ctx context.Context, v *visit, change string, failed error, refs ...string) {
	if errors.Is(failed, api.ErrOutcomeUnknown) || failed != nil && noteOf(failed) == "" {
		return
	}
	if failed == nil {
		refs = s.unheld(ctx, v, change, refs)
	}
	for _, ref := range refs {
		s.takeBack(ctx, v, ref)
	}
}

func (s *Server) takeBack(ctx context.Context, v *visit, ref string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.cfg.Vault.Delete(ctx, v.session.AccountID, ref); err != nil {
		s.cfg.Logger.WarnContext(ctx, "orphan left in the vault", "ref", ref, "error", err)
	}
}

// unheld are the records to which nothing refers that the command wrote, none if that cannot be found out.
func (s *Server) unheld(ctx context.Context, v *visit, change string, refs []string) []string {
	written, err := s.cfg.Store.Written(ctx, v.session.AccountID, change)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(refs), func(ref string) bool {
		return slices.ContainsFunc(written, func(w lifecycle.Change) bool { return w.Detail.Refers(ref) })
	})
}

// renew shows another code of the attempt that lives, under the consent in force. A script gets none while there is
// one: of two tabs that ask, the second shows the code of the first.
func (s *Server) renew(v *visit) error {
	if v.main() != pageQR || v.auto && v.shown() {
		return s.proceed(v, "")
	}
	_, err := s.cfg.Engine.StartFace(v.r.Context(), v.session.AccountID, v.change(), contract.StartFace{Actor: v.actor()})
	return s.settle(v, err, noteRenewed)
}

// retry starts the next attempt. The consent in force suffices if it is one to the present terms.
func (s *Server) retry(v *visit) error {
	if v.main() != pageFailed {
		return s.proceed(v, "")
	}
	if v.head.Consent == nil || v.head.Consent.TextVersion != consent.Current(lifecycle.ConsentFace) {
		http.Redirect(v.w, v.r, pageTerms.path(), http.StatusSeeOther)
		return nil
	}
	_, err := s.cfg.Engine.StartFace(v.r.Context(), v.session.AccountID, v.change(), contract.StartFace{Actor: v.actor()})
	return s.settle(v, err, "")
}

// refresh asks the provider now and says what is true after that, also that there is nothing new.
func (s *Server) refresh(v *visit) error {
	if wait := s.asks.take(string(v.session.Hash), v.now); wait > 0 {
		return s.proceed(v, noteBusy)
	}
	before := v.main()
	_, err := s.cfg.Engine.Refresh(v.r.Context(), v.session.AccountID, v.change(), contract.Refresh{Actor: v.actor()})
	if err != nil {
		return s.settle(v, err, "")
	}
	if err := s.look(v.r.Context(), v); err != nil {
		return err
	}
	kind := ""
	switch {
	case v.main() != before: // the page itself says it
	case before == pageQR:
		kind = noteChecked
	default:
		kind = noteCurrent
	}
	return s.proceed(v, kind)
}

func (s *Server) chooseManual(v *visit) error {
	if !v.fits(pageAlternative) {
		return s.proceed(v, "")
	}
	_, err := s.cfg.Engine.ChooseManual(v.r.Context(), v.session.AccountID, v.change(), contract.Plain{Reason: "merchant_choice", Actor: v.actor()})
	if err == nil && v.head.Consent == nil { // whoever goes the other way without having agreed has refused
		if err := s.refused(v); err != nil {
			s.cfg.Logger.WarnContext(v.r.Context(), "refusal was not kept", "error", err)
		}
	}
	return s.settle(v, err, "")
}

func (s *Server) cancelManual(v *visit) error {
	if !v.can(lifecycle.StepCancelManual) {
		return s.proceed(v, "")
	}
	_, err := s.cfg.Engine.CancelManual(v.r.Context(), v.session.AccountID, v.change(), contract.Plain{Actor: v.actor()})
	return s.settle(v, err, noteBack)
}

func (s *Server) withdraw(v *visit) error {
	if !v.fits(pageWithdraw) {
		return s.proceed(v, "")
	}
	_, err := s.cfg.Engine.WithdrawConsent(v.r.Context(), v.session.AccountID, v.change(), contract.Plain{Actor: v.actor()})
	if err != nil {
		return s.settle(v, err, "")
	}
	return s.otherwise(v, noteWithdrawn)
}

// otherwise goes to the route without a face if it is open, and to the page of the state if not.
func (s *Server) otherwise(v *visit, note string) error {
	if err := s.look(v.r.Context(), v); err != nil {
		return err
	}
	if !v.fits(pageAlternative) {
		return s.proceed(v, note)
	}
	s.leaveNote(v, note)
	http.Redirect(v.w, v.r, pageAlternative.path(), http.StatusSeeOther)
	return nil
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most])
	}
	return text
}
