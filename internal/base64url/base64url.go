// Package base64url reads the URL form of base64 without padding (RFC 4648, section 5) in one spelling only.
//
// Go's decoder passes over line breaks, in its strict form too, so one token would have many texts: a list of those that
// were used would not know them all.
package base64url

import (
	"encoding/base64"
	"strings"
)

// Encode writes data.
func Encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// Decode is the inverse of Encode; base64.CorruptInputError, with the place, for anything that Encode did not write.
func Decode(text string) ([]byte, error) {
	if at := strings.IndexAny(text, "\r\n"); at >= 0 {
		return nil, base64.CorruptInputError(at)
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}
