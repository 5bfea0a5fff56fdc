package vault

import (
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"
)

func asBefore(k Keyset) (tink.AEAD, error) {
	ring, err := aead.New(k.seal)
	if err != nil {
		return nil, err
	}
	return aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), ring), nil
}

// SealAsBefore seals a record as it was done before there were data keys.
func SealAsBefore(k Keyset, accountID, ref string, kind Kind, plain []byte) ([]byte, error) {
	a, err := asBefore(k)
	if err != nil {
		return nil, err
	}
	return a.Encrypt(plain, bindOld(accountID, ref, kind))
}

// SealSecretAsBefore seals a secret as it was done before there were data keys.
func SealSecretAsBefore(k Keyset, name string, plain []byte) ([]byte, error) {
	a, err := asBefore(k)
	if err != nil {
		return nil, err
	}
	return a.Encrypt(plain, bindSecret("verigate secret 1", name))
}
