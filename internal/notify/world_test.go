package notify_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/notify/guard"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a store with accounts, and receivers.
type world struct {
	t        testing.TB
	clock    *fixturetest.Clock
	path     string
	store    *sqlstore.Store
	seals    *vault.Sealed
	webhooks *notify.Webhooks
	guard    *guard.Guard
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: fixturetest.NewClock(time.Now().Truncate(time.Second)), path: filepath.Join(t.TempDir(), "verigate.db")}
	w.store = sqlstoretest.Open(t, sqlstoretest.WithPath(w.path), sqlstoretest.WithNow(w.clock.Now))
	w.seals = vaulttest.Over(t, w.store.VaultRecords())
	w.guard = guard.New(guard.Config{
		Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, HTTP: true,
	})
	t.Cleanup(w.guard.CloseIdleConnections)
	w.webhooks = notify.NewWebhooks(w.store, w.seals, w.guard.Check)
	return w
}

// dispatcher returns one whose retries are not spread.
func (w *world) dispatcher(change ...func(*notify.DispatcherConfig)) *notify.Dispatcher {
	w.t.Helper()
	c := notify.DispatcherConfig{
		Queue: w.store, Seals: w.seals, Client: w.guard, Now: w.clock.Now, Wall: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
		Random: func() float64 { return 0 },
	}
	for _, set := range change {
		set(&c)
	}
	d, err := notify.NewDispatcher(c)
	require.NoError(w.t, err)
	return d
}

func (w *world) drain(d *notify.Dispatcher) {
	w.t.Helper()
	require.NoError(w.t, d.Drain(w.t.Context()))
}

func (w *world) account(id string) {
	w.t.Helper()
	_, _, err := w.store.PutAccount(w.t.Context(), store.PutAccount{
		Account: policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: w.clock.Now()},
	}, false)
	require.NoError(w.t, err)
}

// prompts appends so many entries to an account's log.
func (w *world) prompts(id string, n int) {
	w.t.Helper()
	for range n {
		v, err := w.store.Head(w.t.Context(), id)
		require.NoError(w.t, err)
		_, err = w.store.Append(w.t.Context(), lifecycle.Append{
			AccountID: id, ChangeID: fmt.Sprint("c", v.Seq), Head: v.Seq, Known: v.Seq, Changes: []lifecycle.Change{{
				Event: lifecycle.Prompt, At: w.clock.Now(), Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem},
				Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{Number: int(v.Seq) + 1, Level: "notice", Policy: "p", PolicyVersion: 1, Rule: "r"}},
			}},
		})
		require.NoError(w.t, err)
	}
}

func (w *world) create(id, url string, types ...string) (secret string) {
	w.t.Helper()
	_, secret, err := w.webhooks.Create(w.t.Context(), store.Webhook{ID: id, URL: url, Types: types, CreatedAt: w.clock.Now()}, "create-"+id)
	require.NoError(w.t, err)
	return secret
}

func (w *world) webhook(id string) store.Webhook {
	w.t.Helper()
	found, err := w.webhooks.Webhook(w.t.Context(), id)
	require.NoError(w.t, err)
	return found
}

func (w *world) enable(id string) {
	w.t.Helper()
	on := store.WebhookEnabled
	_, err := w.webhooks.Change(w.t.Context(), id, store.WebhookChange{State: &on, At: w.clock.Now()})
	require.NoError(w.t, err)
}

func (w *world) deliveries(id string, state store.DeliveryState) []store.Delivery {
	w.t.Helper()
	page, err := w.webhooks.Deliveries(w.t.Context(), store.DeliveryFilter{WebhookID: id, State: state, Limit: 500})
	require.NoError(w.t, err)
	return page
}

// arrival is one message as it came.
type arrival struct {
	id, body   string
	header     http.Header
	answeredOK bool
}

// receiver is an account service.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	arrivals []arrival
	answer   func(n int, r *http.Request) int // status for the nth arrival, from 0; nil: 204
	retry    string                           // Retry-After
}

func newReceiver(t testing.TB, answer func(n int, r *http.Request) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	n, answer := len(r.arrivals), r.answer
	r.arrivals = append(r.arrivals, arrival{id: request.Header.Get("webhook-id"), body: string(body), header: request.Header})
	if r.retry != "" {
		w.Header().Set("Retry-After", r.retry)
	}
	r.mu.Unlock()
	status := http.StatusNoContent
	if answer != nil {
		status = answer(n, request)
	}
	r.mu.Lock()
	r.arrivals[n].answeredOK = status < 300
	r.mu.Unlock()
	w.WriteHeader(status)
}

func (r *receiver) set(answer func(n int, r *http.Request) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.arrivals...)
}

func (r *receiver) ids() []string {
	var ids []string
	for _, a := range r.all() {
		ids = append(ids, a.id)
	}
	return ids
}

func always(status int) func(int, *http.Request) int {
	return func(int, *http.Request) int { return status }
}

// verify checks a message with the reference library, its age aside.
func verify(t testing.TB, secret string, a arrival) {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, wh.VerifyIgnoringTimestamp([]byte(a.body), a.header))
}

func messageIDs(account string, n int) []string {
	var ids []string
	for seq := range n {
		ids = append(ids, notify.MessageID(account, int64(seq+1)))
	}
	return ids
}

func within(account string, ids []string) []string {
	var of []string
	for _, id := range ids {
		if a, _, ok := notify.ParseMessageID(id); ok && a == account && !strings.HasPrefix(id, "test_") {
			of = append(of, id)
		}
	}
	return of
}
