package notify

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/verigate/verigate/internal/store"
)

// secretPrefix and secretBytes are Standard Webhooks' form of a secret: whsec_ and base64 of 24 to 64 random bytes.
const (
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// Seals encrypts what lies in the database. *vault.Sealed does.
type Seals interface {
	SealSecret(ctx context.Context, name string, plain []byte) ([]byte, error)
	OpenSecret(ctx context.Context, name string, sealed []byte) ([]byte, error)
}

// newSecret returns a secret as its receiver keeps it.
func newSecret() string {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails since Go 1.24
	return secretPrefix + base64.StdEncoding.EncodeToString(raw)
}

// signer signs the messages of one webhook, with every secret that has not ended.
type signer []*standardwebhooks.Webhook

func newSigner(ctx context.Context, seals Seals, webhookID string, secrets []store.WebhookSecret) (signer, error) {
	var s signer
	for _, secret := range secrets {
		text, err := seals.OpenSecret(ctx, store.WebhookSecretName(webhookID, secret.ID), secret.Sealed)
		if err != nil {
			return nil, fmt.Errorf("notify: open a webhook's secret: %w", err)
		}
		w, err := standardwebhooks.NewWebhook(string(text))
		if err != nil {
			return nil, fmt.Errorf("notify: use a webhook's secret: %w", err)
		}
		s = append(s, w)
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("notify: webhook has no secret: %w", store.ErrNotFound)
	}
	return s, nil
}

// sign returns the header: one signature for each secret, newest first.
func (s signer) sign(messageID string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(s))
	for i, w := range s {
		var err error
		if signatures[i], err = w.Sign(messageID, at, body); err != nil {
			return "", fmt.Errorf("notify: sign a message: %w", err)
		}
	}
	return strings.Join(signatures, " "), nil
}
