package enforce_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/enforce"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/internal/store/sqlstore"
	"github.com/verigate/verigate/internal/store/sqlstore/sqlstoretest"
	"github.com/verigate/verigate/workflows/contract"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

const policyName = "founding"

// rig is a store, a clock that only the test moves, and a sweeper.
type rig struct {
	*enforce.Sweeper
	store   *sqlstore.Store
	book    *rulebook.Book
	at      time.Time
	changes int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{at: day(20)}
	r.store = sqlstoretest.Open(t, sqlstoretest.WithNow(r.now))
	r.book = rulebook.New(r.store)
	r.Sweeper = enforce.New(r.store, r.book, r.now)
	return r
}

func (r *rig) now() time.Time { return r.at }

// day is a day of November 2020 and after; 34 is December 4.
func day(n int) time.Time { return time.Date(2020, time.November, n, 0, 0, 0, 0, lifecycle.Beijing()) }

// rule is one rule of a policy as YAML. It blocks from a day on.
type rule struct {
	id, kind, mode string
	blocks         int
	grace          bool
}

func founding() rule { return rule{id: "existing", kind: "individual", mode: "enforce", blocks: 34} }

func text(version int, rules ...rule) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nversion: %d\nzone: Asia/Shanghai\nactions: [login, create_label]\nrules:\n", policyName, version)
	for _, r := range rules {
		fmt.Fprintf(&b, "  - id: %s\n    cohort: {kind: %s, region: CN}\n    require: verified\n    mode: %s\n", r.id, r.kind, r.mode)
		if r.grace {
			b.WriteString("    grace: {bound: 3d, lead: 1h}\n")
		}
		fmt.Fprintf(&b, "    phases:\n      - {from: %s, stage: enforced, effects: {login: prompt, create_label: block}}\n", day(r.blocks).Format(time.RFC3339))
	}
	b.WriteString("correction: {mode: support}\nreview: {approve: automatic, minimum_age: 18, duplicate_number: reviewer}\n")
	return []byte(b.String())
}

func (r *rig) publish(t require.TestingT, version int, rules ...rule) {
	err := r.store.PublishPolicy(ctx(), store.PublishedPolicy{
		Name: policyName, Version: version, Text: text(version, rules...), EffectiveFrom: r.at, Author: "test",
	})
	require.NoError(t, err)
}

func (r *rig) account(t require.TestingT, id string, change func(*policy.Account)) {
	a := policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: day(1)}
	if change != nil {
		change(&a)
	}
	_, _, err := r.store.PutAccount(ctx(), store.PutAccount{Account: a}, true)
	require.NoError(t, err)
}

// append writes an entry that fits the state.
func (r *rig) append(t require.TestingT, id string, event lifecycle.Event) {
	r.changes++
	c := lifecycle.Change{Event: event, At: r.at, Actor: lifecycle.Actor{Kind: lifecycle.ActorOperator}}
	switch event {
	case lifecycle.Submit:
		c.Detail.Identity = &lifecycle.Identity{Ref: "ref", Digest: id}
	case lifecycle.ImportVerified:
		c.Detail.Provenance = &lifecycle.Provenance{At: r.at, Evidence: "e"}
	default:
	}
	_, err := r.store.Append(ctx(), lifecycle.Append{
		AccountID: id, ChangeID: fmt.Sprint("c", r.changes), Head: lifecycle.AnyHead, Changes: []lifecycle.Change{c},
	})
	var refusal *lifecycle.Refusal
	if !errors.As(err, &refusal) || refusal.Code != lifecycle.CodeAccountClosed { // a closed account takes no step
		require.NoError(t, err)
	}
}

func (r *rig) extend(t require.TestingT, id string, until time.Time) {
	r.changes++
	err := r.store.PutExtension(ctx(), policy.Extension{
		ID: fmt.Sprint("e", r.changes), AccountID: id, Until: until, GrantedAt: r.at,
	}, lifecycle.Actor{Kind: lifecycle.ActorOperator}, "late")
	if !errors.Is(err, store.ErrClosed) { // a closed account is granted nothing
		require.NoError(t, err)
	}
}

