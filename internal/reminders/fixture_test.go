package reminders_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/vault"
	"github.com/verigate/verigate/internal/vault/vaulttest"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const founding = "wishpost-face-verification"

// clock is a clock on which waiting takes no time but moves it.
type clock struct{ fixturetest.Clock }

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

// phones is a provider that takes every message, unless told otherwise.
type phones struct {
	clock *clock
	mu    sync.Mutex
	taken map[string]int // messages by notice
	last  []notify.Notice
	times []time.Time
	fails []error // answers to come, in order; nil takes the message
	lost  bool    // messages are taken and the answer is lost
	blind error   // answer of Find
}

func (p *phones) Send(_ context.Context, n notify.Notice) (notify.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.fails) > 0 {
		err := p.fails[0]
		p.fails = p.fails[1:]
		if err != nil {
			return notify.Receipt{}, err
		}
	}
	p.taken[n.ID]++
	p.last, p.times = append(p.last, n), append(p.times, p.clock.Now())
	if p.lost {
		return notify.Receipt{}, &notify.Error{Class: notify.ErrUncertain, Code: "timeout"}
	}
	return notify.Receipt{ProviderID: "m-" + n.ID}, nil
}

func (p *phones) Find(_ context.Context, n notify.Notice, _ time.Time) (notify.Receipt, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blind != nil {
		return notify.Receipt{}, false, p.blind
	}
	return notify.Receipt{ProviderID: "found"}, p.taken[n.ID] > 0, nil
}

func (p *phones) set(change func(*phones)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

type fixture struct {
	t      testing.TB
	clock  *clock
	store  *sqlstore.Store
	vault  vault.Vault
	phones *phones
	runner *reminders.Runner
}

func beijing(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", "2020-"+text, lifecycle.Beijing())
	require.NoError(t, err)
	return at
}

// newFixture has the founding policy and a store, at an instant of 2020 in Beijing.
func newFixture(t testing.TB, at string) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: &clock{}}
	f.clock.Set(beijing(t, at))
	f.store = sqlstoretest.Open(t, sqlstoretest.WithNow(f.clock.Now))
	f.vault = vaulttest.Over(t, f.store.VaultRecords())
	f.phones = &phones{clock: f.clock, taken: map[string]int{}}
	f.runner = f.newRunner(f.store)
	text, err := os.ReadFile("../../testdata/policies/wishpost-2020.yaml")
	require.NoError(t, err)
	require.NoError(t, f.store.PublishPolicy(t.Context(), store.PublishedPolicy{
		Name: founding, Version: 1, Text: text, EffectiveFrom: beijing(t, "01-01 00:00"), Author: "test",
	}))
	return f
}

func (f *fixture) newRunner(s reminders.Store) *reminders.Runner {
	return reminders.New(reminders.Config{
		Store: s, Vault: f.vault, Notifier: f.phones, Now: f.clock.Now, Wait: f.clock.wait, Logger: slog.New(slog.DiscardHandler),
	})
}

func (f *fixture) account(id string, change func(*policy.Account)) {
	f.t.Helper()
	a := policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: beijing(f.t, "06-01 00:00")}
	if change != nil {
		change(&a)
	}
	_, _, err := f.store.PutAccount(f.t.Context(), store.PutAccount{Account: a, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport}}, false)
	require.NoError(f.t, err)
}

func (f *fixture) contact(id, number string) {
	f.t.Helper()
	ref, err := f.vault.PutText(f.t.Context(), id, vault.KindContact, number)
	require.NoError(f.t, err)
	_, err = f.store.PutContact(f.t.Context(), id, ref)
	require.NoError(f.t, err)
}

// population registers accounts that all have a contact.
func (f *fixture) population(n int) {
	f.t.Helper()
	for i := range n {
		id := fmt.Sprintf("a%04d", i)
		f.account(id, nil)
		f.contact(id, fmt.Sprintf("+861380000%04d", i))
	}
}

func (f *fixture) verify(id string) {
	f.t.Helper()
	at := f.clock.Now()
	_, err := f.store.Append(f.t.Context(), lifecycle.Append{AccountID: id, ChangeID: "import", Head: lifecycle.AnyHead, Changes: []lifecycle.Change{{
		Event: lifecycle.ImportVerified, At: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport},
		Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: at, Evidence: "e"}},
	}}})
	require.NoError(f.t, err)
}

var errPages = errors.New("too many pages")

// pass walks the whole population as a run does.
func (f *fixture) pass(ctx context.Context, r *reminders.Runner, dry bool) (contract.ReminderCounts, error) {
	return f.passAt(ctx, r, contract.ReminderPage{Policy: founding, Rate: 50, DryRun: dry})
}

// fast is a rate at which many reminders go together.
const fast = 2000

func (f *fixture) passAt(ctx context.Context, r *reminders.Runner, in contract.ReminderPage) (contract.ReminderCounts, error) {
	var counts contract.ReminderCounts
	for range 10_000 {
		page, err := r.Page(ctx, in)
		if err != nil {
			return counts, err
		}
		counts, in.After = counts.Plus(page.Counts), page.Next
		if page.Done {
			return counts, nil
		}
	}
	return counts, errPages
}

func (f *fixture) run() contract.ReminderCounts {
	f.t.Helper()
	counts, err := f.pass(f.t.Context(), f.runner, false)
	require.NoError(f.t, err)
	return counts
}

func (f *fixture) deliver() contract.ReminderCounts {
	f.t.Helper()
	counts, more, err := f.runner.Deliver(f.t.Context(), founding, 50)
	require.NoError(f.t, err)
	require.False(f.t, more)
	return counts
}

// milestones lists what an account was reminded of, from its log.
func (f *fixture) milestones(id string) []string {
	f.t.Helper()
	entries, err := f.store.Events(f.t.Context(), id, 0, 1000)
	require.NoError(f.t, err)
	var all []string
	for _, e := range entries {
		if e.Event == lifecycle.Remind {
			require.Equal(f.t, len(all)+1, e.Detail.Reminder.Number)
			all = append(all, e.Detail.Reminder.Milestone)
		}
	}
	return all
}

func (f *fixture) notice(id string) store.Notice {
	f.t.Helper()
	all, err := f.store.NoticesOf(f.t.Context(), id)
	require.NoError(f.t, err)
	require.NotEmpty(f.t, all)
	return all[len(all)-1]
}

// inPage asks for the first page of the whole population.
func inPage(rate float64) contract.ReminderPage {
	return contract.ReminderPage{Policy: founding, Rate: rate}
}

// failingVault does not answer.
type failingVault struct{ vault.Vault }

func (failingVault) Text(context.Context, string, string) (string, error) {
	return "", vault.ErrUnavailable
}
