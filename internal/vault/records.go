package vault

import (
	"context"
	"slices"
	"time"
)

// Kind says what a record holds. It is bound to the record by its seal, and an account has a data key of its own for
// each kind, so that each kind can end at its own time.
type Kind string

// The kinds of records.
const (
	KindSubject  Kind = "subject"  // real-name information
	KindEvidence Kind = "evidence" // what a merchant gives instead of a face
	KindConsent  Kind = "consent"  // address and browser of a consent
	KindContact  Kind = "contact"  // a telephone number
	KindNote     Kind = "note"     // free text of reviewers, operators and support
	KindText     Kind = "text"     // free text of any of the last three, from before they were told apart
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{KindSubject, KindEvidence, KindConsent, KindContact, KindNote, KindText}
}

// Valid reports whether k is one of Kinds.
func (k Kind) Valid() bool { return slices.Contains(Kinds(), k) }

// words reports whether records of the kind are text.
func (k Kind) words() bool {
	return slices.Contains([]Kind{KindConsent, KindContact, KindNote, KindText}, k)
}

// Record is a sealed record as it is stored. Nothing but Sealed derives from what it holds.
type Record struct {
	AccountID string
	Ref       string
	Kind      Kind
	KeyID     string // of the data key; empty for a record from before there were data keys
	Sealed    []byte
}

// Holding is what is held of an account under one data key.
type Holding struct {
	Kind    Kind
	KeyID   string    // empty for records from before there were data keys
	Records int       // 0 for a key that was made and not yet used
	Oldest  time.Time // of the records; zero if there is none
}

// DestroyedKey says that a data key must not open anything any more.
type DestroyedKey struct {
	ID          string
	AccountID   string
	Kind        Kind
	DestroyedAt time.Time
}

// Records is where sealed records lie. No key is among them, but the ids of those that were destroyed are.
type Records interface {
	// PutRecord writes a record; ErrKeyDestroyed if the key that it was sealed with has been destroyed.
	PutRecord(ctx context.Context, r Record) error
	// Record returns ErrNotFound if there is none under that reference for that account.
	Record(ctx context.Context, accountID, ref string) (Record, error)
	// DeleteRecord removes a record so that nothing of it is left in any file. To delete what is not there is no error.
	DeleteRecord(ctx context.Context, accountID, ref string) error

	// Holdings says what is held of an account, by kind and key.
	Holdings(ctx context.Context, accountID string) ([]Holding, error)
	// ForgetRecords notes in one transaction that keys of an account are destroyed, and removes the records that were
	// sealed with them and, of the kinds in old, those from before there were data keys. It returns how many it removed.
	ForgetRecords(ctx context.Context, keys []DestroyedKey, accountID string, old []Kind) (int, error)
	// NoteUnused notes that a key is destroyed if no record is sealed with it, and reports whether it did.
	NoteUnused(ctx context.Context, key DestroyedKey) (bool, error)
	// DestroyedKeys lists what was noted, by id after one, up to limit.
	DestroyedKeys(ctx context.Context, after string, limit int) ([]DestroyedKey, error)
	// RecordsUnder returns up to limit records of an account that a key has sealed.
	RecordsUnder(ctx context.Context, accountID, keyID string, limit int) ([]Record, error)
	// OldRecords returns up to limit records from before there were data keys, after a place.
	OldRecords(ctx context.Context, afterAccount, afterRef string, limit int) ([]Record, error)
	// ResealRecord puts r in the place of the same record under another key. false if that is not there any more;
	// ErrKeyDestroyed as with PutRecord.
	ResealRecord(ctx context.Context, r Record, from string) (bool, error)
	// CountRecords counts all records, and those from before there were data keys.
	CountRecords(ctx context.Context) (all, old int, err error)

	// SealedSecrets returns every secret of the deployment that SealSecret sealed.
	SealedSecrets(ctx context.Context) ([]SealedSecret, error)
	// ResealSecret replaces one. false if it is not there any more as it was.
	ResealSecret(ctx context.Context, was SealedSecret, sealed []byte) (bool, error)
}

// SealedSecret is a secret of the deployment as it is stored.
type SealedSecret struct {
	Name   string // that it was sealed for
	Sealed []byte
}
