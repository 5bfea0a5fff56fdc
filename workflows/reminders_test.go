package workflows_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows"
	"github.com/verigate/verigate/workflows/contract"
)

// remindersBed runs the workflow against scripted activities.
type remindersBed struct {
	*testsuite.TestWorkflowEnvironment
	mu    sync.Mutex
	asked []contract.ReminderPage
}

// pages are those that were asked for so far.
func (b *remindersBed) pages() []contract.ReminderPage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

func newRemindersBed(t *testing.T, plan contract.ReminderPlan) *remindersBed {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	b := &remindersBed{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	b.RegisterWorkflowWithOptions(workflows.Reminders, workflow.RegisterOptions{Name: contract.RemindersWorkflow})
	var a *activities.Reminders
	b.OnActivity(a.PlanReminders, mock.Anything, activities.PlanRemindersInput{Policy: "p", Shards: 4}).Return(plan, nil)
	return b
}

// remind answers each shard in two steps of ten accounts, a minute each.
func (b *remindersBed) remind() {
	var a *activities.Reminders
	b.OnActivity(a.RemindShard, mock.Anything, mock.Anything).After(time.Minute).Return(
		func(_ context.Context, in contract.ReminderPage) (contract.ReminderPageResult, error) {
			b.mu.Lock()
			b.asked = append(b.asked, in)
			b.mu.Unlock()
			done := in.After == "half"+in.Last
			return contract.ReminderPageResult{Next: "half" + in.Last, Done: done, Counts: contract.ReminderCounts{Seen: 10}}, nil
		})
}

func (b *remindersBed) deliver(results ...activities.DeliverNoticesResult) {
	var a *activities.Reminders
	for _, r := range results {
		b.OnActivity(a.DeliverNotices, mock.Anything, activities.DeliverNoticesInput{Policy: "p", Rate: 40}).Return(r, nil).Once()
	}
}

func (b *remindersBed) progress(t *testing.T) contract.RemindersProgress {
	t.Helper()
	value, err := b.QueryWorkflow(contract.QueryProgress)
	require.NoError(t, err)
	var p contract.RemindersProgress
	require.NoError(t, value.Get(&p))
	return p
}

func (b *remindersBed) update(t *testing.T, after time.Duration, name string, want contract.RunState) {
	t.Helper()
	b.RegisterDelayedCallback(func() {
		b.UpdateWorkflow(name, name, &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { t.Error(err) },
			OnComplete: func(out any, err error) {
				if err != nil || out.(contract.RemindersProgress).State != want {
					t.Errorf("%s: %v, %v", name, out, err)
				}
			},
		})
	}, after)
}

var fourShards = contract.ReminderPlan{Version: 3, PerSecond: 40, Cuts: []string{"b", "d", "f"}}

func TestRemindersGoThroughEveryShard(t *testing.T) {
	t.Parallel()
	b := newRemindersBed(t, fourShards)
	b.remind()
	b.deliver(activities.DeliverNoticesResult{Counts: contract.ReminderCounts{Sent: 2}, More: true}, activities.DeliverNoticesResult{})
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{Policy: "p"})
	require.NoError(t, b.GetWorkflowError())
	var got contract.RemindersProgress
	require.NoError(t, b.GetWorkflowResult(&got))
	require.Equal(t, contract.RemindersProgress{
		Policy: "p", Version: 3, State: contract.RunFinished, Shards: 4, ShardsDone: 4,
		Counts: contract.ReminderCounts{Seen: 80, Sent: 2},
	}, got)
	require.Equal(t, got, b.progress(t))
	require.Len(t, b.pages(), 8)
	require.Contains(t, b.pages(), contract.ReminderPage{Policy: "p", After: "d", Last: "f", Rate: 10})
	require.Contains(t, b.pages(), contract.ReminderPage{Policy: "p", After: "half", Last: "", Rate: 10}, "the rate is divided")
}

