package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/gate"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/telemetry"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// settled is a settling store at an instant after the founding rule is enforced, with three accounts that it blocks.
func settled(t *testing.T) settling {
	t.Helper()
	now := func() time.Time { return EnforcedFrom().AddDate(0, 0, 1) }
	s := sqlstoretest.Open(t, sqlstoretest.WithNow(now))
	require.NoError(t, s.PublishPolicy(t.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 1, Text: foundingRule, EffectiveFrom: beijing(2020, time.January, 1, 0, 0, 0),
	}))
	st := settling{s, enforce.New(s, rulebook.New(s), now), quiet()}
	_, err := s.PutAccounts(t.Context(), []store.PutAccount{covered("a1"), covered("a2"), covered("a3")}, false)
	require.NoError(t, err)
	_, err = st.sweeper.Page(t.Context(), enforce.Page{Limit: 10, Sweep: "s"})
	require.NoError(t, err)
	return st
}

func covered(id string) store.PutAccount {
	return store.PutAccount{Account: policy.Account{
		ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: beijing(2020, time.November, 1, 0, 0, 0),
	}}
}

func verifiedImport(id string) store.PutAccount {
	p := covered(id)
	p.Import = &lifecycle.Change{
		ChangeID: "import", Event: lifecycle.ImportVerified, At: EnforcedFrom(), Detail: lifecycle.Detail{Provenance: &lifecycle.Provenance{At: EnforcedFrom(), Evidence: "e"}},
	}
	return p
}

// TestChangesAreSettledAtOnce: each way in which an account can become free, and blocked again, is announced at once.
func TestChangesAreSettledAtOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := settled(t)
	require1 := func(id string, episodes int, reason string) {
		t.Helper()
		all, err := s.Restrictions(ctx, id)
		require.NoError(t, err)
		require.Len(t, all, episodes)
		require.Equal(t, reason, all[episodes-1].LiftReason)
	}
	require1("a1", 1, "")
	outcomes, err := s.PutAccounts(ctx, []store.PutAccount{verifiedImport("a1"), covered("new")}, false)
	require.NoError(t, err)
	require.NoError(t, outcomes[0].Err)
	require1("a1", 1, enforce.ReasonVerified)
	none, err := s.Restrictions(ctx, "new")
	require.NoError(t, err)
	require.Empty(t, none, "left to the next sweep")

	head, err := s.Head(ctx, "a1")
	require.NoError(t, err)
	result, err := s.Append(ctx, lifecycle.Append{
		AccountID: "a1", ChangeID: "revoke", Head: head.Seq, Known: head.Seq, Changes: []lifecycle.Change{{Event: lifecycle.Revoke, At: EnforcedFrom()}},
	})
	require.NoError(t, err)
	folded, err := head.Fold(result.Log...)
	require.NoError(t, err)
	head, err = s.Head(ctx, "a1")
	require.NoError(t, err)
	require.Equal(t, head.Seq, folded.Seq, "who appended knows what settling added")
	require1("a1", 2, "")

	e := policy.Extension{ID: "e", AccountID: "a2", Until: EnforcedFrom().AddDate(0, 1, 0), GrantedAt: EnforcedFrom()}
	require.NoError(t, s.PutExtension(ctx, e, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "late"))
	require.NoError(t, s.Settle(ctx, "a2")) // as the API does
	require1("a2", 1, enforce.ReasonExtended)

	moved := covered("a3")
	moved.Account.Region = "US"
	_, _, err = s.PutAccount(ctx, moved, true)
	require.NoError(t, err)
	require.NoError(t, s.Settle(ctx, "a3"))
	require1("a3", 1, enforce.ReasonNotCovered)
}

// TestSettlingNeverSpoilsTheChange: a policy that cannot be read keeps the announcement, not the change.
func TestSettlingNeverSpoilsTheChange(t *testing.T) {
	t.Parallel()
	s := settled(t)
	require.NoError(t, s.PublishPolicy(t.Context(), store.PublishedPolicy{Name: "broken", Version: 1, Text: []byte("broken"), EffectiveFrom: EnforcedFrom()}))
	_, err := s.PutAccounts(t.Context(), []store.PutAccount{verifiedImport("a1")}, false)
	require.NoError(t, err)
	head, err := s.Head(t.Context(), "a1")
	require.NoError(t, err)
	require.Equal(t, lifecycle.Verified, head.State)
}

func TestLastDue(t *testing.T) {
	t.Parallel()
	zone := lifecycle.Beijing()
	at := func(day, hour, minute int) time.Time { return beijing(2020, time.December, day, hour, minute, 0) }
	boundaries := []time.Time{at(2, 0, 0), at(4, 0, 0), at(9, 0, 0)}
	for name, c := range map[string]struct{ after, until, want time.Time }{
		"nothing":                    {at(3, 1, 0), at(3, 23, 59), time.Time{}},
		"daily":                      {at(3, 0, 9), at(3, 0, 10), at(3, 0, 10)},
		"not twice":                  {at(3, 0, 10), at(3, 0, 11), time.Time{}},
		"a boundary":                 {at(3, 23, 59), at(4, 0, 0), at(4, 0, 0)},
		"the last of several missed": {at(1, 0, 0), at(4, 12, 0), at(4, 0, 10)},
		"daily of the day before":    {at(2, 23, 0), at(4, 0, 5).AddDate(0, 0, 1), at(4, 0, 10)},
		"none ahead":                 {at(4, 1, 0), at(4, 2, 0), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, c.want.Equal(lastDue(boundaries, zone, 10*time.Minute, c.after, c.until)))
		})
	}
}

