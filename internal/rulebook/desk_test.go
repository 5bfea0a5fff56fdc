package rulebook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/verigate/verigate/internal/fixturetest"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// office is a desk over a real store. Its clock stands at the first of the month, at noon.
type office struct {
	*rulebook.Desk
	t     *testing.T
	clock *fixturetest.Clock
	store *sqlstore.Store
}

func day(n int) time.Time { return dayOne.AddDate(0, 0, n-1).Add(12 * time.Hour) }

func newOffice(t *testing.T, alone bool) *office {
	t.Helper()
	c := fixturetest.NewClock(day(1))
	s := sqlstoretest.Open(t, sqlstoretest.WithNow(c.Now))
	return &office{rulebook.NewDesk(s, c.Now, alone), t, c, s}
}

func (o *office) propose(name string, version int, from time.Time) (rulebook.Record, error) {
	o.t.Helper()
	return o.proposeText(text(name, version), from)
}

func (o *office) proposeText(text []byte, from time.Time) (rulebook.Record, error) {
	o.t.Helper()
	r, _, err := o.Propose(o.t.Context(), rulebook.Proposal{Text: text, EffectiveFrom: from, Author: "author", Note: "why"})
	return r, err
}

func by(actor, name string, version int) rulebook.Decision {
	return rulebook.Decision{Name: name, Version: version, Actor: actor, Reason: "because"}
}

// approved proposes a version and has another key approve it.
func (o *office) approved(name string, version int, from time.Time) rulebook.Record {
	o.t.Helper()
	_, err := o.propose(name, version, from)
	require.NoError(o.t, err)
	r, err := o.Approve(o.t.Context(), by("second", name, version))
	require.NoError(o.t, err)
	return r
}

// inForce is the versions in force at an instant, as name and number.
func (o *office) inForce(at time.Time) string {
	o.t.Helper()
	force, err := o.InForce(o.t.Context(), at)
	require.NoError(o.t, err)
	var names []string
	for _, v := range force.Versions {
		names = append(names, fmt.Sprint(v.Name, v.Version))
	}
	return strings.Join(names, " ")
}

func TestTwoPublish(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	r, created, err := o.Propose(t.Context(), rulebook.Proposal{Text: text("p", 1), EffectiveFrom: day(3), Author: "author", Note: "why"})
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, rulebook.StateProposed, r.State)
	require.Equal(t, "author: why", r.Author+": "+r.Note)
	require.Empty(t, o.inForce(day(9)), "the gate never sees a proposal")

	_, err = o.Approve(t.Context(), by("author", "p", 1))
	require.ErrorIs(t, err, rulebook.ErrSecondApprover)
	require.Empty(t, o.inForce(day(9)))
	r, err = o.Approve(t.Context(), by("second", "p", 1))
	require.NoError(t, err)
	require.Equal(t, rulebook.StateScheduled, r.State)
	require.True(t, r.InForceFrom.Equal(day(3)))
	require.Empty(t, o.inForce(day(3).Add(-1)))
	require.Equal(t, "p1", o.inForce(day(3)))

	again, err := o.Approve(t.Context(), by("third", "p", 1))
	require.NoError(t, err)
	require.Equal(t, r, again, "the first approval stays")
	_, err = o.Approve(t.Context(), by("second", "p", 2))
	require.ErrorIs(t, err, rulebook.ErrUnknownPolicy)
}

func TestOnePublishesWhereThatIsEnough(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	_, err := o.propose("p", 1, day(3)) // from the time when two were needed
	require.NoError(t, err)
	o.Desk = rulebook.NewDesk(o.store, o.clock.Now, true)
	r, created, err := o.Propose(t.Context(), rulebook.Proposal{Text: text("p", 1), Author: "author"})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, rulebook.StateScheduled, r.State)
	r, err = o.propose("p", 2, time.Time{})
	require.NoError(t, err)
	require.Equal(t, rulebook.StateInForce, r.State)
	approval, ok := r.Ruled(store.Approved)
	require.True(t, ok)
	require.Equal(t, "author", approval.Actor, "who did it alone is on record")
	require.Equal(t, "p2", o.inForce(day(1)))
}

func TestTheSameTextAgainChangesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	first := o.approved("p", 1, day(3))
	before, err := o.store.PoliciesRevision(t.Context())
	require.NoError(t, err)
	again, created, err := o.Propose(t.Context(), rulebook.Proposal{Text: text("p", 1), EffectiveFrom: day(9), Author: "other"})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)
	after, err := o.store.PoliciesRevision(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	_, err = o.proposeText(append(text("p", 1), "# more\n"...), day(9))
	require.ErrorIs(t, err, rulebook.ErrTaken)
}

func TestWhatCannotBeProposed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	var number *rulebook.NumberError
	_, err := o.propose("p", 2, day(3))
	require.ErrorAs(t, err, &number)
	require.Equal(t, rulebook.NumberError{Given: 2, Next: 1}, *number)
	o.approved("p", 1, day(3))
	_, err = o.propose("p", 3, day(3))
	require.ErrorAs(t, err, &number)
	require.Equal(t, 2, number.Next)

	var faults policyfile.Faults
	_, err = o.proposeText([]byte("name: p"), day(3))
	require.ErrorAs(t, err, &faults)

	_, err = o.propose("q", 1, day(1).Add(-rulebook.Tolerance-1))
	require.ErrorIs(t, err, rulebook.ErrBackdated)
	_, err = o.propose("q", 1, day(1).Add(-rulebook.Tolerance))
	require.NoError(t, err, "clocks and people need a moment")
	o.clock.Set(day(2))
	r, err := o.Approve(t.Context(), by("second", "q", 1))
	require.NoError(t, err)
	require.True(t, r.InForceFrom.Equal(day(2)), "in force from its approval, and not before: %s", r.InForceFrom)
	require.Equal(t, rulebook.StateInForce, r.State)
	require.Empty(t, o.inForce(day(2).Add(-1)))
}

// TestNothingClashesLater: a version that fits to what is in force now, and not to what comes, is found when it is
// proposed, or when it is approved, and never at the gate.
func TestNothingClashesLater(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	thief := func(version int) []byte { // q with a rule that p has
		return []byte(strings.ReplaceAll(string(text("q", version)), "id: q-a", "id: p-a"))
	}
	var clash *rulebook.ClashError
	o.approved("p", 1, day(5))
	_, err := o.proposeText(thief(1), day(3))
	require.ErrorAs(t, err, &clash, "not on the 3rd, but two days later")
	require.True(t, clash.At.Equal(day(5)))
	require.ErrorIs(t, err, rulebook.ErrPolicies)
	require.ErrorIs(t, err, policy.ErrRuleTwice)

	// Two proposals that each fit alone: the second approval finds out.
	_, err = o.proposeText(thief(1), day(9))
	require.Error(t, err)
	_, err = o.propose("r", 1, day(9))
	require.NoError(t, err)
	_, err = o.proposeText([]byte(strings.ReplaceAll(string(text("q", 1)), "id: q-a", "id: r-a")), day(9))
	require.NoError(t, err)
	_, err = o.Approve(t.Context(), by("second", "r", 1))
	require.NoError(t, err)
	_, err = o.Approve(t.Context(), by("second", "q", 1))
	require.ErrorAs(t, err, &clash)
	require.Equal(t, "p1 r1", o.inForce(day(9)))

	// Version 2 of p gives the rule up on the 20th, so q may have it then; but then version 2 has to stay.
	_, err = o.proposeText([]byte(strings.ReplaceAll(string(text("p", 2)), "id: p-a", "id: p-c")), day(20))
	require.NoError(t, err)
	_, err = o.Approve(t.Context(), by("second", "p", 2))
	require.NoError(t, err)
	_, err = o.proposeText(thief(2), day(20))
	require.NoError(t, err)
	_, err = o.Approve(t.Context(), by("second", "q", 2))
	require.NoError(t, err)
	require.Equal(t, "p2 q2 r1", o.inForce(day(20)))
	_, err = o.Withdraw(t.Context(), by("author", "p", 2))
	require.ErrorAs(t, err, &clash)
	require.Equal(t, "p2 q2 r1", o.inForce(day(20)))
}

