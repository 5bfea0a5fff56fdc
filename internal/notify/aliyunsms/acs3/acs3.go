// Package acs3 signs requests to Alibaba Cloud's RPC gateways by version 3 of its scheme, ACS3-HMAC-SHA256, and checks
// such signatures, for a stand-in of a gateway.
package acs3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Scheme begins the Authorization header.
const Scheme = "ACS3-HMAC-SHA256"

// tolerance is how far a request's date may be from the gateway's clock.
const tolerance = 15 * time.Minute

// ErrSignature means that a request is not signed by the holder of the key, or not for now.
var ErrSignature = errors.New("acs3: signature does not match")

// Request is one call of an operation that has no body: its parameters stand in the query.
type Request struct {
	Host, Action, Version string
	Query                 url.Values
	At                    time.Time
	Nonce                 string // never used twice
}

// Header returns the headers of a signed POST to the root path. Host is set by whoever sends it.
func (r Request) Header(keyID, secret string) http.Header {
	h := http.Header{}
	for name, value := range r.signed() {
		if name != "host" {
			h.Set(name, value)
		}
	}
	names := signedNames()
	h.Set("Authorization", Scheme+" Credential="+keyID+",SignedHeaders="+strings.Join(names, ";")+",Signature="+
		Sign(secret, canonical(http.MethodPost, r.Query, r.signed(), names)))
	return h
}

func signedNames() []string {
	return []string{"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
}

func (r Request) signed() map[string]string {
	empty := sha256.Sum256(nil)
	return map[string]string{
		"host": r.Host, "x-acs-action": r.Action, "x-acs-version": r.Version, "x-acs-signature-nonce": r.Nonce,
		"x-acs-date": r.At.UTC().Format(time.RFC3339), "x-acs-content-sha256": hex.EncodeToString(empty[:]),
	}
}

func canonical(method string, query url.Values, headers map[string]string, names []string) string {
	var b strings.Builder
	b.WriteString(method + "\n/\n" + Encode(query) + "\n")
	for _, name := range names {
		b.WriteString(name + ":" + strings.TrimSpace(headers[name]) + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + headers["x-acs-content-sha256"])
	return b.String()
}

// Encode writes a query sorted and escaped as RFC 3986 has it, which is what is signed and what must be sent.
func Encode(query url.Values) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(query.Encode())
}

// Sign signs a canonical request.
func Sign(secret, canonicalRequest string) string {
	digest := sha256.Sum256([]byte(canonicalRequest))
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(Scheme + "\n" + hex.EncodeToString(digest[:]))) // never fails
	return hex.EncodeToString(mac.Sum(nil))
}

// Verify checks a request as the gateway does. It returns ErrSignature, or nil with the id of the key and the nonce,
// which the caller must not have seen before.
func Verify(r *http.Request, secretOf func(keyID string) string, now time.Time) (keyID, nonce string, err error) {
	fields := map[string]string{}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(part, "=")
		fields[strings.TrimSpace(name)] = value
	}
	names := strings.Split(fields["SignedHeaders"], ";")
	headers := map[string]string{}
	for _, name := range names {
		headers[name] = r.Header.Get(name)
	}
	headers["host"] = r.Host
	for _, needed := range signedNames() {
		if !slices.Contains(names, needed) {
			return "", "", ErrSignature
		}
	}
	at, err := time.Parse(time.RFC3339, headers["x-acs-date"])
	empty := sha256.Sum256(nil)
	secret := secretOf(fields["Credential"])
	switch {
	case scheme != Scheme, err != nil, secret == "", headers["x-acs-signature-nonce"] == "",
		headers["x-acs-content-sha256"] != hex.EncodeToString(empty[:]),
		at.Before(now.Add(-tolerance)), at.After(now.Add(tolerance)):
		return "", "", ErrSignature
	}
	want := Sign(secret, canonical(r.Method, r.URL.Query(), headers, names))
	if !hmac.Equal([]byte(want), []byte(fields["Signature"])) {
		return "", "", ErrSignature
	}
	return fields["Credential"], headers["x-acs-signature-nonce"], nil
}
