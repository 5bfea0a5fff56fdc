package signing

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

// MinSecret is how many random bytes a key's secret has at least.
const MinSecret = 32

// derivation names what a private key is derived for. Another name is another key: never change it.
const derivation = "verigate signatures ed25519 1"

var keyIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Key is one secret and the id that names it in what it signs. Secret is at least MinSecret random bytes. The private
// key of Ed25519 is derived from it. Printed, logged or encoded it is its id.
type Key struct {
	ID     string
	Secret []byte
}

// Format implements fmt.Formatter: no verb shows the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "key "+k.ID) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue("key " + k.ID) }

// MarshalText implements encoding.TextMarshaler.
func (k Key) MarshalText() ([]byte, error) { return []byte("key " + k.ID), nil }

// pair is what one Key signs with.
type pair struct {
	id      string
	secret  []byte // of MACs
	private ed25519.PrivateKey
}

// Ring signs with its first key and knows the signatures of all. It is safe for concurrent use.
type Ring struct {
	first  *pair
	byID   map[string]*pair
	public Set
}

// NewRing returns a ring, newest key first. Errors name the place of a key and nothing of it.
func NewRing(keys []Key) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New(" needs at least one key")
	}
	r := &Ring{byID: map[string]*pair{}, public: Set{byID: map[string]ed25519.PublicKey{}}}
	for i, k := range keys {
		_, twice := r.byID[k.ID]
		if !keyIDPattern.MatchString(k.ID) || len(k.Secret) < MinSecret || twice {
			return nil, fmt.Errorf("[%d] needs an id of its own of 1 to 32 letters, digits, - or _, and a secret of at least %d bytes", i, MinSecret)
		}
		seed, err := hkdf.Key(sha256.New, k.Secret, nil, derivation, ed25519.SeedSize)
		if err != nil {
			return nil, fmt.Errorf("[%d] cannot be derived from: %w", i, err)
		}
		p := &pair{id: k.ID, secret: k.Secret, private: ed25519.NewKeyFromSeed(seed)}
		if r.first == nil {
			r.first = p
		}
		r.byID[k.ID] = p
		r.public.add(k.ID, p.private.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // documented
	}
	return r, nil
}

// Public is the public half of the ring, in its order.
func (r *Ring) Public() Set { return r.public }

// Seal signs a text and says with which key. A text begins with what it is, so that none of one kind reads as one of
// another.
func (r *Ring) Seal(text []byte) (keyID string, signature []byte) {
	return r.first.id, ed25519.Sign(r.first.private, inDomain(seals, text))
}

// Sealed reports whether a key of this ring made the signature of Seal. Checkpoints of the time before there were public
// keys have a MAC, which is told by its length: no signature of one algorithm is ever held against the other.
func (r *Ring) Sealed(keyID string, text, signature []byte) bool {
	if len(signature) != sha256.Size {
		return r.public.Sealed(keyID, text, signature)
	}
	p, known := r.byID[keyID]
	return known && hmac.Equal(signature, mac(p.secret, oldSeals, text))
}

// Domains stand in front of what is signed, so that what was signed for one is nothing for another.
const (
	receipts = "verigate receipt\n"
	seals    = "verigate seal\n"
	oldSeals = "verigate checkpoint\n"
)

func inDomain(domain string, text []byte) []byte {
	return append([]byte(domain), text...)
}

func mac(secret []byte, domain string, text []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(domain))
	h.Write(text)
	return h.Sum(nil)
}
