package engine

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"

	historypb "go.temporal.io/api/history/v1"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows/contract"
)

// pages is a population of a few pages, handed out when the test lets them.
type pages struct {
	mu   sync.Mutex
	left map[string]int // by the end of the shard
	gate chan struct{}  // takes a value for each page; nil lets all pass
}

func (p *pages) Plan(context.Context, string, int) (contract.ReminderPlan, error) {
	return contract.ReminderPlan{Version: 1, PerSecond: 50, Cuts: []string{"m"}}, nil
}

func (p *pages) Page(ctx context.Context, in contract.ReminderPage) (contract.ReminderPageResult, error) {
	if p.gate != nil {
		select {
		case <-p.gate:
		case <-ctx.Done():
			return contract.ReminderPageResult{}, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[in.Last]--
	counts := contract.ReminderCounts{Seen: 1000, Due: 800, Written: 800, Milestones: map[string]int{"P7D": 800}}
	return contract.ReminderPageResult{Next: "x" + in.Last, Done: p.left[in.Last] <= 0, Counts: counts}, nil
}

func (p *pages) Deliver(context.Context, string, float64) (contract.ReminderCounts, bool, error) {
	return contract.ReminderCounts{Sent: 1}, false, nil
}

func reminding(p activities.Reminding) option {
	return func(_ *bed, d *worker.Deps) {
		d.Reminders = &activities.Reminders{Reminding: p, Logger: slog.New(slog.DiscardHandler)}
	}
}

// keep records the history of a run of reminders.
func (b *bed) keep(runID, name string) {
	b.t.Helper()
	h := &historypb.History{}
	it := b.client.GetWorkflowHistory(b.t.Context(), contract.RemindersID(runID), "", false, 0)
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(b.t, err)
		h.Events = append(h.Events, e)
	}
	if *update {
		data, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(h)
		require.NoError(b.t, err)
		require.NoError(b.t, os.WriteFile(filepath.Join("..", "..", "testdata", "histories", name+".json"), data, 0o600))
	}
	b.replay([]*historypb.History{h})
}

func (b *bed) ended(runID string) error {
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	return b.client.GetWorkflow(ctx, contract.RemindersID(runID), "").Get(ctx, nil)
}

func TestReminderRuns(t *testing.T) {
	t.Parallel()
	p := &pages{left: map[string]int{"m": 2, "": 3}}
	b := newBed(t, reminding(p))
	runs := temporal.NewReminders(b.client, temporal.Waits{Command: 10 * time.Second})
	const run = "p:finished"
	require.NoError(t, runs.Start(t.Context(), run, false))
	require.NoError(t, runs.Start(t.Context(), run, false), "the same run is the same run")
	require.NoError(t, b.ended(run))
	require.NoError(t, runs.Start(t.Context(), run, false), "also after its end")
	got, err := runs.Progress(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, contract.RemindersProgress{
		RunID: run, Policy: "p", Version: 1, State: contract.RunFinished, Shards: 2, ShardsDone: 2,
		Counts: contract.ReminderCounts{Seen: 5000, Due: 4000, Written: 4000, Sent: 1, Milestones: map[string]int{"P7D": 4000}},
	}, got)
	paused, err := runs.Pause(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, got, paused, "what has ended stays as it is")
	b.keep(run, "reminders")
	var listed []api.ReminderRun
	require.Eventually(t, func() bool { // the list follows within moments
		listed, err = runs.Runs(t.Context(), 10)
		return err == nil && len(listed) == 1 && listed[0].State == contract.RunFinished
	}, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, run, listed[0].ID)
	require.True(t, listed[0].EndedAt.After(listed[0].StartedAt))
	for _, do := range []func(context.Context, string) (contract.RemindersProgress, error){runs.Progress, runs.Pause, runs.Resume} {
		_, err = do(t.Context(), "p:unknown")
		require.ErrorIs(t, err, api.ErrRunUnknown)
	}
	require.ErrorIs(t, runs.Cancel(t.Context(), "p:unknown"), api.ErrRunUnknown)
	require.ErrorIs(t, runs.Start(t.Context(), "unknown", false), contract.ErrRunID)
}

func TestReminderRunIsPausedResumedAndCancelled(t *testing.T) {
	t.Parallel()
	p := &pages{left: map[string]int{"m": 100, "": 100}, gate: make(chan struct{})}
	b := newBed(t, reminding(p))
	runs := temporal.NewReminders(b.client, temporal.Waits{Command: 10 * time.Second})
	const run = "p:cancelled"
	require.NoError(t, runs.Start(t.Context(), run, true))
	for range 2 { // both shards are at work
		p.gate <- struct{}{}
	}
	got, err := runs.Pause(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, contract.RunPaused, got.State)
	got, err = runs.Resume(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, contract.RunRunning, got.State)
	p.gate <- struct{}{}
	require.NoError(t, runs.Cancel(t.Context(), run))
	var cancelled *sdk.CanceledError
	require.ErrorAs(t, letThrough(p.gate, func() error { return b.ended(run) }), &cancelled)
	got, err = runs.Progress(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, contract.RunCancelled, got.State)
	b.keep(run, "reminders-cancelled")
}

// letThrough lets every page pass while something goes on.
func letThrough(gate chan struct{}, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	for {
		select {
		case gate <- struct{}{}:
		case err := <-done:
			return err
		}
	}
}

func TestReminderSchedules(t *testing.T) {
	t.Parallel()
	p := &pages{left: map[string]int{}}
	b := newBed(t, reminding(p))
	ctx := t.Context()
	list := func() []string {
		var ids []string
		all, err := b.client.ScheduleClient().List(ctx, client.ScheduleListOptions{})
		require.NoError(t, err)
		for all.HasNext() {
			entry, err := all.Next()
			require.NoError(t, err)
			ids = append(ids, entry.ID)
		}
		return ids
	}
	for range 2 {
		require.NoError(t, temporal.ReconcileReminderSchedules(ctx, b.client, []string{"p", "q"}))
	}
	require.Eventually(t, func() bool { return len(list()) == 2 }, 10*time.Second, 50*time.Millisecond)
	handle := b.client.ScheduleClient().GetHandle(ctx, "reminders/p")
	require.NoError(t, handle.Pause(ctx, client.SchedulePauseOptions{Note: "by an operator"}))
	require.NoError(t, temporal.ReconcileReminderSchedules(ctx, b.client, []string{"p"}))
	require.Eventually(t, func() bool { return len(list()) == 1 }, 10*time.Second, 50*time.Millisecond)
	described, err := handle.Describe(ctx)
	require.NoError(t, err)
	require.True(t, described.Schedule.State.Paused, "an operator's pause stays")
	plan := temporal.NewPlan(b.client, temporal.Waits{Command: 10 * time.Second})
	require.Eventually(t, func() bool {
		planned, err := plan.Planned(ctx)
		return err == nil && len(planned) == 1 && planned[0].What == "reminders" && planned[0].Policy == "p" && planned[0].Paused
	}, 10*time.Second, 50*time.Millisecond)

	require.NoError(t, handle.Unpause(ctx, client.ScheduleUnpauseOptions{}))
	require.NoError(t, handle.Trigger(ctx, client.ScheduleTriggerOptions{}))
	var started string
	require.Eventually(t, func() bool {
		described, err := handle.Describe(ctx)
		if err != nil || len(described.Info.RecentActions) == 0 {
			return false
		}
		started = described.Info.RecentActions[0].StartWorkflowResult.WorkflowID
		return started != ""
	}, 10*time.Second, 50*time.Millisecond)
	run, err := contract.RemindersRunOf(started)
	require.NoError(t, err, started)
	require.NoError(t, b.ended(run))
	got, err := temporal.NewReminders(b.client, temporal.Waits{Command: 10 * time.Second}).Progress(ctx, run)
	require.NoError(t, err)
	require.Equal(t, []any{"p", contract.RunFinished}, []any{got.Policy, got.State})
	require.NoError(t, temporal.ReconcileReminderSchedules(ctx, b.client, nil))
	require.Eventually(t, func() bool { return len(list()) == 0 }, 10*time.Second, 50*time.Millisecond)
}
