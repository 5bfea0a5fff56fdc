package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// Plans are the schedules that a namespace is to have.
type Plans struct {
	Sweeps    Timetable
	Reminders []string // policies that remind
	Now       time.Time
}

// Needs looks for the schedules of a namespace that is there, and changes nothing.
func (p Plans) Needs(ctx context.Context, c client.Client) ([]Need, error) {
	wanted := append(sweepSchedules(p.Sweeps, p.Now), reminderSchedulesOf(p.Reminders)...)
	var needs []Need
	names := map[string]bool{}
	for _, o := range wanted {
		found, err := findSchedule(ctx, c, o)
		if err != nil {
			return nil, err
		}
		names[o.ID] = true
		needs = append(needs, Need{Kind: "schedule", Name: o.ID, Finding: found})
	}
	if !slices.ContainsFunc(wanted, func(o client.ScheduleOptions) bool { return o.ID == instantSchedule }) {
		if found, err := findSchedule(ctx, c, client.ScheduleOptions{ID: instantSchedule}); err != nil {
			return nil, err
		} else if found != Missing {
			needs = append(needs, Need{Kind: "schedule", Name: instantSchedule, Finding: Obsolete})
		}
	}
	ids, err := scheduleIDs(ctx, c, reminderSchedules)
	for _, id := range ids {
		if !names[id] {
			needs = append(needs, Need{Kind: "schedule", Name: id, Finding: Obsolete})
		}
	}
	return needs, err
}

// Missing are the same needs of a namespace that is not there.
func (p Plans) Missing() (needs []Need) {
	for _, o := range append(sweepSchedules(p.Sweeps, p.Now), reminderSchedulesOf(p.Reminders)...) {
		needs = append(needs, Need{Kind: "schedule", Name: o.ID, Finding: Missing})
	}
	return needs
}

// Mend makes the schedules as planned, and says what it did.
func (p Plans) Mend(ctx context.Context, c client.Client) ([]Need, error) {
	needs, err := p.Needs(ctx, c)
	if err != nil || !slices.ContainsFunc(needs, func(n Need) bool { return n.Finding != Good }) {
		return needs, err
	}
	if err := NewSchedules(c).Reconcile(ctx, p.Sweeps, p.Now); err != nil {
		return nil, err
	}
	if err := ReconcileReminderSchedules(ctx, c, p.Reminders); err != nil {
		return nil, err
	}
	for i := range needs {
		needs[i].Mended = needs[i].Finding != Good
	}
	return needs, nil
}

// findSchedule compares a schedule with what it is to be. A pause is an operator's, and no difference.
func findSchedule(ctx context.Context, c client.Client, want client.ScheduleOptions) (Finding, error) {
	got, err := c.ScheduleClient().GetHandle(ctx, want.ID).Describe(ctx)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return Missing, nil
	}
	if err != nil {
		return "", scheduleFault("describe", err)
	}
	wanted, ok := want.Action.(*client.ScheduleWorkflowAction)
	action, same := got.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok || !same || action.ID != wanted.ID || action.TaskQueue != wanted.TaskQueue || fmt.Sprint(action.Workflow) != fmt.Sprint(wanted.Workflow) {
		return Differs, nil
	}
	if got.Schedule.Policy == nil || got.Schedule.Policy.Overlap != want.Overlap || got.Schedule.Policy.CatchupWindow != want.CatchupWindow ||
		canonical(*got.Schedule.Spec) != canonical(want.Spec) {
		return Differs, nil
	}
	return Good, nil
}

// canonical writes what we use of a specification, in one form for what is the same.
func canonical(s client.ScheduleSpec) string {
	var b strings.Builder
	for _, c := range s.Calendars {
		for _, r := range [][]client.ScheduleRange{c.Year, c.Month, c.DayOfMonth, c.DayOfWeek, c.Hour, c.Minute, c.Second} {
			b.WriteString(ranges(r) + " ")
		}
		b.WriteString("\n")
	}
	for _, i := range s.Intervals {
		fmt.Fprintf(&b, "every %s from %s\n", i.Every, i.Offset)
	}
	zone := s.TimeZoneName
	if zone == "UTC" {
		zone = ""
	}
	return b.String() + zone
}

// ranges writes ranges; a server adds ends, steps, and the whole of what is left out.
func ranges(all []client.ScheduleRange) string {
	whole := []client.ScheduleRange{{Start: 1, End: 12, Step: 1}, {Start: 1, End: 31, Step: 1}, {Start: 0, End: 6, Step: 1}}
	var parts []string
	for _, r := range all {
		r.End, r.Step = max(r.End, r.Start), max(r.Step, 1)
		if slices.Contains(whole, r) {
			continue
		}
		parts = append(parts, fmt.Sprintf("%d-%d/%d", r.Start, r.End, r.Step))
	}
	if len(parts) == 0 {
		return "*"
	}
	return strings.Join(parts, ",")
}

// scheduleIDs are the ids of the schedules that begin so.
func scheduleIDs(ctx context.Context, c client.Client, prefix string) (ids []string, err error) {
	all, err := c.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, scheduleFault("list", err)
	}
	for all.HasNext() {
		entry, err := all.Next()
		if err != nil {
			return nil, scheduleFault("list", err)
		}
		if strings.HasPrefix(entry.ID, prefix) {
			ids = append(ids, entry.ID)
		}
	}
	return ids, nil
}
