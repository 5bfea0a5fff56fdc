package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"strings"
	"time"
)

// DataKey seals the records of one kind of one account. It is kept wrapped: encrypted with a key of the KEK.
type DataKey struct {
	ID        string
	AccountID string
	Kind      Kind
	Wrapped   []byte // empty once it is destroyed
	KEK       string // id of the key that it is wrapped with
	Current   bool   // seals new records; false for one that is being replaced
	CreatedAt time.Time

	DestroyedAt time.Time // zero while it lives
}

// KeyFilter selects living data keys, by id.
type KeyFilter struct {
	IDs       []string // one of these; empty: any
	AccountID string
	Retired   bool      // being replaced
	Current   bool      // sealing new records
	NotKEK    string    // wrapped with another key than this
	Before    time.Time // made before
	After     string    // id of the last key of the page before
	Limit     int       // 1 to 1000
}

// KeyCount says how many living data keys are wrapped with one key of the KEK.
type KeyCount struct {
	KEK  string
	Keys int
}

// Keys is where wrapped data keys lie: apart from the records, so that a copy of the records that was made before a key
// was destroyed opens no more than the records do.
type Keys interface {
	// CurrentKey is the key that seals new records of an account's kind, ErrNotFound if there is none.
	CurrentKey(ctx context.Context, accountID string, kind Kind) (DataKey, error)
	// DataKey is a key by its id, also a destroyed one. ErrNotFound if there never was one.
	DataKey(ctx context.Context, id string) (DataKey, error)
	// AddKey makes k the current key of its account and kind if the current one is the one with the id instead ("" for
	// none), which is retired by that. Otherwise somebody was faster. It returns the current key.
	AddKey(ctx context.Context, k DataKey, instead string) (DataKey, error)
	// DestroyKeys forgets wrapped keys so that nothing of them is left in any file. The first instant stays.
	DestroyKeys(ctx context.Context, at time.Time, ids ...string) error
	ListKeys(ctx context.Context, f KeyFilter) ([]DataKey, error)
	// RewrapKey replaces how a living key is wrapped. false if it is no longer wrapped as it was.
	RewrapKey(ctx context.Context, was DataKey, wrapped []byte, kek string) (bool, error)
	// CountKeys counts living keys by the key that they are wrapped with, and destroyed ones.
	CountKeys(ctx context.Context) (living []KeyCount, destroyed int, err error)
}

// ErrKeyDestroyed keeps a record from being sealed with a key that is gone. Sealed takes another key then; no caller of
// its methods sees it.
var ErrKeyDestroyed = errors.New("vault: the data key was destroyed")

const dataKeyBytes = 32

// openKey is a data key in clear.
type openKey struct {
	id     string
	secret []byte
}

// seal encrypts with AES-256-GCM under a random nonce. A key seals the records of one kind of one account: some hundred
// at most, far from the 2^32 that random nonces bear.
func (k openKey) seal(plain, bound []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, plain, bound), nil //nolint:gosec // it makes its nonce itself: NewGCMWithRandomNonce
}

func (k openKey) open(sealed, bound []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	return a.Open(nil, nil, sealed, bound)
}

func (k openKey) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.secret)
	if err != nil {
		return nil, errors.New("vault: not a data key")
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// currentKey returns the key that seals new records, made if there is none.
func (v *Sealed) currentKey(ctx context.Context, accountID string, kind Kind) (openKey, error) {
	k, err := v.keys.CurrentKey(ctx, accountID, kind)
	if errors.Is(err, ErrNotFound) {
		return v.newKey(ctx, accountID, kind, "")
	}
	if err != nil {
		return openKey{}, err
	}
	return v.unwrap(ctx, k)
}

// newKey makes the current key of an account's kind, instead of the one with an id. If somebody was faster it is theirs.
func (v *Sealed) newKey(ctx context.Context, accountID string, kind Kind, instead string) (openKey, error) {
	k := DataKey{ID: strings.ToLower(rand.Text()), AccountID: accountID, Kind: kind, Current: true, CreatedAt: v.now().UTC()}
	secret := make([]byte, dataKeyBytes)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	var err error
	if k.Wrapped, k.KEK, err = v.kek.Wrap(ctx, secret, k.bound()); err != nil {
		return openKey{}, err
	}
	kept, err := v.keys.AddKey(ctx, k, instead)
	switch {
	case err != nil:
		return openKey{}, err
	case kept.ID == k.ID:
		return openKey{k.ID, secret}, nil
	default:
		return v.unwrap(ctx, kept)
	}
}

// keyOf returns the key that a record was sealed with. Its row is read for every use, so a destruction by whichever
// process counts from the next one on. ErrNotFound if it was destroyed.
func (v *Sealed) keyOf(ctx context.Context, r Record) (openKey, error) {
	k, err := v.keys.DataKey(ctx, r.KeyID)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && (k.AccountID != r.AccountID || k.Kind != r.Kind):
		return openKey{}, ErrUnsealed // the key file is older than the record, or a record was moved
	case err != nil:
		return openKey{}, err
	case !k.DestroyedAt.IsZero():
		return openKey{}, ErrNotFound
	}
	return v.unwrap(ctx, k)
}

func (v *Sealed) unwrap(ctx context.Context, k DataKey) (openKey, error) {
	secret, err := v.kek.Unwrap(ctx, k.KEK, k.Wrapped, k.bound())
	return openKey{k.ID, secret}, err
}

// bound is what the wrapping of a key authenticates: a wrapped key that is moved to another account, kind or id does
// not open.
func (k DataKey) bound() []byte {
	return []byte(strings.Join([]string{"verigate data key 1", k.ID, k.AccountID, string(k.Kind)}, separator))
}
