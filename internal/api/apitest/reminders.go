package apitest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/contract"
)

// Runs is an engine of runs that keeps them in memory.
type Runs struct {
	mu      sync.Mutex
	all     map[string]contract.RemindersProgress
	ids     []string // in the order in which they began
	Failing error    // of every start
}

// NewRuns returns an engine without runs.
func NewRuns() *Runs { return &Runs{all: map[string]contract.RemindersProgress{}} }

// Start implements api.Reminders.
func (r *Runs) Start(_ context.Context, runID string, dryRun bool) error {
	name, err := contract.RemindersPolicy(runID)
	if err != nil || r.Failing != nil {
		return r.Failing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.all[runID]; !known {
		r.all[runID] = contract.RemindersProgress{RunID: runID, Policy: name, DryRun: dryRun, State: contract.RunRunning, Shards: 4}
		r.ids = append(r.ids, runID)
	}
	return nil
}

func (r *Runs) to(runID string, state contract.RunState) (contract.RemindersProgress, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.all[runID]
	if !known {
		return p, api.ErrRunUnknown
	}
	if state != "" {
		p.State = state
		r.all[runID] = p
	}
	return p, nil
}

// Progress implements api.Reminders.
func (r *Runs) Progress(_ context.Context, id string) (contract.RemindersProgress, error) {
	return r.to(id, "")
}

// Pause implements api.Reminders.
func (r *Runs) Pause(_ context.Context, id string) (contract.RemindersProgress, error) {
	return r.to(id, contract.RunPaused)
}

// Resume implements api.Reminders.
func (r *Runs) Resume(_ context.Context, id string) (contract.RemindersProgress, error) {
	return r.to(id, contract.RunRunning)
}

// Cancel implements api.Reminders.
func (r *Runs) Cancel(_ context.Context, id string) error {
	_, err := r.to(id, contract.RunCancelled)
	return err
}

// Runs implements api.Reminders.
func (r *Runs) Runs(_ context.Context, limit int) ([]api.ReminderRun, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []api.ReminderRun
	for _, id := range slices.Backward(r.ids) {
		if len(list) < limit {
			list = append(list, api.ReminderRun{ID: id, State: r.all[id].State, StartedAt: time.Unix(0, 0)})
		}
	}
	return list, r.Failing
}

// All are the runs by id.
func (r *Runs) All() map[string]contract.RemindersProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.all)
}
