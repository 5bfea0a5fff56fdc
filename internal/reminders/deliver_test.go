package reminders_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/notify"
	"github.com/verigate/verigate/internal/reminders"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/vault"
)

func failure(class error, code string) error { return &notify.Error{Class: class, Code: code} }

// reminded is a fixture with one account that was reminded, the provider's first answers being these.
func reminded(t *testing.T, fails ...error) *fixture {
	t.Helper()
	f := newFixture(t, afterJitter)
	f.population(1)
	f.phones.fails = fails
	f.run()
	return f
}

func (f *fixture) later(d time.Duration) { f.clock.Advance(d) }

func TestMessagesThatAreNotTakenAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		class error
		wait  time.Duration
	}{
		"not taken": {notify.ErrNotTaken, time.Minute},
		"limited":   {notify.ErrLimited, time.Hour},
		"settings":  {notify.ErrSettings, 15 * time.Minute},
		"anything":  {errors.New("a fault of the adapter"), time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reminded(t, failure(c.class, "isv.CODE"))
			n := f.notice("a0000")
			require.Equal(t, []any{store.NoticePending, "isv.CODE", 1}, []any{n.State, n.Code, n.Attempts})
			f.later(c.wait - time.Second)
			require.Zero(t, f.deliver())
			f.later(time.Second)
			require.Equal(t, 1, f.deliver().Sent)
			n = f.notice("a0000")
			require.Equal(t, []any{store.NoticeSent, "", 2, "m-" + n.ID}, []any{n.State, n.Code, n.Attempts, n.ProviderID})
			f.requireOnce(t, 1)
		})
	}
}

func TestRefusedMessagesAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	f := reminded(t, failure(notify.ErrRefused, "isv.MOBILE_NUMBER_ILLEGAL"))
	require.Equal(t, store.NoticeFailed, f.notice("a0000").State)
	f.later(5 * time.Hour)
	require.Zero(t, f.deliver())
	require.Empty(t, f.phones.taken)
}

func TestBackoffGrowsToAnHour(t *testing.T) {
	t.Parallel()
	no := failure(notify.ErrNotTaken, "isp.SYSTEM_ERROR")
	f := reminded(t, no, no, no, no, no, no, no, no)
	var waits []int
	for range 8 {
		n := f.notice("a0000")
		waits = append(waits, int(n.NextAt.Sub(n.ChangedAt).Minutes()))
		f.clock.Set(n.NextAt)
		f.deliver()
	}
	require.Equal(t, []int{1, 2, 4, 8, 16, 32, 60, 60}, waits)
	f.requireOnce(t, 1)
}

// TestLostAnswers: a message whose answer was lost is looked for before it is sent again.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	lost := failure(notify.ErrUncertain, "timeout")
	t.Run("taken", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, afterJitter)
		f.population(1)
		f.phones.lost = true
		require.Equal(t, 1, f.run().Waiting)
		require.Equal(t, store.NoticeSending, f.notice("a0000").State)
		f.later(9 * time.Minute)
		require.Zero(t, f.deliver(), "the provider needs time until it can be found")
		f.later(time.Minute)
		require.Equal(t, 1, f.deliver().Sent)
		n := f.notice("a0000")
		require.Equal(t, []any{store.NoticeSent, "found", 1}, []any{n.State, n.ProviderID, n.Attempts})
		f.requireOnce(t, 1)
	})
	t.Run("not taken", func(t *testing.T) {
		t.Parallel()
		f := reminded(t, lost)
		f.later(10 * time.Minute)
		require.Equal(t, 1, f.deliver().Sent)
		require.Equal(t, 2, f.notice("a0000").Attempts)
		f.requireOnce(t, 1)
	})
	t.Run("cannot be asked", func(t *testing.T) {
		t.Parallel()
		f := reminded(t, lost)
		f.phones.set(func(p *phones) { p.blind = failure(notify.ErrNotTaken, "isp.SYSTEM_ERROR") })
		for range 3 {
			f.later(15 * time.Minute)
			require.Equal(t, 1, f.deliver().Waiting)
		}
		require.Empty(t, f.phones.taken, "nothing is sent on a guess")
		f.phones.set(func(p *phones) { p.blind = nil })
		f.later(15 * time.Minute)
		require.Equal(t, 1, f.deliver().Sent)
		f.requireOnce(t, 1)
	})
}

