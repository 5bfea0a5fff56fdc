package activities

import (
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/verigate/verigate/workflows/contract"
)

// Constructors are named by what happens next.

// giveUp ends an activity for good: retrying the same input cannot help.
func giveUp(errType, message string, details ...any) error {
	return temporal.NewNonRetryableApplicationError(message, errType, nil, details...)
}

// tryAgain lets the retry policy of the activity decide. The cause is dropped on purpose: it would be stored
// in histories.
func tryAgain(errType, message string) error {
	return temporal.NewApplicationError(message, errType)
}

// handOver has another worker go on with the activity in a second, however often that happened before. It is no failure,
// and not logged as one.
func handOver() error {
	return temporal.NewApplicationErrorWithOptions("the worker stops", "worker_stopping", temporal.ApplicationErrorOptions{
		NextRetryDelay: time.Second, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

func accountUnknown() error {
	return giveUp(contract.ErrTypeAccountUnknown, "account is not registered")
}
