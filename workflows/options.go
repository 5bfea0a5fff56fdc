package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/workflows/contract"
)

// The one table of activity options. Non-retryable error types are those that say a retry cannot help.
func finalErrors() []string {
	return []string{
		contract.ErrTypeAccountUnknown, contract.ErrTypeBrokenLog, contract.ErrTypeProviderRefused, contract.ErrTypeInvalid,
	}
}

// withStore: short reads and writes of our own database, run in the workflow task itself. They are retried
// until the database is back: a command that was accepted is never given up.
func withStore(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    5 * time.Second,
		ScheduleToCloseTimeout: 24 * time.Hour,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second,
			NonRetryableErrorTypes: finalErrors(),
		},
	})
}

// Priorities within a queue that is behind. The SDK's standard is 3; 1 goes first.
const (
	merchantWaits = 1
	nobodyWaits   = 5
)

// withOrder: placing an order at the provider, once per order number.
func withOrder(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.ProviderQueue,
		Priority:               temporal.Priority{PriorityKey: merchantWaits},
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: 20 * time.Second, // a worker that is down must not hold the merchant's page for long
		Summary:                "order face verification",
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// withQuery: asking the provider now, while somebody waits for the answer.
func withQuery(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.ProviderQueue,
		Priority:               temporal.Priority{PriorityKey: merchantWaits},
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: 12 * time.Second,
		Summary:                "ask for the face result",
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 2},
	})
}

// withSeldomQuery: asking the provider long after the QR was shown; nobody waits.
func withSeldomQuery(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.ProviderQueue,
		Priority:               temporal.Priority{PriorityKey: nobodyWaits},
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: 10 * time.Minute,
		Summary:                "ask for a late face result",
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 30 * time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
	})
}

// withAwait: one heartbeating activity for as long as the QR is shown. The heartbeat timeout bounds how late
// the loss of a worker is noticed; a shorter one would be billed more often than once a minute.
func withAwait(ctx workflow.Context, lease time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.WaitingQueue,
		StartToCloseTimeout:    lease + time.Minute,
		ScheduleToCloseTimeout: lease + 5*time.Minute,
		HeartbeatTimeout:       75 * time.Second,
		Summary:                "wait for the face result",
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 15 * time.Second},
	})
}

// withSweepRecord: short reads and writes of a sweep's record, retried until the database is back.
func withSweepRecord(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.EnforcementQueue,
		Priority:               temporal.Priority{FairnessKey: "sweeps"},
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: 24 * time.Hour,
		Summary:                summary,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
	})
}

// withSweepChunk: the next accounts of a shard. It bounds itself to some seconds; the heartbeat timeout bounds how late
// the loss of a worker is noticed, and with it how much is looked at twice.
func withSweepChunk(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              contract.EnforcementQueue,
		Priority:               temporal.Priority{FairnessKey: "sweeps"},
		StartToCloseTimeout:    5 * time.Minute,
		ScheduleToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:       15 * time.Second,
		Summary:                "sweep accounts",
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
	})
}
