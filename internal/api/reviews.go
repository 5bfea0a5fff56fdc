package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

type reviewIn struct {
	Decision   string `json:"decision" enum:"approve,reject"`
	ReasonCode string `json:"reason_code,omitempty" doc:"Code of the reason; required to reject. The merchant is told by it why."`
	Note       string `json:"note,omitempty" maxLength:"2000" doc:"For other reviewers. Kept in the vault."`
	Seq        int64  `json:"seq,omitempty" minimum:"0" doc:"The seq of the case or of the status that the decision was made on. If the account has come into the queue anew since then, the decision is refused with case_moved."`
}

type manualReviewIn struct {
	Decision   string   `json:"decision" enum:"approve,reject"`
	ReasonCode string   `json:"reason_code,omitempty" doc:"Code of the reason; required to reject. The merchant is told by it why."`
	Note       string   `json:"note,omitempty" maxLength:"2000" doc:"For other reviewers. Kept in the vault."`
	Seq        int64    `json:"seq,omitempty" minimum:"0" doc:"As for a review of real-name information."`
	Evidence   []string `json:"evidence,omitempty" doc:"Ids of the evidence that was looked at. To approve is refused if other evidence is there now."`
}

func (s *Server) reviewRoutes() {
	codes := []Code{CodeStepNotAllowed, CodeCaseClaimed, CodeCaseMoved, CodeEngineUnavailable}
	const claims = " Who holds no claim may decide if nobody does."
	handle(s, operation{
		id: "review", method: http.MethodPost, path: "/v1/reviews/{account_id}", tag: tagReviews,
		summary: "Decide a review of real-name information", words: "Approves or rejects the information that is under review." + claims,
		scopes: []Scope{ReviewsWrite}, codes: codes,
	}, func(ctx context.Context, c *call, in reviewIn) (int, statusView, error) {
		return s.review(ctx, c, in, store.QueueReview, func() (*lifecycle.Seen, error) { return nil, nil })
	})
	handle(s, operation{
		id: "review-manual", method: http.MethodPost, path: "/v1/reviews/{account_id}/manual", tag: tagReviews,
		summary: "Decide a verification without a face", words: "Approves the evidence, and with it the verification, or rejects it." + claims +
			" Where the server is configured to need two approvals, the first one is recorded and the case stays in the queue until another person or key gives the second.",
		scopes: []Scope{ReviewsWrite}, codes: append([]Code{CodeSecondApprover, CodeEvidenceMissing, CodeEvidenceChanged}, codes...),
		answers: map[int]string{http.StatusOK: "Decided.", http.StatusAccepted: "The first of two approvals is recorded."},
	}, func(ctx context.Context, c *call, in manualReviewIn) (int, statusView, error) {
		return s.review(ctx, c, reviewIn{in.Decision, in.ReasonCode, in.Note, in.Seq}, store.QueueManual, func() (*lifecycle.Seen, error) {
			if in.Decision != string(contract.VerdictApprove) {
				return nil, nil
			}
			return s.seenEvidence(ctx, c, in)
		})
	})
	s.queueRoutes()
	s.caseRoutes()
	s.revealRoutes()
}

