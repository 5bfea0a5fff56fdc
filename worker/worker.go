// Package worker joins the workflows and the activities: it is the only place that knows both, and the same
// registration serves the worker, the replayer and the tests.
package worker

import (
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
	// Enforcement runs sweeps.
	Enforcement *activities.Enforcement
}

// RegisterWorkflows registers every workflow under its contract name.
func RegisterWorkflows(r Registry) {
	r.RegisterWorkflowWithOptions(workflows.Verification, workflow.RegisterOptions{
		Name: contract.VerificationWorkflow, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
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
	r.RegisterActivityWithOptions(deps.Enforcement, activity.RegisterOptions{})
}

// New returns a worker on the contract's task queue; the caller runs and stops it.
func New(c client.Client, deps Deps, options sdkworker.Options) sdkworker.Worker {
	w := sdkworker.New(c, contract.TaskQueue, options)
	Register(w, deps)
	return w
}
