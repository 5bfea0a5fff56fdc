package temporal

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows/contract"
)

// Sweeps starts and drives sweeps.
type Sweeps struct {
	client client.Client
	waits  Waits
}

// NewSweeps returns the sweeps of a namespace.
func NewSweeps(c client.Client, waits Waits) *Sweeps { return &Sweeps{c, waits} }

// Start starts a sweep. One with the same key that runs, or ran to its end, is joined.
func (s *Sweeps) Start(ctx context.Context, in contract.Sweep) error {
	ctx, cancel := context.WithTimeout(ctx, s.waits.Command)
	defer cancel()
	_, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: in.WorkflowID(), TaskQueue: contract.EnforcementQueue, StaticSummary: "Enforcement sweep " + in.ID(),
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
	}, contract.SweepWorkflow, in)
	var known *serviceerror.WorkflowExecutionAlreadyStarted
	if err == nil || errors.As(err, &known) {
		return nil
	}
	return translateSweep(err)
}

// Progress asks the sweep's run how far it has come.
func (s *Sweeps) Progress(ctx context.Context, key contract.SweepKey) (contract.SweepProgress, error) {
	ctx, cancel := context.WithTimeout(ctx, s.waits.Command)
	defer cancel()
	var out contract.SweepProgress
	value, err := s.client.QueryWorkflow(ctx, key.WorkflowID(), "", contract.QueryProgress)
	if err == nil {
		err = value.Get(&out)
	}
	return out, translateSweep(err)
}

// Pause stops the sweep after the chunks that run.
func (s *Sweeps) Pause(ctx context.Context, key contract.SweepKey, in contract.SweepCommand) (contract.SweepProgress, error) {
	return s.send(ctx, key, contract.UpdatePauseSweep, in)
}

// Resume lets it go on.
func (s *Sweeps) Resume(ctx context.Context, key contract.SweepKey, in contract.SweepCommand) (contract.SweepProgress, error) {
	return s.send(ctx, key, contract.UpdateResumeSweep, in)
}

// Cancel ends it after the chunks that run.
func (s *Sweeps) Cancel(ctx context.Context, key contract.SweepKey, in contract.SweepCommand) (contract.SweepProgress, error) {
	return s.send(ctx, key, contract.UpdateCancelSweep, in)
}

func (s *Sweeps) send(ctx context.Context, key contract.SweepKey, update string, in contract.SweepCommand) (contract.SweepProgress, error) {
	ctx, cancel := context.WithTimeout(ctx, s.waits.Command)
	defer cancel()
	var out contract.SweepProgress
	handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: key.WorkflowID(), UpdateID: uuid.NewString(), UpdateName: update, Args: []any{in},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &out)
	}
	return out, translateSweep(err)
}

// translateSweep says in the API's terms what became of a command to a sweep.
func translateSweep(err error) error {
	var gone *serviceerror.NotFound
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &app) && (app.Type() == contract.ErrTypeSweepEnded || app.Type() == acceptedButClosed):
		return api.ErrSweepEnded
	case errors.As(err, &gone):
		return api.ErrSweepNotRunning
	case notTaken(err):
		return fmt.Errorf("%w: %w", api.ErrEngineUnavailable, err)
	default:
		return fmt.Errorf("%w: %w", api.ErrOutcomeUnknown, err)
	}
}
