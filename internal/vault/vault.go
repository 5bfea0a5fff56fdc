// Package vault keeps personal data: encrypted at rest, found only by an opaque reference that is bound to one
// account, and deleted so that nothing of it stays in the file. Everything outside it carries references.
package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// ErrNotFound means that no record lies under that reference for that account.
var ErrNotFound = errors.New("vault: not found")

// ErrUnavailable wraps whatever keeps the vault from answering: retry later.
var ErrUnavailable = errors.New("vault: unavailable")

// ErrErasing keeps a record out while personal data of its kind is erased for its account: retry later.
var ErrErasing = fmt.Errorf("%w: personal data of this account is being erased", ErrUnavailable)

// Vault is the port. Records of every kind are addressed by (account, reference); a reference used with another
// account is not found.
type Vault interface {
	// PutSubject seals real-name information and returns its reference and the keyed digest of its document.
	PutSubject(ctx context.Context, accountID string, s realname.Subject) (lifecycle.Identity, error)
	Subject(ctx context.Context, accountID, ref string) (realname.Subject, error)
	// PutText seals text of a kind that is text: a reviewer's note, a consent's address and browser, a telephone number.
	PutText(ctx context.Context, accountID string, kind Kind, text string) (ref string, err error)
	Text(ctx context.Context, accountID, ref string) (string, error)
	// PutEvidence seals a piece of evidence, which is bound to its id, and returns its reference. A second one of the
	// same id is refused.
	PutEvidence(ctx context.Context, accountID, evidenceID string, content []byte) (ref string, err error)
	Evidence(ctx context.Context, accountID, ref string) ([]byte, error)
	// Delete removes a record for good. Deleting what is not there is no error.
	Delete(ctx context.Context, accountID, ref string) error
	// Holdings says what is held of an account, by kind and data key.
	Holdings(ctx context.Context, accountID string) ([]Holding, error)
	// Destroy destroys what is held under these holdings: the data keys first of all, and what they sealed. Records that
	// are put meanwhile, and afterwards, get a key of their own and stay. To destroy what is gone is no error.
	Destroy(ctx context.Context, accountID string, what ...Holding) (Forgotten, error)
	// Forget destroys everything that is held of an account of these kinds.
	Forget(ctx context.Context, accountID string, kinds ...Kind) (Forgotten, error)
	Close() error
}
