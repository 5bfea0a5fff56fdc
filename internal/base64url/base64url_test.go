package base64url_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/base64url"
)

// FuzzDecode: what is read is what would be written.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "AA", "AB", "AAA", "AAB", "AAAA", "A", "A-_A", "AA==", "A\nA", "AA\n", "\r", "AA ", "A+/A", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data, err := base64url.Decode(text)
		if err == nil {
			require.Equal(t, text, base64url.Encode(data))
		}
		back, err := base64url.Decode(base64url.Encode([]byte(text)))
		require.NoError(t, err)
		require.Equal(t, text, string(back))
	})
}
