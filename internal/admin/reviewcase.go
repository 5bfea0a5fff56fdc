package admin

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/api"
)

func (s *Server) caseRoutes(q queue) {
	one := q.Home() + "/{account_id}"
	s.page("GET "+one, s.reviewCase(q), api.ReviewsWrite)
	s.page("POST "+one+"/claim", s.claimCase(q), api.ReviewsWrite)
	s.page("POST "+one+"/release", s.releaseCase(q), api.ReviewsWrite)
	s.page("POST "+one+"/escalate", s.escalateCase(q), api.ReviewsWrite)
	s.page("POST "+one+"/decide", s.decideCase(q), api.ReviewsWrite)
	s.page("POST "+one+"/reveal", s.revealField(q), api.IdentitiesRead)
}

// reviewCase is what the API tells of a case.
type reviewCase struct {
	Case    waiting `json:"case"`
	Account struct {
		Kind         string    `json:"kind"`
		Region       string    `json:"region"`
		RegisteredAt time.Time `json:"registered_at"`
		ClosedAt     time.Time `json:"closed_at"`
	} `json:"account"`
	Identity *struct {
		Revision     int    `json:"revision"`
		DocumentType string `json:"document_type"`
		Name         string `json:"name"`
		Number       string `json:"number"`
	} `json:"identity"`
	Duplicates []struct {
		AccountID string `json:"account_id"`
		State     string `json:"state"`
	} `json:"duplicates"`
	Steps          []caseStep  `json:"steps"`
	History        []caseEntry `json:"history"`
	SecondApprover bool        `json:"second_approver"`
}

