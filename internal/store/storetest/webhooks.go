package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// mostWebhooks may be enabled in these tests.
const mostWebhooks = 2

func webhook(id string, types ...string) store.Webhook {
	return store.Webhook{ID: id, URL: "https://shop.example/" + id, Description: "of " + id, Types: types, CreatedAt: at(1), CreatedBy: "key-1"}
}

func secret(id string, minute int) store.WebhookSecret {
	return store.WebhookSecret{ID: id, Sealed: []byte("sealed " + id), CreatedAt: at(minute)}
}

func (h *harness) webhook(t *testing.T, id string, types ...string) store.Webhook {
	t.Helper()
	w, err := h.PutWebhook(t.Context(), webhook(id, types...), secret("s-"+id, 1), mostWebhooks)
	require.NoError(t, err)
	return w
}

// announce tells of everything but what was ignored.
func announce(c lifecycle.Change) (store.Announcement, bool) {
	return store.Announcement{MessageID: fmt.Sprintf("msg-%s-%d", c.AccountID, c.Seq), Type: "verification." + string(c.Event)}, !c.Ignored
}

func (h *harness) fanOut(t *testing.T, minute int) int {
	t.Helper()
	n, err := h.FanOut(t.Context(), announce, at(minute), 100)
	require.NoError(t, err)
	return n
}

// claim takes everything that is due at a minute, for a minute.
func (h *harness) claim(t *testing.T, webhookID, token string, minute int) []store.Claimed {
	t.Helper()
	got, err := h.ClaimDeliveries(t.Context(), store.Claim{WebhookID: webhookID, Token: token, Now: at(minute), Until: at(minute + 1), Limit: 100})
	require.NoError(t, err)
	return got
}

func messages(claimed []store.Claimed) []string {
	ids := []string{}
	for _, c := range claimed {
		ids = append(ids, c.MessageID)
	}
	return ids
}

func (h *harness) record(t *testing.T, results ...store.DeliveryResult) {
	t.Helper()
	require.NoError(t, h.RecordDeliveries(t.Context(), results, nil))
}

func delivered(c store.Claimed, token string, minute int) store.DeliveryResult {
	return store.DeliveryResult{ID: c.ID, Token: token, State: store.DeliveryDelivered, Counted: true, At: at(minute), Status: 200}
}

func retried(c store.Claimed, token string, minute, due int) store.DeliveryResult {
	return store.DeliveryResult{ID: c.ID, Token: token, State: store.DeliveryPending, Counted: true, At: at(minute), DueAt: at(due), Status: 503, Fault: "status"}
}

func (h *harness) deliveries(t *testing.T, webhookID string, state store.DeliveryState) []store.Delivery {
	t.Helper()
	page, err := h.Deliveries(t.Context(), store.DeliveryFilter{WebhookID: webhookID, State: state, Limit: 500})
	require.NoError(t, err)
	return page
}

