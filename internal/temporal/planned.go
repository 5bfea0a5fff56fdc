package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/internal/api"
)

// Plan reads the schedules of a namespace for the API.
type Plan struct {
	client client.Client
	waits  Waits
}

var _ api.Schedules = (*Plan)(nil)

// NewPlan returns the plan of a client.
func NewPlan(c client.Client, waits Waits) *Plan { return &Plan{c, waits} }

// Planned implements api.Schedules: the sweeps first, then the reminders by policy.
func (p *Plan) Planned(ctx context.Context) ([]api.Planned, error) {
	ctx, cancel := context.WithTimeout(ctx, p.waits.Command)
	defer cancel()
	all, err := p.client.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, planFault(err)
	}
	sweeps := api.Planned{What: "sweeps"}
	var planned []api.Planned
	known := false
	for all.HasNext() {
		entry, err := all.Next()
		if err != nil {
			return nil, planFault(err)
		}
		policyName, reminds := strings.CutPrefix(entry.ID, reminderSchedules)
		switch {
		case entry.ID == dailySchedule || entry.ID == instantSchedule: // to a reader they are one
			known = true
			sweeps.Paused = sweeps.Paused || entry.Paused
			sweeps.Next = append(sweeps.Next, entry.NextActionTimes...)
			sweeps.Last = later(sweeps.Last, lastAction(entry))
		case reminds:
			planned = append(planned, api.Planned{
				What: "reminders", Policy: policyName, Paused: entry.Paused, Next: entry.NextActionTimes, Last: lastAction(entry),
			})
		}
	}
	slices.SortFunc(planned, func(a, b api.Planned) int { return strings.Compare(a.Policy, b.Policy) })
	if known {
		slices.SortFunc(sweeps.Next, time.Time.Compare)
		planned = append([]api.Planned{sweeps}, planned...)
	}
	return planned, nil
}

// lastAction is when a schedule began something last, zero if it never did.
func lastAction(entry *client.ScheduleListEntry) (last time.Time) {
	for _, done := range entry.RecentActions {
		last = later(last, done.ActualTime)
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func planFault(err error) error {
	if notTaken(err) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", api.ErrEngineUnavailable, err)
	}
	return fmt.Errorf("temporal: list schedules: %w", err)
}