// sweep goes over everybody in small pages.
func (r *rig) sweep(t require.TestingT) enforce.Result {
	var all enforce.Result
	for {
		got, err := r.Page(ctx(), enforce.Page{Policy: policyName, After: all.Last, Limit: 2, Sweep: "s1"})
		require.NoError(t, err)
		if got.Accounts == 0 {
			return all
		}
		all.Accounts, all.Last = all.Accounts+got.Accounts, got.Last
		all.Restricted, all.Lifted = all.Restricted+got.Restricted, all.Lifted+got.Lifted
		all.Counts = contract.AddCounts(all.Counts, got.Counts...)
	}
}

// last is the newest episode of the account.
func (r *rig) last(t *testing.T, id string) store.Restriction {
	t.Helper()
	all, err := r.store.Restrictions(ctx(), id)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func TestSweepAnnouncesWhatIsBlocked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.publish(t, 1, founding())
	r.account(t, "covered", nil)
	r.account(t, "enterprise", func(a *policy.Account) { a.Kind = policy.KindEnterprise })
	r.account(t, "verified", nil)
	r.append(t, "verified", lifecycle.ImportVerified)
	r.account(t, "extended", nil)
	r.extend(t, "extended", day(40))
	r.account(t, "closed", func(a *policy.Account) { a.ClosedAt = day(30) })

	r.at = day(34).Add(-1)
	require.Equal(t, enforce.Result{Accounts: 5, Last: "verified"}, r.sweep(t), "a nanosecond before, nothing is blocked")
	r.at = day(34)
	dry, err := r.Page(ctx(), enforce.Page{Policy: policyName, Limit: 10, Sweep: "s0", DryRun: true})
	require.NoError(t, err)
	want := enforce.Result{Accounts: 5, Last: "verified", Restricted: 1, Counts: []contract.SweepCount{
		{RuleID: "existing", State: lifecycle.Unverified, Restricted: 1},
	}}
	require.Equal(t, want, dry)
	require.Equal(t, want, r.sweep(t), "the dry run wrote nothing")
	require.Equal(t, enforce.Result{Accounts: 5, Last: "verified"}, r.sweep(t), "once is enough")

	open := r.last(t, "covered")
	require.Equal(t, []string{"create_label"}, open.Actions)
	require.Equal(t, "s1", open.Sweep)
	require.True(t, open.Since.Equal(day(34)))
	other, err := r.Page(ctx(), enforce.Page{Policy: "another", Limit: 10, Sweep: "s2"})
	require.NoError(t, err)
	require.Zero(t, other.Lifted+other.Restricted, "a sweep of another policy lifts nothing of this one")
}

// TestWhyALiftIsGiven also says that each reason ends the episode.
func TestWhyALiftIsGiven(t *testing.T) {
	t.Parallel()
	graceful := founding()
	graceful.grace = true
	later := founding()
	later.blocks = 50
	observing := founding()
	observing.mode = "observe"
	others := founding()
	others.kind = "enterprise"
	another := founding()
	another.id = "another"
	for want, do := range map[string]func(*testing.T, *rig){
		enforce.ReasonVerified: func(t *testing.T, r *rig) {
			for _, e := range []lifecycle.Event{lifecycle.BeginReview, lifecycle.Approve, lifecycle.ChooseManual, lifecycle.ApproveManual} {
				r.append(t, "a", e)
			}
		},
		enforce.ReasonExtended:   func(t *testing.T, r *rig) { r.extend(t, "a", day(60)) },
		enforce.ReasonGrace:      func(t *testing.T, r *rig) { r.publish(t, 2, graceful) },
		enforce.ReasonClosed:     func(t *testing.T, r *rig) { r.account(t, "a", func(a *policy.Account) { a.ClosedAt = r.at }) },
		enforce.ReasonNotCovered: func(t *testing.T, r *rig) { r.account(t, "a", func(a *policy.Account) { a.Region = "US" }) },
		enforce.ReasonObserved:   func(t *testing.T, r *rig) { r.publish(t, 2, observing) },
		enforce.ReasonWithdrawn:  func(t *testing.T, r *rig) { r.publish(t, 2, another) },
		"withdrawn: later":       func(t *testing.T, r *rig) { r.publish(t, 2, later) },
		"not_covered: cohort":    func(t *testing.T, r *rig) { r.publish(t, 2, others) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.publish(t, 1, founding())
			r.account(t, "a", nil)
			r.append(t, "a", lifecycle.Submit) // the operator's turn, long before the deadline
			r.at = day(35)
			require.Equal(t, 1, r.sweep(t).Restricted)
			r.at = day(36)
			do(t, r)
			require.Equal(t, 1, r.sweep(t).Lifted)
			episodes, err := r.store.Restrictions(ctx(), "a")
			require.NoError(t, err)
			reason, _, _ := strings.Cut(want, ":")
			require.Equal(t, reason, episodes[0].LiftReason)
			require.True(t, episodes[0].LiftedAt.Equal(day(36)))
		})
	}
}

