package alipay

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
)

// stringToSign joins all parameters but sign whose value is not empty as k=v
// with "&", ordered by the bytes of the key, values not URL-encoded. sign_type
// takes part (it does not in notifications, which this product has none of).
func stringToSign(params map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(params)) {
		if key == "sign" || params[key] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(key + "=" + params[key])
	}
	return b.String()
}

// sign is RSA2: RSASSA-PKCS1-v1_5 over SHA-256, base64.
func sign(key *rsa.PrivateKey, content string) (string, error) {
	sum := sha256.Sum256([]byte(content))
	// No randomness: since Go 1.20 it is ignored for PKCS #1 v1.5.
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", errors.New("alipay: signing failed")
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

// verify returns the bytes that the signature covers: content as received or,
// as the official Java SDK tries when that fails, with `\/` unescaped to "/".
func verify(key *rsa.PublicKey, content []byte, signature string) ([]byte, bool) {
	sig, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return nil, false
	}
	unescaped := bytes.ReplaceAll(content, []byte(`\/`), []byte(`/`))
	for _, candidate := range [][]byte{content, unescaped} {
		sum := sha256.Sum256(candidate)
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil {
			return candidate, true
		}
	}
	return nil, false
}
