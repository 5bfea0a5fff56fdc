package engine

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/verigate/verigate/internal/temporal"
	"github.com/verigate/verigate/workflows/contract"
)

// TestPrepare makes a namespace from nothing, finds what an operator changed in it, and puts it right.
func TestPrepare(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := temporal.Options{
		HostPort: startServer(t).Address(), Namespace: uuid.NewString(), Codec: newCodec(t, newKeyset(t)), Logger: slog.New(slog.DiscardHandler),
	}
	needs, err := temporal.Namespace(ctx, o)
	require.NoError(t, err)
	require.Equal(t, []temporal.Need{
		{Kind: "namespace", Name: o.Namespace, Finding: temporal.Missing},
		{Kind: "search attribute", Name: contract.AttributeTurn, Finding: temporal.Missing},
	}, needs)
	needs, err = temporal.Prepare(ctx, o, 24*time.Hour)
	require.NoError(t, err)
	require.True(t, needs[0].Mended && needs[1].Mended)
	again, err := temporal.Prepare(ctx, o, 24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, []temporal.Need{
		{Kind: "namespace", Name: o.Namespace, Finding: temporal.Good},
		{Kind: "search attribute", Name: contract.AttributeTurn, Finding: temporal.Good},
	}, again, "twice is once")

	c, err := temporal.Dial(ctx, o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	now := time.Now()
	plans := temporal.Plans{
		Sweeps: temporal.Timetable{Zone: zone, Minute: 10, Instants: []time.Time{now.Add(time.Hour), now.Add(1000 * time.Hour)}}, Reminders: []string{"p", "q"}, Now: now,
	}
	require.Len(t, plans.Missing(), 4)
	require.Equal(t, plans.Missing(), needsOf(t, plans, c))
	mended, err := plans.Mend(ctx, c)
	require.NoError(t, err)
	for _, n := range mended {
		require.True(t, n.Mended, n.Name)
	}
	good := needsOf(t, plans, c)
	for _, n := range good {
		require.Equal(t, temporal.Good, n.Finding, n.Name)
	}
	mended, err = plans.Mend(ctx, c)
	require.NoError(t, err)
	require.Equal(t, good, mended, "twice is once")

	pauseSchedule(t, c, "reminders/q")
	moved := plans
	moved.Sweeps.Minute, moved.Sweeps.Instants, moved.Reminders = 20, nil, []string{"q"}
	require.Eventually(t, func() bool { return len(needsOf(t, moved, c)) == 4 }, 30*time.Second, 100*time.Millisecond, "the list follows within moments")
	mended, err = moved.Mend(ctx, c)
	require.NoError(t, err)
	require.Equal(t, []temporal.Need{
		{Kind: "schedule", Name: "verigate/sweeps/daily", Finding: temporal.Differs, Mended: true},
		{Kind: "schedule", Name: "reminders/q", Finding: temporal.Good},
		{Kind: "schedule", Name: "verigate/sweeps/instants", Finding: temporal.Obsolete, Mended: true},
		{Kind: "schedule", Name: "reminders/p", Finding: temporal.Obsolete, Mended: true},
	}, mended)

	// As a build from before the queues were divided made it.
	handle := c.ScheduleClient().GetHandle(ctx, "reminders/q")
	require.NoError(t, handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		next := in.Description.Schedule
		action := *next.Action.(*client.ScheduleWorkflowAction)
		action.TaskQueue = contract.TaskQueue
		next.Action = &action
		return &client.ScheduleUpdate{Schedule: &next}, nil
	}}))
	require.Equal(t, temporal.Differs, needsOf(t, moved, c)[1].Finding)
	_, err = moved.Mend(ctx, c)
	require.NoError(t, err)
	described, err := handle.Describe(ctx)
	require.NoError(t, err)
	require.Equal(t, contract.EnforcementQueue, described.Schedule.Action.(*client.ScheduleWorkflowAction).TaskQueue)
	require.True(t, described.Schedule.State.Paused, "a pause is an operator's")
}

func needsOf(t *testing.T, p temporal.Plans, c client.Client) []temporal.Need {
	t.Helper()
	needs, err := p.Needs(t.Context(), c)
	require.NoError(t, err)
	return needs
}

func pauseSchedule(t *testing.T, c client.Client, id string) {
	t.Helper()
	require.NoError(t, c.ScheduleClient().GetHandle(t.Context(), id).Pause(t.Context(), client.SchedulePauseOptions{}))
}

// TestPrepareRefusesAnotherType: what another program keeps under our name is not ours to change.
func TestPrepareRefusesAnotherType(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := temporal.Options{HostPort: startServer(t).Address(), Namespace: uuid.NewString(), Logger: slog.New(slog.DiscardHandler)}
	_, err := temporal.Prepare(ctx, o, 24*time.Hour)
	require.NoError(t, err)
	o.Codec = newCodec(t, newKeyset(t))
	c, err := temporal.Dial(ctx, o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = c.OperatorService().RemoveSearchAttributes(ctx, &operatorservice.RemoveSearchAttributesRequest{
		Namespace: o.Namespace, SearchAttributes: []string{contract.AttributeTurn},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: o.Namespace, SearchAttributes: map[string]enumspb.IndexedValueType{contract.AttributeTurn: enumspb.INDEXED_VALUE_TYPE_INT},
		})
		if err != nil {
			return false
		}
		_, err = temporal.Namespace(ctx, o)
		return err != nil
	}, 30*time.Second, 200*time.Millisecond)
	require.ErrorIs(t, err, temporal.ErrAttributeType)
	require.ErrorContains(t, err, "which must be a Keyword, is a Int")
	_, err = temporal.Prepare(ctx, o, 24*time.Hour)
	require.ErrorIs(t, err, temporal.ErrAttributeType)
}
