package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

type revealIn struct {
	Reason string   `json:"reason" doc:"A code that says what it is needed for, such as compare_evidence. It stands in the audit log, so it is no free text."`
	Fields []string `json:"fields" nullable:"false" minItems:"1" maxItems:"2" doc:"Which of name and number. Ask for no more than you need: each is on record."`
}

type revealView struct {
	AccountID string  `json:"account_id"`
	Revision  int     `json:"revision" doc:"Of the information: 1, 2, 3 …"`
	Name      *string `json:"name" doc:"In clear, if it was asked for."`
	Number    *string `json:"number" doc:"In clear, if it was asked for."`
}

// What can be revealed.
const (
	fieldName   = "name"
	fieldNumber = "number"
)

func (s *Server) revealRoutes() {
	handle(s, operation{
		id: "reveal-identity", method: http.MethodPost, path: "/v1/accounts/{account_id}/identity:reveal", tag: tagReviews,
		summary: "See a name or number in clear",
		words: "For who holds the case of the account, and for admins. Each look is on record with its reason and the fields, and they are counted: " +
			"a caller who looks at very many is told to wait. The answer is kept nowhere, so this takes no Idempotency-Key.",
		scopes: []Scope{IdentitiesRead}, secret: true, codes: []Code{CodeClaimNeeded, CodeCaseClaimed, CodeIdentityNotFound},
	}, s.reveal)
}

// looked is what the audit log keeps of a look: never what was seen.
type looked struct {
	Fields   []string `json:"fields"`
	Revision int      `json:"revision"`
}

func (s *Server) reveal(ctx context.Context, c *call, in revealIn) (int, revealView, error) {
	if err := in.check(); err != nil {
		return 0, revealView{}, err
	}
	slices.Sort(in.Fields)
	c.changed("account/"+c.account, in.Reason, nil, looked{Fields: in.Fields})
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, revealView{}, err
	}
	if err := s.mayReveal(ctx, c); err != nil {
		return 0, revealView{}, err
	}
	if wait := s.reveals.Take(c.key.ID); wait > 0 {
		return 0, revealView{}, rateLimited(wait)
	}
	v, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, revealView{}, err
	}
	if v.Identity == nil {
		return 0, revealView{}, problem(CodeIdentityNotFound)
	}
	subject, err := s.cfg.Vault.Subject(ctx, c.account, v.Identity.Ref)
	if errors.Is(err, vault.ErrNotFound) {
		return 0, revealView{}, problem(CodeIdentityNotFound)
	}
	if err != nil {
		return 0, revealView{}, err
	}
	c.changed("account/"+c.account, in.Reason, nil, looked{in.Fields, v.Revision})
	name, _, number := subject.Reveal()
	view := revealView{AccountID: c.account, Revision: v.Revision}
	if slices.Contains(in.Fields, fieldName) {
		view.Name = &name
	}
	if slices.Contains(in.Fields, fieldNumber) {
		view.Number = &number
	}
	return http.StatusOK, view, nil
}

func (in revealIn) check() error {
	var f faults
	f.matches("reason", in.Reason, codePattern, codeFmt, codeZh)
	wrong := slices.ContainsFunc(in.Fields, func(name string) bool { return name != fieldName && name != fieldNumber })
	if wrong || len(in.Fields) == 0 || len(in.Fields) > 2 || len(slices.Compact(slices.Sorted(slices.Values(in.Fields)))) != len(in.Fields) {
		f.add("fields", "not_allowed", "must be name, number or both, each once", "应为 name、number 或两者，每项仅一次")
	}
	return f.err()
}

// mayReveal lets through who holds the case, whose claim it renews, and admins.
// mayLook is mayReveal for what a program can be used for too: it needs no claim, but must not look into the case of
// another.
func (s *Server) mayLook(ctx context.Context, c *call) error {
	if c.person {
		return s.mayReveal(ctx, c)
	}
	waiting, err := s.cfg.Store.ReviewCase(ctx, c.account)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case waiting.Claim.Holds(c.now) && waiting.Claim.Holder != c.key.ID && !allows(c.key.Scopes, Admin):
		return claimProblem(&store.ClaimedError{Claim: waiting.Claim}, s.zone(ctx))
	default:
		return nil
	}
}

func (s *Server) mayReveal(ctx context.Context, c *call) error {
	waiting, err := s.cfg.Store.ReviewCase(ctx, c.account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	claim := waiting.Claim
	switch {
	case claim.Holds(c.now) && claim.Holder == c.key.ID:
		_, _, err := s.cfg.Store.ClaimReview(ctx, c.account, waiting.Queue, s.lease(c))
		if errors.Is(err, store.ErrNotFound) {
			return problem(CodeClaimNeeded) // the case ended just now, and the claim with it
		}
		return claimProblem(err, s.zone(ctx))
	case allows(c.key.Scopes, Admin):
		return nil
	case claim.Holds(c.now):
		return claimProblem(&store.ClaimedError{Claim: claim}, s.zone(ctx))
	default:
		return problem(CodeClaimNeeded)
	}
}
