package apitest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Sweeps runs sweeps for the API in one go, when the test says so.
type Sweeps struct {
	*enforce.Sweeper
	store *sqlstore.Store
	now   func() time.Time

	mu      sync.Mutex
	running map[string]contract.SweepProgress
	Err     error // of every call
}

// NewSweeps returns sweeps over a store.
func NewSweeps(s *sqlstore.Store, now func() time.Time) *Sweeps {
	return &Sweeps{Sweeper: enforce.New(s, rulebook.New(s), now), store: s, now: now, running: map[string]contract.SweepProgress{}}
}

// StartSweep implements api.Sweeps.
func (w *Sweeps) StartSweep(ctx context.Context, policyName string, dryRun bool, by lifecycle.Actor, reason string) (contract.SweepKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys, err := w.InForce(ctx)
	if err != nil || w.Err != nil {
		return contract.SweepKey{}, w.Err
	}
	for _, key := range keys {
		if key.Policy == policyName {
			key.Instant, key.DryRun = w.now().Truncate(time.Second), dryRun
			w.running[key.ID()] = contract.SweepProgress{
				SweepKey: key, State: contract.SweepRunning, Actor: by, Reason: reason, Total: 10, Done: 5, Rate: 2.5,
				Remaining: 2 * time.Second, Shards: []contract.ShardProgress{{Accounts: 5}}, StartedAt: w.now(),
			}
			return key, nil
		}
	}
	return contract.SweepKey{}, api.ErrPolicyNotInForce
}

// Progress implements api.Sweeps.
func (w *Sweeps) Progress(_ context.Context, key contract.SweepKey) (contract.SweepProgress, error) {
	return w.to(key, "")
}

// Pause implements api.Sweeps.
func (w *Sweeps) Pause(_ context.Context, key contract.SweepKey, _ contract.SweepCommand) (contract.SweepProgress, error) {
	return w.to(key, contract.SweepPaused)
}

// Resume implements api.Sweeps.
func (w *Sweeps) Resume(_ context.Context, key contract.SweepKey, _ contract.SweepCommand) (contract.SweepProgress, error) {
	return w.to(key, contract.SweepRunning)
}

// Cancel implements api.Sweeps.
func (w *Sweeps) Cancel(_ context.Context, key contract.SweepKey, _ contract.SweepCommand) (contract.SweepProgress, error) {
	return w.to(key, contract.SweepCancelled)
}

func (w *Sweeps) to(key contract.SweepKey, state contract.SweepState) (contract.SweepProgress, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, known := w.running[key.ID()]
	switch {
	case w.Err != nil:
		return p, w.Err
	case !known:
		return p, api.ErrSweepNotRunning
	case state != "" && p.State.Ended():
		return p, api.ErrSweepEnded
	case state != "":
		p.State = state
	}
	w.running[key.ID()] = p
	return p, nil
}

// Finish runs the sweep and records it.
func (w *Sweeps) Finish(t testing.TB, id string) {
	t.Helper()
	p := w.running[id]
	begun, err := w.store.BeginSweep(t.Context(), store.Sweep{
		ID: id, PolicyName: p.Policy, PolicyVersion: p.Version, Instant: p.Instant, DryRun: p.DryRun, Actor: p.Actor, Reason: p.Reason,
		Total: 2, StartedAt: w.now(),
	})
	require.NoError(t, err)
	done, err := w.Page(t.Context(), enforce.Page{Policy: p.Policy, Limit: 100, Sweep: id, DryRun: p.DryRun})
	require.NoError(t, err)
	_, err = w.store.SaveSweep(t.Context(), store.SweepProgress{
		ID: begun.ID, State: contract.SweepDone, Done: done.Accounts, Counts: done.Counts, At: w.now(),
	})
	require.NoError(t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, id)
}
