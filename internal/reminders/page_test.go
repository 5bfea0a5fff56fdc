package reminders_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// afterJitter is past the quiet hours of 11-27 for every account.
const afterJitter = "11-27 09:30"

func TestPageRemindsWhoIsDueAndNobodyElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(3)
	f.account("enterprise", func(a *policy.Account) { a.Kind = policy.KindEnterprise })
	f.account("foreign", func(a *policy.Account) { a.Region = "US" })
	f.account("late", func(a *policy.Account) { a.RegisteredAt = beijing(t, "11-17 00:00") })
	f.account("closed", func(a *policy.Account) { a.ClosedAt = beijing(t, "11-01 00:00") })
	f.account("verified", nil)
	f.verify("verified")
	f.account("without-contact", nil)

	dry, err := f.pass(t.Context(), f.runner, true)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"P7D": 4}, dry.Milestones)
	require.Equal(t, []int{9, 4, 0, 0}, []int{dry.Seen, dry.Due, dry.Written, dry.Already})
	require.Empty(t, f.milestones("a0000"), "a dry run reminds nobody")
	require.Empty(t, f.phones.taken)

	counts := f.run()
	require.Equal(t, []int{9, 4, 4, 0, 3, 1}, []int{counts.Seen, counts.Due, counts.Written, counts.Already, counts.Sent, counts.NoContact})
	require.Equal(t, []string{"P7D"}, f.milestones("a0001"))
	entries, err := f.store.Events(t.Context(), "a0001", 0, 10)
	require.NoError(t, err)
	note := entries[0].Detail.Reminder
	require.Equal(t, []any{"warning", founding, 1, "existing-individuals", "2020-12-04T00:00:00+08:00"},
		[]any{note.Level, note.Policy, note.PolicyVersion, note.Rule, note.Deadline.Format(time.RFC3339)})
	require.Equal(t, store.NoticeNoContact, f.notice("without-contact").State)
	sent := f.phones.last[0]
	require.Equal(t, []any{"+8613800000000", 7, false, "2020-12-04"},
		[]any{sent.To.Reveal(), sent.Days, sent.Passed, sent.Deadline.Format(time.DateOnly)})

	again := f.run()
	require.Equal(t, []int{4, 0, 4, 0}, []int{again.Due, again.Written, again.Already, again.Sent})
	f.clock.Set(beijing(t, "12-11 09:31"))
	require.Equal(t, map[string]int{"+P7D": 4}, f.run().Milestones, "what came between is not made up for")
	require.True(t, f.phones.last[3].Passed)
	require.Equal(t, 7, f.phones.last[3].Days)
}

func TestQuietHoursOverMidnight(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "11-26 20:59")
	f.population(1)
	for _, step := range []struct {
		at   string
		want []string
	}{
		{"11-26 21:00", nil}, {"11-26 23:59", nil}, {"11-27 00:00", nil}, {"11-27 08:59", nil}, {"11-27 09:30", []string{"P7D"}},
	} {
		f.clock.Set(beijing(t, step.at))
		f.run()
		require.Equal(t, step.want, f.milestones("a0000"), step.at)
	}
}

func TestReminderOfAMovedDeadline(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(1)
	f.run()
	require.NoError(t, f.store.PutExtension(t.Context(), policy.Extension{
		ID: "e1", AccountID: "a0000", GrantedAt: beijing(t, "12-02 12:00"), Until: beijing(t, "12-11 00:00"),
	}, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "late"))
	for _, at := range []string{"12-03 12:00", "12-04 12:00", "12-08 12:00", "12-10 12:00", "12-11 12:00", "12-18 12:00"} {
		f.clock.Set(beijing(t, at))
		f.run()
		f.run()
	}
	require.Equal(t, []string{"P7D", "P14D", "P7D", "P3D", "P1D", "+P7D"}, f.milestones("a0000"))
}

