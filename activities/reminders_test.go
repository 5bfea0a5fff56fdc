package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/verigate/verigate/activities"
	"github.com/verigate/verigate/workflows/contract"
)

// reminding answers pages of one account each, up to an account.
type reminding struct {
	asked   []contract.ReminderPage
	last    byte
	written int // reminders of each page
	batches int // of waiting notices
	err     error
}

func (r *reminding) Plan(context.Context, string, int) (contract.ReminderPlan, error) {
	return contract.ReminderPlan{Version: 1}, r.err
}

func (r *reminding) Page(_ context.Context, in contract.ReminderPage) (contract.ReminderPageResult, error) {
	r.asked = append(r.asked, in)
	next := "a"
	if in.After != "" {
		next = string(in.After[0] + 1)
	}
	return contract.ReminderPageResult{Next: next, Done: next[0] >= r.last, Counts: contract.ReminderCounts{Seen: 1, Written: r.written}}, r.err
}

func (r *reminding) Deliver(context.Context, string, float64) (contract.ReminderCounts, bool, error) {
	r.batches--
	return contract.ReminderCounts{Sent: 1}, r.batches > 0, r.err
}

func activityBed(r *reminding) (*testsuite.TestActivityEnvironment, *activities.Reminders) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	a := &activities.Reminders{Reminding: r, Logger: slog.New(slog.DiscardHandler)}
	env.RegisterActivity(a)
	return env, a
}

func remindShard(t *testing.T, env *testsuite.TestActivityEnvironment, a *activities.Reminders) contract.ReminderPageResult {
	t.Helper()
	value, err := env.ExecuteActivity(a.RemindShard, contract.ReminderPage{Policy: "p", Rate: 1})
	require.NoError(t, err)
	var out contract.ReminderPageResult
	require.NoError(t, value.Get(&out))
	return out
}

func TestRemindShardGoesPageByPage(t *testing.T) {
	t.Parallel()
	r := &reminding{last: 'd'}
	env, a := activityBed(r)
	require.Equal(t, contract.ReminderPageResult{Next: "d", Done: true, Counts: contract.ReminderCounts{Seen: 4}}, remindShard(t, env, a))

	r = &reminding{last: 'z', written: 10}
	env, a = activityBed(r)
	require.Equal(t, contract.ReminderPageResult{Next: "c", Counts: contract.ReminderCounts{Seen: 3, Written: 30}}, remindShard(t, env, a), "half a minute's worth")

	r = &reminding{last: 'z'}
	env, a = activityBed(r)
	require.Equal(t, "t", remindShard(t, env, a).Next, "twenty pages")
}

func TestRemindShardGoesOnBehindTheLastHeartbeat(t *testing.T) {
	t.Parallel()
	r := &reminding{last: 'd'}
	env, a := activityBed(r)
	env.SetHeartbeatDetails(contract.ReminderPageResult{Next: "c", Counts: contract.ReminderCounts{Seen: 3}})
	require.Equal(t, contract.ReminderPageResult{Next: "d", Done: true, Counts: contract.ReminderCounts{Seen: 4}}, remindShard(t, env, a))
	require.Len(t, r.asked, 1)
	require.Equal(t, "c", r.asked[0].After)
}

func TestDeliverNoticesTakesBatches(t *testing.T) {
	t.Parallel()
	for batches, want := range map[int]activities.DeliverNoticesResult{
		3:  {Counts: contract.ReminderCounts{Sent: 3}},
		50: {Counts: contract.ReminderCounts{Sent: 20}, More: true},
	} {
		env, a := activityBed(&reminding{batches: batches})
		value, err := env.ExecuteActivity(a.DeliverNotices, activities.DeliverNoticesInput{Policy: "p", Rate: 1})
		require.NoError(t, err)
		var out activities.DeliverNoticesResult
		require.NoError(t, value.Get(&out))
		require.Equal(t, want, out)
	}
}

func TestRemindersKeepCausesOutOfHistories(t *testing.T) {
	t.Parallel()
	env, a := activityBed(&reminding{err: errors.New("secret cause")})
	for _, call := range []func() error{
		func() error {
			_, err := env.ExecuteActivity(a.PlanReminders, activities.PlanRemindersInput{})
			return err
		},
		func() error { _, err := env.ExecuteActivity(a.RemindShard, contract.ReminderPage{}); return err },
		func() error {
			_, err := env.ExecuteActivity(a.DeliverNotices, activities.DeliverNoticesInput{})
			return err
		},
	} {
		err := call()
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.False(t, app.NonRetryable())
		require.NotContains(t, err.Error(), "secret cause")
	}
}
