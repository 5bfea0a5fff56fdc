package realname

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// DocType is a kind of identity document.
type DocType string

// CNID is the mainland Chinese resident identity card (18 characters).
const CNID DocType = "cn_id"

// Redacted is what a Subject looks like from outside.
const Redacted = "[redacted real name]"

// ErrRedacted is returned where a Subject is to be read from JSON or text: a marshalled Subject has lost its
// content, so reading one back is always a mistake.
var ErrRedacted = errors.New("realname: a subject is redacted when marshalled and cannot be read back")

// Subject is one person's normalised real-name information. The zero value is nobody.
type Subject struct {
	// The content lies behind two pointers because fmt calls no method on a Subject in an unexported field of
	// another struct. It would print values there; it follows one pointer to a struct where a verb does not fit;
	// of a pointer to a pointer it prints the address.
	p **person
}

type person struct {
	name    string
	docType DocType
	number  string
}

// Restore returns a Subject from what Reveal gave, without validation: what was accepted once stays readable
// when the rules for new information change.
func Restore(name, docType, number string) Subject {
	p := &person{name: name, docType: DocType(docType), number: number}
	return Subject{p: &p}
}

// Reveal gives the content away: to be sealed, or to be sent to the provider. It must reach no log and no error.
func (s Subject) Reveal() (name, docType, number string) {
	p := s.person()
	return p.name, string(p.docType), p.number
}

// DocType returns the kind of document, which is not personal.
func (s Subject) DocType() DocType { return s.person().docType }

// IsZero reports whether s is nobody.
func (s Subject) IsZero() bool { return s.person() == person{} }

// Equal reports whether s and other are the same information.
func (s Subject) Equal(other Subject) bool { return s.person() == other.person() }

func (s Subject) person() person {
	if s.p == nil {
		return person{}
	}
	return **s.p
}

// String implements fmt.Stringer.
func (Subject) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (Subject) GoString() string { return Redacted }

// Format implements fmt.Formatter for every verb and flag.
func (Subject) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements slog.LogValuer.
func (Subject) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON implements json.Marshaler.
func (Subject) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler, which YAML and XML honour too.
func (Subject) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalJSON implements json.Unmarshaler and always fails with ErrRedacted.
func (*Subject) UnmarshalJSON([]byte) error { return ErrRedacted }

// UnmarshalText implements encoding.TextUnmarshaler and always fails with ErrRedacted.
func (*Subject) UnmarshalText([]byte) error { return ErrRedacted }
