package alipaysim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"sort"
	"strings"
)

// signingString is what a call's sign covers: every parameter but sign that has
// a value, sorted, raw.
func signingString(form url.Values) string {
	pairs := make([]string, 0, len(form))
	for name, values := range form {
		if value := values[0]; name != "sign" && value != "" {
			pairs = append(pairs, name+"\x00"+value)
		}
	}
	// NUL sorts before any other byte, so that a name sorts before its extensions.
	sort.Strings(pairs)
	return strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
}

func signatureOK(key *rsa.PublicKey, content, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(content))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
}

func (s *Simulator) signature(content []byte) string {
	sum := sha256.Sum256(content)
	raw, err := rsa.SignPKCS1v15(rand.Reader, s.cfg.GatewayKey, crypto.SHA256, sum[:])
	if err != nil {
		return "" // a key too small for SHA-256: the adapter then sees an unsigned answer
	}
	return base64.StdEncoding.EncodeToString(raw)
}
