package notify_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
)

func TestADeliveryIsWhatTheReferenceLibraryVerifies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	secret := w.create("w1", r.URL+"/hooks?x=1")
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, secret)
	w.account("a.1")
	w.prompts("a.1", 1)
	w.drain(w.dispatcher(func(c *notify.DispatcherConfig) { c.Wall = time.Now }))

	got := r.all()
	require.Len(t, got, 1)
	wh, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, wh.Verify([]byte(got[0].body), got[0].header), "its age, too")
	require.Error(t, wh.Verify([]byte(got[0].body+" "), got[0].header))
	require.Equal(t, notify.MessageID("a.1", 1), got[0].id)
	require.NotContains(t, got[0].id, ".", "the signed text is parted by dots")
	require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
	var body struct {
		Type string
		Data struct {
			Account string `json:"account_id"`
			Seq     int64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got[0].body), &body))
	require.Equal(t, "prompt.counted", body.Type)
	require.Equal(t, "a.1", body.Data.Account)
	require.EqualValues(t, 1, body.Data.Seq)

	// Nothing of the secret lies in the database.
	require.NoError(t, w.store.Close())
	for _, file := range []string{w.path, w.path + "-wal"} {
		content, err := os.ReadFile(file)
		if err == nil {
			require.NotContains(t, string(content), strings.TrimPrefix(secret, "whsec_"))
		}
	}
}

// TestTheReferenceVector: the library that signs is itself held to the example of the specification.
func TestTheReferenceVector(t *testing.T) {
	t.Parallel()
	wh, err := standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	got, err := wh.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", got)
}

// TestTheScheduleOfRetries: the same message at the instants of the specification, signed anew each time, then never
// again.
func TestTheScheduleOfRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, always(http.StatusInternalServerError))
	secret := w.create("w1", r.URL)
	w.account("a1")
	w.prompts("a1", 2)
	d := w.dispatcher(func(c *notify.DispatcherConfig) { c.DisableAfter = 1000 * time.Hour })
	w.drain(d)
	var total time.Duration
	for i, wait := range notify.Waits() {
		// The pause of the webhook may be longer than the first delays of the message.
		wait = max(wait, w.webhook("w1").Health.PausedUntil.Sub(w.clock.Now()))
		w.clock.Advance(wait - 1)
		w.drain(d)
		require.Len(t, r.all(), i+1, "a nanosecond before")
		w.clock.Advance(1)
		w.drain(d)
		require.GreaterOrEqual(t, len(r.all()), i+2)
		total += wait
	}
	require.Equal(t, 75*time.Hour+35*time.Minute+5*time.Second, total)
	for i, a := range r.all()[:10] {
		require.Equal(t, notify.MessageID("a1", 1), a.id)
		require.Equal(t, r.all()[0].body, a.body)
		verify(t, secret, a)
		if i > 0 {
			require.NotEqual(t, r.all()[i-1].header.Get("webhook-timestamp"), a.header.Get("webhook-timestamp"))
			require.NotEqual(t, r.all()[i-1].header.Get("webhook-signature"), a.header.Get("webhook-signature"))
		}
	}
	given := w.deliveries("w1", store.DeliveryFailed)
	require.Len(t, given, 1)
	require.Equal(t, 10, given[0].Attempts)
	require.Equal(t, http.StatusInternalServerError, given[0].Status)
	require.Equal(t, notify.FaultStatus, given[0].Fault)
	r.set(nil)
	w.clock.Advance(time.Hour)
	w.drain(d)
	require.Equal(t, notify.MessageID("a1", 2), r.all()[len(r.all())-1].id, "then it is the next one's turn")
	require.Len(t, w.deliveries("w1", store.DeliveryDelivered), 1)
}

