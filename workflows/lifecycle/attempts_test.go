package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/lifecycle"
)

func TestNextDay(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"2020-11-20 00:00:00": "2020-11-21 00:00:00",
		"2020-11-20 23:59:59": "2020-11-21 00:00:00",
		"2020-12-31 12:00:00": "2021-01-01 00:00:00",
		"2020-02-28 12:00:00": "2020-02-29 00:00:00",
	} {
		require.Equal(t, beijing(t, want), lifecycle.NextDay(beijing(t, at)), at)
		require.Equal(t, beijing(t, want), lifecycle.NextDay(beijing(t, at).UTC()), "the zone of the instant is of no matter")
	}
}

func TestAttemptsAreCountedByBeijingDay(t *testing.T) {
	t.Parallel()
	limits := lifecycle.Limits{AttemptsPerDay: 2}
	v := lifecycle.New("a1")
	for _, at := range []string{"2020-11-19 23:59:59", "2020-11-20 00:00:00", "2020-11-20 23:59:59", "2020-11-21 00:00:00"} {
		v.Attempts = append(v.Attempts, lifecycle.Attempt{StartedAt: beijing(t, at).UTC()})
	}
	for at, used := range map[string]int{
		"2020-11-18 12:00:00": 0, "2020-11-19 00:00:00": 1, "2020-11-19 23:59:59": 1, "2020-11-20 00:00:00": 2,
		"2020-11-20 12:00:00": 2, "2020-11-20 23:59:59": 2, "2020-11-21 00:00:00": 1, "2020-11-22 00:00:00": 0,
	} {
		require.Equal(t, used, v.AttemptsUsed(beijing(t, at)), at)
		require.Equal(t, limits.AttemptsPerDay-used, v.AttemptsLeft(limits, beijing(t, at).UTC()), at)
	}
	require.Zero(t, v.AttemptsLeft(lifecycle.Limits{AttemptsPerDay: 1}, beijing(t, "2020-11-20 12:00:00")), "never below zero")
	v.CountFrom = beijing(t, "2020-11-20 00:00:00")
	require.Equal(t, 1, v.AttemptsUsed(beijing(t, "2020-11-20 12:00:00")), "the one before the operator's unlock is forgiven")
	require.Equal(t, lifecycle.Limits{AttemptsPerDay: 5, Lease: 10 * time.Minute}, lifecycle.DefaultLimits())
}

func TestTheLastAttemptOfTheDayLocks(t *testing.T) {
	t.Parallel()
	c := begin(t).approved()
	c.news(lifecycle.Fail, c.face())
	c.is(lifecycle.FaceFailed)
	last := c.face()
	log := c.take(lifecycle.Change{Event: lifecycle.Fail, ChangeID: "f", Detail: lifecycle.Detail{AttemptID: last}})
	require.Len(t, log, 2)
	lock := log[1]
	require.Equal(t, lifecycle.Lock, lock.Event)
	require.Equal(t, "f", lock.ChangeID, "one append")
	require.Equal(t, "attempts_exhausted", lock.Reason)
	require.Equal(t, lifecycle.ActorSystem, lock.Actor.Kind)
	require.Equal(t, log[0].Seq+1, lock.Seq)
	require.Equal(t, beijing(t, "2020-11-21 00:00:00"), lock.Detail.UnlockAt)
	require.Equal(t, lock.Detail.UnlockAt, c.is(lifecycle.Locked).v.UnlockAt)
}

// TestLockIsNoWayAround: no detour gives a locked account an attempt of the same day.
func TestLockIsNoWayAround(t *testing.T) {
	t.Parallel()
	locked(t).event(lifecycle.ChooseManual).event(lifecycle.CancelManual).is(lifecycle.Locked)
	locked(t).event(lifecycle.ChooseManual).event(lifecycle.RejectManual).is(lifecycle.Locked)
	c := locked(t)
	c.take(lifecycle.Change{Event: lifecycle.Correct, Detail: lifecycle.Detail{Correction: "support", Identity: c.identity()}})
	require.Zero(t, c.v.UnlockAt, "only a locked account has an unlock to wait for")
	c.event(lifecycle.BeginReview).event(lifecycle.Approve).is(lifecycle.Locked)
	locked(t).event(lifecycle.Revoke).submit().event(lifecycle.BeginReview).event(lifecycle.Approve).is(lifecycle.Locked)
	locked(t).event(lifecycle.Revoke).until("2020-11-21 00:00:00").approved().is(lifecycle.Approved)
}

// TestNoLockWhileAnAttemptLives: its QR can be shown again.
func TestNoLockWhileAnAttemptLives(t *testing.T) {
	t.Parallel()
	c := begin(t).approved()
	c.news(lifecycle.Fail, c.face())
	c.showing().after(11 * time.Minute).expire().is(lifecycle.Approved)
	require.Zero(t, c.v.AttemptsLeft(c.limits, c.at))
	c.take(c.again())
	c.is(lifecycle.QRIssued)
	c.event(lifecycle.WithdrawConsent).is(lifecycle.Locked)
}

func TestUnlockByTheTimer(t *testing.T) {
	t.Parallel()
	c := locked(t)
	unlock := lifecycle.Change{Event: lifecycle.Unlock, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}
	c.at = c.v.UnlockAt.Add(-time.Nanosecond)
	require.Equal(t, c.v.UnlockAt, c.refused(unlock).NextAt)
	c.at = c.v.UnlockAt
	c.take(unlock)
	c.is(lifecycle.Approved)
	require.Zero(t, c.v.UnlockAt)
	require.Zero(t, c.v.CountFrom)
	require.Equal(t, 2, c.v.AttemptsLeft(c.limits, c.at), "a new day")
}

func TestUnlockByAnOperator(t *testing.T) {
	t.Parallel()
	c := locked(t).after(time.Minute)
	c.take(lifecycle.Change{Event: lifecycle.Unlock, Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "o1"}})
	c.is(lifecycle.Approved)
	require.Equal(t, c.at, c.v.CountFrom)
	require.Equal(t, 2, c.v.AttemptsLeft(c.limits, c.at), "a fresh allowance on the same day")
	c.after(time.Minute).news(lifecycle.Fail, c.face())
	c.is(lifecycle.FaceFailed).after(time.Minute).news(lifecycle.Fail, c.face())
	c.is(lifecycle.Locked)
}

// TestALongLivedAttemptIsKept: some providers give days; a pass counts as long as the attempt can pass.
func TestALongLivedAttemptIsKept(t *testing.T) {
	t.Parallel()
	c := begin(t).approved()
	order := c.order()
	order.Detail.Attempt.EndsAt = c.at.Add(72 * time.Hour)
	c.take(order)
	c.news(lifecycle.Fail, order.Detail.Attempt.ID)
	c.after(49 * time.Hour).face()
	c.news(lifecycle.Pass, order.Detail.Attempt.ID)
	c.is(lifecycle.Verified)
}

// TestOldAttemptsAreForgotten: the memory of an account stays small, and nothing that still matters is lost.
func TestOldAttemptsAreForgotten(t *testing.T) {
	t.Parallel()
	c := begin(t).approved()
	for range 30 {
		c.news(lifecycle.Fail, c.face())
		c.after(24 * time.Hour)
		require.LessOrEqual(t, len(c.v.Attempts), 3)
		require.True(t, c.v.AttemptedUnder())
	}
	require.Equal(t, 30, c.v.Started)
}
