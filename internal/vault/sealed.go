package vault

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/realname"
)

// ErrUnsealed means that a record does not open: it was altered, moved to another account or reference, or sealed
// with a key that is lost. A retry does not mend it.
var ErrUnsealed = errors.New("vault: record does not open")

// Config is what a Sealed is made of. All fields are required.
type Config struct {
	Records Records
	Keys    Keys
	KEK     KEK
	// Keyset has the digest key, and the keys that sealed records before there were data keys.
	Keyset Keyset
	Now    func() time.Time
}

// Sealed is the Vault. Each record is encrypted with the data key of its account and kind, which is encrypted by the
// KEK. A record opens only as the kind, for the account and under the reference for which it was sealed.
type Sealed struct {
	records Records
	keys    Keys
	kek     KEK
	old     tink.AEAD // opens records from before there were data keys
	digest  *prf.Set
	now     func() time.Time
}

var _ Vault = (*Sealed)(nil)

// New returns the vault.
func New(c Config) (*Sealed, error) {
	if c.Records == nil || c.Keys == nil || c.KEK == nil || c.Now == nil {
		return nil, errors.New("vault: Records, Keys, KEK and Now are required")
	}
	if c.Keyset.seal == nil || c.Keyset.digest == nil {
		return nil, ErrKeyset
	}
	ring, err := aead.New(c.Keyset.seal)
	if err != nil {
		return nil, ErrKeyset
	}
	digest, err := prf.NewPRFSet(c.Keyset.digest)
	if err != nil {
		return nil, ErrKeyset
	}
	old := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), ring)
	return &Sealed{records: c.Records, keys: c.Keys, kek: c.KEK, old: old, digest: digest, now: c.Now}, nil
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
	plain, err := v.get(ctx, accountID, ref, func(k Kind) bool { return k == KindSubject })
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
func (v *Sealed) PutText(ctx context.Context, accountID string, kind Kind, text string) (string, error) {
	if !kind.words() {
		return "", fmt.Errorf("vault: %q is no kind of text", kind)
	}
	return v.put(ctx, accountID, kind, []byte(text))
}

// Text implements Vault.
func (v *Sealed) Text(ctx context.Context, accountID, ref string) (string, error) {
	plain, err := v.get(ctx, accountID, ref, Kind.words)
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
	return v.get(ctx, accountID, ref, func(k Kind) bool { return k == KindEvidence })
}

// Delete implements Vault.
func (v *Sealed) Delete(ctx context.Context, accountID, ref string) error {
	return v.records.DeleteRecord(ctx, accountID, ref)
}

// Close implements Vault. Records and keys belong to whoever opened them.
func (v *Sealed) Close() error { return nil }

func (v *Sealed) put(ctx context.Context, accountID string, kind Kind, plain []byte) (string, error) {
	ref := string(kind) + "-" + strings.ToLower(rand.Text())
	if err := v.putAs(ctx, accountID, ref, kind, plain); err != nil {
		return "", err
	}
	return ref, nil
}

// putTries bounds how often a record is sealed again because its key was destroyed meanwhile.
const putTries = 5

func (v *Sealed) putAs(ctx context.Context, accountID, ref string, kind Kind, plain []byte) error {
	if accountID == "" || strings.Contains(accountID, separator) {
		return errors.New("vault: not an account id")
	}
	var err error
	for range putTries {
		if err = v.tryPut(ctx, accountID, ref, kind, plain); !errors.Is(err, ErrKeyDestroyed) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("vault: put a %s: %w", kind, err)
	}
	return nil
}

func (v *Sealed) tryPut(ctx context.Context, accountID, ref string, kind Kind, plain []byte) error {
	key, err := v.currentKey(ctx, accountID, kind)
	if err != nil {
		return err
	}
	sealed, err := key.seal(plain, bind(accountID, ref, kind, key.id))
	if err != nil {
		return err
	}
	err = v.records.PutRecord(ctx, Record{AccountID: accountID, Ref: ref, Kind: kind, KeyID: key.id, Sealed: sealed})
	if errors.Is(err, ErrKeyDestroyed) { // by somebody who has not come to the key itself yet: the next key needs its place
		if failed := v.keys.DestroyKeys(ctx, v.now().UTC(), key.id); failed != nil {
			return failed
		}
	}
	return err
}

func (v *Sealed) get(ctx context.Context, accountID, ref string, wanted func(Kind) bool) ([]byte, error) {
	r, err := v.records.Record(ctx, accountID, ref)
	switch {
	case err != nil:
		return nil, err
	case !wanted(r.Kind):
		return nil, ErrNotFound
	}
	return v.open(ctx, r)
}

func (v *Sealed) open(ctx context.Context, r Record) ([]byte, error) {
	if r.KeyID == "" {
		plain, err := v.old.Decrypt(r.Sealed, bindOld(r.AccountID, r.Ref, r.Kind))
		if err != nil {
			return nil, ErrUnsealed
		}
		return plain, nil
	}
	key, err := v.keyOf(ctx, r)
	if err != nil {
		return nil, err
	}
	plain, err := key.open(r.Sealed, bind(r.AccountID, r.Ref, r.Kind, key.id))
	if err != nil {
		return nil, ErrUnsealed
	}
	return plain, nil
}

// separator stands between the parts of what a seal authenticates; none of them holds it.
const separator = "\x00"

// bind is what a seal authenticates besides the content.
func bind(accountID, ref string, kind Kind, keyID string) []byte {
	return []byte(strings.Join([]string{"verigate vault 2", string(kind), accountID, ref, keyID}, separator))
}

func bindOld(accountID, ref string, kind Kind) []byte {
	return []byte(strings.Join([]string{"verigate vault 1", string(kind), accountID, ref}, separator))
}