type caseStep struct {
	Act     string    `json:"act"`
	Present bool      `json:"present"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	Note    string    `json:"note"`

	TakenBackAt time.Time `json:"taken_back_at"`
}

type caseEntry struct {
	Entry struct {
		Seq    int64     `json:"seq"`
		Event  string    `json:"event"`
		From   string    `json:"from"`
		To     string    `json:"to"`
		At     time.Time `json:"at"`
		Reason string    `json:"reason"`
		Actor  struct {
			Kind string `json:"kind"`
			ID   string `json:"id"`
		} `json:"actor"`
	} `json:"entry"`
	Note string `json:"note"`
}

// decisionForm is what a form of the case page held when it came back.
type decisionForm struct{ Decision, ReasonCode, Note string }

type casePage struct {
	*frame
	Queue     queue
	AccountID string
	reviewCase
	Evidence  *Evidence         // of the manual route, for who holds the case
	Clear     map[string]string // what was just revealed, by field
	Typed     decisionForm
	Problem   *problem // why a command was not taken
	Order     string   // in which the next case is taken
	Escalated string   // whether it is an escalated one
	GoOn      bool     // to the next case after a decision
}

// maskAfter is how long a name or number stays in clear, in seconds.
const maskAfter = 60

// MaskAfter is maskAfter, for templates.
func (*casePage) MaskAfter() int { return maskAfter }

// Mine reports whether the reader holds the case.
func (p *casePage) Mine() bool { return p.Case.Claim != nil && p.Case.Claim.Mine }

// Second reports whether the reader gave the first of two approvals, so that somebody else has to give the second.
func (p *casePage) Second() bool {
	return p.SecondApprover && p.Case.FirstApproval != nil && p.Case.FirstApproval.By == p.Person.ID
}

// RejectCodes are the reasons for which a case can be rejected. The merchant pages know a text for each.
func (p *casePage) RejectCodes() []string {
	if p.Queue.Name == "manual" {
		return []string{"evidence_unreadable", "evidence_incomplete", "evidence_expired", "name_id_mismatch", "face_mismatch", "duplicate_number", "other"}
	}
	return []string{"name_unusual", "name_id_mismatch", "duplicate_number", "under_age", "age_unknown", "information_missing", "no_authority_record", "other"}
}

// LookReasons are the reasons for which a name or number is needed in clear.
func (*casePage) LookReasons() []string {
	return []string{"name_check", "compare_evidence", "duplicate_check", "merchant_asks"}
}

// Fields are the masked parts of the information.
func (p *casePage) Fields() []maskedField {
	if p.Identity == nil {
		return nil
	}
	fields := []maskedField{{Name: "name", Masked: p.Identity.Name}, {Name: "number", Masked: p.Identity.Number}}
	for i := range fields {
		fields[i].Clear = p.Clear[fields[i].Name]
	}
	return fields
}

type maskedField struct{ Name, Masked, Clear string }

func (v *visit) accountID() string { return v.r.PathValue("account_id") }

// casePage reads a case.
func (v *visit) casePage(q queue) (*casePage, error) {
	p := &casePage{frame: v.frame("case"), Queue: q, AccountID: v.accountID()}
	p.Wide = true
	var err error
	if p.reviewCase, err = ask[reviewCase](v, "/v1/reviews/"+segment(p.AccountID)); err != nil {
		return nil, err
	}
	if q.Name == "manual" && (p.Mine() || v.can(api.Admin)) {
		given, err := v.evidence(p.AccountID)
		if err != nil {
			return nil, err
		}
		p.Evidence = &given
	}
	slices.Reverse(p.History)
	p.Order, p.Escalated, p.GoOn = v.param("order"), v.param("escalated"), v.param("go_on") != ""
	if v.r.Method != http.MethodGet {
		p.Here = q.Of(p.AccountID)
	}
	return p, nil
}

// number is a whole number of the form, 0 if it is none.
func (v *visit) number(name string) int64 {
	n, err := strconv.ParseInt(v.form(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// param is a parameter of the form or, on a page, of the address.
func (v *visit) param(name string) string {
	if v.r.Method == http.MethodGet {
		return v.query(name)
	}
	return v.form(name)
}

func (s *Server) reviewCase(q queue) func(*visit) error {
	return func(v *visit) error {
		p, err := v.casePage(q)
		if err != nil {
			return err
		}
		return v.render("case", p)
	}
}

// refused draws the case again with what kept a command from being taken, as long as there is a case.
func (v *visit) refused(q queue, err error, t decisionForm) error {
	var refusal *problem
	if !errors.As(err, &refusal) || refusal.Status >= http.StatusInternalServerError || refusal.Status == http.StatusForbidden {
		return err
	}
	p, gone := v.casePage(q)
	if gone != nil {
		return v.overtaken(refusal)
	}
	p.Problem, p.Typed, p.Faulty = refusal, t, true
	return v.renderAs(refusal.Status, "case", p)
}

// overtaken says in the reader's words why a command on a case was not taken that has left its queue meanwhile.
func (v *visit) overtaken(refusal *problem) error {
	told := *refusal
	var err error
	switch {
	case refusal.Code == "case_claimed":
		told.Detail, err = v.lang.Text("refused.gone_claimed", "who", refusal.Holder)
	case refusal.Code == "step_not_allowed" && v.lang.Has("state."+refusal.State):
		var state string
		if state, err = v.lang.Text("state." + refusal.State); err == nil {
			told.Detail, err = v.lang.Text("refused.gone", "state", state)
		}
	}
	if err != nil {
		return err
	}
	return &told
}

func (s *Server) claimCase(q queue) func(*visit) error {
	return func(v *visit) error {
		if _, err := tell[waiting](v, "/v1/reviews/"+segment(v.accountID())+"/claim", nil); err != nil {
			return v.refused(q, err, decisionForm{})
		}
		return v.done(v.back(), "claimed")
	}
}

func (s *Server) releaseCase(q queue) func(*visit) error {
	return func(v *visit) error {
		if _, err := tell[waiting](v, "/v1/reviews/"+segment(v.accountID())+"/release", nil); err != nil {
			return v.refused(q, err, decisionForm{})
		}
		return v.done(q.Home(), "returned")
	}
}

func (s *Server) escalateCase(q queue) func(*visit) error {
	return func(v *visit) error {
		_, err := tell[waiting](v, "/v1/reviews/"+segment(v.accountID())+"/escalate", map[string]any{"reason": v.form("reason")})
		if err != nil {
			return v.refused(q, err, decisionForm{})
		}
		return v.done(q.Home(), "escalated")
	}
}

func (s *Server) decideCase(q queue) func(*visit) error {
	return func(v *visit) error {
		t := decisionForm{v.form("decision"), v.form("reason_code"), v.form("note")}
		path := "/v1/reviews/" + segment(v.accountID())
		body := map[string]any{"decision": t.Decision, "reason_code": t.ReasonCode, "note": t.Note, "seq": v.number("seq")}
		if q.Name == "manual" {
			path += "/manual"
			body["evidence"] = append([]string{}, v.r.PostForm["evidence"]...)
		}
		status, err := tell[struct {
			State string `json:"state"`
		}](v, path, body)
		if err != nil {
			return v.refused(q, err, t)
		}
		done := "decided"
		if status.State == "manual_review" {
			done = "first_approval"
		}
		if v.form("go_on") != "" {
			return v.next(q, done)
		}
		return v.done(q.Home(), done)
	}
}

// revealField answers the case with one field in clear. The page is kept nowhere, so this is the only time that it is
// shown; a script masks it again after a while.
func (s *Server) revealField(q queue) func(*visit) error {
	return func(v *visit) error {
		shown, err := tell[struct {
			Name   string `json:"name"`
			Number string `json:"number"`
		}](v, "/v1/accounts/"+segment(v.accountID())+"/identity:reveal", map[string]any{"reason": v.form("reason"), "fields": []string{v.form("field")}})
		if err != nil {
			return v.refused(q, err, decisionForm{})
		}
		p, err := v.casePage(q)
		if err != nil {
			return err
		}
		p.Clear = map[string]string{"name": shown.Name, "number": shown.Number}
		return v.render("case", p)
	}
}

// Explain says in plain words what a finding means, nothing of one that is not known here.
func (p *casePage) Explain(code string) (string, error) {
	if key := "explain." + code; p.lang.Has(key) {
		return p.lang.Text(key)
	}
	return "", nil
}
