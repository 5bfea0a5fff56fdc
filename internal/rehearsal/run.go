package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
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
	plan      *plan
	gate      *gate.Gate
	sweeper   *enforce.Sweeper
	reminders *reminders.Runner
	zone      *time.Location
	queue     []Event   // of the day, by instant
	followed  []Event   // verifications that prompts led to, by instant
	day       time.Time // midnight after the day that is queued
	result    Result
}

// Run plays the campaign. The copy is then as the database would be at To, and the clock stands there.
func Run(ctx context.Context, c Config) (result Result, err error) {
	if !c.To.After(c.From) || c.To.Sub(c.From) > longest {
		return result, ErrPeriod
	}
	c.Clock.set(c.From)
	r, err := newRun(ctx, c)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, r.gate.Close(context.WithoutCancel(ctx))) }()
	if err := r.eachPage(ctx, func(page []store.Facts) {
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
		var err error
		at := earliest(sweep, remind, begin(r.followed), begin(r.queue))
		if at.IsZero() || at.After(r.To) {
			return nil
		}
		r.Clock.set(at)
		if r.Progress != nil {
			r.Progress(at)
		}
		switch {
		case sweep.Equal(at):
			r.plan.sweeps.take()
			err = r.sweep(ctx, at)
		case remind.Equal(at):
			r.plan.reminders.take()
			err = r.remind(ctx)
		case begin(r.followed).Equal(at):
			err = r.act(ctx, r.followed[0])
			r.followed = r.followed[1:]
		default:
			err = r.act(ctx, r.queue[0])
			r.queue = r.queue[1:]
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

// begin is the instant of the first event, zero if there is none.
func begin(events []Event) time.Time {
	if len(events) == 0 {
		return time.Time{}
	}
	return events[0].At
}

// fill queues the events of the next day that has any. It takes a day at a time, so that a year of logins does not lie
// in memory.
func (r *run) fill(ctx context.Context) error {
	for len(r.queue) == 0 && !r.day.After(r.To) {
		year, month, day := r.day.Date()
		next := time.Date(year, month, day+1, 0, 0, 0, 0, r.zone)
		if err := r.queueDay(ctx, r.day, next); err != nil {
			return err
		}
		r.day = next
	}
	return nil
}

func (r *run) queueDay(ctx context.Context, from, until time.Time) error {
	all := r.Scenario.events
	for len(all) > 0 && all[0].At.Before(until) {
		if !all[0].At.Before(r.From) {
			r.queue = append(r.queue, all[0])
		}
		all = all[1:]
	}
	r.Scenario.events = all
	if r.Scenario.Rates.LoginsPerDay > 0 {
		err := r.eachPage(ctx, func(page []store.Facts) {
			for i := range page {
				if page[i].Account.Closed(from) {
					continue
				}
				for _, at := range r.Scenario.Rates.logins(page[i].Account.ID, from) {
					if !at.Before(r.From) {
						r.queue = append(r.queue, Event{At: at, AccountID: page[i].Account.ID, Do: Login})
					}
				}
			}
		})
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.queue, func(a, b Event) int { return a.At.Compare(b.At) })
	return nil
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

// act plays one event.
func (r *run) act(ctx context.Context, e Event) error {
	var err error
	switch e.Do {
	case Login:
		return r.login(ctx, e)
	case Verify:
		err = r.verify(ctx, e.AccountID)
	case Revoke:
		err = r.append(ctx, e.AccountID, func(v lifecycle.Verification, at time.Time) ([]lifecycle.Change, error) {
			if v.State == lifecycle.Unverified {
				return nil, nil
			}
			actor := lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: rehearsed}
			return v.Decide(lifecycle.Change{Event: lifecycle.Revoke, At: at, Actor: actor, Reason: rehearsed}, lifecycle.DefaultLimits())
		})
	case Extend:
		err = r.Store.PutExtension(ctx, policy.Extension{
			ID:        rehearsed + "/" + e.AccountID + "/" + strconv.FormatInt(e.At.UnixNano(), 10),
			AccountID: e.AccountID, Until: e.Until, GrantedAt: e.At,
		}, lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: rehearsed}, rehearsed)
	}
	if err != nil {
		return fmt.Errorf("rehearsal: %s of an account at %s: %w", e.Do, e.At.Format(time.RFC3339), err)
	}
	return r.settle(ctx, e.AccountID)
}

// settle announces at once what changed, as the real day does, and marks the runs that it may have given something to do.
func (r *run) settle(ctx context.Context, accountID string) error {
	done, err := r.sweeper.Settle(ctx, accountID)
	if err != nil {
		return err
	}
	for _, c := range done {
		switch c.Event {
		case lifecycle.Restrict:
			r.result.Restricted++
		case lifecycle.Lift:
			r.result.Lifted++
		default:
		}
	}
	facts, err := r.Store.Facts(ctx, accountID)
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	r.plan.account(&facts, r.Clock.Now())
	return nil
}

// prompted is how long after a prompt a merchant is verified who follows it.
const prompted = 10 * time.Minute

func (r *run) login(ctx context.Context, e Event) error {
	r.result.Logins++
	answer, err := r.gate.Decide(ctx, e.AccountID, "login")
	if err != nil {
		return fmt.Errorf("rehearsal: login at %s: %w", e.At.Format(time.RFC3339), err)
	}
	if answer.Effect == policy.Allow {
		return nil
	}
	r.result.Prompts++
	level, _ := policy.Urgency(answer.Deadline, answer.At)
	loginID := rehearsed + "/" + strconv.FormatInt(e.At.UnixNano(), 10)
	written, err := r.Store.Append(ctx, lifecycle.Append{
		AccountID: e.AccountID, ChangeID: "login:" + loginID, Head: lifecycle.AnyHead, Known: math.MaxInt64, // nothing is folded here
		Changes: []lifecycle.Change{{
			Event: lifecycle.Prompt, At: e.At, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: rehearsed},
			Detail: lifecycle.Detail{Prompt: &lifecycle.PromptNote{
				Level: level, LoginID: loginID, Policy: answer.PolicyName, PolicyVersion: answer.PolicyVersion, Rule: answer.RuleID,
			}},
		}},
	})
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	if r.Scenario.Rates.verifies(e.AccountID, written.Written[0].Detail.Prompt.Number) {
		r.followed = append(r.followed, Event{At: e.At.Add(prompted), AccountID: e.AccountID, Do: Verify})
	}
	return nil
}

func (r *run) verify(ctx context.Context, accountID string) error {
	return r.append(ctx, accountID, func(v lifecycle.Verification, at time.Time) ([]lifecycle.Change, error) {
		way, err := wayToVerified(v, at)
		if len(way) > 0 {
			r.result.Verified++
		}
		return way, err
	})
}

// append writes what decide wants; nothing is no error.
func (r *run) append(ctx context.Context, accountID string, decide func(lifecycle.Verification, time.Time) ([]lifecycle.Change, error)) error {
	v, err := r.Store.Head(ctx, accountID)
	if err != nil {
		return err
	}
	changes, err := decide(v, r.Clock.Now())
	if err != nil || len(changes) == 0 {
		return err
	}
	_, err = r.Store.Append(ctx, lifecycle.Append{
		AccountID: accountID, ChangeID: rehearsed + "/" + strconv.FormatInt(v.Seq+1, 10), Head: v.Seq, Known: v.Seq, Changes: changes,
	})
	return err
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
