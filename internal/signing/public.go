package signing

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/verigate/verigate/internal/base64url"
)

// Set is public keys by id. The zero value has none.
type Set struct {
	order []string
	byID  map[string]ed25519.PublicKey
}

// JWK is one public key in the form of RFC 8037.
type JWK struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	ID        string `json:"kid"`
	X         string `json:"x"`
}

// JWKS is public keys in the form of RFC 7517, newest first.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWKS returns the keys in the form in which they are published.
func (s Set) JWKS() JWKS {
	out := JWKS{Keys: []JWK{}}
	for _, id := range s.order {
		out.Keys = append(out.Keys, JWK{"OKP", "Ed25519", "EdDSA", "sig", id, base64url.Encode(s.byID[id])})
	}
	return out
}

// maxKeys bounds a file of public keys.
const maxKeys = 1000

// ParseSet reads published keys. It takes nothing but Ed25519 keys with ids of their own.
func ParseSet(text []byte) (Set, error) {
	var in JWKS
	if err := json.Unmarshal(text, &in); err != nil {
		return Set{}, errors.New("signing: public keys are no JSON; take them from GET /v1/receipt-keys or verigate secrets public")
	}
	if len(in.Keys) == 0 || len(in.Keys) > maxKeys {
		return Set{}, fmt.Errorf("signing: keys has %d keys; it must have 1 to %d", len(in.Keys), maxKeys)
	}
	s := Set{byID: map[string]ed25519.PublicKey{}}
	for i, k := range in.Keys {
		x, err := base64url.Decode(k.X)
		_, twice := s.byID[k.ID]
		switch {
		case k.KeyType != "OKP" || k.Curve != "Ed25519" || k.Algorithm != "EdDSA" || k.Use != "sig":
			return Set{}, fmt.Errorf("signing: keys.%d is no key of Ed25519 for signatures (kty OKP, crv Ed25519, alg EdDSA, use sig)", i)
		case !keyIDPattern.MatchString(k.ID) || twice:
			return Set{}, fmt.Errorf("signing: keys.%d.kid must be an id of its own of 1 to 32 letters, digits, - or _", i)
		case err != nil || len(x) != ed25519.PublicKeySize:
			return Set{}, fmt.Errorf("signing: keys.%d.x must be %d bytes in base64url", i, ed25519.PublicKeySize)
		}
		s.add(k.ID, x)
	}
	return s, nil
}

func (s *Set) add(id string, key ed25519.PublicKey) {
	s.order, s.byID[id] = append(s.order, id), key
}

// Sealed reports whether one of these keys made the signature of Ring.Seal. It knows no MACs.
func (s Set) Sealed(keyID string, text, signature []byte) bool {
	return s.holds(keyID, inDomain(seals, text), signature)
}

func (s Set) holds(keyID string, message, signature []byte) bool {
	key, known := s.byID[keyID]
	return known && len(signature) == ed25519.SignatureSize && ed25519.Verify(key, message, signature)
}
