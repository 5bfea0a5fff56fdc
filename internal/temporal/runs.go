package temporal

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/workflows/contract"
)

// Abandon ends the account's run where it is, without letting it act once more; the next command begins a new one
// from the store. It is for runs that know of changes which the store has lost. No run is no error. reason is a code.
func Abandon(ctx context.Context, c client.Client, accountID, reason string) error {
	err := c.TerminateWorkflow(ctx, contract.VerificationID(accountID), "", reason)
	var gone *serviceerror.NotFound
	if err != nil && !errors.As(err, &gone) {
		return fmt.Errorf("temporal: end run: %w", err)
	}
	return nil
}

// EachRunning calls f with the account of every run of a verification that goes on, as the engine's list has them: it may
// lag behind by a moment. The first error of f ends it.
func EachRunning(ctx context.Context, c client.Client, namespace string, f func(accountID string) error) error {
	var next []byte
	for {
		page, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: namespace, PageSize: 1000, NextPageToken: next,
			Query: `ExecutionStatus = "Running" AND WorkflowType = "` + contract.VerificationWorkflow + `"`,
		})
		if err != nil {
			return fmt.Errorf("temporal: list runs: %w", err)
		}
		for _, e := range page.GetExecutions() {
			id, err := contract.AccountID(e.GetExecution().GetWorkflowId())
			if err != nil {
				continue // started by hand under another name
			}
			if err := f(id); err != nil {
				return err
			}
		}
		if next = page.GetNextPageToken(); len(next) == 0 {
			return nil
		}
	}
}