func TestMessagesMustStillBeTrue(t *testing.T) {
	t.Parallel()
	no := failure(notify.ErrNotTaken, "isp.SYSTEM_ERROR")
	t.Run("verified meanwhile", func(t *testing.T) {
		t.Parallel()
		f := reminded(t, no)
		f.verify("a0000")
		f.later(time.Hour)
		require.Equal(t, 1, f.deliver().Outdated)
		require.Equal(t, store.NoticeOutdated, f.notice("a0000").State)
		require.Empty(t, f.phones.taken)
	})
	t.Run("next milestone", func(t *testing.T) {
		t.Parallel()
		f := reminded(t, no)
		f.clock.Set(beijing(t, "12-01 09:30"))
		require.Equal(t, 1, f.deliver().Outdated)
		f.run()
		require.Equal(t, []string{"P7D", "P3D"}, f.milestones("a0000"))
		require.Len(t, f.phones.taken, 1)
	})
	t.Run("quiet hours", func(t *testing.T) {
		t.Parallel()
		f := reminded(t, no)
		f.clock.Set(beijing(t, "11-27 22:00"))
		require.Equal(t, 1, f.deliver().Waiting)
		require.True(t, f.notice("a0000").NextAt.Equal(beijing(t, "11-28 09:00")))
		f.clock.Set(beijing(t, "11-28 09:00"))
		require.Equal(t, 1, f.deliver().Sent)
	})
}

func TestContactsThatAreGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.account("forgotten", nil)
	_, err := f.store.PutContact(t.Context(), "forgotten", "text-not-there")
	require.NoError(t, err)
	f.account("not-a-number", nil)
	f.contact("not-a-number", "call me")
	require.Equal(t, 2, f.run().NoContact)
	require.Empty(t, f.phones.taken)

	broken := newFixture(t, afterJitter)
	broken.population(1)
	broken.vault = failingVault{broken.vault}
	_, err = broken.pass(t.Context(), broken.newRunner(broken.store), false)
	require.ErrorIs(t, err, vault.ErrUnavailable)
	require.Equal(t, store.NoticePending, broken.notice("a0000").State, "sent when the vault is back")
	require.Equal(t, 1, broken.deliver().Sent)
}

func TestWithoutAProviderNothingIsSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, afterJitter)
	f.population(1)
	silent := f.newRunner(f.store)
	silent.Notifier = nil
	counts, err := f.pass(t.Context(), silent, false)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{counts.Written, counts.Off})
	require.Equal(t, store.NoticeOff, f.notice("a0000").State)
	require.Zero(t, f.deliver())
}

// racingStore lets another sender be faster between the look at a notice and the claim on it.
type racingStore struct {
	reminders.Store
	race func()
}

func (r racingStore) BeginNotices(ctx context.Context, tries []store.NoticeTry, now, retry time.Time) ([]bool, error) {
	r.race()
	return r.Store.BeginNotices(ctx, tries, now, retry)
}

func TestOfTwoSendersOneSends(t *testing.T) {
	t.Parallel()
	f := reminded(t, failure(notify.ErrNotTaken, "isp.SYSTEM_ERROR"))
	f.later(time.Minute)
	faster := sync.OnceFunc(func() { require.Equal(t, 1, f.deliver().Sent) })
	counts, _, err := f.newRunner(racingStore{f.store, faster}).Deliver(t.Context(), founding, 50)
	require.NoError(t, err)
	require.Zero(t, counts)
	f.requireOnce(t, 1)
}
