package dossier

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Document is what stands in an export before the log.
type Document struct {
	Schema       string         `json:"schema"`
	AccountID    string         `json:"account_id"`
	ExportedAt   time.Time      `json:"exported_at"`
	Personal     bool           `json:"personal"`
	Account      Account        `json:"account"`
	Versions     []Version      `json:"versions"`
	Verification Verification   `json:"verification"`
	Data         *Personal      `json:"personal_data,omitempty"`
	Consents     []Consent      `json:"consents"`
	Refusals     []Consent      `json:"refusals"`
	Texts        []Text         `json:"consent_texts"`
	Attempts     []Attempt      `json:"attempts"`
	Evidence     []Evidence     `json:"evidence"`
	Decisions    []Decision     `json:"decisions"`
	Extensions   []Extension    `json:"extensions"`
	Restrictions []Restriction  `json:"restrictions"`
	Notices      []Notice       `json:"notices"`
	Prompts      []Prompt       `json:"prompts"`
	Checkpoint   *audit.Written `json:"checkpoint"` // the newest signed statement of where all logs ended
}

// Account is the facts that the rules judge by.
type Account struct {
	Kind         string    `json:"kind"`
	Region       string    `json:"region"`
	RegisteredAt time.Time `json:"registered_at"`
	ClosedAt     time.Time `json:"closed_at,omitzero"`
}

// Version is the facts as they were recorded at a time.
type Version struct {
	Version    int       `json:"version"`
	RecordedAt time.Time `json:"recorded_at"`
	Account
	Actor  lifecycle.Actor `json:"actor"`
	Reason string          `json:"reason,omitempty"` // code
}

// Verification is where the verification stands.
type Verification struct {
	State      string    `json:"state"`
	Since      time.Time `json:"since,omitzero"`
	Method     string    `json:"method,omitempty"`
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	Reason     string    `json:"reason,omitempty"`
	Revision   int       `json:"revision"`
	Generation int       `json:"generation"`
}

// Personal is what identifies a person.
type Personal struct {
	Identities []Identity `json:"identities"`
	Telephone  string     `json:"telephone,omitempty"`
	Origins    []Origin   `json:"origins"` // of consents
}

// Identity is real-name information that is still held.
type Identity struct {
	SubmittedAt  time.Time `json:"submitted_at"`
	DocumentType string    `json:"document_type"`
	Name         string    `json:"name"`
	Number       string    `json:"number"`
}

// Origin is where a consent came from.
type Origin struct {
	ConsentID string          `json:"consent_id"`
	Origin    json.RawMessage `json:"origin"` // address and user_agent
}

// Consent is one consent or refusal. What is the same for everybody stands in its text.
type Consent struct {
	lifecycle.Consent
	EndedAt      time.Time     `json:"withdrawn_at,omitzero"`
	EndedVia     string        `json:"withdrawn_via,omitempty"`
	SupersededBy string        `json:"superseded_by,omitempty"`
	Facts        consent.Facts `json:"facts"` // of the text; empty for one that this program never had
}

// Text is a text that was agreed to or refused, as its file has it.
type Text struct {
	Version  string `json:"version"`
	Language string `json:"language"`
	SHA256   string `json:"sha256"`
	File     string `json:"file"`
}

// Attempt is one face verification.
type Attempt struct {
	ID         string    `json:"id"`
	Number     int       `json:"number"`
	Provider   string    `json:"provider"`
	OrderNo    string    `json:"order_no"`
	Revision   int       `json:"revision"`
	Generation int       `json:"generation"`
	StartedAt  time.Time `json:"started_at"`
	EndsAt     time.Time `json:"ends_at"`
	Result     string    `json:"result,omitempty"`
	ResultAt   time.Time `json:"result_at,omitzero"`
	Codes      int       `json:"codes"` // QR codes that were shown
}

// Evidence tells of a piece of evidence, and nothing of what it shows.
type Evidence struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	SHA256      string    `json:"sha256"`
	UploadedAt  time.Time `json:"uploaded_at"`
	DeleteAfter time.Time `json:"delete_after,omitzero"`
}

// Decision is a refusal of the gate.
type Decision struct {
	Action        string    `json:"action"`
	Policy        string    `json:"policy"`
	PolicyVersion int       `json:"policy_version"`
	Rule          string    `json:"rule"`
	Reason        string    `json:"reason"`
	Since         time.Time `json:"since,omitzero"`
	At            time.Time `json:"at"`
	Repeats       int       `json:"repeats"`
	Observed      bool      `json:"observed,omitempty"`
	Receipt       string    `json:"receipt,omitempty"`
}

// Extension is a later enforcement instant.
type Extension struct {
	ID    string          `json:"id"`
	Rule  string          `json:"rule,omitempty"`
	Until time.Time       `json:"until"`
	State string          `json:"state"`
	Steps []ExtensionStep `json:"steps"`
}

// ExtensionStep is who brought an extension into a state.
type ExtensionStep struct {
	State  string          `json:"state"`
	At     time.Time       `json:"at"`
	Actor  lifecycle.Actor `json:"actor"`
	Reason string          `json:"reason,omitempty"` // code
}

// Restriction is one episode in which a rule blocked the account.
type Restriction struct {
	Policy        string    `json:"policy"`
	PolicyVersion int       `json:"policy_version"`
	Rule          string    `json:"rule"`
	Since         time.Time `json:"since"`
	Actions       []string  `json:"actions"`
	OpenedAt      time.Time `json:"opened_at"`
	LiftedAt      time.Time `json:"lifted_at,omitzero"`
	LiftReason    string    `json:"lift_reason,omitempty"`
}

// Notice is a reminder that was sent, or was to be.
type Notice struct {
	Channel   string    `json:"channel"`
	Rule      string    `json:"rule"`
	Milestone string    `json:"milestone"`
	Deadline  time.Time `json:"deadline"`
	State     string    `json:"state"`
	At        time.Time `json:"at"`
}

// Prompt is one counted login prompt.
type Prompt struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	Level  string    `json:"level"`
	Rule   string    `json:"rule"`
}

// Entry is one entry of the log as it is stored.
type Entry struct {
	Seq        int64     `json:"seq"`
	Position   int64     `json:"position"` // at or below that of the checkpoint: the checkpoint covers it
	RecordedAt time.Time `json:"recorded_at"`
	Hash       string    `json:"hash"` // sha256 over the hash before it, recorded_at in ns (8 bytes, big endian) and text
	Text       string    `json:"text"`
}

// Proof is the end of an export.
type Proof struct {
	Entries   int64  `json:"entries"` // of the log
	Head      string `json:"head"`    // hash of the last of them; empty if there is none
	SHA256    string `json:"sha256"`  // of every byte before this member's line
	KeyID     string `json:"key_id"`
	Signature string `json:"signature"` // base64url, over what signed says
}

// code is the part of a stored reason that is no free text.
func code(reason string) string {
	c, _, _ := strings.Cut(reason, " note:")
	return c
}
