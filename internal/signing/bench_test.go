package signing_test

import "testing"

// BenchmarkReceipt compares what receipts cost; docs/benchmarks.md has the ratio.
func BenchmarkReceipt(b *testing.B) {
	r := ring(b, first)
	content := make([]byte, 250)
	b.Run("quick", func(b *testing.B) {
		for b.Loop() {
			r.SignQuickly(content)
		}
	})
	b.Run("public", func(b *testing.B) {
		for b.Loop() {
			r.Sign(content)
		}
	})
	receipt := r.Sign(content)
	b.Run("open public", func(b *testing.B) {
		for b.Loop() {
			_, _, _ = r.Open(receipt)
		}
	})
}
