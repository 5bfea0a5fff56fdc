package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/enforce/bridge"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// sweeps starts sweeps by the rules in force. It satisfies api.Sweeps.
type sweeps struct {
	*temporal.Sweeps
	sweeper *enforce.Sweeper
	now     func() time.Time
}

// StartSweep implements api.Sweeps.
func (s *sweeps) StartSweep(ctx context.Context, policyName string, dryRun bool, by lifecycle.Actor, reason string) (contract.SweepKey, error) {
	policies, err := s.sweeper.InForce(ctx)
	if err != nil {
		return contract.SweepKey{}, err
	}
	for _, key := range policies {
		if key.Policy == policyName {
			key.Instant, key.DryRun = s.now().Truncate(time.Second), dryRun
			return s.startFresh(ctx, contract.Sweep{SweepKey: key, Actor: by, Reason: reason})
		}
	}
	return contract.SweepKey{}, api.ErrPolicyNotInForce
}

// startFresh starts a sweep, or joins the one that runs under the same second. One that had ended when the caller asked
// is of no use to it, so the next second is taken.
func (s *sweeps) startFresh(ctx context.Context, sweep contract.Sweep) (contract.SweepKey, error) {
	asked := s.now()
	for {
		if err := s.Start(ctx, sweep); err != nil {
			return contract.SweepKey{}, err
		}
		progress, err := s.Progress(ctx, sweep.SweepKey)
		if err != nil || !progress.State.Ended() || !progress.EndedAt.Before(asked) {
			return sweep.SweepKey, nil //nolint:nilerr // it was started; how far it is, is asked again
		}
		sweep.Instant = sweep.Instant.Add(time.Second)
	}
}

