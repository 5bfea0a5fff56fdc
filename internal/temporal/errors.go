package temporal

import (
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/lifecycle"
)

// acceptedButClosed is the server's type of failure for an update whose run ended before it was answered.
const acceptedButClosed = "AcceptedUpdateCompletedWorkflow"

// isClosing reports that the command met a run that was ending: nobody judged it, and the next run will.
func isClosing(err error) bool {
	var notFound *serviceerror.NotFound // the run ended before it saw the update
	var aborted *serviceerror.Aborted   // the same twice in a row
	var app *temporal.ApplicationError
	switch {
	case errors.As(err, &notFound), errors.As(err, &aborted):
		return true
	case errors.As(err, &app):
		return app.Type() == acceptedButClosed
	default:
		return false
	}
}

// translate says in the API's terms what became of a command. The cause stays inside for the log; it holds codes of
// Temporal and nothing of the input. What is not known to have been refused before it was taken counts as unknown:
// a second command in its place would be a mistake, asking again under the same id never is.
func translate(err error) error {
	var refusal *lifecycle.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, workflows.ErrAccountUnknown):
		return api.ErrAccountUnknown
	case errors.Is(err, workflows.ErrProviderUnavailable):
		return api.ErrProviderUnavailable
	case errors.Is(err, workflows.ErrProviderRefused):
		return api.ErrProviderRefused
	case errors.Is(err, workflows.ErrInvalid), errors.Is(err, workflows.ErrBrokenLog):
		return err // faults of the program: the API must not send such a command, the log must fold
	case notTaken(err):
		return fmt.Errorf("%w: %w", api.ErrEngineUnavailable, err)
	default:
		return fmt.Errorf("%w: %w", api.ErrOutcomeUnknown, err)
	}
}

// notTaken reports errors that the server gives before it takes anything.
func notTaken(err error) bool {
	var (
		exhausted *serviceerror.ResourceExhausted
		denied    *serviceerror.PermissionDenied
		namespace *serviceerror.NamespaceNotFound
		invalid   *serviceerror.InvalidArgument
		old       *serviceerror.Unimplemented
	)
	return errors.As(err, &exhausted) || errors.As(err, &denied) || errors.As(err, &namespace) ||
		errors.As(err, &invalid) || errors.As(err, &old)
}
