package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities/face"
	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/internal/temporal/cluster/clustertest"
	"github.com/verigate/verigate/worker"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
)

const deployment = "verigate"

// nextVerification is Verification as a next build has it: runs that begin there take another course, and those that began
// before stay on theirs.
func nextVerification(ctx workflow.Context, in contract.Start) error {
	if workflow.GetVersion(ctx, "next-course", workflow.DefaultVersion, 1) == 1 {
		var noted bool
		if err := workflow.SideEffect(ctx, func(workflow.Context) any { return true }).Get(&noted); err != nil {
			return err
		}
	}
	return workflows.Verification(ctx, in)
}

// nextBuild registers what a next build has.
type nextBuild struct{ sdkworker.Worker }

func (n nextBuild) RegisterWorkflowWithOptions(w any, o workflow.RegisterOptions) {
	if o.Name == contract.VerificationWorkflow {
		w = nextVerification
	}
	n.Worker.RegisterWorkflowWithOptions(w, o)
}

// build starts the workers of a build as worker.New does; stop stops them.
func (s *sweepBed) build(id string, next bool) (stop func()) {
	s.t.Helper()
	if !next {
		w := worker.New(s.client, s.deps, worker.Options{StopTimeout: time.Second, Deployment: deployment, BuildID: id})
		require.NoError(s.t, w.Start())
		s.t.Cleanup(w.Stop)
		return w.Stop
	}
	var all []sdkworker.Worker
	for _, queue := range contract.TaskQueues() {
		w := sdkworker.New(s.client, queue, sdkworker.Options{
			WorkerStopTimeout: time.Second, DisableWorkflowWorker: queue == contract.ProviderQueue || queue == contract.WaitingQueue,
			DeploymentOptions: sdkworker.DeploymentOptions{
				UseVersioning: true, Version: sdkworker.WorkerDeploymentVersion{DeploymentName: deployment, BuildID: id},
			},
		})
		if queue == contract.ProviderQueue || queue == contract.WaitingQueue {
			w.RegisterActivityWithOptions(s.deps.Face, activity.RegisterOptions{})
		} else {
			worker.Register(nextBuild{w}, s.deps)
		}
		require.NoError(s.t, w.Start())
		s.t.Cleanup(w.Stop)
		all = append(all, w)
	}
	return func() {
		for _, w := range all {
			w.Stop()
		}
	}
}

// current makes a build current as soon as its workers have asked for all that there is.
func (s *sweepBed) current(r *temporal.Rollouts, id string) {
	s.t.Helper()
	var err error
	require.Eventually(s.t, func() bool {
		err = r.SetCurrent(s.t.Context(), id, false)
		return !errors.Is(err, temporal.ErrQueuesMissing) && !errors.Is(err, temporal.ErrNoBuild) && !errors.Is(err, temporal.ErrNoDeployment)
	}, patience, 50*time.Millisecond)
	require.NoError(s.t, err)
}

// role is what a build gets to do.
func (s *sweepBed) role(r *temporal.Rollouts, id string) temporal.Role {
	s.t.Helper()
	now, err := r.Status(s.t.Context())
	require.NoError(s.t, err)
	v, known := now.Find(id)
	require.True(s.t, known)
	return v.Role
}

// steps are the builds that completed the workflow tasks of the newest run, in order and each once in a row; "" has none.
func (s *sweepBed) steps(workflowID string) (ids []string) {
	s.t.Helper()
	chain := s.history(workflowID)
	for _, e := range chain[len(chain)-1].Events {
		done := e.GetWorkflowTaskCompletedEventAttributes()
		if done == nil {
			continue
		}
		id := done.GetDeploymentVersion().GetBuildId()
		if len(ids) == 0 || ids[len(ids)-1] != id {
			ids = append(ids, id)
		}
	}
	return ids
}

// courses are the changes that a run knows, by their markers.
func courses(h *historypb.History) (n int) {
	for _, e := range h.Events {
		if e.GetEventType() == enumspb.EVENT_TYPE_MARKER_RECORDED && e.GetMarkerRecordedEventAttributes().GetMarkerName() == "Version" {
			n++
		}
	}
	return n
}

// approved is an account whose information, unlike anybody else's, is approved.
func (s *sweepBed) approved(id string) *walker {
	s.t.Helper()
	s.register(id)
	w := &walker{bed: s.bed, id: id}
	w.ok(s.typed.Submit(s.t.Context(), id, w.change(), contract.Submit{
		Identity: lifecycle.Identity{Ref: "ref", Digest: "digest of " + id}, RiskNoticeVersion: "1", Actor: merchant(),
	}))
	s.until(id, lifecycle.Approved)
	return w
}

