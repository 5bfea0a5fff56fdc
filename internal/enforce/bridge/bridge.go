// Package bridge makes a sweeper and a store what the activities of sweeps run on.
package bridge

import (
	"context"
	"time"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/contract"
)

// Store is what sweeps need of the database besides what the sweeper itself does.
type Store interface {
	BeginSweep(ctx context.Context, s store.Sweep) (store.Sweep, error)
	SaveSweep(ctx context.Context, p store.SweepProgress) (store.Sweep, error)
	Population(ctx context.Context) (int, error)
	Split(ctx context.Context, ranges int) ([]string, error)
}

// Bridge is an activities.Enforcer and an activities.SweepRecords.
type Bridge struct {
	*enforce.Sweeper
	Store
}

var (
	_ activities.Enforcer     = Bridge{}
	_ activities.SweepRecords = Bridge{}
)

// EnforcePage implements activities.Enforcer.
func (b Bridge) EnforcePage(ctx context.Context, in contract.SweepKey, after, last string, limit int) (activities.EnforcedPage, error) {
	done, err := b.Page(ctx, enforce.Page{
		Policy: in.Policy, After: after, Last: last, Limit: limit, Sweep: in.ID(), DryRun: in.DryRun,
	})
	return activities.EnforcedPage{Accounts: done.Accounts, Last: done.Last, Counts: done.Counts}, err
}

// BeginSweep implements activities.SweepRecords.
func (b Bridge) BeginSweep(ctx context.Context, in contract.Sweep, at time.Time) (int, time.Time, error) {
	total, err := b.Population(ctx)
	if err != nil {
		return 0, time.Time{}, err
	}
	s, err := b.Store.BeginSweep(ctx, store.Sweep{
		ID: in.ID(), PolicyName: in.Policy, PolicyVersion: in.Version, Instant: in.Instant, DryRun: in.DryRun,
		Actor: in.Actor, Reason: in.Reason, Total: total, StartedAt: at,
	})
	return s.Total, s.StartedAt, err
}

// SaveSweep implements activities.SweepRecords.
func (b Bridge) SaveSweep(ctx context.Context, in activities.SweepSave, at time.Time) (activities.SweepSaved, error) {
	s, err := b.Store.SaveSweep(ctx, store.SweepProgress{ID: in.Sweep.ID(), State: in.State, Done: in.Done, Counts: in.Counts, At: at})
	return activities.SweepSaved{Restricted: s.Restricted, Lifted: s.Lifted, EndedAt: s.EndedAt}, err
}
