package gate_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/workflows/policy"
)

func TestReceiptSaysTheDecision(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	a := f.decide("create_label")
	said, err := f.gate.VerifyReceipt(a.Receipt)
	require.NoError(t, err)
	require.Equal(t, "a1", said.AccountID)
	require.Equal(t, policy.Block, said.Effect)
	require.Equal(t, "existing-individuals", said.RuleID)
	require.Equal(t, 1, said.PolicyVersion)
	require.True(t, a.At.Equal(said.At))
}

func TestReceiptCannotBeAltered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	receipt := f.decide("create_label").Receipt
	for i := range receipt {
		replacement := byte('A')
		if receipt[i] == 'A' {
			replacement = 'B'
		}
		altered := receipt[:i] + string(replacement) + receipt[i+1:]
		_, err := f.gate.VerifyReceipt(altered)
		require.ErrorIs(t, err, gate.ErrReceipt, "byte %d", i)
	}
	for name, text := range map[string]string{
		"empty": "", "dots": "..", "unsigned": receipt[:strings.LastIndexByte(receipt, '.')], "long": strings.Repeat("a", 5000),
		"doubled": receipt + "." + receipt, "padded": receipt + "=",
	} {
		_, err := f.gate.VerifyReceipt(text)
		require.ErrorIs(t, err, gate.ErrReceipt, name)
	}
}

func TestReceiptKeysRotate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "2020-12-05 00:00:00")
	f.founding("2020-10-01 00:00:00")
	f.account("a1")
	old := f.decide("create_label").Receipt
	open := func(keys ...gate.Key) *gate.Gate {
		g, err := gate.New(gate.Config{Store: f.store, Now: f.clock.Now, Logger: slog.New(slog.DiscardHandler), FlushEvery: time.Hour, ReceiptKeys: keys})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, g.Close(context.WithoutCancel(t.Context()))) })
		return g
	}
	second := gate.Key{ID: "k2", Secret: []byte(strings.Repeat("2", 32))}
	rotated := open(second, gate.Key{ID: "k1", Secret: make([]byte, 32)})
	_, err := rotated.VerifyReceipt(old)
	require.NoError(t, err)
	_, err = open(second).VerifyReceipt(old)
	require.ErrorIs(t, err, gate.ErrReceipt)
	impostor := gate.Key{ID: "k1", Secret: []byte(strings.Repeat("3", 32))}
	_, err = open(impostor).VerifyReceipt(old)
	require.ErrorIs(t, err, gate.ErrReceipt)
}
