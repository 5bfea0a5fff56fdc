package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/signing"
	"github.com/verigate/verigate/internal/store"
)

type receiptIn struct {
	Receipt string `json:"receipt" maxLength:"4096" doc:"As a decision answered it, or as a merchant sent it to support."`
}

// receiptView is what a receipt is worth.
type receiptView struct {
	Genuine     bool             `json:"genuine" doc:"The signature holds: this server, or one with the same keys, gave this answer. If false, nothing else is told."`
	KeyID       *string          `json:"key_id" doc:"The receipt key that signed it."`
	Decision    *saidView        `json:"decision" doc:"What it says."`
	Found       *decisionView    `json:"found" doc:"What the gate said at that instant, by what was recorded by then."`
	Missing     *string          `json:"missing" enum:"account_not_found,unknown_action" doc:"Why nothing is found."`
	Agrees      bool             `json:"agrees" doc:"What it says is what is found."`
	Differences []differenceView `json:"differences" nullable:"false" doc:"In which ways it is not: from is what the receipt says, to what is found."`
	Kept        bool             `json:"kept" doc:"This very receipt is on record, as the first refusal of the account under its rule and version."`
}

// TransformSchema tells huma what may be null.
func (receiptView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	orNull(s, "decision", "found")
	return s
}

// saidView is a decision as a receipt says it.
type saidView struct {
	AccountID     string       `json:"account_id"`
	Action        string       `json:"action"`
	Effect        string       `json:"effect" enum:"allow,prompt,block"`
	Reason        string       `json:"reason" enum:"not_covered,not_restricted,verified,not_yet_announced,extended,grace,announced,enforced"`
	Rule          *string      `json:"rule"`
	Policy        *string      `json:"policy"`
	PolicyVersion *int         `json:"policy_version"`
	Since         *time.Time   `json:"since"`
	At            time.Time    `json:"at"`
	NextChangeAt  *time.Time   `json:"next_change_at"`
	WouldBe       *string      `json:"would_be" enum:"prompt,block"`
	Message       gate.Message `json:"message" doc:"The decision in sentences."`
}

func (s *Server) receiptRoutes() {
	handle(s, operation{
		id: "check-receipt", method: http.MethodPost, path: "/v1/receipts:check", tag: tagAudit, summary: "Check a receipt of a decision",
		words:  "Says whether the signature holds and by which key, what was decided, and whether the records say the same of that instant.",
		scopes: []Scope{DecisionsRead, AuditRead}, asks: true, codes: []Code{CodeClockSkew},
	}, s.checkReceipt)
	handle(s, operation{
		id: "list-receipt-keys", method: http.MethodGet, path: "/v1/receipt-keys", tag: tagAudit, summary: "Public keys of receipts and seals",
		words: "As a JSON Web Key Set, newest first. With them anybody can check receipts of prompts and refusals, checkpoints and other sealed things, without " +
			"this server; docs/receipts.md says how. They are open to everybody: whoever was shown a receipt need not have a key of this API.",
	}, func(context.Context, *call, none) (int, signing.JWKS, error) {
		return http.StatusOK, s.cfg.Gate.PublicKeys().JWKS(), nil
	})
}

func (s *Server) checkReceipt(ctx context.Context, _ *call, in receiptIn) (int, receiptView, error) {
	view := receiptView{Differences: []differenceView{}}
	if in.Receipt == "" {
		var f faults
		f.required("receipt")
		return 0, view, f.err()
	}
	said, words, keyID, err := s.cfg.Gate.ReadReceipt(in.Receipt)
	if errors.Is(err, gate.ErrReceipt) {
		return http.StatusOK, view, nil
	}
	if err != nil {
		return 0, view, err
	}
	view.Genuine, view.KeyID, view.Decision = true, &keyID, viewSaid(said, words)
	found, err := s.cfg.Gate.DecideAt(ctx, said.AccountID, said.Action, said.At, store.Did)
	switch {
	case errors.Is(err, store.ErrNotFound):
		view.Missing = orNil(string(CodeAccountNotFound))
		return http.StatusOK, view, nil
	case errors.Is(err, gate.ErrUnknownAction):
		view.Missing = orNil(string(CodeUnknownAction))
		return http.StatusOK, view, nil
	case err != nil:
		return 0, view, err
	}
	decision := viewDecision(found)
	view.Found, view.Differences = &decision, receiptDifferences(said, found)
	view.Agrees = len(view.Differences) == 0
	blocks, err := s.cfg.Store.Blocks(ctx, said.AccountID)
	view.Kept = slices.ContainsFunc(blocks, func(b store.CountedBlock) bool { return b.Receipt == in.Receipt })
	return http.StatusOK, view, err
}

func viewSaid(r gate.Receipt, words gate.Message) *saidView {
	return &saidView{
		AccountID: r.AccountID, Action: r.Action, Effect: string(r.Effect), Reason: string(r.Reason), Rule: orNil(r.RuleID), Policy: orNil(r.PolicyName),
		PolicyVersion: orNil(r.PolicyVersion), Since: instant(r.Since), At: r.At, NextChangeAt: instant(r.NextChangeAt), WouldBe: orNil(string(r.WouldBe)),
		Message: words,
	}
}

// receiptDifferences compares everything that a receipt says with an answer for the same instant.
func receiptDifferences(said gate.Receipt, found gate.Answer) []differenceView {
	list := []differenceView{}
	compare := func(path, a, b string) {
		if a != b {
			list = append(list, differenceView{path, orNil(a), orNil(b)})
		}
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(found.At.Location()).Format(time.RFC3339Nano)
	}
	compare("effect", string(said.Effect), string(found.Effect))
	compare("reason", string(said.Reason), string(found.Reason))
	compare("rule", said.RuleID, found.RuleID)
	compare("policy", said.PolicyName, found.PolicyName)
	compare("policy_version", number(said.PolicyVersion), number(found.PolicyVersion))
	compare("since", at(said.Since), at(found.Since))
	compare("next_change_at", at(said.NextChangeAt), at(found.NextChangeAt))
	compare("would_be", string(said.WouldBe), string(found.WouldBe))
	return list
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