// startAll starts a sweep for every policy in force, as SweepTick does.
func (s *sweeps) startAll(ctx context.Context, instant time.Time) error {
	policies, err := s.sweeper.InForce(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, key := range policies {
		key.Instant = instant
		by := lifecycle.Actor{Kind: lifecycle.ActorSystem, ID: "timeline"}
		faults = append(faults, s.Start(ctx, contract.Sweep{SweepKey: key, Actor: by, Reason: "timeline"}))
	}
	return errors.Join(faults...)
}

func (a *App) enforcement() *activities.Enforcement {
	settings := activities.DefaultSweepSettings()
	settings.Shards = a.config.Sweeps.Shards
	joined := bridge.Bridge{Sweeper: a.sweeper, Store: a.store}
	return &activities.Enforcement{Enforcer: joined, Records: joined, Settings: settings, Now: a.clock.Now, Logger: a.log}
}

const (
	// lookEvery is how often the policies' revision is looked at, and in a timeline the clock.
	lookEvery = time.Second
	// reconcileEvery is how often the schedules are put right though no policy was published: an instant may have come
	// within reach, or somebody changed them.
	reconcileEvery = time.Hour
)

// startSweeping sees to it that sweeps begin: by Temporal's schedules, which are kept as the published policies say, or
// in a timeline, whose clock Temporal does not share, by this process.
func (a *App) startSweeping(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	ticker, done := time.NewTicker(lookEvery), make(chan struct{})
	look := a.scheduled()
	if a.clock.Offset != 0 {
		look = a.timeline()
	}
	go func() {
		defer close(done)
		failing := false
		for {
			err := look(ctx)
			if err != nil && !failing && ctx.Err() == nil {
				a.log.Warn("sweeps may begin late", "error", err)
			}
			failing = err != nil
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	a.stack.push("sweeping", func(stopping context.Context) error {
		ticker.Stop()
		cancel()
		select {
		case <-done:
			return nil
		case <-stopping.Done():
			return stopping.Err()
		}
	})
	return nil
}

// scheduled returns a look that reconciles the schedules when the policies have changed, and now and then. A brake, or a version
// that was approved for at once, is past when it is seen: its sweep is put off by moments.
func (a *App) scheduled() func(context.Context) error {
	schedules := temporal.NewSchedules(a.client)
	known, at := int64(-1), time.Time{}
	var looked time.Time
	return func(ctx context.Context) error {
		revision, err := a.store.PoliciesRevision(ctx)
		if err != nil {
			return err
		}
		now := a.clock.Now()
		if revision == known && now.Sub(at) < reconcileEvery {
			looked = now
			return nil
		}
		table, err := timetable(ctx, a.sweeper, a.config.Sweeps.Daily)
		if err != nil {
			return err
		}
		if table.Since, err = a.unseen(ctx, looked); err != nil {
			return err
		}
		err = schedules.Reconcile(ctx, table, now)
		if err == nil {
			known, at, looked = revision, now, now
		}
		return err
	}
}

// unseen is since when something may have become due that no schedule knows of: since the look before or, in a process that has
// just begun, since the newest sweep.
func (a *App) unseen(ctx context.Context, looked time.Time) (time.Time, error) {
	if !looked.IsZero() {
		return looked.Add(-gate.MaxSkew), nil // the database's clock dates brakes
	}
	return a.sweptSoFar(ctx)
}

// timetable is when sweeps are due by the policies on record; daily is a time of day.
func timetable(ctx context.Context, sweeper *enforce.Sweeper, daily time.Duration) (temporal.Timetable, error) {
	boundaries, zone, err := sweeper.Boundaries(ctx)
	return temporal.Timetable{
		Zone: zone, Hour: int(daily / time.Hour), Minute: int(daily % time.Hour / time.Minute), Instants: boundaries,
	}, err
}

// timeline returns a look that starts sweeps when an instant has passed since the look before. The first look takes up
// from the newest sweep on record or, without any, from the first policy on record: before that nothing was missed.
// Of several missed instants only the last is made up for; a sweep asks what is so now.
func (a *App) timeline() func(context.Context) error {
	schedules := temporal.NewSchedules(a.client)
	var last time.Time
	return func(ctx context.Context) error {
		if last.IsZero() {
			if err := schedules.Remove(ctx); err != nil { // left by a run with the real clock
				return err
			}
			from, err := a.sweptSoFar(ctx)
			if err != nil || from.IsZero() {
				return err
			}
			last = from
		}
		boundaries, zone, err := a.sweeper.Boundaries(ctx)
		if err != nil {
			return err
		}
		now := a.clock.Now()
		due := lastDue(boundaries, zone, a.config.Sweeps.Daily, last, now)
		if !due.IsZero() {
			if err := a.sweeps.startAll(ctx, due); err != nil {
				return err
			}
		}
		last = now
		return nil
	}
}

// sweepFigures are of the newest sweeps that were no dry run, as they are at an instant.
func (a *App) sweepFigures(ctx context.Context, now time.Time) (telemetry.SweepFigures, error) {
	var f telemetry.SweepFigures
	newest, err := a.store.Sweeps(ctx, "", sweepsLooked)
	if err != nil {
		return f, err
	}
	done := false
	for _, w := range newest {
		switch {
		case w.DryRun:
		case !w.State.Ended():
			f.Running++
			f.Oldest = max(f.Oldest, now.Sub(w.StartedAt))
		case !done && w.State == contract.SweepDone:
			done = true
			f.Lag, f.Restricted, f.Lifted = w.EndedAt.Sub(w.Instant), w.Restricted, w.Lifted
		}
	}
	f.Overdue, err = a.sweepOverdue(ctx, newest, now)
	return f, err
}

// sweepOverdue is for how long a sweep has been due that is not among the newest or has failed, 0 if there is none.
func (a *App) sweepOverdue(ctx context.Context, newest []store.Sweep, now time.Time) (time.Duration, error) {
	policies, err := a.sweeper.InForce(ctx)
	if err != nil {
		return 0, err
	}
	boundaries, zone, err := a.sweeper.Boundaries(ctx)
	if err != nil {
		return 0, err
	}
	var most time.Duration
	for _, policy := range policies {
		until, err := a.sweptUntil(ctx, slices.DeleteFunc(slices.Clone(newest), func(w store.Sweep) bool {
			return w.PolicyName != policy.Policy || w.State == contract.SweepFailed
		}))
		if err != nil {
			return 0, err
		}
		if due := lastDue(boundaries, zone, a.config.Sweeps.Daily, until, now); !due.IsZero() {
			most = max(most, now.Sub(due))
		}
	}
	return most, nil
}

// sweptSoFar is sweptUntil for the sweeps of all policies.
func (a *App) sweptSoFar(ctx context.Context) (time.Time, error) {
	newest, err := a.store.Sweeps(ctx, "", sweepsLooked)
	if err != nil {
		return time.Time{}, err
	}
	return a.sweptUntil(ctx, newest)
}

// sweptUntil is the latest instant of those sweeps that were not asked for by hand or, without one, just before the first
// policy was recorded; zero if there is no policy.
func (a *App) sweptUntil(ctx context.Context, sweeps []store.Sweep) (until time.Time, err error) {
	for _, w := range sweeps {
		if w.Actor.Kind == lifecycle.ActorSystem && w.Instant.After(until) {
			until = w.Instant
		}
	}
	if !until.IsZero() {
		return until, nil
	}
	policies, err := a.store.Policies(ctx)
	if err != nil || len(policies) == 0 {
		return time.Time{}, err
	}
	return policies[0].RecordedAt.Add(-time.Second), nil // what came into force as it was recorded is due too
}

// sweepsLooked is how many of the newest sweeps are looked at: more than there are in days.
const sweepsLooked = 200

// dailyAt is the daily instant of the day that is so many days after another instant's, by the clocks of the zone.
func dailyAt(of time.Time, days int, daily time.Duration, zone *time.Location) time.Time {
	local := of.In(zone)
	return time.Date(local.Year(), local.Month(), local.Day()+days, int(daily/time.Hour), int(daily%time.Hour/time.Minute), 0, 0, zone)
}

// lastDue returns the last boundary or daily instant after one instant and not after another, zero if there is none.
func lastDue(boundaries []time.Time, zone *time.Location, daily time.Duration, after, until time.Time) time.Time {
	var due time.Time
	for _, at := range append([]time.Time{dailyAt(until, -1, daily, zone), dailyAt(until, 0, daily, zone)}, boundaries...) {
		if at.After(after) && !at.After(until) && at.After(due) {
			due = at
		}
	}
	return due
}
