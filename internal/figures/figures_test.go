package figures_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/figures"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/internal/tasks"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a store with the founding rule, a clock that tests set, and a keeper.
type world struct {
	t      *testing.T
	mu     sync.Mutex
	at     time.Time
	store  *slowStore
	keeper *figures.Keeper
}

// slowStore is the real store; tests hold it or break it.
type slowStore struct {
	*sqlstore.Store
	mu    sync.Mutex
	hold  chan struct{} // a pass waits until it is closed
	fault error
	reads int
}

func (s *slowStore) Split(ctx context.Context, ranges int) ([]string, error) {
	s.mu.Lock()
	hold, fault := s.hold, s.fault
	s.reads++
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if fault != nil {
		return nil, fault
	}
	return s.Store.Split(ctx, ranges)
}

func (s *slowStore) set(hold chan struct{}, fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold, s.fault = hold, fault
}

func (s *slowStore) passes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func beijing(month time.Month, day, hour int) time.Time {
	return time.Date(2020, month, day, hour, 0, 0, 0, lifecycle.Beijing())
}

func newWorld(t *testing.T, at time.Time, change ...func(*figures.Config)) *world {
	t.Helper()
	w := &world{t: t, at: at}
	w.store = &slowStore{Store: sqlstoretest.Open(t, sqlstoretest.WithNow(w.now))}
	group := tasks.New()
	cfg := figures.Config{Store: w.store, Now: w.now, Logger: slog.New(slog.DiscardHandler), Tasks: group, Wait: time.Minute}
	for _, set := range change {
		set(&cfg)
	}
	w.keeper = figures.New(cfg)
	t.Cleanup(func() { require.NoError(t, group.Close(context.WithoutCancel(t.Context()))) })
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) set(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

func (w *world) publish(path string) {
	w.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.PublishPolicy(w.t.Context(), store.PublishedPolicy{
		Name: "wishpost-face-verification", Version: 1, Text: text, EffectiveFrom: beijing(10, 1, 0), Author: "test",
	}))
}

func (w *world) founding() { w.publish("../../testdata/policies/wishpost-2020.yaml") }

func (w *world) account(id string, change ...func(*policy.Account)) {
	w.t.Helper()
	a := policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: beijing(10, 1, 9)}
	for _, set := range change {
		set(&a)
	}
	_, _, err := w.store.PutAccount(w.t.Context(), store.PutAccount{Account: a, Actor: lifecycle.Actor{Kind: lifecycle.ActorImport}}, false)
	require.NoError(w.t, err)
}

// append writes entries; each is an event at an instant.
func (w *world) append(id string, drafts ...lifecycle.Change) {
	w.t.Helper()
	v, err := w.store.Head(w.t.Context(), id)
	require.NoError(w.t, err)
	got, err := w.store.Append(w.t.Context(), lifecycle.Append{
		AccountID: id, ChangeID: fmt.Sprintf("%s-%d", id, v.Seq), Head: v.Seq, Known: v.Seq, Changes: drafts,
	})
	require.NoError(w.t, err)
	require.Equal(w.t, lifecycle.Appended, got.Outcome)
}

func event(e lifecycle.Event, at time.Time) lifecycle.Change {
	c := lifecycle.Change{Event: e, At: at, Actor: lifecycle.Actor{Kind: lifecycle.ActorSystem}}
	if e == lifecycle.Submit {
		c.Detail.Identity = &lifecycle.Identity{Ref: "r", Digest: "d"}
	}
	return c
}

func refused(e lifecycle.Event, at time.Time, reason string) lifecycle.Change {
	c := event(e, at)
	c.Reason = reason
	return c
}

// verified is an account that an older process verified at an instant.
func (w *world) verified(id string, at time.Time) {
	w.t.Helper()
	w.account(id)
	c := event(lifecycle.ImportVerified, at)
	c.Detail.Provenance = &lifecycle.Provenance{At: at, Evidence: "e"}
	w.append(id, c)
}

func (w *world) figures() *figures.Figures {
	w.t.Helper()
	f, err := w.keeper.Figures(w.t.Context())
	require.NoError(w.t, err)
	return f
}

