package vault

import (
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// KEK wraps data keys with keys that the databases do not hold: a keyset from a file or the environment (Keyset.KEK), or
// a key management service. Its newest key wraps, all of its keys unwrap.
type KEK interface {
	// Wrap encrypts a data key and names the key that did it. ErrUnavailable if a service does not answer.
	Wrap(ctx context.Context, plain, bound []byte) (wrapped []byte, id string, err error)
	// Unwrap is the inverse: ErrUnsealed if the key of that id is not known or what was wrapped was altered, ErrUnavailable
	// if a service does not answer.
	Unwrap(ctx context.Context, id string, wrapped, bound []byte) ([]byte, error)
	// IDs names the keys that unwrap, the newest first.
	IDs(ctx context.Context) ([]string, error)
}

// Moved returns a KEK that wraps with one and also unwraps what the other has wrapped: the way from a keyset to a service.
// The keys of both have ids that tell them apart by what they begin with.
func Moved(to, from KEK, begins string) KEK { return moved{to, from, begins} }

type moved struct {
	KEK
	from   KEK
	begins string // of the ids of from
}

// Unwrap implements KEK.
func (m moved) Unwrap(ctx context.Context, id string, wrapped, bound []byte) ([]byte, error) {
	if strings.HasPrefix(id, m.begins) {
		return m.from.Unwrap(ctx, id, wrapped, bound)
	}
	return m.KEK.Unwrap(ctx, id, wrapped, bound)
}

// IDs implements KEK.
func (m moved) IDs(ctx context.Context) ([]string, error) {
	to, err := m.KEK.IDs(ctx)
	if err != nil {
		return nil, err
	}
	from, err := m.from.IDs(ctx)
	return append(to, from...), err
}

// ring is a KEK of a keyset.
type ring struct {
	aead tink.AEAD
	ids  []string
}

// KEK returns the sealing keys of the keyset as a KEK. Their ids are keyset/ and Tink's number.
func (k Keyset) KEK() (KEK, error) {
	if k.seal == nil {
		return nil, ErrKeyset
	}
	a, err := aead.New(k.seal)
	if err != nil {
		return nil, ErrKeyset
	}
	info := k.seal.KeysetInfo()
	r := ring{aead: a, ids: []string{keysetID(info.GetPrimaryKeyId())}}
	for i := range k.seal.Len() {
		entry, err := k.seal.Entry(i)
		if err != nil {
			return nil, ErrKeyset
		}
		if id := keysetID(entry.KeyID()); entry.KeyStatus() == keyset.Enabled && !slices.Contains(r.ids, id) {
			r.ids = append(r.ids, id)
		}
	}
	return r, nil
}

// KeysetIDs is what the ids of a keyset's keys begin with.
const KeysetIDs = "keyset/"

func keysetID(id uint32) string { return KeysetIDs + strconv.FormatUint(uint64(id), 10) }

// Wrap implements KEK.
func (r ring) Wrap(_ context.Context, plain, bound []byte) ([]byte, string, error) {
	wrapped, err := r.aead.Encrypt(plain, bound)
	if err != nil {
		return nil, "", ErrKeyset
	}
	return wrapped, r.ids[0], nil
}

// Unwrap implements KEK.
func (r ring) Unwrap(_ context.Context, id string, wrapped, bound []byte) ([]byte, error) {
	if len(wrapped) < 5 || keysetID(binary.BigEndian.Uint32(wrapped[1:5])) != id { // Tink writes the key's number behind one byte
		return nil, ErrUnsealed
	}
	plain, err := r.aead.Decrypt(wrapped, bound)
	if err != nil {
		return nil, ErrUnsealed
	}
	return plain, nil
}

// IDs implements KEK.
func (r ring) IDs(context.Context) ([]string, error) { return slices.Clone(r.ids), nil }
