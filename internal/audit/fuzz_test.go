package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/store"
)

// FuzzReadCheckpoint: a kept file is a checkpoint or it is not, and none that nobody signed is believed.
func FuzzReadCheckpoint(f *testing.F) {
	for _, seed := range []string{
		`{"number":1,"at":"2020-12-01T00:00:00Z","hash":"00","digest":"00","key_id":"k1","signature":"AA"}`, `{"number":1}`, `{"number":1e3}`,
		`{"number":9223372036854775807,"entries":-1}`, `{"number":1,"at":"0000-01-01T00:00:00Z"}`, `null`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := audit.ReadCheckpoint(text)
		if err != nil {
			require.ErrorIs(t, err, audit.ErrCheckpoint)
			require.Zero(t, c)
			return
		}
		require.Positive(t, c.Number)
		require.False(t, audit.Kept(seals("k1"), []store.Checkpoint{c}).Intact())
		require.NotPanics(t, func() { audit.Kept(anything{}, []store.Checkpoint{c, c}) })
	})
}
