package contract

import (
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// Start is the input of the Verification workflow. Everything else is loaded from the store, so a run can be
// continued or started anew from nothing but this.
type Start struct {
	AccountID   string        `json:"account_id"`
	ClockOffset time.Duration `json:"clock_offset,omitempty"` // business time = workflow time + offset; zero in production
}

// Login counts one login prompt. The decision behind it was made at the gate.
type Login struct {
	LoginID       string          `json:"login_id"` // also the update id: the same login is never counted twice
	Level         string          `json:"level"`
	Policy        string          `json:"policy"`
	PolicyVersion int             `json:"policy_version"`
	Rule          string          `json:"rule"`
	Actor         lifecycle.Actor `json:"actor"`
}

// LoginResult is the number of the prompt: 1 for the first one of the account.
type LoginResult struct {
	Number int `json:"number"`
}

// Submit saves real-name information that lies in the vault already.
type Submit struct {
	Identity          lifecycle.Identity `json:"identity"`
	RiskNoticeVersion string             `json:"risk_notice_version"`
	Consent           *Consent           `json:"consent,omitempty"` // to the processing of the information, if it was asked for
	Actor             lifecycle.Actor    `json:"actor"`
}

// Correct replaces approved real-name information. Support is set by support staff: the policy's own right
// is then neither needed nor used up.
type Correct struct {
	Identity          lifecycle.Identity `json:"identity"`
	RiskNoticeVersion string             `json:"risk_notice_version"`
	Support           bool               `json:"support,omitempty"`
	Reason            string             `json:"reason,omitempty"` // code, required with Support
	Consent           *Consent           `json:"consent,omitempty"`
	Actor             lifecycle.Actor    `json:"actor"`
}

// Verdict of a reviewer.
type Verdict string

const (
	VerdictApprove Verdict = "approve"
	VerdictReject  Verdict = "reject"
)

// Review is a reviewer's decision on real-name information, and on the manual route.
type Review struct {
	Decision   Verdict         `json:"decision"`
	ReasonCode string          `json:"reason_code,omitempty"` // required to reject
	NoteRef    string          `json:"note_ref,omitempty"`    // vault reference
	Case       lifecycle.Case  `json:"case,omitzero"`         // that the reviewer decided on; zero: whatever is under review
	Seen       *lifecycle.Seen `json:"seen,omitempty"`        // to approve on the manual route: what was looked at; nil: it is not judged
	Actor      lifecycle.Actor `json:"actor"`
}

// Consent is the merchant's agreement to one kind of processing as it was shown; see lifecycle.Consent.
type Consent struct {
	TextVersion string                `json:"text_version"`
	Language    string                `json:"language"`
	EvidenceRef string                `json:"evidence_ref,omitempty"` // vault reference of address and user agent
	Kind        lifecycle.ConsentKind `json:"kind,omitempty"`
	TextSHA256  string                `json:"text_sha256,omitempty"`
	ShownAt     time.Time             `json:"shown_at,omitzero"`
	Action      string                `json:"action,omitempty"`
	Channel     string                `json:"channel,omitempty"`
	By          string                `json:"by,omitempty"`
	Processor   *lifecycle.Processor  `json:"processor,omitempty"`
}

// Record is the consent as the log keeps it.
func (c Consent) Record(id string, at time.Time, generation int, subject *lifecycle.Identity) lifecycle.Consent {
	r := lifecycle.Consent{
		ID: id, TextVersion: c.TextVersion, Language: c.Language, AgreedAt: at, EvidenceRef: c.EvidenceRef, Generation: generation,
		Kind: c.Kind, TextSHA256: c.TextSHA256, ShownAt: c.ShownAt, Action: c.Action, Channel: c.Channel, By: c.By, Processor: c.Processor,
	}
	if subject != nil && c.Kind != "" {
		r.Subject = subject.Digest
	}
	return r
}

// StartFace starts an attempt or shows another QR for the one that lives.
type StartFace struct {
	Consent *Consent        `json:"consent,omitempty"` // to face processing; nil: the consent in force
	Also    []Consent       `json:"also,omitempty"`    // other consents given with it; recorded if Consent is
	Actor   lifecycle.Actor `json:"actor"`
}

// Scan is news from the scan link.
type Scan struct {
	LeaseID string `json:"lease_id"`
}

// Refresh asks the provider now.
type Refresh struct {
	Reload bool            `json:"reload,omitempty"` // read the log first: somebody else wrote to it
	Resume bool            `json:"resume,omitempty"` // the only worker died: take up waiting again now, not at the heartbeat timeout
	Actor  lifecycle.Actor `json:"actor"`
}

// Plain is the input of commands that need nothing but who and why (choose_manual, cancel_manual,
// withdraw_consent, unlock, revoke). Reason is a code; NoteRef a vault reference of free text.
type Plain struct {
	Reason  string          `json:"reason,omitempty"`
	NoteRef string          `json:"note_ref,omitempty"`
	Actor   lifecycle.Actor `json:"actor"`
}

// Attempts says how the day's allowance stands.
type Attempts struct {
	Used   int       `json:"used"`
	Left   int       `json:"left"`
	NextAt time.Time `json:"next_at,omitzero"` // when the next attempt is possible, if not now
}

// Status is the whole view of a verification. It holds no personal data and no secret: the QR's address is
// derived from LeaseID by those who hold the key.
type Status struct {
	AccountID  string           `json:"account_id"`
	State      lifecycle.State  `json:"state"`
	Turn       lifecycle.Turn   `json:"turn"`
	Seq        int64            `json:"seq"`
	Since      time.Time        `json:"since,omitzero"`
	Method     lifecycle.Method `json:"method,omitempty"`
	VerifiedAt time.Time        `json:"verified_at,omitzero"`
	Attempts   Attempts         `json:"attempts"`
	Reason     string           `json:"reason,omitempty"`
	Allowed    []lifecycle.Step `json:"allowed"`
	Lease      *lifecycle.Lease `json:"lease,omitempty"`
	Revision   int              `json:"revision"`
	Generation int              `json:"generation"`
	Identity   string           `json:"identity_ref,omitempty"` // vault reference of the information of record
	Consent    string           `json:"consent_version,omitempty"`
	Prompts    int              `json:"prompts,omitempty"`
	WorkflowID string           `json:"workflow_id,omitempty"`
	RunID      string           `json:"run_id,omitempty"`
}

// StatusOf derives the view of v at an instant.
func StatusOf(v lifecycle.Verification, limits lifecycle.Limits, at time.Time) Status {
	s := Status{
		AccountID: v.AccountID, State: v.State, Turn: v.State.Turn(), Seq: v.Seq, Since: v.Since, Method: v.Method,
		VerifiedAt: v.VerifiedAt, Reason: v.Reason, Allowed: v.Steps(), Lease: v.Lease, Revision: v.Revision,
		Generation: v.Generation, Prompts: v.Prompts,
		Attempts: Attempts{Used: v.AttemptsUsed(at), Left: v.AttemptsLeft(limits, at)},
	}
	switch {
	case v.State == lifecycle.Locked:
		s.Attempts.Left, s.Attempts.NextAt = 0, v.UnlockAt
	case s.Attempts.Left == 0 && v.Live(at) == nil:
		s.Attempts.NextAt = lifecycle.NextDay(at)
	}
	if v.Identity != nil {
		s.Identity = v.Identity.Ref
	}
	if v.Consent != nil {
		s.Consent = v.Consent.TextVersion
	}
	return s
}