func attempt(id string, n int, at time.Time) lifecycle.Change {
	c := event(lifecycle.IssueQR, at)
	name := fmt.Sprintf("%s-%d", id, n)
	c.Detail.Attempt = &lifecycle.Attempt{ID: name, Number: n, Provider: "p", OrderNo: name, Revision: 1, StartedAt: at, EndsAt: at.Add(23 * time.Hour), ResultBy: at.AddDate(0, 1, 0)}
	c.Detail.Lease = &lifecycle.Lease{ID: name, AttemptID: name, IssuedAt: at, ExpiresAt: at.Add(time.Hour)}
	if n == 1 {
		c.Detail.Consent = &lifecycle.Consent{ID: id, TextVersion: "1", Language: "zh-CN", AgreedAt: at}
	}
	return c
}

func result(e lifecycle.Event, id string, n int, at time.Time, reason string) lifecycle.Change {
	c := refused(e, at, reason)
	c.Detail.AttemptID = fmt.Sprintf("%s-%d", id, n)
	return c
}

// TestByHand counts a population that was counted by hand.
func TestByHand(t *testing.T) {
	t.Parallel()
	now := beijing(12, 1, 12)
	w := newWorld(t, now)
	w.founding()
	for _, id := range []string{"u1", "u2", "u3", "u4"} {
		w.account(id)
	}
	w.account("new", func(a *policy.Account) { a.RegisteredAt = beijing(11, 20, 0) }) // not covered
	w.account("firm", func(a *policy.Account) { a.Kind = policy.KindEnterprise })     // not covered, but waits for its review
	w.append("firm", event(lifecycle.Submit, now.Add(-80*time.Hour)))
	w.account("closed")
	_, err := w.store.PutAccounts(t.Context(), []store.PutAccount{{
		Account: policy.Account{ID: "closed", Kind: policy.KindIndividual, Region: "CN", RegisteredAt: beijing(10, 1, 9), ClosedAt: beijing(11, 30, 0)},
		Actor:   lifecycle.Actor{Kind: lifecycle.ActorOperator}, Reason: "r",
	}}, true)
	require.NoError(t, err)
	w.verified("v1", beijing(11, 1, 0))
	w.verified("v2", beijing(11, 28, 5))
	w.account("s1")
	w.append("s1", event(lifecycle.Submit, now.Add(-time.Hour)))
	w.account("r1")
	w.append("r1", event(lifecycle.Submit, now.Add(-10*time.Hour)), event(lifecycle.BeginReview, now.Add(-9*time.Hour)))
	w.account("j1")
	w.append("j1", event(lifecycle.Submit, now.Add(-30*time.Hour)), event(lifecycle.BeginReview, now.Add(-29*time.Hour)), refused(lifecycle.Reject, now.Add(-28*time.Hour), "blurred"))
	w.account("f1")
	w.append("f1", event(lifecycle.Submit, now.Add(-5*time.Hour)), event(lifecycle.BeginReview, now.Add(-5*time.Hour)), event(lifecycle.Approve, now.Add(-4*time.Hour)),
		attempt("f1", 1, now.Add(-3*time.Hour)), result(lifecycle.Fail, "f1", 1, now.Add(-2*time.Hour), "face_mismatch"))
	w.account("q1")
	w.append("q1", event(lifecycle.Submit, now.Add(-100*time.Hour)), event(lifecycle.BeginReview, now.Add(-99*time.Hour)), event(lifecycle.Approve, now.Add(-98*time.Hour)),
		attempt("q1", 1, now.Add(-97*time.Hour)))
	w.extend("u1", now.AddDate(0, 1, 0))

	f := w.figures()
	p := f.Population
	require.True(t, now.Equal(p.At) && now.Equal(f.At))
	require.EqualValues(t, 13, p.Accounts, "all but the closed one")
	require.EqualValues(t, 11, p.Covered)
	require.EqualValues(t, 9, p.Unverified)
	require.Zero(t, p.Blocked)
	accounts, reached := map[lifecycle.State]int64{}, map[lifecycle.State]int64{}
	for _, s := range p.Funnel {
		accounts[s.State], reached[s.State] = s.Accounts, s.Reached
	}
	require.Equal(t, map[lifecycle.State]int64{
		lifecycle.Unverified: 4, lifecycle.Submitted: 1, lifecycle.UnderReview: 1, lifecycle.Rejected: 1, lifecycle.Approved: 0, lifecycle.QRIssued: 1,
		lifecycle.Scanned: 0, lifecycle.Verified: 2, lifecycle.FaceFailed: 1, lifecycle.Locked: 0, lifecycle.ManualReview: 0,
	}, accounts)
	require.Equal(t, map[lifecycle.State]int64{
		lifecycle.Unverified: 11, lifecycle.Submitted: 7, lifecycle.UnderReview: 5, lifecycle.Rejected: 5, lifecycle.Approved: 4, lifecycle.QRIssued: 3,
		lifecycle.Scanned: 2, lifecycle.Verified: 2, lifecycle.FaceFailed: 3, lifecycle.Locked: 2, lifecycle.ManualReview: 4,
	}, reached)
	require.Equal(t, []figures.RuleFigures{{Policy: "wishpost-face-verification", Rule: "existing-individuals", Covered: 11, Unverified: 9}}, p.Rules)

	e := p.Enforcement
	require.True(t, beijing(12, 4, 0).Equal(e.At))
	require.Equal(t, []string{"existing-individuals"}, e.Rules)
	require.Equal(t, []string{"create_label"}, e.Actions)
	require.EqualValues(t, 8, e.IfNothing, "nine are not verified, one is extended")
	require.EqualValues(t, 8, e.Newly)
	require.EqualValues(t, 1, e.Extended)
	require.Nil(t, p.EnforcedAt)

	require.EqualValues(t, 3, p.Backlog.Waiting)
	require.True(t, now.Add(-80*time.Hour).Equal(*p.Backlog.Oldest))
	var ages []int64
	for _, a := range p.Backlog.Ages {
		ages = append(ages, a.Accounts)
	}
	require.Equal(t, []int64{1, 0, 1, 0, 1}, ages)

	require.Equal(t, figures.AttemptCounts{Begun: 1, Failed: 1}, f.Attempts.Day)
	require.Equal(t, figures.AttemptCounts{Begun: 2, Failed: 1}, f.Attempts.Week)
	require.Equal(t, []figures.ReasonCount{{Code: "blurred", Count: 1}}, f.Rejections)
	require.Equal(t, []figures.ReasonCount{{Code: "face_mismatch", Count: 1}}, f.Failures)
	stays := map[lifecycle.State]figures.StateStay{}
	for _, s := range f.Stays {
		stays[s.State] = s
	}
	require.EqualValues(t, 4, stays[lifecycle.Submitted].Left)
	require.InEpsilon(t, 3600, stays[lifecycle.UnderReview].MedianSeconds, 0.03)
	require.InEpsilon(t, 3600, stays[lifecycle.QRIssued].P95Seconds, 0.03)
	require.NotContains(t, stays, lifecycle.Unverified, "nobody knows since when")
	require.False(t, f.Log.Behind)
}

