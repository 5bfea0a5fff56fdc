package vault

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// ErrUnsealed means that a record does not open: it was altered, moved to another account or reference, or sealed
// with a key that the ring has lost. A retry does not mend it.
var ErrUnsealed = errors.New("vault: record does not open")

// Sealed is the Vault: each record is encrypted with a key of its own, which is encrypted with the newest key of the
// ring. A record opens only as the kind, for the account and under the reference for which it was sealed.
type Sealed struct {
	records Records
	seal    tink.AEAD
	digest  *prf.Set
}

var _ Vault = (*Sealed)(nil)

// New returns the vault over records.
func New(records Records, keys Keyset) (*Sealed, error) {
	if keys.seal == nil || keys.digest == nil {
		return nil, ErrKeyset
	}
	ring, err := aead.New(keys.seal)
	if err != nil {
		return nil, ErrKeyset
	}
	digest, err := prf.NewPRFSet(keys.digest)
	if err != nil {
		return nil, ErrKeyset
	}
	return &Sealed{records, aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), ring), digest}, nil
}

// subjectRecord is a subject as it is sealed.
type subjectRecord struct {
	Name    string `json:"name"`
	DocType string `json:"doc_type"`
	Number  string `json:"number"`
}

// PutSubject implements Vault.
func (v *Sealed) PutSubject(ctx context.Context, accountID string, s realname.Subject) (lifecycle.Identity, error) {
	var r subjectRecord
	r.Name, r.DocType, r.Number = s.Reveal()
	plain, err := json.Marshal(r)
	if err != nil {
		return lifecycle.Identity{}, errors.New("vault: a subject cannot be encoded")
	}
	digest, err := v.digest.ComputePrimaryPRF([]byte("identity"+separator+r.DocType+separator+r.Number), digestBytes)
	if err != nil {
		return lifecycle.Identity{}, errors.New("vault: the digest key fails")
	}
	ref, err := v.put(ctx, accountID, KindSubject, plain)
	if err != nil {
		return lifecycle.Identity{}, err
	}
	return lifecycle.Identity{Ref: ref, Digest: hex.EncodeToString(digest)}, nil
}

// digestBytes is the length of an identity digest, twice that in hex.
const digestBytes = 32

// Subject implements Vault.
func (v *Sealed) Subject(ctx context.Context, accountID, ref string) (realname.Subject, error) {
	plain, err := v.get(ctx, accountID, ref, KindSubject)
	if err != nil {
		return realname.Subject{}, err
	}
	var r subjectRecord
	if err := json.Unmarshal(plain, &r); err != nil {
		return realname.Subject{}, ErrUnsealed // the parser's error would quote what it read
	}
	return realname.Restore(r.Name, r.DocType, r.Number), nil
}

// PutText implements Vault.
func (v *Sealed) PutText(ctx context.Context, accountID, text string) (string, error) {
	return v.put(ctx, accountID, KindText, []byte(text))
}

// Text implements Vault.
func (v *Sealed) Text(ctx context.Context, accountID, ref string) (string, error) {
	plain, err := v.get(ctx, accountID, ref, KindText)
	return string(plain), err
}

// PutEvidence implements Vault.
func (v *Sealed) PutEvidence(ctx context.Context, accountID, evidenceID string, content []byte) (string, error) {
	if evidenceID == "" || strings.Contains(evidenceID, separator) {
		return "", errors.New("vault: not an id of evidence")
	}
	ref := string(KindEvidence) + "-" + evidenceID
	return ref, v.putAs(ctx, accountID, ref, KindEvidence, content)
}

// Evidence implements Vault.
func (v *Sealed) Evidence(ctx context.Context, accountID, ref string) ([]byte, error) {
	return v.get(ctx, accountID, ref, KindEvidence)
}

// Delete implements Vault.
func (v *Sealed) Delete(ctx context.Context, accountID, ref string) error {
	return v.records.DeleteRecord(ctx, accountID, ref)
}

// Close implements Vault. The records belong to whoever opened them.
func (v *Sealed) Close() error { return nil }

func (v *Sealed) put(ctx context.Context, accountID string, kind Kind, plain []byte) (string, error) {
	ref := string(kind) + "-" + strings.ToLower(rand.Text())
	if err := v.putAs(ctx, accountID, ref, kind, plain); err != nil {
		return "", err
	}
	return ref, nil
}

func (v *Sealed) putAs(ctx context.Context, accountID, ref string, kind Kind, plain []byte) error {
	if accountID == "" || strings.Contains(accountID, separator) {
		return errors.New("vault: not an account id")
	}
	sealed, err := v.seal.Encrypt(plain, bind(accountID, ref, kind))
	if err != nil {
		return errors.New("vault: a record cannot be sealed")
	}
	if err := v.records.PutRecord(ctx, Record{AccountID: accountID, Ref: ref, Kind: kind, Sealed: sealed}); err != nil {
		return fmt.Errorf("vault: put a %s: %w", kind, err)
	}
	return nil
}

func (v *Sealed) get(ctx context.Context, accountID, ref string, kind Kind) ([]byte, error) {
	r, err := v.records.Record(ctx, accountID, ref)
	switch {
	case err != nil:
		return nil, err
	case r.Kind != kind:
		return nil, ErrNotFound
	}
	plain, err := v.seal.Decrypt(r.Sealed, bind(accountID, ref, kind))
	if err != nil {
		return nil, ErrUnsealed
	}
	return plain, nil
}

// separator stands between the parts of what a seal authenticates; none of them holds it.
const separator = "\x00"

// bind is what a seal authenticates besides the content.
func bind(accountID, ref string, kind Kind) []byte {
	return []byte(strings.Join([]string{"verigate vault 1", string(kind), accountID, ref}, separator))
}
