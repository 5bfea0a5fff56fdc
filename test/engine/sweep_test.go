package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/enforce/bridge"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

const sweptPolicy = "swept"

// doors let pages through one by one, or all.
type doors struct {
	activities.Enforcer
	mu   sync.Mutex
	gate chan struct{} // a value lets one page through; nil lets all
}

func (d *doors) EnforcePage(ctx context.Context, in contract.SweepKey, after, last string, limit int) (activities.EnforcedPage, error) {
	d.mu.Lock()
	gate := d.gate
	d.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return activities.EnforcedPage{}, ctx.Err()
		}
	}
	return d.Enforcer.EnforcePage(ctx, in, after, last, limit)
}

func (d *doors) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.gate)
	d.gate = nil
}

// sweepBed is a bed whose accounts a policy blocks.
type sweepBed struct {
	*bed
	sweeps *temporal.Sweeps
	doors  *doors
	total  int
}

func newSweepBed(t *testing.T, accounts int, closed bool, more ...option) *sweepBed {
	t.Helper()
	s := &sweepBed{doors: &doors{}, total: accounts}
	if closed {
		s.doors.gate = make(chan struct{})
	}
	s.bed = newBed(t, append([]option{func(b *bed, d *worker.Deps) {
		d.Enforcement = &activities.Enforcement{
			Settings: activities.SweepSettings{Shards: 2, Page: 10, Chunk: 20, ChunkFor: time.Minute}, Now: b.now, Logger: slog.New(slog.DiscardHandler),
		}
		b.connect = func() {
			joined := bridge.Bridge{Sweeper: enforce.New(b.store, rulebook.New(b.store), b.now), Store: b.store}
			s.doors.Enforcer = joined
			d.Enforcement.Enforcer, d.Enforcement.Records = s.doors, joined
		}
	}}, more...)...)
	s.sweeps = temporal.NewSweeps(s.client, temporal.Waits{Command: 20 * time.Second})
	text := fmt.Sprintf(`name: %s
version: 1
zone: Asia/Shanghai
actions: [create_label]
rules:
  - id: everybody
    cohort: {kind: individual}
    require: verified
    mode: enforce
    phases: [{from: 2020-12-04T00:00:00+08:00, stage: enforced, effects: {create_label: block}}]
correction: {mode: support}
review: {approve: automatic, minimum_age: 18, duplicate_number: reviewer}
`, sweptPolicy)
	require.NoError(t, s.store.PublishPolicy(t.Context(), store.PublishedPolicy{Name: sweptPolicy, Version: 1, Text: []byte(text), EffectiveFrom: s.now()}))
	puts := make([]store.PutAccount, accounts)
	for i := range puts {
		puts[i].Account = policy.Account{ID: fmt.Sprintf("a%04d", i), Kind: policy.KindIndividual, Region: "CN", RegisteredAt: s.now()}
	}
	_, err := s.store.PutAccounts(t.Context(), puts, false)
	require.NoError(t, err)
	return s
}

func (s *sweepBed) key() contract.SweepKey {
	return contract.SweepKey{Policy: sweptPolicy, Version: 1, Instant: s.now().Truncate(time.Second)}
}

func (s *sweepBed) start(key contract.SweepKey) {
	s.t.Helper()
	require.NoError(s.t, s.sweeps.Start(s.t.Context(), contract.Sweep{SweepKey: key, Actor: operator(), Reason: "by_hand"}))
}

// result waits for the sweep to end.
func (s *sweepBed) result(key contract.SweepKey) contract.SweepProgress {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer cancel()
	var p contract.SweepProgress
	require.NoError(s.t, s.client.GetWorkflow(ctx, key.WorkflowID(), "").Get(ctx, &p))
	return p
}

// requireEachOnce: every account has been restricted, once.
func (s *sweepBed) requireEachOnce() {
	s.t.Helper()
	for i := range s.total {
		log, err := s.store.Events(s.t.Context(), fmt.Sprintf("a%04d", i), 0, 10)
		require.NoError(s.t, err)
		require.Len(s.t, log, 1)
		require.Equal(s.t, lifecycle.Restrict, log[0].Event)
	}
}

func TestSweepDone(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 95, false)
	key := s.key()
	s.start(key)
	s.start(key) // joined
	p := s.result(key)
	require.Equal(t, contract.SweepDone, p.State)
	require.Equal(t, []int{95, 95, 95, 0}, []int{p.Total, p.Done, p.Restricted, p.Lifted})
	s.requireEachOnce()
	s.start(key) // not once more
	row, err := s.store.Sweep(t.Context(), key.ID())
	require.NoError(t, err)
	require.Equal(t, contract.SweepDone, row.State)
	require.Equal(t, 95, row.Restricted)
	s.recordRun(key.WorkflowID(), "sweep-done")
	_, err = s.sweeps.Pause(t.Context(), key, contract.SweepCommand{Actor: operator()})
	require.ErrorIs(t, err, api.ErrSweepNotRunning)
}

func TestSweepPausedAndResumed(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 95, true)
	key, command := s.key(), contract.SweepCommand{Actor: operator()}
	s.start(key)
	s.doors.gate <- struct{}{}
	p, err := s.sweeps.Pause(t.Context(), key, command)
	require.NoError(t, err)
	require.Equal(t, contract.SweepPaused, p.State)
	s.doors.open() // the chunks that run go to their end; no other begins
	row, err := s.store.Sweep(t.Context(), key.ID())
	require.NoError(t, err)
	require.Equal(t, contract.SweepPaused, row.State)
	p, err = s.sweeps.Resume(t.Context(), key, command)
	require.NoError(t, err)
	require.Less(t, p.Done, 95)
	require.Equal(t, contract.SweepDone, s.result(key).State)
	s.requireEachOnce()
	s.recordRun(key.WorkflowID(), "sweep-paused")
}

