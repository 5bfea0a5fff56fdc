package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// caseView is what a reviewer needs to decide. Names and numbers are masked: see reveal-identity.
type caseView struct {
	Case           waitingView     `json:"case"`
	Account        accountView     `json:"account"`
	Identity       *maskedView     `json:"identity" doc:"Masked; null where there is no information of record."`
	Duplicates     []duplicateView `json:"duplicates" nullable:"false" doc:"Other accounts with the same document number, at most 20."`
	Steps          []caseStepView  `json:"steps" nullable:"false" doc:"What reviewers did with this case and earlier ones of the account, oldest first."`
	History        []caseEntryView `json:"history" nullable:"false" doc:"The end of the account's log, oldest first."`
	SecondApprover bool            `json:"second_approver" doc:"An approval of this case needs two persons."`
}

// TransformSchema tells huma that identity may be null.
func (caseView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	orNull(s, "identity")
	return s
}

type maskedView struct {
	Revision     int    `json:"revision" doc:"Of the information: 1, 2, 3 …"`
	DocumentType string `json:"document_type"`
	Name         string `json:"name" doc:"The first character, and of longer names the last."`
	Number       string `json:"number" doc:"The first three characters and the last four."`
}

type duplicateView struct {
	AccountID string `json:"account_id"`
	State     string `json:"state"`
}

type caseStepView struct {
	Act     string    `json:"act" enum:"escalated,approved" doc:"approved is the first of two approvals."`
	Present bool      `json:"present" doc:"It was done with the present case, not with an earlier one."`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Reason  *string   `json:"reason"`
	Note    *string   `json:"note" doc:"What was written, from the vault."`

	TakenBackAt *time.Time `json:"taken_back_at" doc:"When newer evidence took the first of two approvals back; null: it was not."`
}

type caseEntryView struct {
	Entry entryView `json:"entry"`
	Note  *string   `json:"note" doc:"What was written with it, from the vault."`
}

const (
	mostDuplicates = 20
	caseHistory    = 10 // entries of the log
)

func (s *Server) caseRoutes() {
	handle(s, operation{
		id: "get-review", method: http.MethodGet, path: "/v1/reviews/{account_id}", tag: tagReviews,
		summary: "Look at a case", words: "What the checks found, the masked information, other accounts with the same number, and what happened so far.",
		scopes: []Scope{ReviewsWrite}, codes: []Code{CodeCaseNotFound},
	}, s.getReview)
}

func (s *Server) getReview(ctx context.Context, c *call, _ none) (int, caseView, error) {
	view := caseView{Duplicates: []duplicateView{}, Steps: []caseStepView{}, History: []caseEntryView{}}
	account, err := s.cfg.Store.Account(ctx, c.account)
	if err != nil {
		return 0, view, err
	}
	zone, err := s.cfg.Gate.Zone(ctx)
	if err != nil {
		return 0, view, err
	}
	waiting, v, err := s.caseOf(ctx, c.account)
	if err != nil {
		return 0, view, claimProblem(err, zone)
	}
	view.Case, view.Account = s.viewWaiting(c, waiting, zone), viewAccount(account, zone)
	view.SecondApprover = s.cfg.Reviews.SecondApprover && waiting.Queue == store.QueueManual
	if view.Identity, err = s.masked(ctx, v); err != nil {
		return 0, view, err
	}
	same, err := s.cfg.Store.SameIdentity(ctx, c.account, mostDuplicates)
	if err != nil {
		return 0, view, err
	}
	for _, other := range same {
		view.Duplicates = append(view.Duplicates, duplicateView{other.AccountID, string(other.State)})
	}
	if view.Steps, err = s.caseSteps(ctx, waiting, zone); err != nil {
		return 0, view, err
	}
	view.History, err = s.caseHistory(ctx, v, zone)
	return http.StatusOK, view, err
}

// caseOf reads a case and the fold that belongs to it, however the log moves meanwhile.
func (s *Server) caseOf(ctx context.Context, accountID string) (store.ReviewCase, lifecycle.Verification, error) {
	const tries = 3
	for range tries {
		waiting, err := s.cfg.Store.ReviewCase(ctx, accountID)
		if err != nil {
			return waiting, lifecycle.Verification{}, err
		}
		v, err := s.cfg.Store.Head(ctx, accountID)
		if err != nil {
			return waiting, v, err
		}
		if v.State == waiting.Queue.State() && v.CheckCase(waiting.Case()) == nil {
			return waiting, v, nil
		}
	}
	return store.ReviewCase{}, lifecycle.Verification{}, store.ErrNotFound
}

// masked reads the information of record. What the vault has no longer is not there.
func (s *Server) masked(ctx context.Context, v lifecycle.Verification) (*maskedView, error) {
	if v.Identity == nil {
		return nil, nil
	}
	subject, err := s.cfg.Vault.Subject(ctx, v.AccountID, v.Identity.Ref)
	if errors.Is(err, vault.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &maskedView{
		Revision: v.Revision, DocumentType: string(subject.DocType()), Name: subject.MaskedName(), Number: subject.MaskedNumber(),
	}, nil
}

func (s *Server) caseSteps(ctx context.Context, waiting store.ReviewCase, zone *time.Location) ([]caseStepView, error) {
	views := []caseStepView{}
	steps, err := s.cfg.Store.ReviewSteps(ctx, waiting.AccountID)
	if err != nil {
		return views, err
	}
	for _, step := range steps {
		note, err := s.note(ctx, waiting.AccountID, step.NoteRef)
		if err != nil {
			return views, err
		}
		views = append(views, caseStepView{
			Act: string(step.Act), Present: step.CaseSeq == waiting.Seq, By: step.Actor, At: step.At.In(zone), Reason: orNil(step.Code), Note: note,
			TakenBackAt: instantIn(step.TakenBackAt, zone),
		})
	}
	return views, nil
}

func (s *Server) caseHistory(ctx context.Context, v lifecycle.Verification, zone *time.Location) ([]caseEntryView, error) {
	views := []caseEntryView{}
	entries, err := s.cfg.Store.Events(ctx, v.AccountID, max(0, v.Seq-caseHistory), caseHistory)
	if err != nil {
		return views, err
	}
	for _, e := range entries {
		note, err := s.note(ctx, v.AccountID, e.Detail.NoteRef)
		if err != nil {
			return views, err
		}
		views = append(views, caseEntryView{viewEntry(e, zone), note})
	}
	return views, nil
}

// note reads what was written, nil if nothing was or if it was deleted.
func (s *Server) note(ctx context.Context, accountID, ref string) (*string, error) {
	if ref == "" {
		return nil, nil
	}
	text, err := s.cfg.Vault.Text(ctx, accountID, ref)
	if errors.Is(err, vault.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &text, nil
}
