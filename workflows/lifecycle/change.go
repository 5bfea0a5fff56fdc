package lifecycle

import "time"

// ActorKind says what kind of actor made a change.
type ActorKind string

const (
	ActorMerchant ActorKind = "merchant"
	ActorReviewer ActorKind = "reviewer"
	ActorOperator ActorKind = "operator"
	ActorProvider ActorKind = "provider"
	ActorSystem   ActorKind = "system"
	ActorImport   ActorKind = "import"
)

// Actor is who made a change. ID is an opaque identifier (an API key id, an operator id), never a name.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id,omitempty"`
}

// Change is one entry of an account's append-only log. It holds no personal data: what the merchant typed
// lies in the vault and is named here by reference.
type Change struct {
	AccountID string    `json:"account_id"`
	Seq       int64     `json:"seq"`       // 1, 2, 3 … per account, assigned by the store
	ChangeID  string    `json:"change_id"` // idempotency key of the append that wrote it
	Event     Event     `json:"event"`
	From      State     `json:"from"`
	To        State     `json:"to"`
	At        time.Time `json:"at"` // business time
	Actor     Actor     `json:"actor"`
	Reason    string    `json:"reason,omitempty"`  // a stable code, never free text
	Ignored   bool      `json:"ignored,omitempty"` // news that no longer applied when it arrived
	Detail    Detail    `json:"detail,omitzero"`
}

// Detail is what a change adds beyond the transition; which fields are set depends on the event.
type Detail struct {
	Identity   *Identity   `json:"identity,omitempty"`   // submit, correct
	Findings   []string    `json:"findings,omitempty"`   // begin_review: codes of what the automatic checks found
	NoteRef    string      `json:"note_ref,omitempty"`   // approve, reject, …: vault reference of a reviewer's note
	Correction string      `json:"correction,omitempty"` // correct: which right was used, "policy" or "support"
	Consent    *Consent    `json:"consent,omitempty"`    // issue_qr with a new consent to face processing; submit, correct: to the processing of what was typed
	Also       []Consent   `json:"also,omitempty"`       // issue_qr: other consents of the same step, such as to giving name and number to the provider
	Attempt    *Attempt    `json:"attempt,omitempty"`    // issue_qr with a new attempt
	Lease      *Lease      `json:"lease,omitempty"`      // issue_qr
	LeaseID    string      `json:"lease_id,omitempty"`   // scan, expire
	AttemptID  string      `json:"attempt_id,omitempty"` // pass, fail
	Evidence   *Evidence   `json:"evidence,omitempty"`   // pass, fail
	UnlockAt   time.Time   `json:"unlock_at,omitzero"`   // lock
	Provenance *Provenance `json:"provenance,omitempty"` // import_approved, import_verified
	Prompt     *PromptNote `json:"prompt,omitempty"`     // prompt
	Reminder   *Reminder   `json:"reminder,omitempty"`   // remind
	Restricted *Restricted `json:"restricted,omitempty"` // restrict, lift
	Abandoned  []string    `json:"abandoned,omitempty"`  // issue_qr: order numbers whose answer was lost, never used again
}

// Identity refers to real-name information in the vault.
type Identity struct {
	Ref    string `json:"ref"`    // vault reference
	Digest string `json:"digest"` // keyed digest of document type and number, to find the same number on another account
}

// AttemptResult is how an attempt ended; empty while it lives.
type AttemptResult string

const (
	AttemptPassed AttemptResult = "passed"
	AttemptFailed AttemptResult = "failed"
)

// Attempt is one face verification at one provider.
type Attempt struct {
	ID          string        `json:"id"`
	Number      int           `json:"number"` // 1, 2, 3 … per account
	Provider    string        `json:"provider"`
	OrderNo     string        `json:"order_no"`
	ProviderRef string        `json:"provider_ref"`
	Revision    int           `json:"revision"`
	Generation  int           `json:"generation"`
	StartedAt   time.Time     `json:"started_at"`
	EndsAt      time.Time     `json:"ends_at"`   // the provider accepts the face until then
	ResultBy    time.Time     `json:"result_by"` // the provider answers queries until then
	Result      AttemptResult `json:"result,omitempty"`
	ResultAt    time.Time     `json:"result_at,omitzero"`
}

// Lease is one QR code shown for one attempt.
type Lease struct {
	ID        string    `json:"id"`
	AttemptID string    `json:"attempt_id"`
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at"` // the instant from which the code no longer works
	ScannedAt time.Time `json:"scanned_at,omitzero"`
}

// Evidence is what a provider said, by code and digest only.
type Evidence struct {
	Provider string    `json:"provider"`
	Code     string    `json:"code,omitempty"`
	Digest   string    `json:"digest,omitempty"` // sha256 of the verified answer, hex
	At       time.Time `json:"at"`
	Returned bool      `json:"returned,omitempty"` // the merchant's phone had come back when the provider said no
}

// Provenance says where an imported standing comes from.
type Provenance struct {
	At       time.Time `json:"at"` // when the older process decided
	Method   string    `json:"method,omitempty"`
	Evidence string    `json:"evidence"`     // reference into the older process, opaque
	By       string    `json:"by,omitempty"` // reference to who decided there, opaque
}

// PromptNote is one counted login prompt.
type PromptNote struct {
	Number        int    `json:"number"` // 1, 2, 3 … per account
	Level         string `json:"level"`
	LoginID       string `json:"login_id,omitempty"`
	Policy        string `json:"policy"`
	PolicyVersion int    `json:"policy_version"`
	Rule          string `json:"rule"`
}

// Reminder is one notice before or after a deadline, sent whether or not the merchant logs in.
type Reminder struct {
	Number        int       `json:"number"`    // 1, 2, 3 … per account
	Milestone     string    `json:"milestone"` // which of the rule's reminders, such as P3D before the deadline
	Level         string    `json:"level"`     // as of a prompt
	Deadline      time.Time `json:"deadline"`
	Policy        string    `json:"policy"`
	PolicyVersion int       `json:"policy_version"`
	Rule          string    `json:"rule"`
}

// Restricted names the rule that blocks an account, from when, and what. The gate does not read it: it is the record
// and the announcement of what the gate answers anyway.
type Restricted struct {
	Policy        string    `json:"policy"`
	PolicyVersion int       `json:"policy_version"` // in force when the restriction was opened
	Rule          string    `json:"rule"`
	Since         time.Time `json:"since"`            // the instant from which the gate blocks
	Actions       []string  `json:"actions"`          // that the rule blocks, sorted
	Opened        int64     `json:"opened,omitempty"` // lift: sequence number of the restrict entry that it ends
	Sweep         string    `json:"sweep,omitempty"`  // the sweep that wrote it
}
