package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/contract"
)

// Reminders starts and steers runs of reminders for the API.
type Reminders struct {
	client client.Client
	waits  Waits
}

var _ api.Reminders = (*Reminders)(nil)

// NewReminders returns the runs of a client.
func NewReminders(c client.Client, waits Waits) *Reminders { return &Reminders{c, waits} }

// Start implements api.Reminders. The same run again is the same run.
func (r *Reminders) Start(ctx context.Context, runID string, dryRun bool) error {
	name, err := contract.RemindersPolicy(runID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.waits.Command)
	defer cancel()
	_, err = r.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: contract.RemindersID(runID), TaskQueue: contract.EnforcementQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "reminders of " + name,
	}, contract.RemindersWorkflow, contract.RemindersStart{Policy: name, DryRun: dryRun})
	var began *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &began) {
		return nil
	}
	return runFault(err)
}

// Progress implements api.Reminders.
func (r *Reminders) Progress(ctx context.Context, runID string) (contract.RemindersProgress, error) {
	ctx, cancel := context.WithTimeout(ctx, r.waits.Command)
	defer cancel()
	var p contract.RemindersProgress
	value, err := r.client.QueryWorkflow(ctx, contract.RemindersID(runID), "", contract.QueryProgress)
	if err != nil {
		return p, runFault(err)
	}
	if err := value.Get(&p); err != nil {
		return p, fmt.Errorf("temporal: progress of reminders: %w", err)
	}
	p.RunID = runID
	return p, nil
}

// Pause implements api.Reminders.
func (r *Reminders) Pause(ctx context.Context, runID string) (contract.RemindersProgress, error) {
	return r.update(ctx, runID, contract.UpdatePause)
}

// Resume implements api.Reminders.
func (r *Reminders) Resume(ctx context.Context, runID string) (contract.RemindersProgress, error) {
	return r.update(ctx, runID, contract.UpdateResume)
}

// update steers a run; one that has ended stays as it is, and its end is the answer.
func (r *Reminders) update(ctx context.Context, runID, name string) (contract.RemindersProgress, error) {
	waiting, cancel := context.WithTimeout(ctx, r.waits.Command)
	defer cancel()
	var p contract.RemindersProgress
	handle, err := r.client.UpdateWorkflow(waiting, client.UpdateWorkflowOptions{
		WorkflowID: contract.RemindersID(runID), UpdateName: name, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(waiting, &p)
	}
	if isClosing(err) {
		return r.Progress(ctx, runID)
	}
	p.RunID = runID
	return p, runFault(err)
}

// Cancel implements api.Reminders. It returns when the cancellation is recorded; the run ends at its next step.
func (r *Reminders) Cancel(ctx context.Context, runID string) error {
	ctx, cancel := context.WithTimeout(ctx, r.waits.Command)
	defer cancel()
	return runFault(r.client.CancelWorkflow(ctx, contract.RemindersID(runID), ""))
}

func runFault(err error) error {
	var notFound *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &notFound):
		return api.ErrRunUnknown
	case notTaken(err):
		return fmt.Errorf("%w: %w", api.ErrEngineUnavailable, err)
	default:
		return fmt.Errorf("%w: %w", api.ErrOutcomeUnknown, err)
	}
}

// Runs implements api.Reminders.
func (r *Reminders) Runs(ctx context.Context, limit int) ([]api.ReminderRun, error) {
	ctx, cancel := context.WithTimeout(ctx, r.waits.Command)
	defer cancel()
	listed, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = '" + contract.RemindersWorkflow + "'", PageSize: int32(min(limit, 1000)), //nolint:gosec // bounded
	})
	if err != nil {
		return nil, runFault(err)
	}
	runs := []api.ReminderRun{}
	for _, info := range listed.Executions {
		runID, err := contract.RemindersRunOf(info.Execution.GetWorkflowId())
		if err != nil {
			continue // not one of ours
		}
		if i := slices.IndexFunc(runs, func(known api.ReminderRun) bool { return known.ID == runID }); i >= 0 {
			runs[i].StartedAt = info.GetStartTime().AsTime() // an earlier part of a run that was continued
			continue
		}
		run := api.ReminderRun{ID: runID, StartedAt: info.GetStartTime().AsTime(), State: runState(info.GetStatus())}
		if info.GetCloseTime().IsValid() {
			run.EndedAt = info.GetCloseTime().AsTime()
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func runState(status enumspb.WorkflowExecutionStatus) contract.RunState {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return contract.RunRunning
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return contract.RunFinished
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return contract.RunCancelled
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED:
		return contract.RunFailed
	default:
		return contract.RunFailed
	}
}
