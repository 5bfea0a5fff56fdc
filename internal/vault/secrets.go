package vault

import (
	"errors"
	"strings"
)

// SealSecret encrypts a secret of this deployment that lies in a database, such as one that signs webhooks, with the
// same ring as the records. It opens only under the name for which it was sealed.
func (v *Sealed) SealSecret(name string, plain []byte) ([]byte, error) {
	sealed, err := v.seal.Encrypt(plain, bindSecret(name))
	if err != nil {
		return nil, errors.New("vault: a secret cannot be sealed")
	}
	return sealed, nil
}

// OpenSecret is the inverse of SealSecret; ErrUnsealed if the text was altered, moved to another name, or sealed with a
// key that the ring has lost.
func (v *Sealed) OpenSecret(name string, sealed []byte) ([]byte, error) {
	plain, err := v.seal.Decrypt(sealed, bindSecret(name))
	if err != nil {
		return nil, ErrUnsealed
	}
	return plain, nil
}

func bindSecret(name string) []byte {
	return []byte(strings.Join([]string{"verigate secret 1", name}, separator))
}