func TestStates(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	states := func(want ...rulebook.State) {
		t.Helper()
		records, err := o.Records(t.Context())
		require.NoError(t, err)
		var got []rulebook.State
		for _, r := range records {
			got = append(got, r.State)
		}
		require.Equal(t, want, got)
	}
	o.approved("p", 1, day(2))
	o.approved("p", 2, day(9))
	states(rulebook.StateScheduled, rulebook.StateScheduled)
	o.approved("p", 3, day(8))
	states(rulebook.StateScheduled, rulebook.StateSuperseded, rulebook.StateScheduled) // 2 would come after 3
	o.clock.Set(day(2))
	states(rulebook.StateInForce, rulebook.StateSuperseded, rulebook.StateScheduled)
	o.clock.Set(day(8))
	states(rulebook.StateSuperseded, rulebook.StateSuperseded, rulebook.StateInForce)
}

func TestRejectAndWithdraw(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	ctx := t.Context()
	refused := func(r rulebook.Record, err error) rulebook.State {
		t.Helper()
		var state *rulebook.StateError
		require.ErrorAs(t, err, &state)
		return state.State
	}
	_, err := o.propose("p", 1, day(3))
	require.NoError(t, err)
	for range 2 { // the second time changes nothing
		r, err := o.Reject(ctx, by("second", "p", 1))
		require.NoError(t, err)
		require.Equal(t, rulebook.StateRejected, r.State)
		require.Len(t, r.Rulings, 1)
	}
	require.Equal(t, rulebook.StateRejected, refused(o.Approve(ctx, by("second", "p", 1))))
	require.Equal(t, rulebook.StateRejected, refused(o.Withdraw(ctx, by("author", "p", 1))))

	_, err = o.propose("p", 2, day(3))
	require.NoError(t, err, "the number of a rejected one is used up")
	for range 2 {
		r, err := o.Withdraw(ctx, by("author", "p", 2))
		require.NoError(t, err)
		require.Equal(t, rulebook.StateWithdrawn, r.State)
	}
	require.Equal(t, rulebook.StateWithdrawn, refused(o.Approve(ctx, by("second", "p", 2))))
	require.Equal(t, rulebook.StateWithdrawn, refused(o.Reject(ctx, by("second", "p", 2))))

	o.approved("p", 3, day(3))
	o.approved("p", 4, day(5))
	require.Equal(t, rulebook.StateScheduled, refused(o.Reject(ctx, by("second", "p", 4))))
	_, err = o.Withdraw(ctx, by("author", "p", 4))
	require.NoError(t, err)
	require.Equal(t, "p3", o.inForce(day(5)))
	o.clock.Set(day(3).Add(-rulebook.Notice))
	require.Equal(t, rulebook.StateScheduled, refused(o.Withdraw(ctx, by("author", "p", 3))), "somebody may decide by it already")
	o.clock.Set(day(3))
	require.Equal(t, rulebook.StateInForce, refused(o.Withdraw(ctx, by("author", "p", 3))))
	require.Equal(t, "p3", o.inForce(day(3)))
}