func TestRemindersDryRunSendsNothing(t *testing.T) {
	t.Parallel()
	b := newRemindersBed(t, contract.ReminderPlan{Version: 3, PerSecond: 40})
	b.remind() // DeliverNotices is not there to be called
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{Policy: "p", DryRun: true})
	require.NoError(t, b.GetWorkflowError())
	require.Len(t, b.pages(), 2)
	require.True(t, b.pages()[0].DryRun)
	require.True(t, b.progress(t).DryRun)
}

func TestRemindersOfAPolicyThatRemindsNobody(t *testing.T) {
	t.Parallel()
	b := newRemindersBed(t, contract.ReminderPlan{})
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{Policy: "p"})
	require.NoError(t, b.GetWorkflowError())
	require.Equal(t, contract.RunFinished, b.progress(t).State)
}

func TestRemindersPauseAndResume(t *testing.T) {
	t.Parallel()
	b := newRemindersBed(t, contract.ReminderPlan{Version: 3, PerSecond: 40})
	b.remind()
	b.deliver(activities.DeliverNoticesResult{})
	begun := b.Now()
	b.update(t, 30*time.Second, contract.UpdatePause, contract.RunPaused)
	b.RegisterDelayedCallback(func() {
		require.Len(t, b.pages(), 1, "a paused run begins nothing")
		require.Equal(t, contract.RunPaused, b.progress(t).State)
	}, time.Hour)
	b.update(t, 2*time.Hour, contract.UpdateResume, contract.RunRunning)
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{Policy: "p"})
	require.NoError(t, b.GetWorkflowError())
	require.Len(t, b.pages(), 2)
	require.Equal(t, contract.RunFinished, b.progress(t).State)
	require.GreaterOrEqual(t, b.Now().Sub(begun), 2*time.Hour)
}

func TestRemindersCancelledWhilePaused(t *testing.T) {
	t.Parallel()
	b := newRemindersBed(t, fourShards)
	b.remind()
	b.deliver(activities.DeliverNoticesResult{})
	b.update(t, 30*time.Second, contract.UpdatePause, contract.RunPaused)
	b.RegisterDelayedCallback(b.CancelWorkflow, time.Hour)
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{Policy: "p"})
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, b.GetWorkflowError(), &cancelled)
	require.Equal(t, contract.RunCancelled, b.progress(t).State)
	require.Len(t, b.pages(), 4)
}

func TestRemindersGoOnAsNew(t *testing.T) {
	t.Parallel()
	b := newRemindersBed(t, fourShards)
	b.remind()
	b.deliver(activities.DeliverNoticesResult{})
	b.RegisterDelayedCallback(func() { b.SetContinueAsNewSuggested(true) }, 30*time.Second)
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{Policy: "p"})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, b.GetWorkflowError(), &next)
	require.Len(t, b.pages(), 4)

	var in contract.RemindersStart
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &in))
	require.True(t, in.Continued.Delivered)
	again := newRemindersBed(t, contract.ReminderPlan{}) // is not asked for a plan, nor to send what waits
	again.remind()
	again.ExecuteWorkflow(contract.RemindersWorkflow, in)
	require.NoError(t, again.GetWorkflowError())
	got := again.progress(t)
	require.Equal(t, []any{contract.RunFinished, 4, 80}, []any{got.State, got.ShardsDone, got.Counts.Seen})
}

func TestRemindersFail(t *testing.T) {
	t.Parallel()
	b := newRemindersBed(t, fourShards)
	b.deliver(activities.DeliverNoticesResult{})
	var a *activities.Reminders
	b.OnActivity(a.RemindShard, mock.Anything, mock.Anything).Return(contract.ReminderPageResult{},
		temporal.NewNonRetryableApplicationError("broken", contract.ErrTypeBrokenLog, errors.New("cause")))
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{Policy: "p"})
	require.Error(t, b.GetWorkflowError())
	require.Equal(t, contract.RunFailed, b.progress(t).State)

	b = newRemindersBed(t, fourShards)
	b.ExecuteWorkflow(contract.RemindersWorkflow, contract.RemindersStart{})
	var app *temporal.ApplicationError
	require.ErrorAs(t, b.GetWorkflowError(), &app)
	require.Equal(t, contract.ErrTypeInvalid, app.Type())
}
