package password_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/access/password"
)

// cheap are parameters for tests that do not speak of the cost.
func cheap() password.Parameters { return password.Parameters{Memory: 64, Passes: 1, Threads: 1} }

func TestStandardParametersAreStored(t *testing.T) {
	t.Parallel()
	hash, err := password.NewHasher(password.Standard()).Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), hash)
	require.NotContains(t, hash, "correct")
}

func TestVerify(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(cheap())
	hash, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	other, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.NotEqual(t, hash, other, "every hash has a salt of its own")
	for _, tc := range []struct {
		hash, given string
		fits        bool
	}{
		{hash, "correct horse battery", true}, {hash, "correct horse batterz", false}, {hash, "", false},
		{"", "correct horse battery", false}, {"", "", false},
	} {
		fits, stale, err := h.Verify(t.Context(), tc.hash, tc.given)
		require.NoError(t, err)
		require.Equal(t, tc.fits, fits, tc.given)
		require.False(t, stale)
	}
	newer := password.NewHasher(password.Parameters{Memory: 128, Passes: 1, Threads: 1})
	fits, stale, err := newer.Verify(t.Context(), hash, "correct horse battery")
	require.NoError(t, err)
	require.True(t, fits && stale, "a hash of older parameters verifies, and is due for another")
	_, stale, err = newer.Verify(t.Context(), hash, "another one entirely")
	require.NoError(t, err)
	require.False(t, stale)
}

// TestAccentsAsTyped: the same text in another Unicode form is the same password.
func TestAccentsAsTyped(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(cheap())
	hash, err := h.Hash(t.Context(), "caf\u00e9 au lait, noir")
	require.NoError(t, err)
	fits, _, err := h.Verify(t.Context(), hash, "cafe\u0301 au lait, noir")
	require.NoError(t, err)
	require.True(t, fits)
}

func TestMalformedHashesAreRefused(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(cheap())
	good, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	for _, hash := range []string{
		"x", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4194304", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1),
		good[:len(good)-30], strings.Replace(good, "t=1", "t=99", 1),
	} {
		_, _, err := h.Verify(t.Context(), hash, "correct horse battery")
		require.ErrorIs(t, err, password.ErrMalformed, hash)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for given, ok := range map[string]bool{
		strings.Repeat("a", 11): false, strings.Repeat("a", 12): true, strings.Repeat("长", 12): true,
		strings.Repeat("a", 256): true, strings.Repeat("a", 257): false, strings.Repeat("a", 12) + "\xff": false,
	} {
		require.Equal(t, ok, password.Check(given) == nil, given)
	}
	for range 50 {
		require.NoError(t, password.Check(password.New()))
	}
	one, other := password.New(), password.New()
	require.Regexp(t, `^([a-z2-7]{5}-){4}[a-z2-7]{6}$`, one, "26 characters of 5 bits")
	require.NotEqual(t, one, other)
}

func TestAHashWaitsForItsTurnNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := password.NewHasher(cheap()).Hash(ctx, "correct horse battery")
	require.ErrorIs(t, err, context.Canceled)
}
