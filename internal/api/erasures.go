package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/erasure"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
)

type erasureIn struct {
	Reason string   `json:"reason" doc:"A code that says why, such as subject_request. It stands in the receipt, so it is no free text."`
	Kinds  []string `json:"kinds,omitempty" doc:"What to erase: subject, evidence, consent, contact, note, text. Left out: everything."`
}

type erasureView struct {
	ID          string              `json:"id"`
	AccountID   string              `json:"account_id"`
	State       string              `json:"state" enum:"under_way,completed" doc:"under_way: something did not answer; it goes on by itself."`
	Kinds       []string            `json:"kinds" nullable:"false"`
	Reason      string              `json:"reason"`
	Rule        *string             `json:"rule" doc:"The rule of retention by which it was due; null if it was asked for."`
	Actor       actorView           `json:"actor"`
	RequestedAt time.Time           `json:"requested_at"`
	CompletedAt *time.Time          `json:"completed_at"`
	Destroyed   []erasedHoldingView `json:"destroyed" nullable:"false" doc:"What there was: records by kind, and the data key that was destroyed with them."`
	Receipt     *erasureReceiptView `json:"receipt" doc:"Null while it is under way."`
}

type erasedHoldingView struct {
	Kind    string  `json:"kind"`
	KeyID   *string `json:"key_id" doc:"Null for records from before there were data keys."`
	Records int     `json:"records"`
}

type erasureReceiptView struct {
	KeyID     string `json:"key_id"`
	Signature string `json:"signature" doc:"In base64."`
	Genuine   bool   `json:"genuine" doc:"The signature is ours and over what stands here."`
}

type erasuresView struct {
	AccountID string        `json:"account_id"`
	Erasures  []erasureView `json:"erasures" nullable:"false" doc:"Newest first."`
}

type holdingView struct {
	Kind    string     `json:"kind"`
	Records int        `json:"records"`
	Oldest  *time.Time `json:"oldest" doc:"When the oldest of them was put there."`
}

type holdingsView struct {
	AccountID string        `json:"account_id"`
	Holdings  []holdingView `json:"holdings" nullable:"false" doc:"What personal data is held, by kind; nothing of what it says."`
}

const erasuresPath = "/v1/accounts/{account_id}/erasures"

func (s *Server) erasureRoutes() {
	handle(s, operation{
		id: "erase-account", method: http.MethodPost, path: erasuresPath, tag: tagAccounts, summary: "Erase personal data of an account",
		words: "For good, also in every copy of the database from before: the data keys are destroyed. A verification that is under way is ended by a revocation " +
			"(reason information_erased), one that has succeeded stays verified. The answer is the receipt. While an erasure is under_way, nothing of its kinds is taken " +
			"for the account (503).",
		scopes: []Scope{IdentitiesErase}, answers: map[int]string{http.StatusCreated: "Erased.", http.StatusAccepted: "On record, and goes on by itself."},
	}, s.erase)
	handle(s, operation{
		id: "list-erasures", method: http.MethodGet, path: erasuresPath, tag: tagAccounts, summary: "List an account's erasures",
		words: "With their receipts, which hold no personal data.", scopes: []Scope{VerificationsRead, AuditRead, IdentitiesErase},
	}, s.listErasures)
	handle(s, operation{
		id: "get-erasure", method: http.MethodGet, path: erasuresPath + "/{erasure_id}", tag: tagAccounts, summary: "Read an erasure",
		words: "And its receipt.", scopes: []Scope{VerificationsRead, AuditRead, IdentitiesErase}, codes: []Code{CodeErasureNotFound},
	}, s.getErasure)
	handle(s, operation{
		id: "list-holdings", method: http.MethodGet, path: "/v1/accounts/{account_id}/holdings", tag: tagAccounts,
		summary: "What personal data is held of an account", words: "By kind, and nothing of what it says.", scopes: []Scope{VerificationsRead, AuditRead, IdentitiesErase},
	}, s.listHoldings)
}

