package signing

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/verigate/verigate/internal/base64url"
)

// Errors of opening receipts.
var (
	// ErrReceipt means that a text is no receipt of these keys, or was altered.
	ErrReceipt = errors.New("signing: not a receipt of these keys")
	// ErrServerOnly means that a receipt carries a MAC: only who has the secret can tell whether it is genuine.
	ErrServerOnly = errors.New("signing: a receipt that only its server can check")
)

// maxReceipt bounds what is looked at, in bytes.
const maxReceipt = 4096

// public is the first part of a receipt that public keys check. A receipt with a MAC has no such part: the form says the
// algorithm before any key is looked up, and a key is only ever used for the algorithm of the form.
const public = "ed25519"

// Sign makes a receipt that whoever has the public keys can check: ed25519, key id, content and signature, joined by
// dots, the last two in base64url.
func (r *Ring) Sign(content []byte) string {
	text := signable(public+"."+r.first.id, content)
	return signed(text, ed25519.Sign(r.first.private, inDomain(receipts, text)))
}

// SignQuickly makes a receipt that only a ring with the same key can check: key id, content and MAC, joined by dots.
func (r *Ring) SignQuickly(content []byte) string {
	text := signable(r.first.id, content)
	return signed(text, mac(r.first.secret, receipts, text))
}

func signable(head string, content []byte) []byte {
	const signature = ed25519.SignatureSize
	text := make([]byte, 0, len(head)+base64.RawURLEncoding.EncodedLen(len(content))+base64.RawURLEncoding.EncodedLen(signature)+2)
	text = append(append(text, head...), '.')
	return base64.RawURLEncoding.AppendEncode(text, content)
}

func signed(text, signature []byte) string {
	return string(base64.RawURLEncoding.AppendEncode(append(text, '.'), signature))
}

// parted is a receipt, taken apart.
type parted struct {
	public             bool
	keyID              string
	text               []byte // that is signed
	content, signature []byte
}

// part takes a receipt apart. It believes nothing yet.
func part(receipt string) (p parted, err error) {
	if len(receipt) > maxReceipt {
		return p, ErrReceipt
	}
	parts := strings.Split(receipt, ".")
	size := sha256.Size
	if len(parts) == 4 && parts[0] == public {
		parts, p.public, size = parts[1:], true, ed25519.SignatureSize
	}
	if len(parts) != 3 {
		return p, ErrReceipt
	}
	p.keyID = parts[0]
	p.text = []byte(receipt[:strings.LastIndexByte(receipt, '.')])
	if p.content, err = base64url.Decode(parts[1]); err != nil {
		return p, ErrReceipt
	}
	if p.signature, err = base64url.Decode(parts[2]); err != nil || len(p.signature) != size {
		return p, ErrReceipt
	}
	return p, nil
}

// Open returns the content of a receipt and which key signed it, ErrReceipt if none did.
func (r *Ring) Open(receipt string) (content []byte, keyID string, err error) {
	p, err := part(receipt)
	if err != nil {
		return nil, "", err
	}
	if p.public {
		return r.public.open(p)
	}
	key, known := r.byID[p.keyID]
	if !known || !hmac.Equal(p.signature, mac(key.secret, receipts, p.text)) {
		return nil, "", ErrReceipt
	}
	return p.content, p.keyID, nil
}

// Open returns the content of a receipt and which key signed it: ErrReceipt if none did, ErrServerOnly if public keys
// cannot tell.
func (s Set) Open(receipt string) (content []byte, keyID string, err error) {
	p, err := part(receipt)
	if err != nil {
		return nil, "", err
	}
	if !p.public {
		return nil, "", ErrServerOnly
	}
	return s.open(p)
}

func (s Set) open(p parted) (content []byte, keyID string, err error) {
	if !s.holds(p.keyID, inDomain(receipts, p.text), p.signature) {
		return nil, "", ErrReceipt
	}
	return p.content, p.keyID, nil
}