func TestOnly2xxIsSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := newReceiver(t, nil)
	r := newReceiver(t, nil)
	r.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		status, _ := strconv.Atoi(strings.TrimPrefix(req.URL.Path, "/"))
		rw.Header().Set("Location", elsewhere.URL)
		rw.WriteHeader(status)
	})
	good := map[int]bool{200: true, 201: true, 202: true, 204: true, 299: true}
	w.account("a1")
	for _, status := range []int{200, 201, 202, 204, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 429, 500, 502, 503} {
		w.create("w"+strconv.Itoa(status), r.URL+"/"+strconv.Itoa(status))
	}
	w.prompts("a1", 1)
	w.drain(w.dispatcher())
	all, err := w.webhooks.All(t.Context())
	require.NoError(t, err)
	for _, wh := range all {
		status, err := strconv.Atoi(wh.ID[1:])
		require.NoError(t, err)
		page := w.deliveries(wh.ID, "")
		require.Len(t, page, 1)
		require.Equal(t, good[status], page[0].State == store.DeliveryDelivered, wh.ID)
		require.Equal(t, status, page[0].Status)
	}
	require.Empty(t, elsewhere.all(), "redirects are not followed")
}

func TestFaultsAreClassed(t *testing.T) {
	t.Parallel()
	closed := newReceiver(t, nil)
	closed.Close()
	unknown := httptest.NewUnstartedServer(http.NotFoundHandler()) // its certificate is nobody's
	unknown.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	unknown.StartTLS()
	t.Cleanup(unknown.Close)
	cut := newReceiver(t, nil)
	cut.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	slow := newReceiver(t, nil)
	release := make(chan struct{})
	slow.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })

	faultsAreClassed(t, 10*time.Millisecond, map[string]string{notify.FaultTimeout: slow.URL})
	close(release)
	faultsAreClassed(t, time.Minute, map[string]string{ // long, so that nothing else ends as a timeout
		notify.FaultRefused: closed.URL, notify.FaultTLS: unknown.URL, notify.FaultConnection: cut.URL,
		notify.FaultName: "https://no-such-name.invalid/",
	})
}

// faultsAreClassed delivers once to each address and to one that is not allowed, and compares the faults.
func faultsAreClassed(t *testing.T, timeout time.Duration, urls map[string]string) {
	t.Helper()
	w := newWorld(t)
	for id, url := range urls {
		w.create(id, url)
	}
	// What is in the database is judged again: it may have been allowed once.
	_, err := w.store.PutWebhook(t.Context(), store.Webhook{ID: notify.FaultNotAllowed, URL: "https://10.0.0.1/", CreatedAt: w.clock.Now()},
		sealed(t, w, notify.FaultNotAllowed), notify.MaxWebhooks)
	require.NoError(t, err)
	w.account("a1")
	w.prompts("a1", 1)
	w.drain(w.dispatcher(func(c *notify.DispatcherConfig) { c.Timeout = timeout }))
	all, err := w.webhooks.All(t.Context())
	require.NoError(t, err)
	require.Len(t, all, len(urls)+1)
	for _, wh := range all {
		page := w.deliveries(wh.ID, "")
		require.Len(t, page, 1)
		require.Zero(t, page[0].Status)
		require.Equal(t, wh.ID, page[0].Fault)
	}
}

func sealed(t *testing.T, w *world, webhookID string) store.WebhookSecret {
	t.Helper()
	text, err := w.seals.SealSecret(w.t.Context(), "webhook/"+webhookID+"/s", []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	require.NoError(t, err)
	return store.WebhookSecret{ID: "s", Sealed: text, CreatedAt: w.clock.Now()}
}

func TestGoneDisablesAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, always(http.StatusGone))
	w.create("w1", r.URL)
	w.account("a1")
	w.prompts("a1", 1)
	d := w.dispatcher()
	w.drain(d)
	require.Equal(t, store.WebhookDisabled, w.webhook("w1").State)
	require.Equal(t, notify.ReasonGone, w.webhook("w1").Reason)
	w.prompts("a1", 1)
	w.clock.Advance(time.Hour)
	w.drain(d)
	require.Len(t, r.all(), 1)
	r.set(nil)
	w.enable("w1")
	w.drain(d)
	require.Equal(t, []string{notify.MessageID("a1", 1), notify.MessageID("a1", 1)}, r.ids(), "what was waiting comes, what happened meanwhile does not")
	queued, next, err := w.webhooks.RedeliverRange(t.Context(), "w1", store.LogRange{From: w.clock.Now().Add(-2 * time.Hour), To: w.clock.Now()}, w.clock.Now())
	require.NoError(t, err)
	require.Equal(t, 2, queued)
	require.Zero(t, next)
	w.drain(d)
	require.Equal(t, messageIDs("a1", 2), r.ids()[2:], "but it is there to be asked for")
}

func TestAWebhookThatFailsForDaysIsDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, always(http.StatusBadGateway))
	w.create("w1", r.URL)
	w.create("mixed", r.URL+"/mixed")
	for i := range 40 {
		w.account("a" + strconv.Itoa(i))
	}
	r.set(func(_ int, req *http.Request) int { // of the other webhook, one account's messages fail
		account, _, _ := notify.ParseMessageID(req.Header.Get("webhook-id"))
		if req.URL.Path == "/mixed" && account != "a0" {
			return http.StatusOK
		}
		return http.StatusBadGateway
	})
	d := w.dispatcher()
	begun := w.clock.Now()
	w.prompts("a0", 30)
	for hour := 0; w.webhook("w1").State == store.WebhookEnabled; hour++ {
		require.Less(t, hour, 150)
		w.prompts("a"+strconv.Itoa(1+hour%39), 1)
		w.drain(d)
		w.clock.Advance(time.Hour)
	}
	took := w.clock.Now().Sub(begun)
	require.GreaterOrEqual(t, took, 120*time.Hour)
	require.LessOrEqual(t, took, 122*time.Hour)
	require.Equal(t, notify.ReasonFailing, w.webhook("w1").Reason)
	require.Equal(t, store.WebhookEnabled, w.webhook("mixed").State, "others arrive there")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(d) }
	fails := func(h store.WebhookHealth, d time.Duration) store.WebhookHealth {
		return notify.HealthAfter(h, false, 0, at(d))
	}
	h := fails(store.WebhookHealth{}, 0)
	require.Equal(t, store.WebhookHealth{FailingSince: at(0), LastFailureAt: at(0)}, h, "the first failure pauses nothing")
	h = fails(h, 20*time.Second)
	require.Equal(t, at(25*time.Second), h.PausedUntil)
	h = fails(h, 10*time.Hour)
	require.Equal(t, at(10*time.Hour+5*time.Minute), h.PausedUntil, "bounded")
	require.Equal(t, at(0), h.FailingSince)
	h = fails(h, 40*time.Hour)
	require.Equal(t, at(0), h.FailingSince, "a day and a jitter between two tries of one message")
	h = fails(h, 71*time.Hour)
	require.Equal(t, at(71*time.Hour), h.FailingSince, "another trouble")
	require.Zero(t, notify.HealthAfter(h, true, time.Minute, at(72*time.Hour)))
	require.Equal(t, at(time.Minute), notify.HealthAfter(store.WebhookHealth{}, false, time.Minute, at(0)).PausedUntil, "as the receiver asks")
	require.Equal(t, at(time.Hour), notify.HealthAfter(store.WebhookHealth{}, false, 1000*time.Hour, at(0)).PausedUntil, "within bounds")
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, always(http.StatusTooManyRequests))
	r.retry = "90"
	w.create("w1", r.URL)
	w.account("a1")
	w.account("a2")
	w.prompts("a1", 1)
	d := w.dispatcher()
	w.drain(d)
	w.prompts("a2", 1)
	w.clock.Advance(90*time.Second - 1)
	w.drain(d)
	require.Len(t, r.all(), 1, "the whole webhook rests")
	r.set(nil)
	w.clock.Advance(1)
	w.drain(d)
	require.ElementsMatch(t, []string{notify.MessageID("a1", 1), notify.MessageID("a2", 1)}, r.ids()[1:])
	r.retry = w.clock.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat)
	r.set(always(http.StatusServiceUnavailable))
	w.prompts("a1", 1)
	w.drain(d)
	require.WithinDuration(t, w.clock.Now().Add(10*time.Minute), w.webhook("w1").Health.PausedUntil, time.Second)
}

