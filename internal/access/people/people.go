// Package people makes and checks what is kept of persons who sign in.
package people

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/verigate/verigate/internal/store"
)

// LongestName bounds a name, in characters.
const LongestName = 64

var loginPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

// Login is a login name as it is kept: without spaces around it, in lower case.
func Login(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// CheckLogin says what is wrong with a login name as it is kept, nil if nothing is.
func CheckLogin(login string) error {
	if !loginPattern.MatchString(login) {
		return errors.New("must be 1 to 64 characters of a-z 0-9 . _ @ + - and begin with a letter or digit")
	}
	return nil
}

// CheckName says what is wrong with a name to be greeted with, nil if nothing is.
func CheckName(name string) error {
	n := utf8.RuneCountInString(name)
	if n < 1 || n > LongestName || !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("must be 1 to %d characters without spaces around them", LongestName)
	}
	return nil
}

// New returns somebody who signs in by login name and password, of which the hash is given.
func New(login, name, role, hash, by string, at time.Time) store.Operator {
	return store.Operator{ID: NewID(), Login: login, Name: name, Role: role, Password: hash, CreatedAt: at, CreatedBy: by, ChangedAt: at}
}

// NewID draws the id of an operator.
func NewID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return "op_" + hex.EncodeToString(b[:])
}

// IDOf is the id of an operator that a command adds: always the same for the same command.
func IDOf(command string) string {
	sum := sha256.Sum256([]byte("operator/" + command))
	return "op_" + hex.EncodeToString(sum[:8])
}
