package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

type realNameIn struct {
	Name              string     `json:"name" maxLength:"200" doc:"The name as it stands on the document."`
	Document          documentIn `json:"document"`
	RiskNoticeVersion string     `json:"risk_notice_version" doc:"Version of the risk notice that the merchant confirmed."`
}

type documentIn struct {
	Type   string `json:"type" enum:"cn_id" doc:"cn_id: mainland China resident identity card."`
	Number string `json:"number"`
}

type correctIn struct {
	Name              string     `json:"name" maxLength:"200"`
	Document          documentIn `json:"document"`
	RiskNoticeVersion string     `json:"risk_notice_version"`
	SupportReason     string     `json:"support_reason,omitempty" doc:"Code of support's reason to correct without the merchant's own right. Needs the scope accounts:correct."`
}

type emptyIn struct{}

type manualIn struct {
	Reason string `json:"reason,omitempty" maxLength:"2000" doc:"A code, or free text."`
}

func (s *Server) verificationRoutes() {
	post := func(id, step, summary, words string, codes ...Code) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/accounts/{account_id}/verification/" + step, tag: tagVerification,
			summary: summary, words: words, scopes: []Scope{VerificationsWrite}, perAccount: true,
			codes: append([]Code{CodeStepNotAllowed, CodeAccountClosed, CodeEngineUnavailable}, codes...),
		}
	}
	handle(s, operation{
		id: "get-verification", method: http.MethodGet, path: "/v1/accounts/{account_id}/verification", tag: tagVerification,
		summary: "Look at a verification", words: "The status as it is recorded.", scopes: []Scope{VerificationsRead},
	}, s.getVerification)
	handle(s, post("submit", "submit", "Submit real-name information", "Saves the information and begins its review. Every fault is answered at once, at its field."), s.submit)
	correct := post("correct", "correct", "Correct approved real-name information",
		"As submit, by the merchant's right of the policy or, with support_reason, by support's, which does not use the merchant's up. "+
			"By the merchant's right with the scope verifications:write, by support's with accounts:correct.", CodeCorrectionNotAllowed)
	correct.scopes = append(correct.scopes, AccountsCorrect)
	handle(s, correct, s.correct)
	handle(s, post("start-face", "start-face", "Start face verification",
		"Records the consents, starts an attempt at the provider and shows a QR code; or another QR code for the attempt that lives. "+
			"The texts to agree to are those in force: GET /v1/consent-texts.",
		CodeConsentRequired, CodeAttemptsExhausted, CodeProviderUnavailable, CodeProviderRefused), s.startFace)
	handle(s, post("refresh", "refresh", "Refresh the state", "Asks the provider now and answers the state after that. It is always allowed.",
		CodeProviderUnavailable, CodeProviderRefused), s.refresh)
	handle(s, post("choose-manual", "choose-manual", "Choose the route without a face", "A reviewer decides on evidence instead."), s.chooseManual)
	handle(s, post("cancel-manual", "cancel-manual", "Leave the route without a face", "Back to where face verification can be started."), s.cancelManual)
	withdraw := post("withdraw-consent", "withdraw-consent", "Withdraw the consent to face processing", "The provider is no longer asked, and results under the old consent no longer count.")
	withdraw.perAccount = false // a right, which nothing that was done before may delay
	handle(s, withdraw, s.withdrawConsent)
	s.eventsRoute()
}

func (s *Server) getVerification(ctx context.Context, c *call, _ none) (int, statusView, error) {
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, statusView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, statusView{}, err
	}
	return http.StatusOK, s.statusOf(head, zone, c.now), nil
}

func (s *Server) submit(ctx context.Context, c *call, in realNameIn) (int, statusView, error) {
	identity, err := s.keepSubject(ctx, c, in, nil)
	if err != nil {
		return 0, statusView{}, err
	}
	status, err := s.cfg.Engine.Submit(ctx, c.account, c.change, contract.Submit{
		Identity: identity, RiskNoticeVersion: in.RiskNoticeVersion, Actor: s.actor(c, lifecycle.ActorMerchant),
	})
	return s.settled(ctx, c, identity.Ref, status, err)
}

func (s *Server) correct(ctx context.Context, c *call, in correctIn) (int, statusView, error) {
	var f faults
	actor := s.actor(c, lifecycle.ActorMerchant)
	if in.SupportReason != "" {
		if !allows(c.key.Scopes, AccountsCorrect) {
			return 0, statusView{}, lacks([]Scope{AccountsCorrect})
		}
		f.matches("support_reason", in.SupportReason, codePattern, codeFmt, codeZh)
		actor.Kind = lifecycle.ActorOperator
	} else if !allows(c.key.Scopes, VerificationsWrite) {
		return 0, statusView{}, lacks([]Scope{VerificationsWrite})
	}
	c.changed("", in.SupportReason, nil, nil)
	identity, err := s.keepSubject(ctx, c, realNameIn{in.Name, in.Document, in.RiskNoticeVersion}, f)
	if err != nil {
		return 0, statusView{}, err
	}
	before, err := s.standing(ctx, c)
	if err != nil {
		return 0, statusView{}, err
	}
	status, err := s.cfg.Engine.Correct(ctx, c.account, c.change, contract.Correct{
		Identity: identity, RiskNoticeVersion: in.RiskNoticeVersion, Support: in.SupportReason != "",
		Reason: in.SupportReason, Actor: actor,
	})
	code, view, err := s.settled(ctx, c, identity.Ref, status, err)
	c.moved(in.SupportReason, before, view)
	return code, view, err
}

