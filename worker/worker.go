// Package worker joins the workflows and the activities: it is the only place that knows both, and the same
// registration serves the worker, the replayer and the tests.
package worker

import (
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
)

// Registry is what a worker, a replayer and a test environment share.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
}

// ActivityRegistry is a Registry that also runs activities; a replayer does not.
type ActivityRegistry interface {
	Registry
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Deps are the activities, with their ports filled in.
type Deps struct {
	Records *activities.Records
	Review  *activities.Review
	Face    *activities.Face
	// Reminders may be nil: then this worker knows the workflow and does none of its activities.
	Reminders *activities.Reminders
	// Enforcement runs sweeps.
	Enforcement *activities.Enforcement
}

// RegisterWorkflows registers every workflow under its contract name.
func RegisterWorkflows(r Registry) {
	r.RegisterWorkflowWithOptions(workflows.Verification, workflow.RegisterOptions{
		Name: contract.VerificationWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	r.RegisterWorkflowWithOptions(workflows.Reminders, workflow.RegisterOptions{
		Name: contract.RemindersWorkflow, VersioningBehavior: workflow.VersioningBehaviorPinned,
	})
	r.RegisterWorkflowWithOptions(workflows.EnforcementSweep, workflow.RegisterOptions{
		Name: contract.SweepWorkflow, VersioningBehavior: workflow.VersioningBehaviorPinned,
	})
	r.RegisterWorkflowWithOptions(workflows.SweepTick, workflow.RegisterOptions{
		Name: contract.SweepTickWorkflow, VersioningBehavior: workflow.VersioningBehaviorPinned,
	})
}

// Register registers workflows and activities.
func Register(r ActivityRegistry, deps Deps) {
	RegisterWorkflows(r)
	r.RegisterActivityWithOptions(deps.Records, activity.RegisterOptions{})
	r.RegisterActivityWithOptions(deps.Review, activity.RegisterOptions{})
	r.RegisterActivityWithOptions(deps.Face, activity.RegisterOptions{})
	if deps.Reminders != nil {
		r.RegisterActivityWithOptions(deps.Reminders, activity.RegisterOptions{})
	}
	r.RegisterActivityWithOptions(deps.Enforcement, activity.RegisterOptions{})
}

// Options say how a process works.
type Options struct {
	// Queues that it serves, of contract.TaskQueues. Empty: all.
	Queues []string
	// Activities at once from each queue but the one of waits. 0: as many as the SDK's standard.
	Activities int
	// Waits for face results at once. 0: as many as the SDK's standard.
	Waits int
	// ProviderPerSecond bounds how many calls to the face provider the server hands out to all processes together. 0: not.
	ProviderPerSecond float64
	// StopTimeout is how long a stop waits for activities. They hear of it at once.
	StopTimeout time.Duration
	// Deployment and BuildID name the version of this build to the server, which then decides which runs it gets. Without a
	// BuildID it gets those of all builds.
	Deployment, BuildID string
}

// Workers are the workers of a process, one for each queue that it serves.
type Workers struct{ all []sdkworker.Worker }

// New returns the workers of a process; the caller starts and stops them.
//
// Every queue of workflows has a worker that knows all of them and all activities: runs and schedules of earlier builds are
// in the queue that they began in.
func New(c client.Client, deps Deps, o Options) *Workers {
	w := &Workers{}
	queues := o.Queues
	if len(queues) == 0 {
		queues = contract.TaskQueues()
	}
	for _, queue := range queues {
		options := sdkworker.Options{WorkerStopTimeout: o.StopTimeout, MaxConcurrentActivityExecutionSize: o.Activities}
		if o.BuildID != "" {
			options.DeploymentOptions = sdkworker.DeploymentOptions{
				UseVersioning:             true,
				Version:                   sdkworker.WorkerDeploymentVersion{DeploymentName: o.Deployment, BuildID: o.BuildID},
				DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
			}
		}
		switch queue {
		case contract.ProviderQueue:
			options.DisableWorkflowWorker, options.TaskQueueActivitiesPerSecond = true, o.ProviderPerSecond
		case contract.WaitingQueue:
			options.DisableWorkflowWorker, options.MaxConcurrentActivityExecutionSize = true, o.Waits
		}
		one := sdkworker.New(c, queue, options)
		if options.DisableWorkflowWorker {
			one.RegisterActivityWithOptions(deps.Face, activity.RegisterOptions{})
		} else {
			Register(one, deps)
		}
		w.all = append(w.all, one)
	}
	return w
}

// Start starts every worker, or none.
func (w *Workers) Start() error {
	for i, one := range w.all {
		if err := one.Start(); err != nil {
			stop(w.all[:i])
			return err
		}
	}
	return nil
}

// Stop stops every worker. It lasts as long as the slowest one takes, the stop timeout at most.
func (w *Workers) Stop() { stop(w.all) }

func stop(all []sdkworker.Worker) {
	var stopping sync.WaitGroup
	for _, one := range all {
		stopping.Go(one.Stop)
	}
	stopping.Wait()
}
