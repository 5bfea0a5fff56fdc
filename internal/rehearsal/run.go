package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// ErrPeriod means that a rehearsal would end before it begins, or take longer than can be rehearsed.
var ErrPeriod = errors.New("rehearsal: the end must lie after the beginning, by five years at most")

const longest = 5 * 366 * 24 * time.Hour

// pageSize is how many accounts one page of a pass has.
const pageSize = 2000

// Config is what a rehearsal is made of. Everything but Progress is required.
type Config struct {
	Store    store.Store // a copy: it is written to. Its clock must be Clock.
	Clock    *Clock
	From, To time.Time // To is included
	Scenario *Scenario
	Schedule Schedule
	Logger   *slog.Logger
	Progress func(at time.Time) // told now and then
}

// Result is what was done.
type Result struct {
	Logins, Prompts, Verified, Reminders, Restricted, Lifted int
	Sweeps, ReminderRuns                                     int // that were not left out
}

// run is a rehearsal under way.
type run struct {
	Config
	plan       *plan
	gate       *gate.Gate
	sweeper    *enforce.Sweeper
	reminders  *reminders.Runner
	zone       *time.Location
	population population
	queue      queue     // of the day
	followed   queue     // verifications that prompts led to
	day        time.Time // midnight after the day that is queued
	result     Result
	roundSize  int
}

// Run plays the campaign. The copy is then as the database would be at To, and the clock stands there.
func Run(ctx context.Context, c Config) (Result, error) { return runInRounds(ctx, c, roundSize) }

func runInRounds(ctx context.Context, c Config, size int) (result Result, err error) {
	if !c.To.After(c.From) || c.To.Sub(c.From) > longest {
		return result, ErrPeriod
	}
	c.Clock.set(c.From)
	r, err := newRun(ctx, c)
	if err != nil {
		return result, err
	}
	r.roundSize = size
	defer func() { err = errors.Join(err, r.gate.Close(context.WithoutCancel(ctx))) }()
	if err := r.eachPage(ctx, func(page []store.Facts) {
		r.population.add(page)
		for i := range page {
			r.plan.account(&page[i], c.From)
		}
	}); err != nil {
		return result, err
	}
	if err := r.play(ctx); err != nil {
		return r.result, err
	}
	c.Clock.set(c.To)
	return r.result, nil
}

func newRun(ctx context.Context, c Config) (*run, error) {
	book := rulebook.New(c.Store)
	published, err := book.Now(ctx)
	if err != nil {
		return nil, err
	}
	r := &run{Config: c, zone: time.UTC, sweeper: enforce.New(c.Store, book, c.Clock.Now)}
	if r.plan, err = newPlan(published, c.Schedule, c.From, c.To); err != nil {
		return nil, err
	}
	for _, s := range r.plan.spans {
		if all := s.set.Policies(); len(all) > 0 {
			r.zone = all[0].Zone
			break
		}
	}
	year, month, day := c.From.In(r.zone).Date()
	r.day = time.Date(year, month, day, 0, 0, 0, 0, r.zone)
	r.reminders = reminders.New(reminders.Config{
		Store: c.Store, Vault: everybody{}, Notifier: taken{}, Now: c.Clock.Now,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, Logger: c.Logger,
	})
	r.gate, err = gate.New(gate.Config{
		Store: c.Store, Now: c.Clock.Now, Logger: c.Logger,
		ReceiptKeys: []gate.Key{{ID: rehearsed, Secret: make([]byte, 32)}}, // its receipts prove nothing and are thrown away
	})
	return r, err
}

