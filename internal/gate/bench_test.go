package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/policy"
)

// BenchmarkDecide compares a decision with the read that it cannot do without; run it with both for the ratio.
func BenchmarkDecide(b *testing.B) {
	for name, open := range map[string]opener{"SQLite": sqlstoretest.Open, "PostgreSQL": sqlstoretest.OpenPostgres} {
		b.Run(name, func(b *testing.B) { decide(b, newFixtureOn(b, open, "2020-12-03 00:00:00")) })
	}
}

func decide(b *testing.B, f *fixture) {
	b.Helper()
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	b.Run("bare read", func(b *testing.B) {
		for b.Loop() {
			_, err := f.store.Facts(b.Context(), "a1")
			require.NoError(b, err)
		}
	})
	b.Run("allowed", func(b *testing.B) {
		for b.Loop() {
			a, err := f.gate.Decide(b.Context(), "a1", "create_label")
			require.NoError(b, err)
			require.Equal(b, policy.Allow, a.Effect)
		}
	})
	b.Run("blocked again", func(b *testing.B) {
		f.clock.Set(beijing(b, "2020-12-05 00:00:00"))
		for b.Loop() {
			_, err := f.gate.Decide(b.Context(), "a1", "create_label")
			require.NoError(b, err)
		}
	})
}