func TestAnEpisodeOutlivesVersions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.publish(t, 1, founding())
	r.account(t, "a", nil)
	r.at = day(35)
	require.Equal(t, 1, r.sweep(t).Restricted)
	r.publish(t, 2, founding())
	require.Zero(t, r.sweep(t).Restricted+r.sweep(t).Lifted, "a new version that still blocks says nothing new")
	require.Equal(t, 1, r.last(t, "a").PolicyVersion)

	r.extend(t, "a", day(37))
	require.Equal(t, 1, r.sweep(t).Lifted)
	r.at = day(37)
	require.Equal(t, 1, r.sweep(t).Restricted, "a lapsed extension opens a new one")
	require.Equal(t, 2, r.last(t, "a").PolicyVersion)
}

func TestSettleActsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.publish(t, 1, founding())
	r.account(t, "a", nil)
	r.account(t, "b", nil)
	r.at = day(35)
	require.Equal(t, 2, r.sweep(t).Restricted)
	r.append(t, "a", lifecycle.ImportVerified)
	got, err := r.Settle(ctx(), "a")
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, lifecycle.Lift, got[0].Event)
	require.False(t, r.last(t, "a").Open())
	require.True(t, r.last(t, "b").Open())
	r.append(t, "a", lifecycle.Revoke)
	got, err = r.Settle(ctx(), "a")
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, lifecycle.Restrict, got[0].Event)
	require.Empty(t, r.last(t, "a").Sweep)
	_, err = r.Settle(ctx(), "nobody")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// TestSettleAllJudgesEachAtItsInstant: an account is judged by the rules and facts of its own instant, and its entries bear it.
func TestSettleAllJudgesEachAtItsInstant(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.publish(t, 1, founding())
	for _, id := range []string{"before", "after", "not asked", "lifted"} {
		r.account(t, id, nil)
	}
	r.at = day(34)
	_, err := r.Settle(ctx(), "lifted")
	require.NoError(t, err)
	r.append(t, "lifted", lifecycle.ImportVerified)
	r.at = day(40)
	got, err := r.SettleAll(ctx(), map[string]time.Time{
		"before": day(34).Add(-1), "after": day(35), "lifted": day(36),
	})
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, []any{"after", lifecycle.Restrict}, []any{got[0].AccountID, got[0].Event})
	require.True(t, got[0].At.Equal(day(35)))
	require.Equal(t, []any{"lifted", lifecycle.Lift}, []any{got[1].AccountID, got[1].Event})
	require.True(t, r.last(t, "lifted").LiftedAt.Equal(day(36)))
	_, err = r.SettleAll(ctx(), map[string]time.Time{"after": day(35), "nobody": day(35)})
	require.ErrorIs(t, err, store.ErrNotFound)
	got, err = r.SettleAll(ctx(), nil)
	require.NoError(t, err)
	require.Empty(t, got)
}
