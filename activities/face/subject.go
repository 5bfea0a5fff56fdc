package face

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// DocType is a kind of identity document.
type DocType string

// DocCNID is the mainland Chinese resident identity card (18 characters).
const DocCNID DocType = "cn_id"

// Subject is the person to verify. It prints, logs and marshals as
// [RedactedSubject] in every form, so that a forgotten %+v leaks nothing; an
// adapter reads the fields.
type Subject struct {
	Name    string // trimmed; U+00B7 as separator in names that have one
	DocType DocType
	DocNo   string // upper-case
}

// RedactedSubject is what a Subject looks like from outside.
const RedactedSubject = "[redacted subject]"

// ErrSubjectFromJSON is returned by Subject.UnmarshalJSON: a marshalled subject
// has lost its content, so reading one back is always a mistake.
var ErrSubjectFromJSON = errors.New("face: a subject is redacted when marshalled and cannot be read back")

// String implements fmt.Stringer.
func (Subject) String() string { return RedactedSubject }

// GoString implements fmt.GoStringer.
func (Subject) GoString() string { return RedactedSubject }

// Format implements fmt.Formatter for every verb and flag.
func (Subject) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, RedactedSubject) }

// LogValue implements slog.LogValuer.
func (Subject) LogValue() slog.Value { return slog.StringValue(RedactedSubject) }

// MarshalJSON implements json.Marshaler.
func (Subject) MarshalJSON() ([]byte, error) { return []byte(`"` + RedactedSubject + `"`), nil }

// MarshalText implements encoding.TextMarshaler, which YAML and XML honour too.
func (Subject) MarshalText() ([]byte, error) { return []byte(RedactedSubject), nil }

// UnmarshalJSON implements json.Unmarshaler and always fails with ErrSubjectFromJSON.
func (*Subject) UnmarshalJSON([]byte) error { return ErrSubjectFromJSON }