func TestRate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(120)
	begun := f.clock.Now()
	require.Equal(t, 120, f.run().Sent)
	require.Len(t, f.phones.times, 120)
	for i := range f.phones.times {
		n := 0
		for _, at := range f.phones.times[i:] {
			if at.Sub(f.phones.times[i]) < time.Second {
				n++
			}
		}
		require.LessOrEqual(t, n, 50)
	}
	require.InDelta(t, 2.4, f.clock.Now().Sub(begun).Seconds(), 0.05, "as fast as it may, and no faster")
	require.Equal(t, 120, f.run().Already)
	require.InDelta(t, 2.4, f.clock.Now().Sub(begun).Seconds(), 0.05, "who was reminded takes no time")
}

func TestPageEndsEarly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(30)
	page, err := f.runner.Page(t.Context(), inPage(1))
	require.NoError(t, err)
	require.Equal(t, []any{10, "a0009", false}, []any{page.Counts.Written, page.Next, page.Done}, "ten seconds' worth")
}

// TestTwoRunsAtOnce: many runs over the same population remind everybody exactly once.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{50, fast} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			testRunsAtOnce(t, rate)
		})
	}
}

func testRunsAtOnce(t *testing.T, rate float64) {
	t.Helper()
	f := newFixture(t, afterJitter)
	f.population(40)
	var group errgroup.Group
	var written atomic.Int64
	for range 3 {
		group.Go(func() error {
			counts, err := f.passAt(t.Context(), f.newRunner(f.store), inPage(rate))
			written.Add(int64(counts.Written))
			return err
		})
	}
	for range 2 {
		group.Go(func() error {
			_, _, err := f.newRunner(f.store).Deliver(t.Context(), founding, 50)
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, int64(40), written.Load())
	f.requireOnce(t, 40)
}

func (f *fixture) requireOnce(t require.TestingT, n int) {
	for i := range n {
		require.Equal(t, []string{"P7D"}, f.milestones(fmt.Sprintf("a%04d", i)))
	}
	require.Len(t, f.phones.taken, n)
	for id, times := range f.phones.taken {
		require.Equal(t, 1, times, id)
	}
}

var errKilled = errors.New("killed")

// dyingStore kills a run at one of its calls, before or after the call takes effect.
type dyingStore struct {
	reminders.Store
	left  *int
	after bool
}

func (d dyingStore) step(do func() error) error {
	*d.left--
	if *d.left == 0 && !d.after {
		return errKilled
	}
	if err := do(); err != nil {
		return err
	}
	if *d.left == 0 {
		return errKilled
	}
	return nil
}

func (d dyingStore) AppendAll(ctx context.Context, a []lifecycle.Append) (answers []store.AppendAnswer, err error) {
	err = d.step(func() error { answers, err = d.Store.AppendAll(ctx, a); return err })
	return answers, err
}

func (d dyingStore) BeginNotices(ctx context.Context, tries []store.NoticeTry, now, retry time.Time) (ours []bool, err error) {
	if len(tries) == 0 {
		return nil, nil
	}
	err = d.step(func() error { ours, err = d.Store.BeginNotices(ctx, tries, now, retry); return err })
	return ours, err
}

func (d dyingStore) SettleNotices(ctx context.Context, tries []store.NoticeTry, now time.Time) (ours []bool, err error) {
	if len(tries) == 0 {
		return nil, nil
	}
	err = d.step(func() error { ours, err = d.Store.SettleNotices(ctx, tries, now); return err })
	return ours, err
}

// TestKilledRuns: whichever call a run dies at, the runs after it remind everybody exactly once.
func TestKilledRuns(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 3*3; n++ {
		testKilled(t, 3, 50, n)
	}
	for n := 1; n <= 2*3; n++ { // two transactions of 20 and 5
		testKilled(t, 25, fast, n)
	}
}

// testKilled has a run die at its nth call, before and after the call.
func testKilled(t *testing.T, accounts int, rate float64, n int) {
	t.Helper()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("%.0f a second, call %d, after it %t", rate, n, after), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, afterJitter)
			f.population(accounts)
			left := n
			_, err := f.passAt(t.Context(), f.newRunner(dyingStore{f.store, &left, after}), inPage(rate))
			require.ErrorIs(t, err, errKilled)
			f.deliver()
			f.run()
			f.clock.Advance(time.Hour) // an attempt that nobody ended has settled
			f.deliver()
			f.requireOnce(t, accounts)
			for i := range accounts {
				require.Equal(t, store.NoticeSent, f.notice(fmt.Sprintf("a%04d", i)).State)
			}
		})
	}
}

