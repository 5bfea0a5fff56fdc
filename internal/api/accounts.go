package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

type accountIn struct {
	Kind         string `json:"kind" enum:"individual,enterprise"`
	Region       string `json:"region" pattern:"^[A-Z]{2}$" doc:"ISO 3166-1 alpha-2 in capitals; CN is mainland China."`
	RegisteredAt string `json:"registered_at" format:"date-time" doc:"When the account was registered at the platform, with offset."`
	Reason       string `json:"reason,omitempty" maxLength:"2000" doc:"Why the facts of a known account change. Needs the scope accounts:correct."`
}

type accountDetailView struct {
	AccountID    string                  `json:"account_id"`
	Kind         string                  `json:"kind" enum:"individual,enterprise"`
	Region       string                  `json:"region"`
	RegisteredAt time.Time               `json:"registered_at"`
	ClosedAt     *time.Time              `json:"closed_at" doc:"From when on the account is closed; null while it is open."`
	Version      int                     `json:"version"`
	GraceUntil   *time.Time              `json:"grace_until" doc:"While a rule would block and waits because the delay is not the merchant's: until when at the latest."`
	Verification statusView              `json:"verification"`
	Gates        map[string]decisionView `json:"gates" doc:"What the gate says of every declared action now. Nothing is recorded."`
}

func (s *Server) accountRoutes() {
	handle(s, operation{
		id: "put-account", method: http.MethodPut, path: "/v1/accounts/{account_id}", tag: tagAccounts,
		summary: "Register an account",
		words: "Registers the account, or repeats its registration. Changing kind, region or registered_at of a known account can lift a block: " +
			"it needs a reason (in the body or as parameter) and the scope accounts:correct, and is recorded as a new version. " +
			"A new account needs the scope accounts:write.",
		scopes:  []Scope{AccountsWrite, AccountsCorrect},
		query:   []parameter{{name: "reason", words: "Why the facts of a known account change."}},
		answers: map[int]string{http.StatusCreated: "The account is new.", http.StatusOK: "The account was known."},
		codes:   []Code{CodeFactsDiffer}, services: true,
	}, s.putAccount)
	handle(s, operation{
		id: "get-account", method: http.MethodGet, path: "/v1/accounts/{account_id}", tag: tagAccounts,
		summary: "Look at an account",
		words:   "The account's facts, its verification, and what the gate says of every action now.",
		scopes:  []Scope{VerificationsRead, AccountsWrite}, codes: []Code{CodeClockSkew},
	}, s.getAccount)
	s.importRoute()
}

func (s *Server) putAccount(ctx context.Context, c *call, in accountIn) (int, accountView, error) {
	var f faults
	facts := f.facts(c.account, in.Kind, in.Region, in.RegisteredAt)
	reason := in.Reason
	if reason == "" {
		reason = c.query("reason")
	}
	f.freeText("reason", reason)
	if err := f.err(); err != nil {
		return 0, accountView{}, err
	}
	if err := s.mayRegister(ctx, c); err != nil {
		return 0, accountView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, accountView{}, err
	}
	put := store.PutAccount{Account: facts, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: c.key.ID}}
	account, result, err := s.cfg.Store.PutAccount(ctx, put, false)
	if errors.Is(err, store.ErrConflict) {
		account, result, err = s.correctAccount(ctx, c, put, reason)
	}
	if err != nil {
		return 0, accountView{}, err
	}
	status := http.StatusOK
	switch result {
	case store.Created:
		status = http.StatusCreated
	case store.Updated:
		s.settle(ctx, c.account)
	case store.Unchanged:
	}
	return status, viewAccount(account, zone), nil
}

// mayRegister refuses a new account to those who may only correct.
func (s *Server) mayRegister(ctx context.Context, c *call) error {
	if allows(c.key.Scopes, AccountsWrite) {
		return nil
	}
	_, err := s.cfg.Store.Account(ctx, c.account)
	if errors.Is(err, store.ErrNotFound) {
		return lacks([]Scope{AccountsWrite})
	}
	return err
}

// correctAccount changes the facts of a known account, if the key and the reason allow it.
func (s *Server) correctAccount(ctx context.Context, c *call, put store.PutAccount, reason string) (store.Account, store.PutResult, error) {
	zone := s.zoneOrUTC(ctx)
	known, err := s.cfg.Store.Account(ctx, c.account)
	if err != nil {
		return store.Account{}, "", err
	}
	c.mark()
	c.changed("", reason, viewAccount(known, zone), nil)
	if !allows(c.key.Scopes, AccountsCorrect) {
		return store.Account{}, "", lacks([]Scope{AccountsCorrect})
	}
	if reason == "" {
		return store.Account{}, "", problem(CodeFactsDiffer)
	}
	said, err := s.explain(ctx, c.account, reason, "")
	if err != nil {
		return store.Account{}, "", err
	}
	put.Actor.Kind, put.Reason = lifecycle.ActorOperator, said.stored()
	account, result, err := s.cfg.Store.PutAccount(ctx, put, true)
	if err != nil {
		s.forget(ctx, c.account, said.ref)
		return account, result, err
	}
	c.changed("", said.stored(), viewAccount(known, zone), viewAccount(account, zone))
	return account, result, nil
}

func (s *Server) getAccount(ctx context.Context, c *call, _ none) (int, accountDetailView, error) {
	var view accountDetailView
	account, err := s.cfg.Store.Account(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	head, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	_, answers, err := s.cfg.Gate.Preview(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	view = accountDetailView{
		AccountID: account.ID, Kind: string(account.Kind), Region: account.Region, RegisteredAt: account.RegisteredAt.In(zone),
		ClosedAt: instantIn(account.ClosedAt, zone), Version: account.Version, Verification: s.statusOf(head, zone, c.now), Gates: map[string]decisionView{},
	}
	for action, a := range answers {
		view.Gates[action] = viewDecision(a)
		if a.Reason == policy.ReasonGrace && (view.GraceUntil == nil || a.NextChangeAt.Before(*view.GraceUntil)) {
			view.GraceUntil = instant(a.NextChangeAt)
		}
	}
	return http.StatusOK, view, nil
}
