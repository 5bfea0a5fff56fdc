package temporal

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
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