// TestDailyIsByTheClock: three in the morning is two hours after midnight on the day on which clocks go forward.
func TestDailyIsByTheClock(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	noon := time.Date(2026, time.March, 8, 12, 0, 0, 0, zone)
	require.Equal(t, "2026-03-08T03:00:00-04:00", dailyAt(noon, 0, 3*time.Hour, zone).Format(time.RFC3339))
	require.Equal(t, "2026-03-07T03:00:00-05:00", dailyAt(noon, -1, 3*time.Hour, zone).Format(time.RFC3339))
	require.Equal(t, "2026-03-09T03:00:00-04:00", firstDue(nil, zone, 3*time.Hour, noon).Format(time.RFC3339))
}

// TestWhatNoScheduleKnowsOf: a process that has just begun asks since the newest sweep, a running one since its last look.
func TestWhatNoScheduleKnowsOf(t *testing.T) {
	t.Parallel()
	s := settled(t)
	a := &App{store: s.Store}
	since, err := a.unseen(t.Context(), EnforcedFrom())
	require.NoError(t, err)
	require.Equal(t, EnforcedFrom().Add(-gate.MaxSkew), since)
	since, err = a.unseen(t.Context(), time.Time{})
	require.NoError(t, err)
	require.True(t, EnforcedFrom().AddDate(0, 0, 1).Add(-time.Second).Equal(since), "before the policy was recorded")
	for id, at := range map[string]time.Time{"newer": EnforcedFrom().AddDate(0, 0, 3), "older": EnforcedFrom().AddDate(0, 0, 2)} {
		_, err := s.BeginSweep(t.Context(), store.Sweep{ID: id, PolicyName: "p", Instant: at, StartedAt: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}})
		require.NoError(t, err)
	}
	since, err = a.unseen(t.Context(), time.Time{})
	require.NoError(t, err)
	require.True(t, EnforcedFrom().AddDate(0, 0, 3).Equal(since))
}

// TestTimelineSweepsByItself: in a demonstration whose clock passes the instant of enforcement, the covered samples are
// announced without anybody asking for it. The lead leaves time to start.
func TestTimelineSweepsByItself(t *testing.T) {
	t.Parallel()
	d := newDemoDir(t)
	o := demoOptions(t, d, EnforcedFrom().Add(-20*time.Second).Sub(time.Now()))
	a, _, err := StartDemo(t.Context(), d, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Stop(context.WithoutCancel(t.Context()))) })
	news, err := a.store.Changed(t.Context(), "sample-old")
	require.NoError(t, err)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		episodes, err := a.store.Restrictions(t.Context(), "sample-old")
		require.NoError(t, err)
		if len(episodes) > 0 {
			require.False(t, episodes[0].OpenedAt.Before(EnforcedFrom()))
			require.Equal(t, "wishpost-face-verification.1.20201203T160000Z", episodes[0].Sweep)
			return
		}
		select {
		case <-news:
		case <-deadline.C:
			require.FailNow(t, "no sweep began")
		}
	}
}

func TestSweepFiguresAreOfTheNewestSweeps(t *testing.T) {
	t.Parallel()
	s := settled(t)
	day := EnforcedFrom().AddDate(0, 0, 2) // the policy was recorded the day before
	now := day.Add(2 * time.Hour)
	a := &App{store: s.Store, sweeper: s.sweeper}
	a.config.Sweeps.Daily = 10 * time.Minute
	figures := func() telemetry.SweepFigures {
		got, err := a.sweepFigures(t.Context(), now)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, telemetry.SweepFigures{Overdue: 110 * time.Minute}, figures(), "the daily one was due at ten past midnight")
	begin := func(id string, dry bool) {
		_, err := s.BeginSweep(t.Context(), store.Sweep{
			ID: id, PolicyName: "p", Instant: day, DryRun: dry, StartedAt: day, Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "o"},
		})
		require.NoError(t, err)
	}
	end := func(id string, state contract.SweepState, after time.Duration) {
		_, err := s.SaveSweep(t.Context(), store.SweepProgress{ID: id, State: state, At: day.Add(after)})
		require.NoError(t, err)
	}
	for _, id := range []string{"old", "new", "dry", "fails", "runs"} {
		begin(id, id == "dry")
	}
	end("old", contract.SweepDone, time.Hour)
	end("new", contract.SweepDone, time.Minute)
	end("dry", contract.SweepDone, time.Second)
	end("fails", contract.SweepFailed, time.Second)
	want := telemetry.SweepFigures{Running: 1, Oldest: 2 * time.Hour, Overdue: 110 * time.Minute, Lag: time.Minute}
	require.Equal(t, want, figures(), "those by hand are not the daily one")
	_, err := s.BeginSweep(t.Context(), store.Sweep{
		ID: "daily", PolicyName: "wishpost-face-verification", Instant: day.Add(10 * time.Minute), StartedAt: now, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem},
	})
	require.NoError(t, err)
	want.Running, want.Overdue = 2, 0
	require.Equal(t, want, figures())
	end("daily", contract.SweepFailed, 2*time.Hour)
	want.Running, want.Overdue = 1, 110*time.Minute
	require.Equal(t, want, figures(), "one that failed has to be done once more")
}
