package notify_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/store"
)

// inOrder fails if a message of an account was tried after a later one of the same account.
func inOrder(t require.TestingT, account string, ids []string) {
	var highest int64
	for _, id := range within(account, ids) {
		_, seq, _ := notify.ParseMessageID(id)
		require.GreaterOrEqual(t, seq, highest, "%s: %d was tried after %d", account, seq, highest)
		highest = seq
	}
}

// TestOrderUnderFailures: whatever fails and whenever entries are written, an account's messages reach a webhook in the
// order of its log, and none is left behind.
func TestOrderUnderFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		w.order(rt, round)
	})
}

// order runs one course with a webhook and accounts of its own.
func (w *world) order(rt *rapid.T, round int) {
	failing := rapid.IntRange(0, 70).Draw(rt, "failing percent")
	seed := rapid.Uint64().Draw(rt, "seed")
	chance := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	r := &receiver{answer: func(int, *http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		if chance.IntN(100) < failing {
			return []int{301, 404, 429, 500, 503}[chance.IntN(5)]
		}
		return http.StatusOK
	}}
	id := fmt.Sprint("w", round)
	w.create(id, "http://127.0.0.1:1/")
	var accounts []string
	for _, name := range []string{"a", "b", "c"} {
		accounts = append(accounts, fmt.Sprint(name, round))
		w.account(fmt.Sprint(name, round))
	}
	d := w.dispatcher(func(c *notify.DispatcherConfig) { c.Client, c.DisableAfter = handled{r}, 100_000*time.Hour })
	written := map[string]int{}
	for range rapid.IntRange(1, 8).Draw(rt, "steps") {
		account := rapid.SampledFrom(accounts).Draw(rt, "account")
		n := rapid.IntRange(0, 2).Draw(rt, "entries")
		w.prompts(account, n)
		written[account] += n
		w.drain(d)
		w.clock.Advance(time.Duration(rapid.IntRange(0, 7200).Draw(rt, "seconds")) * time.Second)
	}
	r.set(nil)
	for range 3 { // whatever waits is due within a day
		w.clock.Advance(25 * time.Hour)
		w.drain(d)
	}
	require.Empty(rt, w.deliveries(id, store.DeliveryPending))
	for _, account := range accounts {
		inOrder(rt, account, r.ids())
		var delivered []string
		for _, a := range r.all() {
			if a.answeredOK {
				delivered = append(delivered, a.id)
			}
		}
		require.Equal(rt, messageIDs(account, written[account]), within(account, delivered))
	}
	off := store.WebhookDisabled
	_, err := w.webhooks.Change(w.t.Context(), id, store.WebhookChange{State: &off, At: w.clock.Now()})
	require.NoError(rt, err)
}

// handled answers requests by a handler, without a network.
type handled struct{ r *receiver }

func (h handled) RoundTrip(request *http.Request) (*http.Response, error) {
	rec := &answerWriter{header: http.Header{}, status: http.StatusOK}
	h.r.ServeHTTP(rec, request)
	return &http.Response{StatusCode: rec.status, Header: rec.header, Body: http.NoBody, Request: request}, nil
}

type answerWriter struct {
	header http.Header
	status int
}

func (a *answerWriter) Header() http.Header         { return a.header }
func (a *answerWriter) WriteHeader(status int)      { a.status = status }
func (a *answerWriter) Write(p []byte) (int, error) { return len(p), nil }

// TestTwoDispatchersDeliverOnce: without a failure nothing comes twice, however many look at the same queue.
func TestTwoDispatchersDeliverOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const accounts, each = 20, 5
	var arrived sync.WaitGroup
	arrived.Add(accounts * each)
	r := newReceiver(t, func(int, *http.Request) int { arrived.Done(); return http.StatusOK })
	w.create("w1", r.URL)
	for i := range accounts {
		w.account(fmt.Sprint("a", i))
	}
	ctx, stop := context.WithCancel(t.Context())
	var running errgroup.Group
	for range 3 {
		running.Go(func() error { w.dispatcher(quickly).Run(ctx); return nil })
	}
	for range each {
		for i := range accounts {
			w.prompts(fmt.Sprint("a", i), 1)
		}
	}
	arrived.Wait()
	stop()
	require.NoError(t, running.Wait())
	require.Len(t, w.deliveries("w1", store.DeliveryDelivered), accounts*each)
	for i := range accounts {
		require.Equal(t, messageIDs(fmt.Sprint("a", i), each), within(fmt.Sprint("a", i), r.ids()))
	}
}

