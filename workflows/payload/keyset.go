package payload

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// ErrKeyset means that a text is not a usable keyset of payload keys. It quotes nothing of it.
var ErrKeyset = errors.New("payload: not a keyset of AEAD keys in Tink's JSON form; make one with: verigate secrets new codec")

// GenerateKeyset returns a keyset with one new key (AES-256-GCM), as JSON. It is a secret.
func GenerateKeyset() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("payload: new keyset: %w", err)
	}
	return writeKeyset(handle)
}

// RotateKeyset returns old with a new key that encrypts from now on. The older ones still decrypt: keep them as long
// as histories written under them can be read, which is the namespace's retention after the last open run.
func RotateKeyset(old []byte) ([]byte, error) {
	handle, err := readKeyset(old)
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("payload: rotate keyset: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("payload: rotate keyset: %w", err)
	}
	if handle, err = manager.Handle(); err != nil {
		return nil, fmt.Errorf("payload: rotate keyset: %w", err)
	}
	return writeKeyset(handle)
}

func readKeyset(text []byte) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, ErrKeyset // the cause may quote the text
	}
	return handle, nil
}

func writeKeyset(handle *keyset.Handle) ([]byte, error) {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, fmt.Errorf("payload: write keyset: %w", err)
	}
	return out.Bytes(), nil
}
