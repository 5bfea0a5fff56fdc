package lifecycle_test

import (
	"context"
	"testing"

	"github.com/looplab/fsm"
	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

// BenchmarkNext holds a look at the table against a fresh machine for each answer.
func BenchmarkNext(b *testing.B) {
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			if to, _ := lifecycle.Next(lifecycle.Approved, lifecycle.IssueQR); to != lifecycle.QRIssued {
				b.Fatal(to)
			}
		}
	})
	b.Run("machine", func(b *testing.B) {
		for b.Loop() {
			var events fsm.Events
			for _, t := range lifecycle.Transitions() {
				src := make([]string, len(t.From))
				for i, s := range t.From {
					src[i] = string(s)
				}
				events = append(events, fsm.EventDesc{Name: string(t.Event), Src: src, Dst: string(t.To)})
			}
			machine := fsm.NewFSM(string(lifecycle.Approved), events, nil)
			require.NoError(b, machine.Event(context.Background(), string(lifecycle.IssueQR)))
		}
	})
}