// TestRollout takes a deployment from workers without a build id to a build, from there to a next one whose verifications
// take another course, and back, with verifications and a sweep under way. Nothing breaks.
func TestRollout(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 60, true)
	r := temporal.NewRollouts(s.client.WorkerDeploymentClient().GetHandle(deployment), deployment)
	_, err := r.Status(t.Context())
	require.ErrorIs(t, err, temporal.ErrNoDeployment)

	// Begun by workers without a build id: a verification that waits for its result.
	before := s.approved("before")
	before.scan(before.start())

	stopV1 := s.build("v1", false)
	s.current(r, "v1")
	s.worker.Stop()
	require.ErrorIs(t, r.SetCurrent(t.Context(), "v2", false), temporal.ErrNoBuild)
	s.provider.answer(1, face.StatePassed)
	s.until("before", lifecycle.Verified)
	require.Equal(t, []string{"", "v1"}, s.steps(contract.VerificationID("before")), "it went on with the build")

	// Begun on v1: a verification that waits, and a sweep that is in the middle of a page.
	moved := s.approved("moved")
	moved.scan(moved.start())
	key := s.key()
	s.start(key)
	s.doors.gate <- struct{}{}

	stopV2 := s.build("v2", true)
	s.current(r, "v2")
	begun := s.approved("begun")
	s.provider.answer(2, face.StatePassed)
	s.until("moved", lifecycle.Verified)
	require.Equal(t, temporal.RoleCurrent, s.role(r, "v2"))
	require.Equal(t, temporal.RoleDraining, s.role(r, "v1"), "a sweep is pinned to it")
	s.doors.open()
	require.Equal(t, contract.SweepDone, s.result(key).State)
	s.requireEachOnce()
	require.Equal(t, []string{"v1"}, s.steps(key.WorkflowID()), "the sweep ended where it began")
	require.Equal(t, []string{"v1", "v2"}, s.steps(contract.VerificationID("moved")), "the verification moved")
	require.Equal(t, []string{"v2"}, s.steps(contract.VerificationID("begun")))
	require.Zero(t, courses(s.history(contract.VerificationID("moved"))[0]), "it stayed on its course")
	require.Equal(t, 1, courses(s.history(contract.VerificationID("begun"))[0]), "it took the new one")
	require.Error(t, s.replayed(s.history(contract.VerificationID("begun"))[0]), "which the first build does not know")

	if !clustertest.On() { // a server on its own settings takes some minutes to notice
		require.NoError(t, r.AwaitDrained(t.Context(), "v1", 100*time.Millisecond))
	}
	// Rolled back: what is new to v2 has ended, what is under way is on the old course.
	begun.scan(begun.start())
	s.provider.answer(3, face.StatePassed)
	s.until("begun", lifecycle.Verified)
	s.current(r, "v1")
	require.NoError(t, r.Ramp(t.Context(), "v2", 10, false))
	require.Equal(t, temporal.RoleRamping, s.role(r, "v2"))
	require.NoError(t, r.Ramp(t.Context(), "v2", 0, false))
	require.NotEqual(t, temporal.RoleRamping, s.role(r, "v2"), "the ramp has ended")
	back := s.approved("back")
	back.scan(back.start())
	stopV2()
	s.provider.answer(4, face.StatePassed)
	s.until("back", lifecycle.Verified)
	require.Equal(t, []string{"v1"}, s.steps(contract.VerificationID("back")))

	// And to workers without a build id, as it was in the beginning.
	plain := worker.New(s.client, s.deps, worker.Options{StopTimeout: time.Second})
	require.NoError(t, plain.Start())
	t.Cleanup(plain.Stop)
	require.NoError(t, r.SetCurrent(t.Context(), "", false))
	stopV1()
	after := s.approved("after")
	after.scan(after.start())
	s.provider.answer(5, face.StatePassed)
	s.until("after", lifecycle.Verified)
	require.Equal(t, []string{""}, s.steps(contract.VerificationID("after")))
}

// TestBacklogSeesBuilds: what waits for workers with a build id, and that they ask, is in the figures of the queues.
func TestBacklogSeesBuilds(t *testing.T) {
	t.Parallel()
	s := newSweepBed(t, 20, false)
	r := temporal.NewRollouts(s.client.WorkerDeploymentClient().GetHandle(deployment), deployment)
	stop := s.build("v1", false)
	s.current(r, "v1")
	s.worker.Stop()
	require.Eventually(t, func() bool {
		pollers := s.figures("verigate_task_queue_pollers")
		for _, p := range temporal.Polls(contract.TaskQueues()) {
			if pollers[p] == 0 {
				return false
			}
		}
		return true
	}, patience, 200*time.Millisecond)
	stop()
	key := s.key()
	s.start(key)
	require.Eventually(t, func() bool {
		return s.figures("verigate_task_queue_backlog")[temporal.Poll{Queue: contract.EnforcementQueue, Kind: "workflow"}] > 0
	}, patience, 200*time.Millisecond)
	s.build("v1", false)
	require.Equal(t, contract.SweepDone, s.result(key).State)
}

// figures reads a gauge of the task queues.
func (s *sweepBed) figures(name string) map[temporal.Poll]float64 {
	s.t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(temporal.NewBacklog(s.client.WorkflowService(), s.server.Namespace(), time.Now))
	families, err := registry.Gather()
	require.NoError(s.t, err)
	all := map[temporal.Poll]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			all[temporal.Poll{Queue: labels["task_queue"], Kind: labels["task_type"]}] = m.GetGauge().GetValue()
		}
	}
	return all
}
