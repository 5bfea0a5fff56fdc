package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// rule is the policy that is measured: individuals of mainland China that registered before 2020-11-17 are blocked from
// 2020-12-04.
//
//go:embed rule.yaml
var rule []byte

func announced() time.Time { return time.Date(2020, 12, 3, 10, 0, 0, 0, lifecycle.Beijing()) }
func enforced() time.Time  { return time.Date(2020, 12, 5, 10, 0, 0, 0, lifecycle.Beijing()) }

// rig is the API over a database of its own, on loopback.
type rig struct {
	store  *sqlstore.Store
	db     *plainDB // the same database, for baselines
	gate   *gate.Gate
	name   string
	url    string
	key    string
	now    atomic.Pointer[time.Time]
	polls  atomic.Int64                  // ticks at which the store looked for what others wrote, where nobody tells it
	closes []func(context.Context) error // backwards
}

// What is measured does not reach these parts of the API; a call would panic.
type (
	noEngine    struct{ api.Engine }
	noVault     struct{ api.Vault }
	noLauncher  struct{ api.Launcher }
	noReminders struct{ api.Reminders }
	noSweeps    struct{ api.Sweeps }
	noWebhooks  struct{ api.Webhooks }
)

// newRig starts one. bare is a handler that is served beside the API, at /bare.
func (c Config) newRig(ctx context.Context, name string, bare func(*rig) http.Handler) (_ *rig, err error) {
	r := &rig{name: name}
	at := announced()
	r.now.Store(&at)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(ctx))
		}
	}()
	r.closes = append(r.closes, func(ctx context.Context) error { return c.remove(ctx, name) })
	if r.db, err = c.create(ctx, name); err != nil {
		return r, err
	}
	r.closes = append(r.closes, func(context.Context) error { return r.db.Close() })
	config := c.storeConfig(name, r.clock)
	config.Ticks = r.ticks
	if r.store, err = sqlstore.Open(ctx, config); err != nil {
		return r, err
	}
	r.closes = append(r.closes, func(context.Context) error { return r.store.Close() })
	err = r.store.PublishPolicy(ctx, store.PublishedPolicy{Name: "bench", Version: 1, Text: rule, EffectiveFrom: at.AddDate(-1, 0, 0), Author: "bench"})
	if err != nil {
		return r, err
	}
	return r, r.serve(ctx, bare)
}

func (r *rig) clock() time.Time { return *r.now.Load() }

// ticks is a ticker that counts what is taken of it. The store takes a tick only to look.
func (r *rig) ticks(every time.Duration) (<-chan time.Time, func()) {
	ticker, counted, done := time.NewTicker(every), make(chan time.Time), make(chan struct{})
	go func() {
		for {
			select {
			case at := <-ticker.C:
				select {
				case counted <- at:
					r.polls.Add(1)
				case <-done:
					return
				}
			case <-done:
				return
			}
		}
	}()
	return counted, func() { ticker.Stop(); close(done) }
}

func (r *rig) serve(ctx context.Context, bare func(*rig) http.Handler) error {
	quiet := slog.New(slog.DiscardHandler)
	g, err := gate.New(gate.Config{Store: r.store, Now: r.clock, Logger: quiet, ReceiptKeys: []gate.Key{{ID: "bench", Secret: make([]byte, 32)}}})
	if err != nil {
		return err
	}
	r.gate = g
	r.closes = append(r.closes, g.Close)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.url = "http://" + listener.Addr().String()
	tokens, err := api.NewTokens(r.url, make([]byte, 32))
	if err != nil {
		return err
	}
	server, err := api.New(api.Config{
		Store: r.store, Gate: g, Vault: noVault{}, Engine: noEngine{}, Launcher: noLauncher{},
		Reminders: noReminders{}, Sweeps: noSweeps{}, Webhooks: noWebhooks{}, Tokens: tokens, Now: r.clock, Logger: quiet,
		KeyRate: api.Rate{PerSecond: 1e9, Burst: 1e9}, MaxStreams: 100_000,
	})
	if err != nil {
		return err
	}
	r.closes = append(r.closes, server.Close)
	mux := http.NewServeMux()
	mux.Handle("/", server)
	if bare != nil {
		mux.Handle("/bare/", bare(r))
	}
	h := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = h.Serve(listener) }() // ends with Shutdown
	r.closes = append(r.closes, h.Shutdown)
	secret, key, err := api.NewKey("bench", []api.Scope{api.AccountsWrite, api.DecisionsRead, api.VerificationsRead})
	if err != nil {
		return err
	}
	key.CreatedAt = r.clock()
	r.key = secret
	return r.store.PutKey(ctx, key)
}

func (r *rig) close(ctx context.Context) error {
	var errs []error
	for i := len(r.closes) - 1; i >= 0; i-- {
		errs = append(errs, r.closes[i](ctx))
	}
	r.closes = nil
	return errors.Join(errs...)
}

func accountID(n int) string { return fmt.Sprintf("account-%07d", n) }

// account is the nth account of a population: every one that the rule covers.
func account(n int) policy.Account {
	return policy.Account{
		ID: accountID(n), Kind: policy.KindIndividual, Region: "CN",
		RegisteredAt: time.Date(2019, 1, 1, 0, 0, n%50_000_000, 0, lifecycle.Beijing()),
	}
}

// populate registers accounts.
func (r *rig) populate(ctx context.Context, accounts int) error {
	const batch = 500
	for from := 0; from < accounts; from += batch {
		puts := make([]store.PutAccount, min(batch, accounts-from))
		for i := range puts {
			puts[i] = store.PutAccount{Account: account(from + i), Actor: lifecycle.Actor{Kind: lifecycle.ActorImport, ID: "bench"}}
		}
		if _, err := r.store.PutAccounts(ctx, puts, false); err != nil {
			return err
		}
	}
	return nil
}
