package notify_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
)

// BenchmarkSweep fans out and delivers the announcements of a sweep to a receiver that answers at once: what it costs us.
func BenchmarkSweep(b *testing.B) {
	const accounts = 2000
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		for i := range accounts {
			w.account(fmt.Sprint("a", i))
			w.prompts(fmt.Sprint("a", i), 1)
		}
		w.create("w1", "http://127.0.0.1:1/")
		d := w.dispatcher(func(c *notify.DispatcherConfig) { c.Client = handled{&receiver{}} })
		b.StartTimer()
		w.drain(d)
		b.StopTimer()
		backlog, err := w.store.Backlog(b.Context())
		require.NoError(b, err)
		require.Equal(b, store.Backlog{}, backlog)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*accounts)/b.Elapsed().Seconds(), "messages/s")
}
