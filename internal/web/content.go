package web

import (
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// person is whose information it is, masked.
type person struct{ Name, Number string }

type statusPage struct {
	*frame
	State     string
	Since     time.Time
	Person    *person
	Next      string // address of the page to go on with, "" if there is none
	MayUpdate bool
	Manual    bool // the route without a face is open
	Withdraw  bool
	Method    string
	Code      string // code
}

type updatePage struct {
	*frame
	Correcting bool // a right that may be used only so often
}

type formPage struct {
	*frame
	Name, Number string
	Faults       map[string]string // by field: what is wrong
	Person       *person           // what is on record now
	Text         agreement         // to be agreed to
	Agreed       bool              // ticked, and the form came back for another reason
}

type reviewPage struct {
	*frame
	Person *person
	Since  time.Time
}

type rejectedPage struct {
	*frame
	Person *person
	Code   string
}

type termsPage struct {
	*frame
	Face, Provide agreement // one by one
	Person        *person
	Unticked      bool // sent without a tick
	Left          int
}

type donePage struct {
	*frame
	Method   string
	Ended    time.Time
	Withdraw bool
}

type failedPage struct {
	*frame
	Code      string
	Left      int
	NextAt    time.Time
	MayUpdate bool
	Withdraw  bool
}

type lockedPage struct {
	*frame
	Code      string
	Until     time.Time
	Due       bool
	Manual    bool
	MayUpdate bool
}

type alternativePage struct{ *frame }

type withdrawPage struct{ *frame }

// builders makes each page's content from the state.
func (s *Server) builders() map[site]func(*visit, *frame) (any, error) {
	return map[site]func(*visit, *frame) (any, error){
		pageStatus: s.statusPage,
		pageUpdate: func(v *visit, f *frame) (any, error) { return &updatePage{f, v.update == updateCorrect}, nil },
		pageForm: func(v *visit, f *frame) (any, error) {
			return &formPage{frame: f, Person: s.person(v), Text: s.ask(v, lifecycle.ConsentIdentity)}, nil
		},
		pageReview: func(v *visit, f *frame) (any, error) { return &reviewPage{f, s.person(v), v.head.Since}, nil },
		pageRejected: func(v *visit, f *frame) (any, error) {
			return &rejectedPage{f, s.person(v), v.head.Reason}, nil
		},
		pageTerms: func(v *visit, f *frame) (any, error) {
			return s.termsPage(v, f), nil
		},
		pageQR: s.qrPage,
		pageDone: func(v *visit, f *frame) (any, error) {
			return &donePage{f, string(v.head.Method), v.head.VerifiedAt, v.can(lifecycle.StepWithdrawConsent)}, nil
		},
		pageFailed: func(v *visit, f *frame) (any, error) {
			return &failedPage{f, v.head.Reason, v.status.Attempts.Left, v.status.Attempts.NextAt, v.update != updateNone, v.can(lifecycle.StepWithdrawConsent)}, nil
		},
		pageLocked: func(v *visit, f *frame) (any, error) {
			return &lockedPage{f, v.head.Reason, v.head.UnlockAt, !v.now.Before(v.head.UnlockAt), v.can(lifecycle.StepChooseManual), v.update != updateNone}, nil
		},
		pageManual:      s.manualPage,
		pageEvidence:    s.evidencePage,
		pageAlternative: func(_ *visit, f *frame) (any, error) { return &alternativePage{f}, nil },
		pageWithdraw:    func(_ *visit, f *frame) (any, error) { return &withdrawPage{f}, nil },
	}
}

func (s *Server) statusPage(v *visit, f *frame) (any, error) {
	p := &statusPage{
		frame: f, State: string(v.head.State), Since: v.head.Since, Person: s.person(v), MayUpdate: v.update != updateNone,
		Manual: v.can(lifecycle.StepChooseManual), Withdraw: v.can(lifecycle.StepWithdrawConsent),
		Method: string(v.head.Method), Code: v.head.Reason,
	}
	if to := v.main(); to != pageStatus {
		p.Next = to.path()
	}
	return p, nil
}

// person shows what is on record. If the vault does not answer the page goes without: the state matters more.
func (s *Server) person(v *visit) *person {
	if v.head.Identity == nil {
		return nil
	}
	subject, err := s.cfg.Vault.Subject(v.r.Context(), v.session.AccountID, v.head.Identity.Ref)
	if err != nil {
		s.cfg.Logger.WarnContext(v.r.Context(), "masked information cannot be shown", "error", err)
		return nil
	}
	return &person{subject.MaskedName(), subject.MaskedNumber()}
}
