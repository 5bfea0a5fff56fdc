package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/verigate/verigate/workflows/contract"
)

// Ids of the schedules. There are two, whatever the policies: what changes is when the second one fires.
const (
	dailySchedule   = "verigate/sweeps/daily"
	instantSchedule = "verigate/sweeps/instants"
)

// CatchUp is how long after a missed instant a schedule still starts its sweep: the server may have been away.
const CatchUp = 24 * time.Hour

// maxInstants bounds the instants of the second schedule. The earliest are kept; the schedule is written again long
// before the others come.
const maxInstants = 200

// soon is how long after a schedule is written what it starts is sure to be started. The server drops what was due before it took
// the change.
const soon = 3 * time.Second

// Timetable says when sweeps are to be started.
type Timetable struct {
	Zone         *time.Location // of Hour and Minute
	Hour, Minute int            // once a day
	Instants     []time.Time    // and at these, to the second
	Since        time.Time      // those after it that are past already have to be begun still, soon; zero: none
}

// Schedules keeps the schedules of a namespace as a timetable says.
type Schedules struct{ client client.Client }

// NewSchedules returns the schedules of a namespace.
func NewSchedules(c client.Client) *Schedules { return &Schedules{c} }

// Reconcile creates, changes or removes the schedules so that they are as the timetable says at now. Instants that are
// past stay for as long as they can be caught up with. Doing it again changes nothing.
func (s *Schedules) Reconcile(ctx context.Context, t Timetable, now time.Time) error {
	all := sweepSchedules(t, now)
	for _, o := range all {
		if err := putSchedule(ctx, s.client, o); err != nil {
			return err
		}
	}
	if len(all) == 1 {
		return removeSchedule(ctx, s.client, instantSchedule)
	}
	return nil
}

// sweepSchedules are the daily one and, if there are instants to come, the one of instants.
func sweepSchedules(t Timetable, now time.Time) []client.ScheduleOptions {
	all := []client.ScheduleOptions{sweepSchedule(dailySchedule, "daily", client.ScheduleSpec{
		Calendars: []client.ScheduleCalendarSpec{{
			Hour: at(t.Hour), Minute: at(t.Minute), Second: at(0), Comment: "daily sweep",
		}},
		TimeZoneName: t.Zone.String(),
	})}
	var instants client.ScheduleSpec
	for _, instant := range t.Instants {
		if instant.Before(now.Add(-CatchUp)) || len(instants.Calendars) == maxInstants {
			continue
		}
		if !t.Since.IsZero() && instant.After(t.Since) && instant.Before(now.Add(soon)) {
			instant = now.Add(soon)
		}
		u := instant.UTC()
		if up := u.Truncate(time.Second); up.Before(u) { // a schedule knows no fractions: not before the instant
			u = up.Add(time.Second)
		}
		instants.Calendars = append(instants.Calendars, client.ScheduleCalendarSpec{
			Year: at(u.Year()), Month: at(int(u.Month())), DayOfMonth: at(u.Day()), Hour: at(u.Hour()), Minute: at(u.Minute()),
			Second: at(u.Second()), Comment: "a phase or a version begins",
		})
	}
	if len(instants.Calendars) == 0 {
		return all
	}
	instants.TimeZoneName = "UTC"
	return append(all, sweepSchedule(instantSchedule, "instant", instants))
}

func sweepSchedule(id, reason string, spec client.ScheduleSpec) client.ScheduleOptions {
	return client.ScheduleOptions{
		ID: id, Spec: spec, Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: CatchUp, Note: "kept by Verigate; changes are undone",
		Action: &client.ScheduleWorkflowAction{
			ID: "sweep-tick/" + reason, Workflow: contract.SweepTickWorkflow, TaskQueue: contract.EnforcementQueue,
			Args: []any{contract.SweepTick{Reason: reason}}, WorkflowRunTimeout: CatchUp,
		},
	}
}

// Remove removes the schedules, for a business clock that Temporal does not share.
func (s *Schedules) Remove(ctx context.Context) error {
	return errors.Join(removeSchedule(ctx, s.client, dailySchedule), removeSchedule(ctx, s.client, instantSchedule))
}

func at(n int) []client.ScheduleRange { return []client.ScheduleRange{{Start: n}} }

// putSchedule creates a schedule, or makes the one that is there so. A pause stays.
func putSchedule(ctx context.Context, c client.Client, o client.ScheduleOptions) error {
	_, err := c.ScheduleClient().Create(ctx, o)
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return scheduleFault("create", err)
	}
	err = c.ScheduleClient().GetHandle(ctx, o.ID).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			next := in.Description.Schedule
			next.Spec, next.Action = &o.Spec, o.Action
			next.Policy = &client.SchedulePolicies{Overlap: o.Overlap, CatchupWindow: o.CatchupWindow}
			return &client.ScheduleUpdate{Schedule: &next}, nil
		},
	})
	return scheduleFault("update", err)
}

// removeSchedule removes a schedule. None is no error.
func removeSchedule(ctx context.Context, c client.Client, id string) error {
	err := c.ScheduleClient().GetHandle(ctx, id).Delete(ctx)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return scheduleFault("delete", err)
}

func scheduleFault(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("temporal: %s a schedule: %w", op, err)
}
