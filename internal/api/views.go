package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// decisionView is a decision as the API writes it.
type decisionView struct {
	AccountID string `json:"account_id"`
	Decided
}

// Decided is what is said of the account. It has a capital letter because package json fills in no pointer to an embedded
// struct without one.
type Decided struct {
	Action        string       `json:"action"`
	Effect        string       `json:"effect" enum:"allow,prompt,block" doc:"What it means for the action. prompt allows it and asks the merchant to verify."`
	Reason        string       `json:"reason" enum:"not_covered,not_restricted,verified,not_yet_announced,extended,grace,announced,enforced"`
	Rule          *string      `json:"rule" doc:"The rule that decided."`
	Policy        *string      `json:"policy"`
	PolicyVersion *int         `json:"policy_version"`
	Since         *time.Time   `json:"since" doc:"When the phase in force began or, if verified, when that was."`
	At            time.Time    `json:"at" doc:"The instant decided for."`
	NextChangeAt  *time.Time   `json:"next_change_at" doc:"When the answer changes if no fact does."`
	WouldBe       *string      `json:"would_be" enum:"prompt,block" doc:"The effect that rules under observation would have."`
	Deadline      *time.Time   `json:"deadline" doc:"From when the rule blocks anything for this account, extensions counted."`
	RequiredStep  *string      `json:"required_step" enum:"submit,start_face,scan,wait" doc:"What the merchant has to do next."`
	Message       gate.Message `json:"message" doc:"The answer in sentences that can be shown to the merchant."`
	Receipt       *string      `json:"receipt" doc:"Signed proof of the answer; null where nothing was recorded."`
	Hypothetical  bool         `json:"hypothetical" doc:"Another instant was asked about; nothing was recorded."`
	Basis         string       `json:"basis,omitempty" enum:"did,would" doc:"Of a hypothetical answer: what was recorded by then, or what is known now."`
}

func viewDecision(a gate.Answer) decisionView {
	v := decisionView{AccountID: a.AccountID, Decided: Decided{
		Action: a.Action, Effect: string(a.Effect), Reason: string(a.Reason),
		Rule: given(&a.RuleID), Policy: given(&a.PolicyName), PolicyVersion: given(&a.PolicyVersion), Since: givenInstant(&a.Since),
		At: a.At, NextChangeAt: givenInstant(&a.NextChangeAt), WouldBe: orNil(string(a.WouldBe)), Deadline: givenInstant(&a.Deadline),
		RequiredStep: given(&a.RequiredStep), Message: a.Message, Receipt: given(&a.Receipt), Hypothetical: a.Hypothetical,
	}}
	if a.Hypothetical {
		v.Basis = string(a.Basis)
	}
	return v
}

// statusView is the view of a verification.
type statusView struct {
	AccountID string       `json:"account_id"`
	State     string       `json:"state" enum:"unverified,submitted,under_review,rejected,approved,qr_issued,scanned,verified,face_failed,locked,manual_review"`
	Turn      string       `json:"turn" enum:"merchant,operator,provider,none" doc:"Who has to act next."`
	Seq       int64        `json:"seq" doc:"Number of the last change; it only grows."`
	Since     *time.Time   `json:"since" doc:"When the state was entered; null if nothing has happened yet."`
	Method    *string      `json:"method" enum:"face,manual,imported" doc:"How the account became verified."`
	Attempts  attemptsView `json:"attempts"`
	Reason    *string      `json:"reason" doc:"Code of the last refusal or failure."`
	Allowed   []string     `json:"allowed" nullable:"false" doc:"The steps that the state allows."`
	QR        *qrView      `json:"qr" doc:"The QR code that is shown now, if any."`
	Workflow  workflowView `json:"workflow"`
}

// TransformSchema tells huma that qr may be null.
func (statusView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	orNull(s, "qr")
	return s
}

type attemptsView struct {
	Used   int        `json:"used" doc:"Attempts begun on this Beijing day."`
	Left   int        `json:"left"`
	NextAt *time.Time `json:"next_at" doc:"When the next attempt is possible, if not now."`
}

type qrView struct {
	URL       string    `json:"url" doc:"What to open on the phone."`
	PNG       string    `json:"png" doc:"The QR code as a picture."`
	LeaseID   string    `json:"lease_id"`
	ExpiresAt time.Time `json:"expires_at" doc:"The instant from which the code no longer works."`
}

type workflowView struct {
	ID    string  `json:"id"`
	RunID *string `json:"run_id" doc:"The run that answered; null if the answer came from the records."`
}

func (s *Server) viewStatus(st contract.Status, zone *time.Location, now time.Time) statusView {
	v := statusView{
		AccountID: st.AccountID, State: string(st.State), Turn: string(st.Turn), Seq: st.Seq, Since: instantIn(st.Since, zone),
		Method: orNil(string(st.Method)), Reason: orNil(st.Reason), Allowed: make([]string, len(st.Allowed)),
		Attempts: attemptsView{Used: st.Attempts.Used, Left: st.Attempts.Left, NextAt: instantIn(st.Attempts.NextAt, zone)},
		Workflow: workflowView{ID: contract.VerificationID(st.AccountID), RunID: orNil(st.RunID)},
	}
	for i, step := range st.Allowed {
		v.Allowed[i] = string(step)
	}
	if l := st.Lease; l != nil && now.Before(l.ExpiresAt) {
		v.QR = &qrView{LeaseID: l.ID, ExpiresAt: l.ExpiresAt.In(zone)}
	}
	return v.unsealed(s.cfg.Tokens).(statusView)
}

// sealed leaves out the addresses, which are secrets.
func (v statusView) sealed() any {
	if v.QR != nil {
		v.QR = &qrView{LeaseID: v.QR.LeaseID, ExpiresAt: v.QR.ExpiresAt}
	}
	return v
}

// unsealed derives them again.
func (v statusView) unsealed(t *Tokens) any {
	if v.QR != nil {
		v.QR = &qrView{
			LeaseID: v.QR.LeaseID, ExpiresAt: v.QR.ExpiresAt, URL: t.ScanURL(v.QR.LeaseID), PNG: t.PNGURL(v.QR.LeaseID),
		}
	}
	return v
}

// statusOf is the view of what is recorded.
func (s *Server) statusOf(v lifecycle.Verification, zone *time.Location, now time.Time) statusView {
	return s.viewStatus(contract.StatusOf(v, s.cfg.Limits, now), zone, now)
}

type accountView struct {
	AccountID    string     `json:"account_id"`
	Kind         string     `json:"kind" enum:"individual,enterprise"`
	Region       string     `json:"region" doc:"ISO 3166-1 alpha-2; CN is mainland China."`
	RegisteredAt time.Time  `json:"registered_at"`
	ClosedAt     *time.Time `json:"closed_at" doc:"From when on the account is closed; null while it is open."`
	Version      int        `json:"version" doc:"Of the account's facts: 1, 2, 3 …"`
}

func viewAccount(a store.Account, zone *time.Location) accountView {
	return accountView{
		AccountID: a.ID, Kind: string(a.Kind), Region: a.Region, RegisteredAt: a.RegisteredAt.In(zone),
		ClosedAt: instantIn(a.ClosedAt, zone), Version: a.Version,
	}
}

// instant is null for the zero instant.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func instantIn(t time.Time, zone *time.Location) *time.Time {
	if t.IsZero() {
		return nil
	}
	return instant(t.In(zone))
}

// given is v unless it points to nothing said: a view that keeps its source needs no copies of it.
func given[T comparable](v *T) *T {
	var zero T
	if *v == zero {
		return nil
	}
	return v
}

func givenInstant(t *time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return t
}

func orNil[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
