package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/verigate/verigate/internal/base64url"
)

// errToken means that a text is no token of ours for that purpose.
var errToken = errors.New("api: not a token")

// purpose separates tokens, so that one made for one thing opens nothing else.
type purpose string

const (
	forScan   purpose = "scan"   // a lease: open it on the phone
	forQR     purpose = "qr"     // a lease: see its picture
	forReturn purpose = "return" // an attempt: the phone came back
	forLink   purpose = "link"   // a one-time link: open the merchant pages
	forCursor purpose = "cursor"
	forBody   purpose = "body"
)

// macSize is the length of a token's signature in bytes: 128 bits.
const macSize = 16

// Tokens makes and checks the links that merchants' phones open. A token is an id with its signature, so nothing
// secret is stored and a page can show its QR again after a reload. The first key signs; all of them verify.
type Tokens struct {
	keys [][]byte
	base string
}

// NewTokens takes keys of at least 32 random bytes and the public address of this server, as https://host.
func NewTokens(publicURL string, keys ...[]byte) (*Tokens, error) {
	if len(keys) == 0 {
		return nil, errors.New("api: at least one token key is required")
	}
	for i, k := range keys {
		if len(k) < 32 {
			return nil, fmt.Errorf("api: token key %d must have at least 32 bytes", i)
		}
	}
	if !strings.HasPrefix(publicURL, "https://") && !strings.HasPrefix(publicURL, "http://") {
		return nil, errors.New("api: the public address must begin with https:// or http://")
	}
	return &Tokens{keys: keys, base: strings.TrimRight(publicURL, "/")}, nil
}

// ScanURL returns the address that the QR of a lease leads to, "" if the id is no UUID.
func (t *Tokens) ScanURL(leaseID string) string { return t.address("/s/", forScan, leaseID, "") }

// PNGURL returns the address of the picture of a lease's QR.
func (t *Tokens) PNGURL(leaseID string) string { return t.address("/qr/", forQR, leaseID, ".png") }

// ReturnURL returns the address to which the provider sends the phone after an attempt.
func (t *Tokens) ReturnURL(attemptID string) string {
	return t.address("/r/", forReturn, attemptID, "")
}

// LinkURL returns the one-time address of the merchant pages.
func (t *Tokens) LinkURL(linkID string) string { return t.address("/m/l/", forLink, linkID, "") }

// LinkID returns the link that a token of LinkURL was made for; false if it is none of ours.
func (t *Tokens) LinkID(token string) (string, bool) {
	id, err := t.open(forLink, token)
	return id, err == nil
}

func (t *Tokens) address(path string, p purpose, id, suffix string) string {
	token, err := t.token(p, id)
	if err != nil {
		return ""
	}
	return t.base + path + token + suffix
}

func (t *Tokens) token(p purpose, id string) (string, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return "", errToken
	}
	return base64url.Encode(append(u[:], t.mac(t.keys[0], p, u[:])...)), nil
}

// open returns the id of a token.
func (t *Tokens) open(p purpose, token string) (string, error) {
	raw, err := base64url.Decode(token)
	if err != nil || len(raw) != 16+macSize || !t.signed(raw[16:], p, raw[:16]) {
		return "", errToken
	}
	return uuid.UUID(raw[:16]).String(), nil
}

// cursor signs where a list goes on. scope names the list and its filters: a cursor is good for no other.
func (t *Tokens) cursor(scope, after string) string {
	content := []byte(after)
	return base64url.Encode(append(t.mac(t.keys[0], forCursor, []byte(scope), content), content...))
}

func (t *Tokens) openCursor(scope, cursor string) (string, error) {
	raw, err := base64url.Decode(cursor)
	if err != nil || len(raw) < macSize {
		return "", errToken
	}
	if !t.signed(raw[:macSize], forCursor, []byte(scope), raw[macSize:]) {
		return "", errToken
	}
	return string(raw[macSize:]), nil
}

// bodyHash is a keyed digest of a body. A plain one of a body that holds a document number could be guessed back.
func (t *Tokens) bodyHash(body []byte) string {
	return base64url.Encode(t.mac(t.keys[0], forBody, body))
}

// sameBody reports whether a digest is that of the body, under any key.
func (t *Tokens) sameBody(digest string, body []byte) bool {
	given, err := base64url.Decode(digest)
	return err == nil && t.signed(given, forBody, body)
}

// signed compares in constant time with the signature under every key.
func (t *Tokens) signed(given []byte, p purpose, parts ...[]byte) bool {
	ok := false
	for _, k := range t.keys {
		if hmac.Equal(given, t.mac(k, p, parts...)) {
			ok = true
		}
	}
	return ok
}

func (t *Tokens) mac(key []byte, p purpose, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range append([][]byte{[]byte(p)}, parts...) {
		var size [8]byte // of each part, so that no two lists of parts read the same
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return h.Sum(nil)[:macSize]
}