func TestATroubledWebhookIsProbed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, always(http.StatusInternalServerError))
	w.create("w1", r.URL)
	for i := range 30 {
		w.account("a" + strconv.Itoa(i))
		w.prompts("a"+strconv.Itoa(i), 1)
	}
	d := w.dispatcher()
	w.drain(d)
	require.Len(t, r.all(), 30)
	w.clock.Advance(5 * time.Minute)
	w.drain(d)
	before := len(r.all())
	for range 5 {
		w.clock.Advance(6 * time.Minute)
		w.drain(d)
	}
	require.LessOrEqual(t, len(r.all())-before, 5, "one at a time")
	r.set(nil)
	w.clock.Advance(3 * time.Hour)
	w.drain(d)
	require.Len(t, w.deliveries("w1", store.DeliveryDelivered), 30, "all of them once it is back")
}

func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	first := w.create("w1", r.URL)
	second, err := w.webhooks.Rotate(t.Context(), "w1", "rotate-1", w.clock.Now(), time.Hour)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	again, err := w.webhooks.Rotate(t.Context(), "w1", "rotate-1", w.clock.Now(), time.Hour)
	require.NoError(t, err)
	require.Equal(t, second, again, "the same command is the same rotation")
	w.account("a1")
	d := w.dispatcher()
	w.prompts("a1", 1)
	w.clock.Advance(time.Hour - 1)
	w.drain(d)
	verify(t, first, r.all()[0])
	verify(t, second, r.all()[0])
	w.prompts("a1", 1)
	w.clock.Advance(1)
	w.drain(d)
	verify(t, second, r.all()[1])
	wh, err := standardwebhooks.NewWebhook(first)
	require.NoError(t, err)
	require.Error(t, wh.VerifyIgnoringTimestamp([]byte(r.all()[1].body), r.all()[1].header), "the old one has ended")

	_, shown, err := w.webhooks.Create(t.Context(), store.Webhook{ID: "w1", URL: r.URL, CreatedAt: w.clock.Now()}, "create-w1")
	require.NoError(t, err)
	require.Empty(t, shown, "that secret is no longer the newest")
	_, err = w.webhooks.Rotate(t.Context(), "nobody", "x", w.clock.Now(), 0)
	require.ErrorIs(t, err, notify.ErrNoWebhook)
}

func TestRedeliveryAndTests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	secret := w.create("w1", r.URL)
	w.account("a1")
	w.prompts("a1", 2)
	d := w.dispatcher()
	w.drain(d)
	require.NoError(t, w.webhooks.Redeliver(t.Context(), "w1", notify.MessageID("a1", 1), w.clock.Now()))
	w.drain(d)
	require.Equal(t, []string{notify.MessageID("a1", 1), notify.MessageID("a1", 2), notify.MessageID("a1", 1)}, r.ids())
	require.Equal(t, r.all()[0].body, r.all()[2].body, "the very same bytes")
	for _, bad := range []string{"", "msg_", notify.MessageID("a1", 3), notify.MessageID("a2", 1), "test_1"} {
		require.ErrorIs(t, w.webhooks.Redeliver(t.Context(), "w1", bad, w.clock.Now()), notify.ErrNoMessage, bad)
	}
	require.ErrorIs(t, w.webhooks.Redeliver(t.Context(), "w9", notify.MessageID("a1", 1), w.clock.Now()), notify.ErrNoWebhook)

	id, err := w.webhooks.Test(t.Context(), "w1", "command", w.clock.Now())
	require.NoError(t, err)
	w.drain(d)
	last := r.all()[3]
	require.Equal(t, id, last.id)
	verify(t, secret, last)
	require.Contains(t, last.body, `"type":"webhook.test"`)
	r.set(always(http.StatusTeapot))
	_, err = w.webhooks.Test(t.Context(), "w1", "another", w.clock.Now())
	require.NoError(t, err)
	w.drain(d)
	w.clock.Advance(time.Hour)
	w.drain(d)
	require.Len(t, r.all(), 5, "a test is tried once")
	require.Equal(t, store.DeliveryFailed, w.deliveries("w1", "")[0].State)
	require.Zero(t, w.webhook("w1").Health, "and says nothing of the webhook's health")
	off := store.WebhookDisabled
	_, err = w.webhooks.Change(t.Context(), "w1", store.WebhookChange{State: &off, At: w.clock.Now()})
	require.NoError(t, err)
	_, err = w.webhooks.Test(t.Context(), "w1", "third", w.clock.Now())
	require.ErrorIs(t, err, notify.ErrDisabled)
	_, err = w.webhooks.Test(t.Context(), "w9", "third", w.clock.Now())
	require.ErrorIs(t, err, notify.ErrNoWebhook)
}

func TestAsManyAsMayBeEnabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range notify.MaxWebhooks {
		w.create("w"+strconv.Itoa(i), "https://shop.example")
	}
	_, _, err := w.webhooks.Create(t.Context(), store.Webhook{ID: "x", URL: "https://shop.example", CreatedAt: w.clock.Now()}, "c")
	require.ErrorIs(t, err, notify.ErrTooMany)
}

// TestASlowWebhookDoesNotHoldUpAnother: one holds all that it may have, and the other's messages come all the same.
func TestASlowWebhookDoesNotHoldUpAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	slow := newReceiver(t, func(int, *http.Request) int { <-release; return http.StatusOK })
	quick := newReceiver(t, nil)
	w.create("1-slow", slow.URL) // it is served first
	w.create("2-quick", quick.URL)
	arrived := make(chan struct{}, 1000)
	quick.set(func(int, *http.Request) int { arrived <- struct{}{}; return http.StatusOK })
	const accounts = 60
	for i := range accounts {
		w.account("a" + strconv.Itoa(i))
		w.prompts("a"+strconv.Itoa(i), 1)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running errgroup.Group
	running.Go(func() error {
		w.dispatcher(func(c *notify.DispatcherConfig) { c.Concurrency, c.PerWebhook = notify.MaxWebhooks, notify.MaxWebhooks }).Run(ctx)
		return nil
	})
	defer func() {
		close(release)
		stop()
		require.NoError(t, running.Wait())
	}()
	for range accounts {
		select {
		case <-arrived:
		case <-time.After(20 * time.Second):
			require.Fail(t, "the quick one waits for the slow one")
		}
	}
	require.LessOrEqual(t, len(slow.all()), notify.MaxWebhooks/2, "a half is the other one's")
}

// TestAStopLetsTheTriesUnderWayEnd, and what is broken off is tried again at once, uncounted.
func TestAStopLetsTheTriesUnderWayEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		grace   time.Duration
		release bool
		state   store.DeliveryState
	}{
		"ends in time": {time.Hour, true, store.DeliveryDelivered},
		"broken off":   {time.Millisecond, false, store.DeliveryPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			arrived, release := make(chan struct{}, 1), make(chan struct{})
			r := newReceiver(t, func(n int, _ *http.Request) int {
				if n == 0 {
					arrived <- struct{}{}
					<-release
				}
				return http.StatusOK
			})
			w.create("w1", r.URL)
			w.account("a1")
			w.prompts("a1", 1)
			ctx, stop := context.WithCancel(t.Context())
			var running errgroup.Group
			running.Go(func() error {
				w.dispatcher(func(d *notify.DispatcherConfig) { d.Grace = c.grace }).Run(ctx)
				return nil
			})
			<-arrived
			stop()
			if c.release {
				close(release)
			}
			require.NoError(t, running.Wait())
			page := w.deliveries("w1", "")
			require.Equal(t, c.state, page[0].State)
			if !c.release {
				require.Zero(t, page[0].Attempts)
				close(release)
				w.drain(w.dispatcher())
				require.Equal(t, store.DeliveryDelivered, w.deliveries("w1", "")[0].State)
			}
		})
	}
}

func TestNewDispatcherNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := notify.NewDispatcher(notify.DispatcherConfig{})
	require.ErrorContains(t, err, "required")
	w := newWorld(t)
	_, err = notify.NewDispatcher(notify.DispatcherConfig{
		Queue: w.store, Seals: w.seals, Client: w.guard, Now: w.clock.Now, Wall: w.clock.Now, Logger: nil, Concurrency: 1,
	})
	require.Error(t, err)
}
