package app

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/verigate/verigate/internal/config"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/workflows/payload"
)

// Kinds of secrets that NewSecret makes.
const (
	SecretVault   = "vault"
	SecretCodec   = "codec"
	SecretLinks   = "links"
	SecretReceipt = "receipts"
)

// NewSecret returns a new secret in the form in which its setting takes it.
func NewSecret(kind string) ([]byte, error) { return RotateSecret(kind, nil) }

// RotateSecret returns old with a new key in front, which is used from now on while the older ones still open or
// verify. Without old it returns a new secret.
func RotateSecret(kind string, old []byte) ([]byte, error) {
	fresh := len(old) == 0
	switch kind {
	case SecretVault:
		if fresh {
			return vault.GenerateKeyset()
		}
		return vault.RotateKeyset(old)
	case SecretCodec:
		if fresh {
			return payload.GenerateKeyset()
		}
		return payload.RotateKeyset(old)
	case SecretLinks, SecretReceipt:
		ids := kind == SecretReceipt
		if !fresh {
			if _, err := config.NewSecret(string(old)).Keys(ids); err != nil {
				return nil, fmt.Errorf("app: old %s: %w", kind, err)
			}
		}
		line := base64.StdEncoding.EncodeToString(random(config.KeyBytes)) + "\n"
		if ids {
			line = "r" + hex.EncodeToString(random(4)) + ":" + line
		}
		return append([]byte(line), old...), nil
	default:
		return nil, fmt.Errorf("app: %q is no kind of secret; use %s, %s, %s or %s", kind, SecretVault, SecretCodec, SecretLinks, SecretReceipt)
	}
}

// AnnounceSecret returns old with a new key that is known and not used until the next RotateSecret.
func AnnounceSecret(old []byte) ([]byte, error) { return vault.AnnounceKeyset(old) }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return b
}