// play jumps from one instant to the next. Of several things at one instant the sweep comes first, then reminders, then
// what merchants do.
func (r *run) play(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.fill(ctx); err != nil {
			return err
		}
		sweep, remind := r.plan.sweeps.next(), r.plan.reminders.next()
		at := earliest(sweep, remind, r.followed.begin(), r.queue.begin())
		if at.IsZero() || at.After(r.To) {
			return nil
		}
		r.Clock.set(at)
		if r.Progress != nil {
			r.Progress(at)
		}
		var err error
		switch {
		case sweep.Equal(at):
			r.plan.sweeps.take()
			err = r.sweep(ctx, at)
		case remind.Equal(at):
			r.plan.reminders.take()
			err = r.remind(ctx)
		default:
			err = r.round(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func earliest(all ...time.Time) time.Time {
	var first time.Time
	for _, t := range all {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// fill queues the events of the next day that has any. It takes a day at a time, so that a year of logins does not lie
// in memory.
func (r *run) fill(ctx context.Context) error {
	for r.queue.empty() && !r.day.After(r.To) {
		if err := ctx.Err(); err != nil {
			return err
		}
		year, month, day := r.day.Date()
		next := time.Date(year, month, day+1, 0, 0, 0, 0, r.zone)
		r.queue.fill(r.eventsOf(r.day, next))
		r.day = next
	}
	return nil
}

// eventsOf are the events of a day: those of the scenario, and the logins by chance.
func (r *run) eventsOf(from, until time.Time) []Event {
	var day []Event
	all := r.Scenario.events
	for len(all) > 0 && all[0].At.Before(until) {
		if !all[0].At.Before(r.From) {
			day = append(day, all[0])
		}
		all = all[1:]
	}
	r.Scenario.events = all
	if r.Scenario.Rates.LoginsPerDay > 0 {
		r.population.each(from, func(accountID string) {
			for _, at := range r.Scenario.Rates.logins(accountID, from) {
				if !at.Before(r.From) {
					day = append(day, Event{At: at, AccountID: accountID, Do: Login})
				}
			}
		})
	}
	slices.SortStableFunc(day, func(a, b Event) int { return a.At.Compare(b.At) })
	return day
}

func (r *run) eachPage(ctx context.Context, visit func([]store.Facts)) error {
	for after := ""; ; {
		page, err := r.Store.FactsAfter(ctx, after, "", pageSize)
		if err != nil {
			return fmt.Errorf("rehearsal: read the accounts: %w", err)
		}
		visit(page)
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].Account.ID
	}
}

// sweep is one sweep of each policy in force, with its record.
func (r *run) sweep(ctx context.Context, at time.Time) error {
	keys, err := r.sweeper.InForce(ctx)
	if err != nil {
		return err
	}
	r.result.Sweeps++
	for _, key := range keys {
		key.Instant = at
		record := store.Sweep{
			ID: key.ID(), PolicyName: key.Policy, PolicyVersion: key.Version, Instant: at, StartedAt: at, Reason: rehearsed,
			Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: rehearsed},
		}
		if record.Total, err = r.Store.Population(ctx); err != nil {
			return fmt.Errorf("rehearsal: %w", err)
		}
		if _, err := r.Store.BeginSweep(ctx, record); err != nil {
			return fmt.Errorf("rehearsal: %w", err)
		}
		progress := store.SweepProgress{ID: key.ID(), State: contract.SweepDone, At: at}
		for after := ""; ; {
			done, err := r.sweeper.Page(ctx, enforce.Page{Policy: key.Policy, After: after, Limit: pageSize, Sweep: key.ID()})
			if err != nil {
				return err
			}
			progress.Done += done.Accounts
			progress.Counts = contract.AddCounts(progress.Counts, done.Counts...)
			r.result.Restricted, r.result.Lifted = r.result.Restricted+done.Restricted, r.result.Lifted+done.Lifted
			if done.Accounts < pageSize {
				break
			}
			after = done.Last
		}
		if _, err := r.Store.SaveSweep(ctx, progress); err != nil {
			return fmt.Errorf("rehearsal: %w", err)
		}
	}
	return nil
}

// unhurried is a rate that no run reaches: the clock stands while it goes on.
const unhurried = 1e9

// remind is one run of the reminders of each policy.
func (r *run) remind(ctx context.Context) error {
	names, err := r.reminders.PolicyNames(ctx)
	if err != nil {
		return err
	}
	r.result.ReminderRuns++
	for _, name := range names {
		for more := true; more; {
			if _, more, err = r.reminders.Deliver(ctx, name, unhurried); err != nil {
				return err
			}
		}
		for in := (contract.ReminderPage{Policy: name, Rate: unhurried}); ; {
			page, err := r.reminders.Page(ctx, in)
			if err != nil {
				return err
			}
			r.result.Reminders += page.Counts.Written
			if page.Done {
				break
			}
			in.After = page.Next
		}
	}
	return nil
}

// everybody has a number at which nobody is: no vault is opened.
type everybody struct{}

func (everybody) Text(context.Context, string, string) (string, error) { return "+8613000000000", nil }

// taken takes every message and sends none.
type taken struct{}

func (taken) Send(_ context.Context, n notify.Notice) (notify.Receipt, error) {
	return notify.Receipt{ProviderID: rehearsed + "/" + n.ID}, nil
}

func (taken) Find(_ context.Context, n notify.Notice, _ time.Time) (notify.Receipt, bool, error) {
	return notify.Receipt{ProviderID: rehearsed + "/" + n.ID}, true, nil
}
