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

// AnnounceKeyset returns the key file with a new sealing key that is known but not used yet: every process is to have it
// before the next RotateKeyset puts it in front, so that none meets what it cannot open.
func AnnounceKeyset(file []byte) ([]byte, error) {
	return changed(file, func(m *keyset.Manager, _ []uint32, _ uint32) error {
		_, err := m.Add(aead.XAES256GCM192BitNonceKeyTemplate())
		return err
	})
}

// RotateKeyset returns the key file with another sealing key in front: the one that was announced, or else a new one. The
// older ones stay and still open.
func RotateKeyset(file []byte) ([]byte, error) {
	return changed(file, func(m *keyset.Manager, ids []uint32, front uint32) error {
		next := ids[len(ids)-1]
		if next == front { // keys are in the order of their making
			var err error
			if next, err = m.Add(aead.XAES256GCM192BitNonceKeyTemplate()); err != nil {
				return err
			}
		}
		return m.SetPrimary(next)
	})
}

// RetireKeyset returns the key file without the sealing keys that are older than the one in front. What they hold cannot
// be opened any more: do it when verigate vault status says that they may go.
func RetireKeyset(file []byte) ([]byte, error) {
	return changed(file, func(m *keyset.Manager, ids []uint32, front uint32) error {
		for _, id := range ids {
			if id == front {
				return nil
			}
			if err := m.Delete(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// changed changes the sealing keys of a key file: change gets their ids, in the order of their making, and that of the
// one in front.
func changed(file []byte, change func(m *keyset.Manager, ids []uint32, front uint32) error) ([]byte, error) {
	keys, err := ParseKeyset(file)
	if err != nil {
		return nil, err
	}
	var ids []uint32
	info := keys.seal.KeysetInfo()
	for _, k := range info.GetKeyInfo() {
		ids = append(ids, k.GetKeyId())
	}
	manager := keyset.NewManagerFromHandle(keys.seal)
	if err := change(manager, ids, info.GetPrimaryKeyId()); err != nil {
		return nil, fmt.Errorf("vault: change the sealing keys: %w", err)
	}
	if keys.seal, err = manager.Handle(); err != nil {
		return nil, fmt.Errorf("vault: change the sealing keys: %w", err)
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
