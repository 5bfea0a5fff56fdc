package lifecycle

import (
	"slices"
	"time"
)

// ConsentKind says what somebody agreed to. Kinds are agreed to one by one, never in a bundle.
type ConsentKind string

const (
	ConsentFace     ConsentKind = "face-separate"          // processing of face information
	ConsentProvide  ConsentKind = "provide-to-third-party" // giving name and number to the provider
	ConsentIdentity ConsentKind = "sensitive-id"           // processing of name and number
	ConsentPictures ConsentKind = "id-pictures"            // processing of pictures of a card, on the route without a face
)

// ConsentKinds lists every kind.
func ConsentKinds() []ConsentKind {
	return []ConsentKind{ConsentFace, ConsentProvide, ConsentIdentity, ConsentPictures}
}

// Processor is who asks for a consent and answers for what is done under it: an organisation, never a person.
type Processor struct {
	Name    string `json:"name"`
	Contact string `json:"contact"`
}

// Consent is the merchant's separate agreement to one kind of processing. Address and user agent lie in the vault
// under EvidenceRef. What is the same for everybody (purpose, method, kinds of data, recipient, retention) stands in
// the text, which TextVersion, Language and TextSHA256 name. Entries from before kinds were told apart have none of
// the fields after Generation and are of ConsentFace.
type Consent struct {
	ID          string    `json:"id"`
	TextVersion string    `json:"text_version"`
	Language    string    `json:"language"`
	AgreedAt    time.Time `json:"agreed_at"`
	EvidenceRef string    `json:"evidence_ref,omitempty"`
	Generation  int       `json:"generation"`

	Kind       ConsentKind `json:"kind,omitempty"`
	TextSHA256 string      `json:"text_sha256,omitempty"` // of the text's file, hex
	ShownAt    time.Time   `json:"shown_at,omitzero"`
	Action     string      `json:"action,omitempty"`  // how it was given: ticked, or stated by an account service
	Channel    string      `json:"channel,omitempty"` // where: page:/m/terms, api
	By         string      `json:"by,omitempty"`      // id of the link or key
	Subject    string      `json:"subject,omitempty"` // identity digest of the information of record at that time
	Processor  *Processor  `json:"processor,omitempty"`
}

// Of returns the kind, also of an entry from before kinds were told apart.
func (c Consent) Of() ConsentKind {
	if c.Kind == "" {
		return ConsentFace
	}
	return c.Kind
}

// Consents returns all that the entry holds.
func (d Detail) Consents() []Consent {
	if d.Consent == nil {
		return d.Also
	}
	return append([]Consent{*d.Consent}, d.Also...)
}

// Refers reports whether the entry refers to a record of the vault: its information, its note, or where a consent came from.
func (d Detail) Refers(ref string) bool {
	return d.NoteRef == ref || d.Identity != nil && d.Identity.Ref == ref ||
		slices.ContainsFunc(d.Consents(), func(c Consent) bool { return c.EvidenceRef == ref })
}
