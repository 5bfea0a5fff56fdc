package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret is a value that is never shown. In a file it is written as where to find it: file:PATH or env:NAME.
type Secret struct{ value string }

// NewSecret returns a secret with that value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value.
func (s Secret) Reveal() string { return s.value }

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != "" }

func (s Secret) shown() string {
	if s.IsSet() {
		return "[secret]"
	}
	return ""
}

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.shown()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML honour.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

// KeyBytes is the least length of a signing key.
const KeyBytes = 32

var errKeyLine = errors.New("each line must be a key: base64 of 32 bytes or more (receipt keys: id:base64)")

// Key is one signing key of a list.
type Key struct {
	ID     string // empty where keys have none
	Secret []byte
}

// Keys reads a list of keys, one a line. With ids each line is id:base64, else base64. It quotes nothing of the list.
func (s Secret) Keys(ids bool) ([]Key, error) {
	var keys []Key
	for line := range strings.Lines(s.value) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var k Key
		if ids {
			var found bool
			if k.ID, line, found = strings.Cut(line, ":"); !found || k.ID == "" {
				return nil, errKeyLine
			}
		}
		var err error
		if k.Secret, err = base64.StdEncoding.DecodeString(line); err != nil || len(k.Secret) < KeyBytes {
			return nil, errKeyLine
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("must hold at least one key")
	}
	return keys, nil
}
