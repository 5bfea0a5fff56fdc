package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

func testCampaigns(t *testing.T, h *harness) {
	ctx := t.Context()
	for n := range 4 {
		id := fmt.Sprintf("a%d", n)
		h.register(t, id)
		h.append(t, id, "prompt", change(lifecycle.Prompt, 1))
		h.append(t, id, "remind", remind(2, "p", "P7D"))
		h.append(t, id, "submit", submit(3, "digest"))
		h.append(t, id, "again", change(lifecycle.Prompt, 4))
	}
	entries := func(after, last string, events ...lifecycle.Event) (seen []string) {
		require.NoError(t, h.EntriesBetween(ctx, after, last, events, func(e store.Entry) error {
			require.False(t, e.RecordedAt.IsZero())
			seen = append(seen, fmt.Sprint(e.AccountID, e.Seq, e.Event))
			return nil
		}))
		return seen
	}
	require.Empty(t, entries("", "a3"), "no event is asked for")
	require.Empty(t, entries("", ""), "up to nothing is nobody")
	require.Equal(t, []string{"a11prompt", "a14prompt", "a21prompt", "a24prompt"}, entries("a0", "a2", lifecycle.Prompt))
	require.Equal(t, []string{"a02remind", "a03submit"}, entries("", "a0", lifecycle.Submit, lifecycle.Remind))

	var notices []string
	require.NoError(t, h.NoticesBetween(ctx, "a0", "a2", func(n store.Notice) error {
		notices = append(notices, fmt.Sprint(n.AccountID, n.Seq, n.State))
		return nil
	}))
	require.Equal(t, []string{"a12pending", "a22pending"}, notices)

	stop := errors.New("stop")
	times := 0
	count := func() error { times++; return stop }
	require.ErrorIs(t, h.EntriesBetween(ctx, "", "a3", []lifecycle.Event{lifecycle.Prompt}, func(store.Entry) error { return count() }), stop)
	require.ErrorIs(t, h.NoticesBetween(ctx, "", "a3", func(store.Notice) error { return count() }), stop)
	require.Equal(t, 2, times, "an error ends the reading")
}