func testWebhooks(t *testing.T, h *harness) {
	ctx := t.Context()
	_, err := h.Webhook(ctx, "w1")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = h.PutWebhook(ctx, store.Webhook{ID: "w1"}, secret("s", 1), mostWebhooks)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = h.PutWebhook(ctx, webhook("w1"), store.WebhookSecret{ID: "s"}, mostWebhooks)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = h.Webhook(ctx, "w1")
	require.ErrorIs(t, err, store.ErrNotFound, "a webhook without a secret is not written")

	want := webhook("w1", "verification.pass")
	want.State, want.ChangedAt = store.WebhookEnabled, at(1)
	same(t, want, h.webhook(t, "w1", "verification.pass"))
	changed := webhook("w1")
	changed.URL = "https://elsewhere.example"
	again, err := h.PutWebhook(ctx, changed, secret("other", 2), mostWebhooks)
	require.NoError(t, err)
	same(t, want, again)
	h.webhook(t, "w2")
	_, err = h.PutWebhook(ctx, webhook("w3"), secret("s3", 1), mostWebhooks)
	require.ErrorIs(t, err, store.ErrConflict, "one too many")
	all, err := h.AllWebhooks(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)

	words, types, off, on := "new words", []string{"a", "b"}, store.WebhookDisabled, store.WebhookEnabled
	require.NoError(t, h.RecordDeliveries(ctx, nil, []store.WebhookOutcome{{WebhookID: "w1", At: at(3),
		Health: store.WebhookHealth{FailingSince: at(2), LastFailureAt: at(3), PausedUntil: at(4)}}}))
	got, err := h.ChangeWebhook(ctx, "w1", store.WebhookChange{Description: &words, Types: &types, At: at(5)}, mostWebhooks)
	require.NoError(t, err)
	want.Description, want.Types = words, types
	want.Health = store.WebhookHealth{FailingSince: at(2), LastFailureAt: at(3), PausedUntil: at(4)}
	same(t, want, got)
	got, err = h.ChangeWebhook(ctx, "w1", store.WebhookChange{State: &off, Reason: "operator", At: at(6)}, mostWebhooks)
	require.NoError(t, err)
	want.State, want.Reason, want.ChangedAt, want.Health = off, "operator", at(6), store.WebhookHealth{}
	same(t, want, got)
	h.webhook(t, "w3")
	_, err = h.ChangeWebhook(ctx, "w1", store.WebhookChange{State: &on, At: at(7)}, mostWebhooks)
	require.ErrorIs(t, err, store.ErrConflict)
	got, err = h.again().Webhook(ctx, "w1")
	require.NoError(t, err)
	same(t, want, got)
	_, err = h.ChangeWebhook(ctx, "w9", store.WebhookChange{}, mostWebhooks)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testWebhookSecrets(t *testing.T, h *harness) {
	ctx := t.Context()
	h.webhook(t, "w1")
	ids := func(minute int) []string {
		all, err := h.WebhookSecrets(ctx, "w1", at(minute))
		require.NoError(t, err)
		var ids []string
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		return ids
	}
	require.Equal(t, []string{"s-w1"}, ids(1))
	require.NoError(t, h.RotateWebhookSecret(ctx, "w1", secret("s2", 2), at(10)))
	require.NoError(t, h.RotateWebhookSecret(ctx, "w1", secret("s2", 3), at(3)), "the same again")
	require.Equal(t, []string{"s2", "s-w1"}, ids(9))
	require.Equal(t, []string{"s2"}, ids(10), "at that very instant the old one has ended")
	require.NoError(t, h.RotateWebhookSecret(ctx, "w1", secret("s3", 4), at(20)))
	require.Equal(t, []string{"s3", "s2", "s-w1"}, ids(9), "a second rotation lengthens nothing")
	require.Equal(t, []string{"s3", "s2"}, ids(10))
	require.NoError(t, h.RotateWebhookSecret(ctx, "w1", secret("s4", 5), at(5)))
	require.Equal(t, []string{"s4"}, ids(5), "without an overlap all others end")
	require.ErrorIs(t, h.RotateWebhookSecret(ctx, "w9", secret("s", 1), at(2)), store.ErrNotFound)
	all, err := h.WebhookSecrets(ctx, "w1", at(5))
	require.NoError(t, err)
	same(t, []store.WebhookSecret{secret("s4", 5)}, all)
}

func testFanOut(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	require.Equal(t, 3, h.fanOut(t, 4), "without a webhook the entries are let go")
	h.webhook(t, "w1")
	h.webhook(t, "w2", "verification.pass")
	require.Empty(t, h.deliveries(t, "w1", ""))

	ignored := result(lifecycle.Fail, "a1", 9, 6)
	ignored.Ignored = true
	h.append(t, "a1", "c1", issue("a1", 1, 5), ignored, result(lifecycle.Pass, "a1", 1, 7))
	backlog, err := h.Backlog(ctx)
	require.NoError(t, err)
	require.False(t, backlog.Oldest.IsZero())
	_, err = h.FanOut(ctx, announce, at(8), 0)
	require.ErrorIs(t, err, store.ErrInvalid)
	n, err := h.FanOut(ctx, announce, at(8), 2)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, 1, h.fanOut(t, 9))
	require.Zero(t, h.fanOut(t, 9), "once")

	first := h.deliveries(t, "w1", "")
	require.Len(t, first, 2)
	same(t, store.Delivery{
		ID: first[1].ID, WebhookID: "w1", MessageID: "msg-a1-4", Type: "verification.issue_qr", AccountID: "a1", Seq: 4,
		State: store.DeliveryPending, CreatedAt: at(8), DueAt: at(8),
	}, first[1])
	require.Equal(t, "msg-a1-6", first[0].MessageID)
	require.True(t, first[0].DueAt.IsZero(), "it waits for the one before")
	second := h.deliveries(t, "w2", store.DeliveryPending)
	require.Len(t, second, 1)
	require.Equal(t, "msg-a1-6", second[0].MessageID)
	require.True(t, second[0].DueAt.Equal(at(9)), "of another webhook, it waits for nobody")
	backlog, err = h.Backlog(ctx)
	require.NoError(t, err)
	require.Equal(t, store.Backlog{Pending: 3}, backlog)
}