func TestSweepCancelled(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 95, true)
	key, command := s.key(), contract.SweepCommand{Actor: operator()}
	s.start(key)
	s.doors.gate <- struct{}{}
	_, err := s.sweeps.Cancel(t.Context(), key, command)
	require.NoError(t, err)
	_, err = s.sweeps.Resume(t.Context(), key, command)
	require.ErrorIs(t, err, api.ErrSweepEnded)
	s.doors.open()
	p := s.result(key)
	require.Equal(t, contract.SweepCancelled, p.State)
	require.Less(t, p.Restricted, 95)
	s.recordRun(key.WorkflowID(), "sweep-cancelled")

	next := key // another one does the rest
	next.Instant = next.Instant.Add(time.Second)
	s.start(next)
	require.Equal(t, 95-p.Restricted, s.result(next).Restricted)
	s.requireEachOnce()
}

// TestSweepOutlivesItsWorker: a worker is stopped in the middle of a chunk, another one goes on.
func TestSweepOutlivesItsWorker(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 95, true)
	key := s.key()
	s.start(key)
	s.doors.gate <- struct{}{}
	s.doors.gate <- struct{}{}
	s.doors.gate <- struct{}{} // some page of one shard is waited for now
	s.worker.Stop()
	s.work(worker.Options{StopTimeout: 100 * time.Millisecond})
	s.doors.open()
	p := s.result(key)
	require.Equal(t, []int{95, 95}, []int{p.Done, p.Restricted})
	s.requireEachOnce()
}

func TestTickBySchedule(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 25, false)
	schedules := temporal.NewSchedules(s.client)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	soon := time.Now().Add(3 * time.Second).Truncate(time.Second)
	table := temporal.Timetable{Zone: zone, Hour: 0, Minute: 10, Instants: []time.Time{soon.AddDate(-1, 0, 0), soon}}
	require.NoError(t, schedules.Reconcile(t.Context(), table, time.Now()))
	require.NoError(t, schedules.Reconcile(t.Context(), table, time.Now()), "twice is once")
	tick := s.firstTick()
	var ids []string
	require.NoError(t, s.client.GetWorkflow(t.Context(), tick, "").Get(t.Context(), &ids))
	require.Len(t, ids, 1)
	key, err := contract.ParseSweepID(ids[0])
	require.NoError(t, err)
	require.Equal(t, 25, s.result(key).Restricted)
	s.recordRun(tick, "sweep-tick")
	plan := temporal.NewPlan(s.client, temporal.Waits{Command: 10 * time.Second})
	require.Eventually(t, func() bool { // the list follows within moments
		planned, err := plan.Planned(t.Context())
		return err == nil && len(planned) == 1 && planned[0].What == "sweeps" && !planned[0].Last.IsZero() && len(planned[0].Next) > 0 &&
			planned[0].Next[0].In(zone).Format("15:04") == "00:10"
	}, 10*time.Second, 50*time.Millisecond)

	table.Instants = nil
	require.NoError(t, schedules.Reconcile(t.Context(), table, time.Now()))
	require.NoError(t, schedules.Remove(t.Context()))
	require.NoError(t, schedules.Remove(t.Context()), "twice is once")
}

// TestTickOfWhatIsPast: a brake is past when it is seen. Its sweep begins within moments, and another one of the same minute too.
func TestTickOfWhatIsPast(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 25, false)
	schedules := temporal.NewSchedules(s.client)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	var ids []string
	for range 2 {
		now := time.Now()
		table := temporal.Timetable{Zone: zone, Minute: 10, Instants: []time.Time{now.Add(-1500 * time.Millisecond)}, Since: now.Add(-2 * time.Second)}
		require.NoError(t, schedules.Reconcile(t.Context(), table, now))
		require.Eventually(t, func() bool {
			rows, err := s.store.Sweeps(t.Context(), "", 10)
			require.NoError(t, err)
			if len(rows) <= len(ids) {
				return false
			}
			ids = append(ids, rows[0].ID)
			return true
		}, patience, 50*time.Millisecond)
		key, err := contract.ParseSweepID(ids[len(ids)-1])
		require.NoError(t, err)
		require.False(t, key.Instant.Before(now.Truncate(time.Second)))
		require.Equal(t, contract.SweepDone, s.result(key).State)
	}
	s.requireEachOnce()
	require.NoError(t, schedules.Remove(t.Context()))
}

// firstTick waits for the schedule to have started a workflow and returns its id.
func (s *sweepBed) firstTick() string {
	s.t.Helper()
	handle := s.client.ScheduleClient().GetHandle(s.t.Context(), "verigate/sweeps/instants")
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		d, err := handle.Describe(s.t.Context())
		require.NoError(s.t, err)
		require.Len(s.t, d.Schedule.Spec.Calendars, 1, "what is long past is left out")
		if len(d.Info.RecentActions) > 0 {
			return d.Info.RecentActions[0].StartWorkflowResult.WorkflowID
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			require.FailNow(s.t, "the schedule did not fire")
		}
	}
}
