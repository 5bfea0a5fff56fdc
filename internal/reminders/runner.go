// Package reminders reminds merchants of deadlines: it pages through the population, writes what is due to the log
// exactly once, and sends it. It is what the Reminders workflow does in its activities; a rehearsal can do the same
// over a copy of the data.
package reminders

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// Store is what reminding needs of the database.
type Store interface {
	rulebook.Store
	FactsAfter(ctx context.Context, after, last string, limit int) ([]store.Facts, error)
	FactsOf(ctx context.Context, ids []string) ([]store.Facts, error)
	Split(ctx context.Context, ranges int) ([]string, error)
	AppendAll(ctx context.Context, appends []lifecycle.Append) ([]store.AppendAnswer, error)
	Reminded(ctx context.Context, changeID string, accountIDs []string) (map[string]bool, error)
	Contacts(ctx context.Context, accountIDs []string) (map[string]string, error)
	OpenNotices(ctx context.Context, policy string, now time.Time, limit int) ([]store.Notice, error)
	OpenNoticesOf(ctx context.Context, accountIDs []string) ([]store.Notice, error)
	BeginNotices(ctx context.Context, tries []store.NoticeTry, now, retry time.Time) ([]bool, error)
	SettleNotices(ctx context.Context, tries []store.NoticeTry, now time.Time) ([]bool, error)
}

// Vault holds contacts.
type Vault interface {
	Text(ctx context.Context, accountID, ref string) (string, error)
}

// Config is what a Runner is made of. Everything but Notifier is required.
type Config struct {
	Store    Store
	Vault    Vault
	Notifier notify.Notifier // nil: reminders are written, and nothing is sent
	Now      func() time.Time
	// Wait returns after so long, or with the context's error.
	Wait   func(ctx context.Context, d time.Duration) error
	Logger *slog.Logger
}

// Runner reminds. It keeps nothing between calls, so any number may work at once.
type Runner struct {
	Config
	book *rulebook.Book
}

// New returns a runner.
func New(c Config) *Runner { return &Runner{c, rulebook.New(c.Store)} }

// PolicyNames returns the policies in force with a rule that reminds, sorted.
func (r *Runner) PolicyNames(ctx context.Context) ([]string, error) {
	force, err := r.book.InForce(ctx, r.Now())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range force.Set.Policies() {
		if perSecond(p) > 0 {
			names = append(names, p.Name)
		}
	}
	return names, nil
}

// Plan says what a run for the policy has to do now, over a population in so many shards at most.
func (r *Runner) Plan(ctx context.Context, policyName string, shards int) (contract.ReminderPlan, error) {
	force, err := r.book.InForce(ctx, r.Now())
	if err != nil {
		return contract.ReminderPlan{}, err
	}
	var plan contract.ReminderPlan
	for _, p := range force.Set.Policies() {
		if p.Name == policyName {
			plan.Version, plan.PerSecond = p.Version, perSecond(p)
		}
	}
	if plan.PerSecond == 0 {
		return plan, nil
	}
	plan.Cuts, err = r.Store.Split(ctx, shards)
	return plan, err
}

// perSecond is the slowest rate of the policy's rules, 0 if none of them reminds.
func perSecond(p *policy.Policy) int {
	slowest := 0
	for i := range p.Rules {
		rule := &p.Rules[i]
		if rule.Reminders != nil && rule.Mode == policy.ModeEnforce && (slowest == 0 || rule.Reminders.PerSecond < slowest) {
			slowest = rule.Reminders.PerSecond
		}
	}
	return slowest
}

// due returns what is due now for an account under a policy, the most urgent first.
func (r *Runner) due(ctx context.Context, f store.Facts, policyName string) ([]policy.Reminder, error) {
	now := r.Now()
	open, err := r.open(ctx, f, policyName, now)
	return slices.DeleteFunc(open, func(m policy.Reminder) bool { return !m.Due(now) }), err
}

func (r *Runner) open(ctx context.Context, f store.Facts, policyName string, now time.Time) ([]policy.Reminder, error) {
	snapshot, err := r.book.At(ctx, f.PoliciesRevision)
	if err != nil {
		return nil, err
	}
	force, err := snapshot.InForce(now, store.Would)
	if err != nil {
		return nil, err
	}
	var open []policy.Reminder
	for _, reminder := range policy.OpenReminders(force.Set, f.Account, f.Standing, f.Extensions, now) {
		if reminder.PolicyName == policyName {
			open = append(open, reminder)
		}
	}
	return open, nil
}

// ChangeID is the one id under which a reminder is written to an account's log: by policy, rule, milestone and
// deadline, whichever version of the policy reminds and however often.
func ChangeID(m policy.Reminder) string {
	return "remind/" + m.PolicyName + "/" + m.RuleID + "/" + m.ID + "/" + m.Deadline.UTC().Format(time.RFC3339Nano)
}

// pace lets reminders pass no faster than a rate.
type pace struct {
	r        *Runner
	interval time.Duration
	next     time.Time
}

func (r *Runner) pace(rate float64) *pace {
	return &pace{r: r, interval: time.Duration(float64(time.Second) / max(rate, 1e-3))}
}

// turn waits for the next place, and takes so many.
func (p *pace) turn(ctx context.Context, places int) error {
	if err := p.rest(ctx); err != nil {
		return err
	}
	p.next = p.r.Now().Add(time.Duration(places) * p.interval)
	return nil
}

// rest waits until what follows is no longer too soon.
func (p *pace) rest(ctx context.Context) error {
	if left := p.next.Sub(p.r.Now()); !p.next.IsZero() && left > 0 {
		return p.r.Wait(ctx, left)
	}
	return nil
}