func (w *world) extend(id string, until time.Time) {
	w.t.Helper()
	outcomes, err := w.store.RequestExtensions(w.t.Context(), []store.ExtensionRequest{{
		ID: "x-" + id, AccountID: id, RuleID: "existing-individuals", Until: until, At: w.now(), Reason: "r", Approved: true,
		Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator, ID: "one"},
	}})
	require.NoError(w.t, err)
	require.NoError(w.t, outcomes[0].Err)
}

var errBroken = errors.New("broken")

// TestSharedAndOld: one pass for all askers; the older snapshot, with its instant, while a new one is made or fails.
func TestSharedAndOld(t *testing.T) {
	t.Parallel()
	begun := beijing(12, 1, 12)
	w := newWorld(t, begun, func(c *figures.Config) { c.Wait = 0 })
	w.founding()
	w.account("a1")
	hold := make(chan struct{})
	w.store.set(hold, nil)
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			f, err := w.keeper.Figures(t.Context())
			if err == nil && f.Population.Covered != 1 {
				err = fmt.Errorf("%d covered", f.Population.Covered)
			}
			return err
		})
	}
	close(hold)
	require.NoError(t, group.Wait())
	require.Equal(t, 1, w.store.passes(), "one pass for all who ask")

	w.account("a2")
	w.set(begun.Add(29 * time.Second))
	require.EqualValues(t, 1, w.figures().Population.Covered)
	require.Equal(t, 1, w.store.passes(), "young enough")

	again := make(chan struct{})
	w.store.set(again, nil)
	w.set(begun.Add(30 * time.Second))
	old := w.figures()
	require.EqualValues(t, 1, old.Population.Covered, "nobody waits for the new one")
	require.True(t, begun.Equal(old.Population.At))
	close(again)
	require.Eventually(t, func() bool { return w.figures().Population.Covered == 2 }, 10*time.Second, time.Millisecond)

	w.store.set(nil, errBroken)
	w.set(begun.Add(10 * time.Minute))
	w.figures()
	require.Eventually(t, func() bool { return w.store.passes() == 3 }, 10*time.Second, time.Millisecond)
	require.True(t, begun.Add(30*time.Second).Equal(w.figures().Population.At), "older than it should be, and says so")
	w.set(begun)
	w.store.set(nil, nil)
	require.Eventually(t, func() bool { return w.figures().Population.At.Equal(begun) }, 10*time.Second, time.Millisecond, "a clock that was set back")
}

func TestTheFirstFailureIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(12, 1, 12))
	w.store.set(nil, errBroken)
	_, err := w.keeper.Figures(t.Context())
	require.ErrorIs(t, err, errBroken)
	w.store.set(nil, nil)
	require.Zero(t, w.figures().Population.Accounts, "the next one tries again")
	require.Empty(t, w.figures().Population.Rules)
	require.Nil(t, w.figures().Population.Enforcement)
}

// TestALongPassIsMadeSeldom: it takes no more than a tenth of the time.
func TestALongPassIsMadeSeldom(t *testing.T) {
	t.Parallel()
	begun := beijing(12, 1, 12)
	w := newWorld(t, begun)
	hold := make(chan struct{})
	w.store.set(hold, nil)
	var group errgroup.Group
	group.Go(func() error {
		_, err := w.keeper.Figures(t.Context())
		return err
	})
	require.Eventually(t, func() bool { return w.store.passes() == 1 }, 10*time.Second, time.Millisecond)
	w.set(begun.Add(10 * time.Second)) // it takes ten seconds
	close(hold)
	require.NoError(t, group.Wait())
	w.store.set(nil, nil)
	w.set(begun.Add(99 * time.Second))
	require.InDelta(t, 10, w.figures().Population.TookSeconds, 0.01)
	require.Equal(t, 1, w.store.passes())
	w.set(begun.Add(100 * time.Second))
	require.True(t, begun.Add(100*time.Second).Equal(w.figures().Population.At))
}

func TestSweepsAndNews(t *testing.T) {
	t.Parallel()
	now := beijing(12, 5, 12)
	next := beijing(12, 6, 0)
	w := newWorld(t, now, func(c *figures.Config) {
		c.NextSweep = func(context.Context) (time.Time, error) { return next, nil }
		c.Provider = func(zone *time.Location) *figures.ProviderFigures {
			return &figures.ProviderFigures{Name: zone.String()}
		}
	})
	w.founding()
	w.account("a1")
	for i, dry := range []bool{false, true, false} {
		id := fmt.Sprintf("s%d", i)
		_, err := w.store.BeginSweep(t.Context(), store.Sweep{ID: id, PolicyName: "p", PolicyVersion: 1, Instant: now, DryRun: dry, StartedAt: now, Total: 1})
		require.NoError(t, err)
		if i < 2 {
			_, err = w.store.SaveSweep(t.Context(), store.SweepProgress{ID: id, State: contract.SweepDone, Done: 1, At: now})
			require.NoError(t, err)
		}
	}
	_, err := w.store.RecordBlock(t.Context(), store.Block{AccountID: "a1", Action: "create_label", PolicyName: "p", PolicyVersion: 1, RuleID: "r", Reason: "enforced", At: now.Add(-time.Hour), Receipt: "x"})
	require.NoError(t, err)
	f := w.figures()
	require.Equal(t, "s0", f.Sweeps.Last.ID, "the newest that was no dry run")
	require.Len(t, f.Sweeps.Running, 1)
	require.Equal(t, "s2", f.Sweeps.Running[0].ID)
	require.True(t, next.Equal(*f.Sweeps.NextAt))
	require.Equal(t, "Asia/Shanghai", f.Provider.Name)
	require.Equal(t, []figures.RefusalCount{{Action: "create_label", Refusals: 1, Accounts: 1}}, f.Refusals)
	p := f.Population
	require.True(t, beijing(12, 4, 0).Equal(*p.EnforcedAt))
	require.Nil(t, p.Enforcement, "nothing more is published")
	require.EqualValues(t, 1, p.Blocked)
	require.Empty(t, p.BurnDown.Forecast)
}
