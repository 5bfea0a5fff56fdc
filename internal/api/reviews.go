package api

import (
	"context"
	"net/http"

	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

type reviewIn struct {
	Decision   string `json:"decision" enum:"approve,reject"`
	ReasonCode string `json:"reason_code,omitempty" doc:"Code of the reason; required to reject. The merchant is told by it why."`
	Note       string `json:"note,omitempty" maxLength:"2000" doc:"For other reviewers. Kept in the vault."`
}

type manualReviewIn struct {
	Decision   string   `json:"decision" enum:"approve,reject"`
	ReasonCode string   `json:"reason_code,omitempty" doc:"Code of the reason; required to reject. The merchant is told by it why."`
	Note       string   `json:"note,omitempty" maxLength:"2000" doc:"For other reviewers. Kept in the vault."`
	Evidence   []string `json:"evidence,omitempty" doc:"Ids of the evidence that was looked at. To approve is refused if other evidence is there now."`
}

func (s *Server) reviewRoutes() {
	codes := []Code{CodeStepNotAllowed, CodeEngineUnavailable}
	handle(s, operation{
		id: "review", method: http.MethodPost, path: "/v1/reviews/{account_id}", tag: tagReviews,
		summary: "Decide a review of real-name information", words: "Approves or rejects the information that is under review.",
		scopes: []Scope{ReviewsWrite}, codes: codes,
	}, func(ctx context.Context, c *call, in reviewIn) (int, statusView, error) {
		return s.review(ctx, c, in, s.cfg.Engine.Review)
	})
	handle(s, operation{
		id: "review-manual", method: http.MethodPost, path: "/v1/reviews/{account_id}/manual", tag: tagReviews,
		summary: "Decide a verification without a face", words: "Approves the evidence, and with it the verification, or rejects it.",
		scopes: []Scope{ReviewsWrite}, codes: append(codes, CodeEvidenceMissing, CodeEvidenceChanged),
	}, func(ctx context.Context, c *call, in manualReviewIn) (int, statusView, error) {
		if err := s.needEvidence(ctx, c, in); err != nil {
			return 0, statusView{}, err
		}
		return s.review(ctx, c, reviewIn{in.Decision, in.ReasonCode, in.Note}, s.cfg.Engine.ManualDecision)
	})
}

type reviewCommand func(ctx context.Context, accountID, changeID string, in contract.Review) (contract.Status, error)

func (s *Server) review(ctx context.Context, c *call, in reviewIn, run reviewCommand) (int, statusView, error) {
	var f faults
	verdict := contract.Verdict(in.Decision)
	if verdict != contract.VerdictApprove && verdict != contract.VerdictReject {
		f.add("decision", "not_allowed", "must be approve or reject", "应为 approve 或 reject")
	}
	if in.ReasonCode != "" || verdict == contract.VerdictReject {
		f.matches("reason_code", in.ReasonCode, codePattern, codeFmt, codeZh)
	}
	f.freeText("note", in.Note)
	if err := f.err(); err != nil {
		return 0, statusView{}, err
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, statusView{}, err // nothing is kept of accounts that nobody knows
	}
	said, err := s.explain(ctx, c.account, in.ReasonCode, in.Note)
	if err != nil {
		return 0, statusView{}, err
	}
	status, err := run(ctx, c.account, c.change, contract.Review{
		Decision: verdict, ReasonCode: said.code, NoteRef: said.ref, Actor: s.actor(c, lifecycle.ActorReviewer),
	})
	return s.settled(ctx, c, said.ref, status, err)
}
