package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/verigate/verigate/internal/store"
)

const (
	keyPrefix  = "vg"
	keyIDBytes = 8
)

var keyIDPattern = regexp.MustCompile(`^[0-9a-f]{16}$`)

// NewKey makes an API key: the secret text to give away once, vg_<id>_<secret>, and what the store keeps of it. The
// secret has 256 random bits. CreatedAt and ExpiresAt are the caller's to set.
func NewKey(label string, scopes []Scope) (secret string, key store.Key, err error) {
	var id [keyIDBytes]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", store.Key{}, fmt.Errorf("api: random source: %w", err)
	}
	return newKey(id, label, scopes)
}

// newKey is NewKey under an id: the secret alone is what must not be guessed.
func newKey(id [keyIDBytes]byte, label string, scopes []Scope) (secret string, key store.Key, err error) {
	for _, s := range scopes {
		if !s.Valid() {
			return "", store.Key{}, fmt.Errorf("api: scope %q is not one of %v", s, Scopes())
		}
		key.Scopes = append(key.Scopes, string(s))
	}
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", store.Key{}, fmt.Errorf("api: random source: %w", err)
	}
	key.ID, key.Label = hex.EncodeToString(id[:]), label
	secret, key.Hash = keyText(key.ID, random[:])
	return secret, key, nil
}

// NewSecret makes another secret for a key: the text to give away once, and the hash for store.KeyChange.
func NewSecret(keyID string) (secret string, hash []byte) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	return keyText(keyID, random[:])
}

func keyText(keyID string, random []byte) (secret string, hash []byte) {
	text := base64.RawURLEncoding.EncodeToString(random)
	return keyPrefix + "_" + keyID + "_" + text, hashSecret(text)
}

func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// errBadKey is any reason for which a key does not open: callers are not told which.
var errBadKey = errors.New("api: bad key")

// authenticate returns the key of a request. Only a malformed header is answered without asking the store, and a key
// that is not there takes as long as one with another secret.
func (s *Server) authenticate(ctx context.Context, r *http.Request) (store.Key, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	parts := strings.SplitN(token, "_", 3)
	if !strings.EqualFold(scheme, "Bearer") || len(parts) != 3 || parts[0] != keyPrefix || !keyIDPattern.MatchString(parts[1]) {
		return store.Key{}, errBadKey
	}
	given, now := hashSecret(parts[2]), s.cfg.Now()
	key, remembered, err := s.keys.key(ctx, parts[1])
	if remembered && !opens(key, given, now) { // it may have got this secret a moment ago, in another process
		s.keys.forget(parts[1])
		key, _, err = s.keys.key(ctx, parts[1])
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Key{}, err
	}
	if !opens(key, given, now) || err != nil {
		return store.Key{}, errBadKey
	}
	s.noteUse(ctx, key.ID)
	return key, nil
}

// opens reports whether the hash of a secret is that of the key, or of one that the key had before and that has not
// ended. All are always compared, and something for a key that is not there as well, so the time tells nothing.
func opens(k store.Key, given []byte, now time.Time) bool {
	same := func(stored []byte) bool {
		if len(stored) != len(given) {
			stored = make([]byte, len(given))
		}
		return subtle.ConstantTimeCompare(given, stored) == 1
	}
	found := same(k.Hash)
	for _, old := range k.Old {
		found = same(old.Hash) && now.Before(old.Until) || found
	}
	return found && stateOfKey(k, now) == keyOpen
}
