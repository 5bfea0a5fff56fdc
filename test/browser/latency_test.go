package browser

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkPassToSuccess measures from the press on the simulated phone's "pass" until the merchant's page has become
// the success page, as an observer outside both sees it. How often the provider is asked is the floor: see
// docs/alipay.md. "make latency" runs it 200 times.
func BenchmarkPassToSuccess(b *testing.B) {
	s := newStage(b)
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		account, page := s.showQR(b, computer("en"))
		hand := s.scan(b, page.scanLink(), "en")
		hand.agree()
		page.awaitElement(".state.scanned")
		b.StartTimer()
		begun := time.Now()
		hand.finish("pass")
		page.awaitPath("/m/done")
		took = append(took, time.Since(begun))
		b.StopTimer()
		account.await("verified")
		page.close()
		hand.close()
		b.StartTimer()
	}
	slices.Sort(took)
	at := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))].Milliseconds()) }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(0, "ns/op") // the mean says nothing here
}
