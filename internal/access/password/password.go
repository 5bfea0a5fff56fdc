// Package password keeps passwords as argon2id hashes in PHC form ($argon2id$v=19$m=…,t=…,p=…$salt$hash), which name
// the parameters that they were made with: a hash of older parameters still verifies and is known to be due for
// another.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Parameters are what a hash costs.
type Parameters struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// Standard is the first choice of OWASP's Password Storage Cheat Sheet with the least memory that still resists well:
// 19 MiB, two passes, one thread (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
func Standard() Parameters { return Parameters{Memory: 19 << 10, Passes: 2, Threads: 1} }

const (
	saltBytes = 16
	hashBytes = 32

	// Shortest and Longest bound a password, in characters. Length is what counts; no kinds of characters are asked for
	// (NIST SP 800-63B, 3.1.1.2).
	Shortest = 12
	Longest  = 256

	// atOnce bounds the hashes that are computed at the same time, and with them the memory.
	atOnce = 4
	// mostMemory and mostPasses bound what a stored hash may ask for.
	mostMemory = 1 << 20
	mostPasses = 16
)

// ErrMalformed means that a stored hash cannot be read.
var ErrMalformed = errors.New("password: the hash is not in PHC form for argon2id")

// Hasher makes and compares hashes, a few at a time.
type Hasher struct {
	parameters Parameters
	places     chan struct{}
	dummy      string
}

// NewHasher returns a hasher that makes hashes of these parameters.
func NewHasher(p Parameters) *Hasher {
	h := &Hasher{parameters: p, places: make(chan struct{}, atOnce)}
	h.dummy = encode(p, make([]byte, saltBytes), make([]byte, hashBytes))
	return h
}

// Check says what is wrong with a new password, nil if nothing is.
func Check(password string) error {
	switch n := utf8.RuneCountInString(norm.NFC.String(password)); {
	case !utf8.ValidString(password):
		return errors.New("must be text")
	case n < Shortest:
		return fmt.Errorf("must have at least %d characters", Shortest)
	case n > Longest:
		return fmt.Errorf("must have at most %d characters", Longest)
	}
	return nil
}

// New draws a password that nobody has to think of: 130 random bits in five groups that can be read out.
func New() string {
	text := strings.ToLower(rand.Text())
	return text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20] + "-" + text[20:]
}

// Hash returns the hash of a password. It waits for its turn as long as the context allows.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	sum, err := h.compute(ctx, password, salt, h.parameters, hashBytes)
	if err != nil {
		return "", err
	}
	return encode(h.parameters, salt, sum), nil
}

// Verify reports whether a password belongs to a hash, and whether the hash was made with other parameters than now.
// An empty hash takes the time of one and never fits: whoever is not known takes as long as whoever is.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (fits, stale bool, err error) {
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	p, salt, want, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	got, err := h.compute(ctx, password, salt, p, len(want))
	if err != nil {
		return false, false, err
	}
	fits = subtle.ConstantTimeCompare(got, want) == 1 && known
	return fits, fits && (p != h.parameters || len(want) != hashBytes || len(salt) != saltBytes), nil
}

func (h *Hasher) compute(ctx context.Context, password string, salt []byte, p Parameters, size int) ([]byte, error) {
	if len(password) > 4*Longest {
		password = "" // longer than any that was ever taken: like the empty one it fits nothing
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	case <-ctx.Done():
		return nil, fmt.Errorf("password: %w", ctx.Err())
	}
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, p.Passes, p.Memory, p.Threads, uint32(size)), nil //nolint:gosec // sizes are bounded by decode
}

func encode(p Parameters, salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Passes, p.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

func decode(hash string) (p Parameters, salt, sum []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, ErrMalformed
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Passes, &p.Threads); err != nil || n != 3 {
		return p, nil, nil, ErrMalformed
	}
	salt, failed := base64.RawStdEncoding.DecodeString(parts[4])
	sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	if failed != nil || err != nil || len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 ||
		p.Memory < 8*uint32(p.Threads) || p.Memory > mostMemory || p.Passes < 1 || p.Passes > mostPasses || p.Threads < 1 {
		return p, nil, nil, ErrMalformed
	}
	return p, salt, sum, nil
}
