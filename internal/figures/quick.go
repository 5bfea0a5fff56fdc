package figures

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
	// reasonsTold is how many reasons are told.
	reasonsTold = 10
	// batch and batches bound what one snapshot counts of the log; the rest is counted in the background or by the next.
	batch, batches = 1000, 20
	// sweepsSeen is how many of the newest sweeps are looked at.
	sweepsSeen = 50
)

// quick reads what indexed reads answer.
func (k *Keeper) quick(ctx context.Context, now time.Time) (*Figures, error) {
	zone, err := k.zone(ctx, now)
	if err != nil {
		return nil, err
	}
	f := &Figures{At: now.In(zone), RefreshSecs: int(quickEvery / time.Second)}
	for _, read := range []func(context.Context, *Figures, reading) error{k.log, k.outstanding, k.refused, k.sweeps} {
		if err := read(ctx, f, reading{now, zone}); err != nil {
			return nil, err
		}
	}
	if k.cfg.Provider != nil {
		f.Provider = k.cfg.Provider(zone)
	}
	return f, nil
}

// reading is what all parts of a snapshot share.
type reading struct {
	now  time.Time
	zone *time.Location
}

func (r reading) instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.In(r.zone)
	return &t
}

// zone is that of the policies in force.
func (k *Keeper) zone(ctx context.Context, now time.Time) (*time.Location, error) {
	published, err := k.book.Now(ctx)
	if err != nil {
		return nil, err
	}
	force, err := published.InForce(now, store.Would)
	if err != nil {
		return nil, err
	}
	if force.Zone == nil {
		return lifecycle.Beijing(), nil
	}
	return force.Zone, nil
}

func (k *Keeper) log(ctx context.Context, f *Figures, r reading) error {
	for range batches {
		n, err := k.cfg.Store.TallyLog(ctx, batch)
		if err != nil {
			return fmt.Errorf("figures: count the log: %w", err)
		}
		if n == 0 {
			break
		}
	}
	at, behind, err := k.cfg.Store.Tallied(ctx)
	if err != nil {
		return fmt.Errorf("figures: how far the log is counted: %w", err)
	}
	f.Log = LogCount{r.instant(at), behind}
	lastDay, err := k.cfg.Store.Tally(ctx, r.now.Add(-day))
	if err != nil {
		return fmt.Errorf("figures: a day of the log: %w", err)
	}
	lastWeek, err := k.cfg.Store.Tally(ctx, r.now.Add(-week))
	if err != nil {
		return fmt.Errorf("figures: a week of the log: %w", err)
	}
	f.Attempts = AttemptFigures{Day: attempts(lastDay), Week: attempts(lastWeek)}
	f.Stays = stays(lastWeek)
	f.Rejections = reasons(lastWeek, lifecycle.Reject, lifecycle.RejectManual)
	f.Failures = reasons(lastWeek, lifecycle.Fail)
	f.Reminders.Day, f.Reminders.Week = lastDay.Events[lifecycle.Remind], lastWeek.Events[lifecycle.Remind]
	return nil
}

func attempts(t store.Tally) AttemptCounts {
	return AttemptCounts{
		Begun: t.Attempts, Passed: t.Events[lifecycle.Pass], Failed: t.Events[lifecycle.Fail],
		Expired: t.Events[lifecycle.Expire], Locked: t.Events[lifecycle.Lock],
	}
}

// stays are the states that were left, in the order of the merchant's way.
func stays(t store.Tally) []StateStay {
	all := []StateStay{}
	for _, state := range lifecycle.States() {
		bins := t.Stays[state]
		if len(bins) == 0 {
			continue
		}
		s := StateStay{State: state}
		for _, n := range bins {
			s.Left += n
		}
		s.MedianSeconds, s.P95Seconds = quantile(bins, s.Left, 50), quantile(bins, s.Left, 95)
		all = append(all, s)
	}
	return all
}

// quantile is the duration, in seconds, that so many of a hundred did not exceed.
func quantile(bins map[int]int64, all, percent int64) int64 {
	var seen int64
	for _, bin := range slices.Sorted(maps.Keys(bins)) {
		if seen += bins[bin]; seen*100 >= all*percent {
			return int64(store.StayOf(bin).Round(time.Second) / time.Second)
		}
	}
	return 0
}

// reasons are the commonest of some events.
func reasons(t store.Tally, of ...lifecycle.Event) []ReasonCount {
	sums := map[string]int64{}
	for _, event := range of {
		for code, n := range t.Reasons[event] {
			sums[code] += n
		}
	}
	all := []ReasonCount{}
	for code, n := range sums {
		all = append(all, ReasonCount{code, n})
	}
	slices.SortFunc(all, func(a, b ReasonCount) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code)) })
	return all[:min(len(all), reasonsTold)]
}

func (k *Keeper) outstanding(ctx context.Context, f *Figures, r reading) error {
	o, err := k.cfg.Store.Outstanding(ctx, r.now.Add(-day))
	if err != nil {
		return fmt.Errorf("figures: what is outstanding: %w", err)
	}
	backlog, err := k.cfg.Store.Backlog(ctx)
	if err != nil {
		return fmt.Errorf("figures: the backlog of webhooks: %w", err)
	}
	f.Reminders.Waiting, f.Reminders.Failed = o.NoticesWaiting, o.NoticesFailed
	f.Webhooks = WebhookFigures{int64(backlog.Pending), o.WebhooksFailed, r.instant(o.OldestPending), r.instant(backlog.Oldest)}
	return nil
}

func (k *Keeper) refused(ctx context.Context, f *Figures, r reading) error {
	blocked, err := k.cfg.Store.BlockedSince(ctx, r.now.Add(-day))
	if err != nil {
		return fmt.Errorf("figures: refusals: %w", err)
	}
	f.Refusals = []RefusalCount{}
	for _, b := range blocked {
		f.Refusals = append(f.Refusals, RefusalCount(b))
	}
	open, err := k.cfg.Store.OpenByRule(ctx)
	if err != nil {
		return fmt.Errorf("figures: restrictions: %w", err)
	}
	f.Restricted = []RestrictedCount{}
	for _, o := range open {
		f.Restricted = append(f.Restricted, RestrictedCount(o))
	}
	return nil
}

func (k *Keeper) sweeps(ctx context.Context, f *Figures, r reading) error {
	newest, err := k.cfg.Store.Sweeps(ctx, "", sweepsSeen)
	if err != nil {
		return fmt.Errorf("figures: sweeps: %w", err)
	}
	f.Sweeps.Running = []SweepFigure{}
	for _, w := range newest {
		s := SweepFigure{
			ID: w.ID, Policy: w.PolicyName, Instant: w.Instant.In(r.zone), State: string(w.State), DryRun: w.DryRun, Total: w.Total, Done: w.Done,
			Restricted: w.Restricted, Lifted: w.Lifted, StartedAt: w.StartedAt.In(r.zone), EndedAt: r.instant(w.EndedAt),
		}
		switch {
		case !w.State.Ended():
			f.Sweeps.Running = append(f.Sweeps.Running, s)
		case f.Sweeps.Last == nil && !w.DryRun:
			f.Sweeps.Last = &s
		}
	}
	if k.cfg.NextSweep == nil {
		return nil
	}
	next, err := k.cfg.NextSweep(ctx)
	if err != nil {
		return fmt.Errorf("figures: the next sweep: %w", err)
	}
	f.Sweeps.NextAt = r.instant(next)
	return nil
}