// review decides a case while nobody else can. look says what the decision is made on, or refuses it for what the queue
// asks for; it is asked when the case is held.
func (s *Server) review(ctx context.Context, c *call, in reviewIn, queue store.Queue, look func() (*lifecycle.Seen, error)) (int, statusView, error) {
	var f faults
	verdict := contract.Verdict(in.Decision)
	if verdict != contract.VerdictApprove && verdict != contract.VerdictReject {
		f.add("decision", "not_allowed", "must be approve or reject", "应为 approve 或 reject")
	}
	if in.ReasonCode != "" || verdict == contract.VerdictReject {
		f.matches("reason_code", in.ReasonCode, codePattern, codeFmt, codeZh)
	}
	if in.Seq < 0 {
		f.add("seq", "out_of_range", "must be 0 or more", "应为 0 或更大的整数")
	}
	f.freeText("note", in.Note)
	if err := f.err(); err != nil {
		return 0, statusView{}, err
	}
	if _, err := s.cfg.Store.Account(ctx, c.account); err != nil {
		return 0, statusView{}, err // nothing is kept of accounts that nobody knows
	}
	h, err := s.hold(ctx, c, queue, in.Seq)
	if err != nil {
		return 0, statusView{}, err
	}
	var seen *lifecycle.Seen
	if h.Queue != "" { // a repeated command was judged the first time
		if seen, err = look(); err != nil {
			s.letGo(ctx, c, h)
			return 0, statusView{}, err
		}
	}
	said, err := s.explain(ctx, c.account, in.ReasonCode, in.Note)
	if err != nil {
		s.letGo(ctx, c, h)
		return 0, statusView{}, err
	}
	c.changed("account/"+c.account, said.stored(), caseSeen{queue.State(), h.Seq}, decided{in.Decision})
	if s.needsSecond(queue, verdict) && h.Queue != "" {
		if h.ApprovedBy == "" || h.ApprovedBy == c.key.ID {
			return s.firstApproval(ctx, c, h, said, seen)
		}
		seen.FirstBy = h.ApprovedBy
	}
	command := contract.Review{
		Decision: verdict, ReasonCode: said.code, NoteRef: said.ref, Case: h.Case(), Seen: seen, Actor: s.actor(c, lifecycle.ActorReviewer),
	}
	run := s.cfg.Engine.Review
	if queue == store.QueueManual {
		run = s.cfg.Engine.ManualDecision
	}
	status, err := run(ctx, c.account, c.change, command)
	if err != nil && notTaken(err) {
		s.letGo(ctx, c, h)
	}
	code, view, err := s.settled(ctx, c, said.ref, status, err)
	return code, view, s.evidenceRefused(ctx, c, err)
}

// caseSeen and decided are what the audit log keeps of a decision.
type caseSeen struct {
	State lifecycle.State `json:"state"`
	Seq   int64           `json:"seq"`
}

type decided struct {
	Decision string `json:"decision"`
}

func (s *Server) needsSecond(queue store.Queue, verdict contract.Verdict) bool {
	return s.cfg.Reviews.SecondApprover && queue == store.QueueManual && verdict == contract.VerdictApprove
}

// firstApproval records the first of two approvals. It refuses the second one of the same person.
func (s *Server) firstApproval(ctx context.Context, c *call, h held, said explanation, seen *lifecycle.Seen) (int, statusView, error) {
	step, err := s.step(ctx, c, h, store.ReviewApproved, said, seen)
	var refusal *lifecycle.Refusal
	switch {
	case errors.Is(err, store.ErrConflict):
		s.letGo(ctx, c, h)
		return 0, statusView{}, problem(CodeSecondApprover).saying(
			"You gave the first approval of this case. Another person or key with the scope reviews:write has to give the second.",
			"您已给出该案件的第一次批准，需由另一位具备 reviews:write 权限的人员或密钥再次批准。")
	case errors.As(err, &refusal):
		s.letGo(ctx, c, h)
		return 0, statusView{}, s.evidenceRefused(ctx, c, err)
	case err != nil:
		return 0, statusView{}, claimProblem(err, s.zone(ctx))
	}
	s.letGo(ctx, c, h) // the step ended the claim, unless it was recorded before
	c.changed("account/"+c.account, step.Code, caseSeen{h.Queue.State(), h.Seq}, decided{"first_approval"})
	v, err := s.cfg.Store.Head(ctx, c.account)
	if err != nil {
		return 0, statusView{}, err
	}
	return http.StatusAccepted, s.statusOf(v, s.zone(ctx), c.now), nil
}

// step records an act on a case. The note of an act that is not recorded, or was before, is taken back.
func (s *Server) step(ctx context.Context, c *call, on held, act store.ReviewAct, said explanation, seen *lifecycle.Seen) (store.ReviewStep, error) {
	step, err := s.cfg.Store.StepReview(ctx, store.ReviewStep{
		AccountID: c.account, CaseSeq: on.Seq, Act: act, At: c.now, Actor: c.key.ID, Code: said.code, NoteRef: said.ref, ChangeID: c.change,
		Seen: seen,
	})
	if err == nil && step.NoteRef != said.ref || notTaken(err) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		s.forget(ctx, c.account, said.ref)
	}
	return step, err
}
