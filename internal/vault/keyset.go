package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
)

// ErrKeyset means that a key file is not one that GenerateKeyset wrote. Its text never quotes the file.
var ErrKeyset = errors.New("vault: keyset is not usable; make one with GenerateKeyset")

// Keyset holds the keys of a vault: a ring for sealing, whose older keys still open what they sealed, and one key for
// digests, which cannot change without every digest changing. It shows nothing of itself when printed.
type Keyset struct {
	seal   *keyset.Handle
	digest *keyset.Handle
}

// keyFile is a Keyset as it is kept: two Tink keysets in clear. It is as secret as all that it protects.
type keyFile struct {
	Seal   json.RawMessage `json:"seal"`
	Digest json.RawMessage `json:"digest"`
}

// GenerateKeyset returns a new key file.
func GenerateKeyset() ([]byte, error) {
	seal, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault: make a sealing key: %w", err)
	}
	digest, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault: make a digest key: %w", err)
	}
	return Keyset{seal, digest}.encode()
}

// ParseKeyset reads a key file.
func ParseKeyset(file []byte) (Keyset, error) {
	var f keyFile
	if err := json.Unmarshal(file, &f); err != nil {
		return Keyset{}, ErrKeyset
	}
	seal, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(f.Seal)))
	if err != nil {
		return Keyset{}, ErrKeyset
	}
	digest, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(f.Digest)))
	if err != nil {
		return Keyset{}, ErrKeyset
	}
	return Keyset{seal, digest}, nil
}

// RotateKeyset returns the key file with a new sealing key in front. The older ones stay and still open.
func RotateKeyset(file []byte) ([]byte, error) {
	keys, err := ParseKeyset(file)
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManagerFromHandle(keys.seal)
	id, err := manager.Add(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault: add a sealing key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("vault: add a sealing key: %w", err)
	}
	if keys.seal, err = manager.Handle(); err != nil {
		return nil, fmt.Errorf("vault: add a sealing key: %w", err)
	}
	return keys.encode()
}

func (k Keyset) encode() ([]byte, error) {
	var seal, digest bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.seal, keyset.NewJSONWriter(&seal)); err != nil {
		return nil, fmt.Errorf("vault: write the sealing keys: %w", err)
	}
	if err := insecurecleartextkeyset.Write(k.digest, keyset.NewJSONWriter(&digest)); err != nil {
		return nil, fmt.Errorf("vault: write the digest key: %w", err)
	}
	return json.MarshalIndent(keyFile{Seal: seal.Bytes(), Digest: digest.Bytes()}, "", "  ")
}

const redactedKeyset = "vault keyset (hidden)"

// Format implements fmt.Formatter: no verb shows a key.
func (Keyset) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redactedKeyset)) }

// LogValue implements slog.LogValuer.
func (Keyset) LogValue() slog.Value { return slog.StringValue(redactedKeyset) }

// MarshalJSON implements json.Marshaler.
func (Keyset) MarshalJSON() ([]byte, error) { return json.Marshal(redactedKeyset) }