func testDeliveryOrder(t *testing.T, h *harness) {
	ctx := t.Context()
	h.webhook(t, "w1")
	h.register(t, "a1")
	h.register(t, "a2")
	h.approve(t, "a1", "d1")
	h.append(t, "a2", "c1", submit(1, "d2"))
	h.fanOut(t, 4)

	got := h.claim(t, "w1", "t1", 5)
	require.Equal(t, []string{"msg-a1-1", "msg-a2-1"}, messages(got))
	require.Equal(t, lifecycle.Submit, got[0].Entry.Event)
	require.EqualValues(t, 1, got[0].Entry.Seq)
	h.record(t, retried(got[0], "t1", 5, 8), delivered(got[1], "t1", 5))
	require.Empty(t, h.claim(t, "w1", "t1", 7), "the next of the account waits, too")
	got = h.claim(t, "w1", "t1", 8)
	require.Equal(t, []string{"msg-a1-1"}, messages(got))
	require.Equal(t, 1, got[0].Attempts)
	failed := delivered(got[0], "t1", 8)
	failed.State, failed.Status, failed.Fault = store.DeliveryFailed, 0, "timeout"
	h.record(t, failed)
	got = h.claim(t, "w1", "t1", 8)
	require.Equal(t, []string{"msg-a1-2"}, messages(got), "the one before was given up")
	h.record(t, delivered(got[0], "t1", 8))
	given := h.deliveries(t, "w1", store.DeliveryFailed)
	require.Len(t, given, 1)
	require.Equal(t, 2, given[0].Attempts)
	require.Equal(t, "timeout", given[0].Fault)
	require.True(t, given[0].LastAt.Equal(at(8)))

	// An older message that is queued again goes first, but does not interrupt the one that is under way.
	got = h.claim(t, "w1", "t1", 9)
	require.Equal(t, []string{"msg-a1-3"}, messages(got))
	require.NoError(t, h.Redeliver(ctx, "w1", "a1", 1, announce, at(9)))
	require.Empty(t, h.claim(t, "w1", "t2", 9))
	h.record(t, retried(got[0], "t1", 9, 30))
	got = h.claim(t, "w1", "t2", 9)
	require.Equal(t, []string{"msg-a1-1"}, messages(got))
	h.record(t, delivered(got[0], "t2", 9))
	require.Equal(t, []string{"msg-a1-3"}, messages(h.claim(t, "w1", "t2", 10)))
}

