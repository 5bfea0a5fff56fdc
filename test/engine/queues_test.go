package engine

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// Priorities of the provider's queue.
const (
	merchantWaits = 1
	nobodyWaits   = 5
)

// onePlace has one activity at a time run from each queue.
func onePlace(b *bed, _ *worker.Deps) { b.works.Activities = 1 }

// untilWaiting waits until so many activities wait in a queue for a worker, of a priority if it is not 0. The server's answer
// may be some seconds old.
func (b *bed) untilWaiting(queue string, priority int32, least int64) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		answer, err := b.client.WorkflowService().DescribeTaskQueue(b.t.Context(), &workflowservice.DescribeTaskQueueRequest{
			Namespace: b.server.Namespace(), TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
			TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY, ReportStats: true,
		})
		require.NoError(b.t, err)
		stats := answer.GetStats()
		if priority != 0 {
			stats = answer.GetStatsByPriorityKey()[priority]
		}
		return stats.GetApproximateBacklogCount() >= least
	}, patience, 100*time.Millisecond)
}

// TestMerchantsDoNotWaitForASweep: a sweep holds every place that its queue has, and a merchant comes through.
func TestMerchantsDoNotWaitForASweep(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 40, true, onePlace)
	key := s.key()
	s.start(key)
	s.untilWaiting(contract.EnforcementQueue, 0, 1)
	w := &walker{bed: s.bed, id: "a0007"}
	w.approved()
	w.scan(w.start())
	w.verdict(1, face.StatePassed, lifecycle.Verified)
	s.doors.open()
	require.Equal(t, 39, s.result(key).Restricted)
}

// planned tells when a run of reminders got its first place.
type planned struct {
	*pages
	got chan struct{}
}

func (p planned) Plan(ctx context.Context, policy string, shards int) (contract.ReminderPlan, error) {
	close(p.got)
	return p.pages.Plan(ctx, policy, shards)
}

// TestRemindersTakeTurnsWithASweep: what a sweep has put into the queue does not all go before a run of reminders that
// comes later.
func TestRemindersTakeTurnsWithASweep(t *testing.T) {
	t.Parallel()
	const shards = 8
	p := planned{&pages{left: map[string]int{"m": 1, "": 1}}, make(chan struct{})}
	s := newSweepBed(t, shards*10, true, onePlace, reminding(p), func(_ *bed, d *worker.Deps) { d.Enforcement.Settings.Shards = shards })
	key := s.key()
	s.start(key)
	s.untilWaiting(contract.EnforcementQueue, 0, shards-1)
	const run = "p:beside"
	require.NoError(t, temporal.NewReminders(s.client, temporal.Waits{Command: 10 * time.Second}).Start(t.Context(), run, false))
	s.untilWaiting(contract.EnforcementQueue, 0, shards)
	let := 0
	for waiting := true; waiting; {
		select {
		case s.doors.gate <- struct{}{}:
			let++
		case <-p.got:
			waiting = false
		}
	}
	require.Less(t, let, shards+2, "each shard has two pages, so little more than half of the sweep")
	s.doors.open()
	require.NoError(t, s.ended(run))
	require.Equal(t, shards*10, s.result(key).Restricted)
}

// TestAnOrderGoesBeforeLateQuestions: where the provider's queue is behind, the merchant who has just pressed the button
// is served before questions that nobody waits for.
func TestAnOrderGoesBeforeLateQuestions(t *testing.T) {
	t.Parallel()
	provider := worker.Options{Queues: []string{contract.ProviderQueue}, Activities: 1, StopTimeout: time.Second}
	b := newBed(t, shortLease, func(b *bed, _ *worker.Deps) {
		b.works.Queues = slices.DeleteFunc(contract.TaskQueues(), func(q string) bool { return q == contract.ProviderQueue })
		b.provider.age = 15*time.Minute - 10*time.Second // asked late in ten seconds
	})
	working := b.work(provider)
	const asked = 5
	all := make([]*walker, asked+1)
	for i := range all {
		all[i] = &walker{bed: b, id: "account-" + strconv.Itoa(i), digest: "digest-" + strconv.Itoa(i)}
		b.register(all[i].id)
		all[i].approved()
	}
	late, last := all[:asked], all[asked]
	for _, w := range late {
		w.start()
	}
	for _, w := range late {
		b.until(w.id, lifecycle.Approved) // no QR is shown any more
	}
	working.Stop()
	b.untilWaiting(contract.ProviderQueue, nobodyWaits, 2) // on a slow machine some were asked before
	started := make(chan error, 1)
	go func() {
		_, err := b.typed.StartFace(t.Context(), last.id, "start", contract.StartFace{
			Consent: &contract.Consent{TextVersion: "1", Language: "zh-CN"}, Actor: merchant(),
		})
		started <- err
	}()
	b.untilWaiting(contract.ProviderQueue, merchantWaits, 1)
	before := b.provider.called()
	b.work(provider)
	require.NoError(t, <-started)
	require.Equal(t, "order", b.provider.called()[len(before)])
}