// TestFastRate: reminders that go together keep the rate, and are what they are one by one.
func TestFastRate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(90)
	f.account("without-contact", nil)
	f.account("verified", nil)
	begun := f.clock.Now()
	verify := sync.OnceFunc(func() { f.verify("verified") })
	counts, err := f.passAt(t.Context(), f.newRunner(movingStore{f.store, verify}), inPage(fast))
	require.NoError(t, err)
	require.Equal(t, []int{92, 91, 91, 90, 1}, []int{counts.Seen, counts.Due, counts.Written, counts.Sent, counts.NoContact})
	require.Equal(t, map[string]int{"P7D": 91}, counts.Milestones)
	f.requireOnce(t, 90)
	require.InDelta(t, 91.0/fast, f.clock.Now().Sub(begun).Seconds(), 0.01)
	at := map[time.Time]int{}
	for _, sent := range f.phones.times {
		at[sent]++
		require.LessOrEqual(t, at[sent], 20, "ten milliseconds' worth together")
	}
	page, err := f.runner.Page(t.Context(), inPage(1e9))
	require.NoError(t, err)
	require.Equal(t, 91, page.Counts.Already)
}

// TestKilledBetweenPages: a run that goes on from the start, not from where it died, does the rest.
func TestKilledBetweenPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(30)
	_, err := f.runner.Page(t.Context(), inPage(1))
	require.NoError(t, err)
	counts := f.run()
	require.Equal(t, []int{10, 20}, []int{counts.Already, counts.Written})
	f.requireOnce(t, 30)
}

// movingStore changes an account between the decision and the append.
type movingStore struct {
	reminders.Store
	move func()
}

func (m movingStore) AppendAll(ctx context.Context, a []lifecycle.Append) ([]store.AppendAnswer, error) {
	m.move()
	return m.Store.AppendAll(ctx, a)
}

func TestNobodyIsRemindedWhoWasVerifiedAMomentAgo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(1)
	counts, err := f.pass(t.Context(), f.newRunner(movingStore{f.store, sync.OnceFunc(func() { f.verify("a0000") })}), false)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0, 0}, []int{counts.Seen, counts.Due, counts.Written})
	require.Empty(t, f.milestones("a0000"))
}

func TestErrorsOfTheStoreEndAPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(1)
	require.NoError(t, f.store.Close())
	_, err := f.runner.Page(t.Context(), inPage(50))
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, err = f.runner.Plan(t.Context(), founding, 4)
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, _, err = f.runner.Deliver(t.Context(), founding, 50)
	require.ErrorIs(t, err, store.ErrUnavailable)
}

func TestPlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(8)
	plan, err := f.runner.Plan(t.Context(), founding, 4)
	require.NoError(t, err)
	require.Equal(t, []any{1, 50, []string{"a0001", "a0003", "a0005"}}, []any{plan.Version, plan.PerSecond, plan.Cuts})
	plan, err = f.runner.Plan(t.Context(), "another", 4)
	require.NoError(t, err)
	require.Zero(t, plan)
	names, err := f.runner.PolicyNames(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{founding}, names)
	f.clock.Set(beijing(t, "01-01 00:00").Add(-time.Second))
	names, err = f.runner.PolicyNames(t.Context())
	require.NoError(t, err)
	require.Empty(t, names, "not in force")
}