func testClaims(t *testing.T, h *harness) {
	ctx := t.Context()
	h.webhook(t, "w1")
	for i := range 20 {
		id := fmt.Sprintf("a%d", i)
		h.register(t, id)
		h.append(t, id, "c", submit(1, "d"))
	}
	h.fanOut(t, 2)
	for _, bad := range []store.Claim{
		{WebhookID: "w1", Now: at(3), Until: at(4), Limit: 1},
		{WebhookID: "w1", Token: "t", Now: at(3), Until: at(3), Limit: 1},
		{WebhookID: "w1", Token: "t", Now: at(3), Until: at(4)},
	} {
		_, err := h.ClaimDeliveries(ctx, bad)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	require.Empty(t, h.claim(t, "w1", "t", 1), "before they are due")

	// Many claim at once; nobody gets what another has.
	taken := make(chan string, 100)
	var group errgroup.Group
	for i := range 5 {
		group.Go(func() error {
			got, err := h.ClaimDeliveries(ctx, store.Claim{WebhookID: "w1", Token: fmt.Sprint(i), Now: at(3), Until: at(5), Limit: 7})
			for _, c := range got {
				taken <- c.MessageID
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	close(taken)
	seen := map[string]bool{}
	for id := range taken {
		require.False(t, seen[id], id)
		seen[id] = true
	}
	require.Len(t, seen, 20)

	// A claimant that died: its claim ends, and what it says later counts for nothing.
	require.Empty(t, h.claim(t, "w1", "new", 4))
	got := h.claim(t, "w1", "new", 5)
	require.Len(t, got, 20)
	require.Zero(t, got[0].Attempts)
	h.record(t, delivered(got[0], "0", 5), delivered(got[0], "1", 5))
	require.Len(t, h.deliveries(t, "w1", store.DeliveryPending), 20)
	h.record(t, store.DeliveryResult{ID: got[0].ID, Token: "new", State: store.DeliveryPending, At: at(5), DueAt: at(5)})
	again := h.claim(t, "w1", "new", 5)
	require.Equal(t, []string{got[0].MessageID}, messages(again), "given back")
	require.Zero(t, again[0].Attempts, "it was no try")
	for _, bad := range []store.DeliveryResult{
		{ID: 1, State: store.DeliveryDelivered, At: at(5)}, {ID: 1, Token: "t", State: store.DeliveryPending, At: at(5)},
		{ID: 1, Token: "t", State: store.DeliveryDelivered},
	} {
		require.ErrorIs(t, h.RecordDeliveries(ctx, []store.DeliveryResult{bad}, nil), store.ErrInvalid)
	}

	require.NoError(t, h.RecordDeliveries(ctx, []store.DeliveryResult{delivered(again[0], "new", 6)},
		[]store.WebhookOutcome{{WebhookID: "w1", Disable: "gone", At: at(6)}}))
	w, err := h.Webhook(ctx, "w1")
	require.NoError(t, err)
	require.Equal(t, store.WebhookDisabled, w.State)
	require.Equal(t, "gone", w.Reason)
	require.Empty(t, h.claim(t, "w1", "new", 50), "nothing goes to a disabled webhook")
	on := store.WebhookEnabled
	_, err = h.ChangeWebhook(ctx, "w1", store.WebhookChange{State: &on, At: at(7)}, mostWebhooks)
	require.NoError(t, err)
	require.Len(t, h.claim(t, "w1", "new", 50), 19, "but it waits there")
}

func testRedeliver(t *testing.T, h *harness) {
	ctx := t.Context()
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	h.fanOut(t, 4)
	h.webhook(t, "w1")
	require.ErrorIs(t, h.Redeliver(ctx, "w9", "a1", 1, announce, at(5)), store.ErrNotFound)
	require.ErrorIs(t, h.Redeliver(ctx, "w1", "a1", 9, announce, at(5)), store.ErrNotFound)
	require.ErrorIs(t, h.Redeliver(ctx, "w1", "", 0, announce, at(5)), store.ErrNotFound)
	nobody := func(lifecycle.Change) (store.Announcement, bool) { return store.Announcement{}, false }
	require.ErrorIs(t, h.Redeliver(ctx, "w1", "a1", 1, nobody, at(5)), store.ErrNotFound)

	require.NoError(t, h.Redeliver(ctx, "w1", "a1", 2, announce, at(5)), "there was no delivery of it before")
	require.NoError(t, h.Redeliver(ctx, "w1", "a1", 2, announce, at(6)), "twice queues it once")
	got := h.claim(t, "w1", "t", 6)
	require.Equal(t, []string{"msg-a1-2"}, messages(got))
	h.record(t, retried(got[0], "t", 6, 40))
	require.NoError(t, h.Redeliver(ctx, "w1", "a1", 2, announce, at(7)))
	got = h.claim(t, "w1", "t", 7)
	require.Equal(t, []string{"msg-a1-2"}, messages(got), "without its delay")
	require.Zero(t, got[0].Attempts, "and with all its tries")
	h.record(t, delivered(got[0], "t", 7))
	require.NoError(t, h.Redeliver(ctx, "w1", "a1", 2, announce, at(8)))
	page := h.deliveries(t, "w1", "")
	require.Len(t, page, 1)
	require.Equal(t, store.DeliveryPending, page[0].State)
	require.Greater(t, page[0].ID, got[0].ID, "the newest in the list")

	test := store.Announcement{MessageID: "test-1", Type: "webhook.test"}
	require.NoError(t, h.PutTestDelivery(ctx, "w1", test, at(8)))
	require.NoError(t, h.PutTestDelivery(ctx, "w1", test, at(8)), "once")
	require.NoError(t, h.PutTestDelivery(ctx, "w1", store.Announcement{MessageID: "test-2", Type: "webhook.test"}, at(8)))
	require.ErrorIs(t, h.PutTestDelivery(ctx, "w9", test, at(8)), store.ErrNotFound)
	got = h.claim(t, "w1", "t", 9)
	require.Equal(t, []string{"msg-a1-2", "test-1"}, messages(got))
	require.Zero(t, got[1].Entry.Seq)
}

func testRedeliverRange(t *testing.T, h *harness) {
	ctx := t.Context()
	var recorded []time.Time
	for i := range 5 {
		id := fmt.Sprintf("a%d", i)
		h.register(t, id)
		h.approve(t, id, "d")
		entries, err := h.Events(ctx, id, 0, 10)
		require.NoError(t, err)
		recorded = append(recorded, entries[0].RecordedAt)
	}
	h.fanOut(t, 4)
	h.webhook(t, "w1", "verification.submit", "verification.approve")
	whole := store.LogRange{From: recorded[1], To: recorded[4], Limit: 4} // nine entries of three accounts, six of them wanted
	_, _, err := h.RedeliverRange(ctx, "w9", whole, announce, at(5))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = h.RedeliverRange(ctx, "w1", store.LogRange{}, announce, at(5))
	require.ErrorIs(t, err, store.ErrInvalid)
	total, pages := 0, 0
	for r := whole; ; pages++ {
		queued, next, err := h.RedeliverRange(ctx, "w1", r, announce, at(5))
		require.NoError(t, err)
		total += queued
		if next == (store.LogPlace{}) {
			break
		}
		r.After = next
	}
	require.Equal(t, 6, total)
	require.Equal(t, 2, pages)
	require.Equal(t, []string{"msg-a1-1", "msg-a2-1", "msg-a3-1"}, messages(h.claim(t, "w1", "t", 6)))
	require.Len(t, h.deliveries(t, "w1", ""), 6)
}

func testForgetDeliveries(t *testing.T, h *harness) {
	ctx := t.Context()
	h.webhook(t, "w1")
	h.register(t, "a1")
	h.approve(t, "a1", "d1")
	h.fanOut(t, 4)
	got := h.claim(t, "w1", "t", 5)
	h.record(t, delivered(got[0], "t", 5))
	forget := func(minute, limit int) int {
		n, err := h.ForgetDeliveries(ctx, at(minute), limit)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, forget(5, 10), "it was finished at that very instant")
	require.Equal(t, 1, forget(6, 10))
	require.Zero(t, forget(50, 10), "what an enabled webhook waits for stays")

	h.append(t, "a1", "late", issue("a1", 1, 7))
	h.fanOut(t, 8)
	off, on := store.WebhookDisabled, store.WebhookEnabled
	_, err := h.ChangeWebhook(ctx, "w1", store.WebhookChange{State: &off, At: at(9)}, mostWebhooks)
	require.NoError(t, err)
	require.Equal(t, 1, forget(8, 1))
	require.Equal(t, 1, forget(8, 1))
	require.Zero(t, forget(8, 1))
	_, err = h.ChangeWebhook(ctx, "w1", store.WebhookChange{State: &on, At: at(10)}, mostWebhooks)
	require.NoError(t, err)
	require.Equal(t, []string{"msg-a1-4"}, messages(h.claim(t, "w1", "t", 10)), "what waited behind them is not forgotten")
}
