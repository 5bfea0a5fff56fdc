package vault

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
)

// A sealed secret brings its own data key: a byte that says so, the id of the KEK's key and the wrapped key, each behind
// its length in two bytes, and the secret sealed with that key. What begins otherwise is from before, sealed by the ring:
// its first byte is the highest of a length of four bytes, and zero.
const secretForm = 2

// SealSecret encrypts a secret of this deployment that lies in a database, such as one that signs webhooks. It opens
// only under the name for which it was sealed.
func (v *Sealed) SealSecret(ctx context.Context, name string, plain []byte) ([]byte, error) {
	key := openKey{secret: make([]byte, dataKeyBytes)}
	_, _ = rand.Read(key.secret) // never fails since Go 1.24
	wrapped, kek, err := v.kek.Wrap(ctx, key.secret, bindSecret("verigate secret key 2", name))
	if err != nil {
		return nil, err
	}
	sealed, err := key.seal(plain, bindSecret("verigate secret 2", name))
	if err != nil {
		return nil, errors.New("vault: a secret cannot be sealed")
	}
	return append(sized(sized([]byte{secretForm}, []byte(kek)), wrapped), sealed...), nil
}

// OpenSecret is the inverse of SealSecret; ErrUnsealed if the text was altered, moved to another name, or sealed with a
// key that is lost.
func (v *Sealed) OpenSecret(ctx context.Context, name string, sealed []byte) ([]byte, error) {
	kek, wrapped, rest, ok := parseSecret(sealed)
	if !ok {
		plain, err := v.old.Decrypt(sealed, bindSecret("verigate secret 1", name))
		if err != nil {
			return nil, ErrUnsealed
		}
		return plain, nil
	}
	secret, err := v.kek.Unwrap(ctx, kek, wrapped, bindSecret("verigate secret key 2", name))
	if err != nil {
		return nil, err
	}
	plain, err := openKey{secret: secret}.open(rest, bindSecret("verigate secret 2", name))
	if err != nil {
		return nil, ErrUnsealed
	}
	return plain, nil
}

func parseSecret(sealed []byte) (kek string, wrapped, rest []byte, ok bool) {
	if len(sealed) == 0 || sealed[0] != secretForm {
		return "", nil, nil, false
	}
	name, rest, ok := unsized(sealed[1:])
	if !ok {
		return "", nil, nil, false
	}
	wrapped, rest, ok = unsized(rest)
	return string(name), wrapped, rest, ok
}

// sized appends a part behind its length.
func sized(to, part []byte) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(part))), part...) //nolint:gosec // ids and wrapped keys are short
}

func unsized(from []byte) (part, rest []byte, ok bool) {
	if len(from) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(from))
	if len(from) < 2+n {
		return nil, nil, false
	}
	return from[2 : 2+n], from[2+n:], true
}

func bindSecret(what, name string) []byte {
	return []byte(strings.Join([]string{what, name}, separator))
}
