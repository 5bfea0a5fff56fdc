package temporal

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

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

// reminderSchedulesOf are the schedules of policies.
func reminderSchedulesOf(policies []string) (all []client.ScheduleOptions) {
	for _, name := range policies {
		all = append(all, reminderSchedule(name))
	}
	return all
}

// ReconcileReminderSchedules creates the schedules of the policies that remind, changes such as are not as they are made
// today, and deletes those of all other policies. An operator's pause stays.
func ReconcileReminderSchedules(ctx context.Context, c client.Client, policies []string) error {
	wanted := map[string]bool{}
	for _, o := range reminderSchedulesOf(policies) {
		wanted[o.ID] = true
		found, err := findSchedule(ctx, c, o)
		if err != nil {
			return err
		}
		if found == Good {
			continue
		}
		if err := putSchedule(ctx, c, o); err != nil {
			return err
		}
	}
	ids, err := scheduleIDs(ctx, c, reminderSchedules)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if wanted[id] {
			continue
		}
		if err := removeSchedule(ctx, c, id); err != nil {
			return err
		}
	}
	return nil
}