// quickly looks at the queue all the time.
func quickly(c *notify.DispatcherConfig) {
	c.Ticks = func() (<-chan time.Time, func()) {
		ticker := time.NewTicker(time.Millisecond)
		return ticker.C, ticker.Stop
	}
}

var errDead = errors.New("the process is dead")

// life ends after so many steps of a process: everything that it does to the world fails from then on.
type life struct {
	mu    sync.Mutex
	steps int
	end   context.CancelFunc
}

func (l *life) step() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.steps--; l.steps <= 0 {
		l.end()
		return errDead
	}
	return nil
}

// mortal is a queue and a network that die with the process, before or after an act.
type mortal struct {
	notify.Queue
	http.RoundTripper
	*life
}

func (m mortal) FanOut(ctx context.Context, a store.Announce, now time.Time, limit int) (int, error) {
	if err := m.step(); err != nil {
		return 0, err
	}
	n, err := m.Queue.FanOut(ctx, a, now, limit)
	return n, errors.Join(err, m.step())
}

func (m mortal) ClaimDeliveries(ctx context.Context, c store.Claim) ([]store.Claimed, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	claimed, err := m.Queue.ClaimDeliveries(ctx, c)
	return claimed, errors.Join(err, m.step())
}

func (m mortal) RecordDeliveries(ctx context.Context, r []store.DeliveryResult, o []store.WebhookOutcome) error {
	if err := m.step(); err != nil {
		return err
	}
	return errors.Join(m.Queue.RecordDeliveries(ctx, r, o), m.step())
}

func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := m.step(); err != nil {
		return nil, err
	}
	answer, err := m.RoundTripper.RoundTrip(r)
	if dead := m.step(); dead != nil {
		if err == nil {
			_ = answer.Body.Close()
		}
		return nil, dead
	}
	return answer, err
}

// TestKilledProcessesLoseAndDoubleNothing: a process dies at a random moment, sixty times over; the next one goes on.
// Everything written arrives, in order, each entry as one message with one id.
func TestKilledProcessesLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	const seed = 20201204
	chance := rand.New(rand.NewPCG(seed, seed))
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.create("w1", r.URL)
	w.create("w2", r.URL+"/2", "verification.pass") // wants none of it
	accounts := []string{"a", "b", "c", "d"}
	for _, id := range accounts {
		w.account(id)
	}
	written := map[string]int{}
	for range 60 {
		for _, id := range accounts {
			n := chance.IntN(3)
			w.prompts(id, n)
			written[id] += n
		}
		ctx, end := context.WithCancel(t.Context())
		m := mortal{w.store, w.guard, &life{steps: 1 + chance.IntN(60), end: end}}
		w.dispatcher(quickly, func(c *notify.DispatcherConfig) {
			c.Queue, c.Client, c.Grace = m, m, time.Millisecond
		}).Run(ctx)
		end()
		w.clock.Advance(2 * time.Minute) // its claims end
	}
	died := len(r.all())
	for range 10 {
		w.drain(w.dispatcher())
		w.clock.Advance(time.Hour)
	}
	bodies := map[string]string{}
	for _, a := range r.all() {
		if first, known := bodies[a.id]; known {
			require.Equal(t, first, a.body, "one id, one message")
		}
		bodies[a.id] = a.body
	}
	total := 0
	for _, id := range accounts {
		total += written[id]
		inOrder(t, id, r.ids())
		for _, message := range messageIDs(id, written[id]) {
			require.Contains(t, bodies, message)
		}
	}
	require.Len(t, bodies, total, "and no message that nothing stands for")
	require.Len(t, w.deliveries("w1", store.DeliveryDelivered), total)
	require.Empty(t, w.deliveries("w2", ""))
	require.Greater(t, died, total/2, "the processes lived long enough to do something")
	require.Greater(t, len(r.all()), total, "and died at moments that leave a mark: some messages came twice")
}