func TestBrakeAndRelease(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	ctx := t.Context()
	whole, one := rulebook.Order{Name: "p", Actor: "op", Reason: "wrong"}, rulebook.Order{Name: "p", RuleID: "p-a", Actor: "op", Reason: "wrong"}
	_, _, err := o.Brake(ctx, whole)
	require.ErrorIs(t, err, rulebook.ErrUnknownPolicy)
	_, err = o.propose("p", 1, day(1))
	require.NoError(t, err)
	_, _, err = o.Brake(ctx, whole)
	require.ErrorIs(t, err, rulebook.ErrUnknownPolicy, "a proposal blocks nobody")
	_, err = o.Approve(ctx, by("second", "p", 1))
	require.NoError(t, err)
	_, _, err = o.Brake(ctx, rulebook.Order{Name: "p", RuleID: "q-a"})
	require.ErrorIs(t, err, rulebook.ErrUnknownRule)

	braked := func(at time.Time, want ...string) {
		t.Helper()
		force, err := o.InForce(ctx, at)
		require.NoError(t, err)
		got := []string{}
		for _, p := range force.Set.Policies() {
			for _, r := range p.Rules {
				if r.Mode == policy.ModeObserve {
					got = append(got, fmt.Sprint(p.Version, r.ID))
				}
			}
		}
		require.ElementsMatch(t, want, got)
	}
	braked(day(1))
	o.clock.Set(day(2))
	b, changed, err := o.Brake(ctx, one)
	require.NoError(t, err)
	require.True(t, changed)
	require.True(t, b.EffectiveAt.Equal(day(2)))
	braked(day(2), "1p-a")
	braked(day(2).Add(-1))
	o.clock.Set(day(3))
	again, changed, err := o.Brake(ctx, one)
	require.NoError(t, err)
	require.False(t, changed)
	require.Equal(t, b, again)
	_, changed, err = o.Brake(ctx, whole)
	require.NoError(t, err)
	require.True(t, changed)
	braked(day(3), "1p-a", "1p-b")

	_, err = o.propose("p", 2, day(3))
	require.NoError(t, err)
	_, err = o.Approve(ctx, by("second", "p", 2))
	require.NoError(t, err)
	braked(day(3), "2p-a", "2p-b") // a brake holds for whatever version

	held, err := o.Braked(ctx)
	require.NoError(t, err)
	require.Len(t, held, 2)
	o.clock.Set(day(4))
	require.NoError(t, o.Release(ctx, whole))
	require.ErrorIs(t, o.Release(ctx, whole), rulebook.ErrNotBraked)
	braked(day(4), "2p-a", "2p-b") // p-b observes by itself in version 2, and p-a has a brake of its own
	require.NoError(t, o.Release(ctx, one))
	braked(day(4), "2p-b")
	held, err = o.Braked(ctx)
	require.NoError(t, err)
	require.Empty(t, held)
	braked(day(3), "2p-a", "2p-b")

	events, err := o.History(ctx, "p")
	require.NoError(t, err)
	var acts []rulebook.Act
	for _, e := range events {
		acts = append(acts, e.Act)
		require.NotEmpty(t, e.Actor)
		require.NotEmpty(t, e.Reason)
	}
	require.Equal(t, []rulebook.Act{
		rulebook.ActProposed, rulebook.ActApproved, rulebook.ActBraked, rulebook.ActProposed, rulebook.ActApproved,
		rulebook.ActBraked, rulebook.ActReleased, rulebook.ActReleased,
	}, acts)
	_, err = o.History(ctx, "q")
	require.ErrorIs(t, err, rulebook.ErrUnknownPolicy)
}

// TestManyAtTheDesk: whatever many people do at once, numbers have no gap and what comes out fits together.
func TestManyAtTheDesk(t *testing.T) {
	t.Parallel()
	o := newOffice(t, true)
	group, ctx := errgroup.WithContext(t.Context())
	created := make([]bool, 8)
	for i := range created {
		group.Go(func() error {
			var err error
			_, created[i], err = o.Propose(ctx, rulebook.Proposal{Text: text("p", 1), EffectiveFrom: day(3), Author: fmt.Sprint(i), Note: "n"})
			if err != nil {
				return err
			}
			_, _, err = o.Brake(ctx, rulebook.Order{Name: "p", Actor: fmt.Sprint(i), Reason: "r"})
			return err
		})
	}
	require.NoError(t, group.Wait())
	count := 0
	for _, c := range created {
		if c {
			count++
		}
	}
	require.Equal(t, 1, count)
	brakes, err := o.store.Brakes(t.Context())
	require.NoError(t, err)
	require.Len(t, brakes, 1)
	records, err := o.Records(t.Context())
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.Len(t, records[0].Rulings, 1)
}
