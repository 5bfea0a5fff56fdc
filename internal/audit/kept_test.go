package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/audit"
	"github.com/verigate/verigate/internal/store"
)

// anything is a verifier that believes everything: what is left is whether checkpoints fit each other.
type anything struct{}

func (anything) Sealed(string, []byte, []byte) bool { return true }

func TestKeptCheckpointsFitEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anna", 3, 2)
	first := w.checkpoint()
	w.acts("anna", 1)
	second := w.checkpoint()
	w.prompt("anna-0001")
	third := w.checkpoint()
	kept := []store.Checkpoint{third, second, first, second}
	got := audit.Kept(seals("k1"), kept)
	require.True(t, got.Intact(), "%v", got.Faults)
	require.Equal(t, 4, got.Checkpoints)
	require.EqualValues(t, 3, got.Newest.Number)
	require.Equal(t, 4, audit.Kept(seals("k2"), kept).Count, "of another key")

	for name, change := range map[string]func(*store.Checkpoint){
		"another one of the number": func(c *store.Checkpoint) { c.Number = 2 },
		"earlier":                   func(c *store.Checkpoint) { c.At = first.At.Add(-time.Second) },
		"fewer entries":             func(c *store.Checkpoint) { c.Entries = 2 },
		"fewer entries of accounts": func(c *store.Checkpoint) { c.Position-- },
		"the same entries, another": func(c *store.Checkpoint) { c.Entries, c.Hash = second.Entries, first.Hash },
		"the same position, others": func(c *store.Checkpoint) { c.Position = second.Position },
	} {
		forged := third
		change(&forged)
		got := audit.Kept(anything{}, []store.Checkpoint{first, second, forged})
		require.Equal(t, 1, got.Count, name)
		require.Equal(t, store.FaultRewritten, got.Faults[0].Kind, name)
	}
}

func TestReadCheckpointTakesNothingElse(t *testing.T) {
	t.Parallel()
	const good = `{"number":1,"at":"2020-12-01T00:00:00Z","hash":"00","digest":"00","key_id":"k1","signature":"AA"}`
	_, err := audit.ReadCheckpoint([]byte(good))
	require.NoError(t, err)
	for _, text := range []string{
		``, `{}`, `{"number":0}`, `{"number":1,"hash":"x"}`, `{"number":1,"digest":"0"}`, `{"number":1,"signature":"="}`, `{"number":1,"at":"today"}`,
	} {
		_, err := audit.ReadCheckpoint([]byte(text))
		require.ErrorIs(t, err, audit.ErrCheckpoint, text)
	}
}
