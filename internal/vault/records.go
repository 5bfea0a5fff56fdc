package vault

import "context"

// Kind says what a record holds. It is bound to the record by its seal.
type Kind string

// The kinds of records.
const (
	KindSubject  Kind = "subject"
	KindText     Kind = "text"
	KindEvidence Kind = "evidence"
)

// Record is a sealed record as it is stored. Nothing but Sealed derives from what it holds.
type Record struct {
	AccountID string
	Ref       string
	Kind      Kind
	Sealed    []byte
}

// Records is where sealed records lie.
type Records interface {
	PutRecord(ctx context.Context, r Record) error
	// Record returns ErrNotFound if there is none under that reference for that account.
	Record(ctx context.Context, accountID, ref string) (Record, error)
	// DeleteRecord removes a record so that nothing of it is left in any file. To delete what is not there is no error.
	DeleteRecord(ctx context.Context, accountID, ref string) error
}