// keepSubject checks real-name information, all of it, and puts it into the vault. It adds to the faults found so far.
func (s *Server) keepSubject(ctx context.Context, c *call, in realNameIn, f faults) (lifecycle.Identity, error) {
	subject, found := realname.New(in.Name, in.Document.Type, in.Document.Number, c.now, s.cfg.SandboxNumbers...)
	f.realName(found)
	f.matches("risk_notice_version", in.RiskNoticeVersion, versionPattern, versionFmt, versionZh)
	if err := f.err(); err != nil {
		return lifecycle.Identity{}, err
	}
	if err := s.openAccount(ctx, c); err != nil {
		return lifecycle.Identity{}, err
	}
	return s.cfg.Vault.PutSubject(ctx, c.account, subject)
}

const (
	versionFmt = "must be 1 to 64 characters of A-Z a-z 0-9 . _ -"
	versionZh  = "应为 1 到 64 个字符，可用 A-Z a-z 0-9 . _ -"
)

// settled answers a command that brought a record of the vault along, and takes the record back if the log does not
// hold it: the command was refused, or it repeated one that had brought a record of its own. Where the outcome is not
// known the record stays, because the log may hold it.
func (s *Server) settled(ctx context.Context, c *call, ref string, status contract.Status, err error) (int, statusView, error) {
	if ref != "" && (err == nil && !s.held(ctx, c, ref) || err != nil && notTaken(err)) {
		s.forget(ctx, c.account, ref)
	}
	return s.answered(ctx, status, err)
}

// held reports whether what the command wrote refers to the record, true if that cannot be found out.
func (s *Server) held(ctx context.Context, c *call, ref string) bool {
	written, err := s.cfg.Store.Written(ctx, c.account, c.change)
	if err != nil {
		return !errors.Is(err, store.ErrNotFound)
	}
	return slices.ContainsFunc(written, func(w lifecycle.Change) bool { return w.Detail.Refers(ref) })
}

// notTaken reports that a command surely changed nothing.
func notTaken(err error) bool {
	var refusal *lifecycle.Refusal
	return errors.As(err, &refusal) || errors.Is(err, ErrEngineUnavailable) || errors.Is(err, ErrAccountUnknown) ||
		errors.Is(err, ErrProviderUnavailable) || errors.Is(err, ErrProviderRefused)
}

func (s *Server) answered(ctx context.Context, status contract.Status, err error) (int, statusView, error) {
	if err != nil {
		return 0, statusView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		zone = time.UTC // the command is done; its answer must not fail for a matter of form
	}
	return http.StatusOK, s.viewStatus(status, zone, s.cfg.Now()), nil
}

func (s *Server) refresh(ctx context.Context, c *call, _ emptyIn) (int, statusView, error) {
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, statusView{}, err
	}
	if len(head.Watched(c.now)) == 0 { // there is nobody to ask: the record is the truth, and no run is begun for it
		return s.getVerification(ctx, c, none{})
	}
	status, err := s.cfg.Engine.Refresh(ctx, c.account, c.change, contract.Refresh{Actor: s.actor(c, lifecycle.ActorMerchant)})
	return s.answered(ctx, status, err)
}

func (s *Server) chooseManual(ctx context.Context, c *call, in manualIn) (int, statusView, error) {
	if err := s.openAccount(ctx, c); err != nil {
		return 0, statusView{}, err
	}
	return s.explained(ctx, c, lifecycle.ActorMerchant, in.Reason, "", s.cfg.Engine.ChooseManual)
}

func (s *Server) cancelManual(ctx context.Context, c *call, _ emptyIn) (int, statusView, error) {
	if err := s.openAccount(ctx, c); err != nil {
		return 0, statusView{}, err
	}
	return s.explained(ctx, c, lifecycle.ActorMerchant, "", "", s.cfg.Engine.CancelManual)
}

func (s *Server) withdrawConsent(ctx context.Context, c *call, _ emptyIn) (int, statusView, error) {
	return s.explained(ctx, c, lifecycle.ActorMerchant, "", "", s.cfg.Engine.WithdrawConsent)
}

// plainCommand is a command of the engine that needs nothing but who and why.
type plainCommand func(ctx context.Context, accountID, changeID string, in contract.Plain) (contract.Status, error)

// stood is where a verification stood before and after a command, for the audit log.
type stood struct {
	State lifecycle.State `json:"state"`
	Seq   int64           `json:"seq"`
}

// explained runs a plain command with a reason that may be free text.
func (s *Server) explained(ctx context.Context, c *call, kind lifecycle.ActorKind, reason, note string, run plainCommand) (int, statusView, error) {
	var f faults
	f.freeText("reason", reason)
	f.freeText("note", note)
	c.changed("", reason, nil, nil)
	if err := f.err(); err != nil {
		return 0, statusView{}, err
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, statusView{}, err // nothing is kept of accounts that nobody knows
	}
	before, err := s.standing(ctx, c)
	if err != nil {
		return 0, statusView{}, err
	}
	said, err := s.explain(ctx, c.account, reason, note)
	if err != nil {
		return 0, statusView{}, err
	}
	status, err := run(ctx, c.account, c.change, contract.Plain{Reason: said.code, NoteRef: said.ref, Actor: s.actor(c, kind)})
	code, view, err := s.settled(ctx, c, said.ref, status, err)
	if err != nil {
		said.ref = "" // it was not kept
	}
	c.moved(said.stored(), before, view)
	return code, view, err
}

// actor is who a change is recorded under: the key, never a name.
func (s *Server) actor(c *call, kind lifecycle.ActorKind) lifecycle.Actor {
	return lifecycle.Actor{Kind: kind, ID: c.key.ID}
}

// cut shortens a text to so many bytes, at the edge of a character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