func (s *Server) erase(ctx context.Context, c *call, in erasureIn) (int, erasureView, error) {
	var f faults
	f.matches("reason", in.Reason, codePattern, codeFmt, codeZh)
	kinds := []vault.Kind{}
	for _, name := range in.Kinds {
		if !vault.Kind(name).Valid() {
			f.add("kinds", "not_allowed", "must be of subject, evidence, consent, contact, note, text", "应为 subject、evidence、consent、contact、note、text 中的值")
			break
		}
		kinds = append(kinds, vault.Kind(name))
	}
	if err := f.err(); err != nil {
		return 0, erasureView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, erasureView{}, err
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, erasureView{}, err
	}
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte("erasure/"+c.account+"/"+c.change)).String()
	x, err := s.erasure.Request(ctx, erasure.Request{
		ID: id, AccountID: c.account, Kinds: kinds, Reason: in.Reason, Actor: s.actor(c, lifecycle.ActorOperator),
	})
	if err != nil {
		return 0, erasureView{}, err
	}
	view := s.viewErasure(x, zone)
	c.changed("account/"+c.account, in.Reason, nil, map[string]any{"erasure": view.ID, "kinds": view.Kinds, "state": view.State})
	if x.CompletedAt.IsZero() {
		return http.StatusAccepted, view, nil
	}
	return http.StatusCreated, view, nil
}

func (s *Server) viewErasure(x store.Erasure, zone *time.Location) erasureView {
	view := erasureView{
		ID: x.ID, AccountID: x.AccountID, State: "under_way", Kinds: x.Kinds, Reason: x.Reason, Rule: orNil(x.Rule),
		Actor: actorView{string(x.Actor.Kind), orNil(x.Actor.ID)}, RequestedAt: x.RequestedAt.In(zone), CompletedAt: instantIn(x.CompletedAt, zone),
		Destroyed: []erasedHoldingView{},
	}
	for _, h := range x.Held {
		view.Destroyed = append(view.Destroyed, erasedHoldingView{h.Kind, orNil(h.KeyID), h.Records})
	}
	if !x.CompletedAt.IsZero() {
		view.State = "completed"
		view.Receipt = &erasureReceiptView{x.KeyID, base64.StdEncoding.EncodeToString(x.Signature), s.erasure.Holds(x)}
	}
	return view
}

func (s *Server) listErasures(ctx context.Context, c *call, _ none) (int, erasuresView, error) {
	view := erasuresView{AccountID: c.account, Erasures: []erasureView{}}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	all, err := s.cfg.Store.ErasuresOf(ctx, c.account)
	for _, x := range all {
		view.Erasures = append(view.Erasures, s.viewErasure(x, zone))
	}
	return http.StatusOK, view, err
}

func (s *Server) getErasure(ctx context.Context, c *call, _ none) (int, erasureView, error) {
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, erasureView{}, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, erasureView{}, err
	}
	x, err := s.cfg.Store.Erasure(ctx, c.r.PathValue("erasure_id"))
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && x.AccountID != c.account:
		return 0, erasureView{}, problem(CodeErasureNotFound)
	case err != nil:
		return 0, erasureView{}, err
	}
	return http.StatusOK, s.viewErasure(x, zone), nil
}

func (s *Server) listHoldings(ctx context.Context, c *call, _ none) (int, holdingsView, error) {
	view := holdingsView{AccountID: c.account, Holdings: []holdingView{}}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	held, err := s.cfg.Vault.Holdings(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	at := map[vault.Kind]int{}
	for _, h := range held {
		if h.Records == 0 {
			continue
		}
		i, known := at[h.Kind]
		if !known {
			i = len(view.Holdings)
			at[h.Kind] = i
			view.Holdings = append(view.Holdings, holdingView{Kind: string(h.Kind), Oldest: instantIn(h.Oldest, zone)})
		}
		row := &view.Holdings[i]
		row.Records += h.Records
		if row.Oldest == nil || h.Oldest.Before(*row.Oldest) {
			row.Oldest = instantIn(h.Oldest, zone)
		}
	}
	return http.StatusOK, view, nil
}
