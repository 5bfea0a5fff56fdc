package temporal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/verigate/verigate/workflows/contract"
)

// remindersEvery is how often each policy's reminders run. A reminder is late by so much at most; in quiet hours a run
// finds nobody due.
const remindersEvery = 15 * time.Minute

const reminderSchedules = "reminders/"

// reminderSchedule is the schedule of one policy.
func reminderSchedule(policyName string) client.ScheduleOptions {
	run := contract.RemindersRun(policyName, "scheduled") // the server adds the instant
	return client.ScheduleOptions{
		ID:      reminderSchedules + policyName,
		Spec:    client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: remindersEvery}}},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		// A run that was missed needs no catching up: the next one finds what is still true.
		CatchupWindow: time.Minute,
		Action: &client.ScheduleWorkflowAction{
			ID: contract.RemindersID(run), Workflow: contract.RemindersWorkflow, TaskQueue: contract.EnforcementQueue,
			Args: []any{contract.RemindersStart{Policy: policyName}},
		},
	}
}

// ReconcileReminderSchedules creates the schedules of the policies that remind and deletes those of all others. One
// that is there is left as it is, an operator's pause included.
func ReconcileReminderSchedules(ctx context.Context, c client.Client, policies []string) error {
	wanted := map[string]bool{}
	for _, name := range policies {
		s := reminderSchedule(name)
		wanted[s.ID] = true
		if _, err := c.ScheduleClient().Create(ctx, s); err != nil && !errors.Is(err, sdk.ErrScheduleAlreadyRunning) {
			return fmt.Errorf("temporal: create schedule %s: %w", s.ID, err)
		}
	}
	all, err := c.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return fmt.Errorf("temporal: list schedules: %w", err)
	}
	for all.HasNext() {
		entry, err := all.Next()
		if err != nil {
			return fmt.Errorf("temporal: list schedules: %w", err)
		}
		if !strings.HasPrefix(entry.ID, reminderSchedules) || wanted[entry.ID] {
			continue
		}
		var gone *serviceerror.NotFound
		if err := c.ScheduleClient().GetHandle(ctx, entry.ID).Delete(ctx); err != nil && !errors.As(err, &gone) {
			return fmt.Errorf("temporal: delete schedule %s: %w", entry.ID, err)
		}
	}
	return nil
}
