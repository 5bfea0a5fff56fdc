package impact_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

// TestRowsAreWhatWasCounted: the list and the counts tell the same.
func TestRowsAreWhatWasCounted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		from := hour(t, "from")
		plan, err := impact.NewPlan(s.snapshot(t), impact.Question{From: from, At: from.Add(50 * time.Hour), Proposed: s.proposed})
		require.NoError(t, err)
		preview, err := impact.Run(t.Context(), s, plan, 2)
		require.NoError(t, err)
		rows := map[string]map[impact.Class]int64{}
		newly := map[string]int64{}
		last := ""
		require.NoError(t, impact.Rows(t.Context(), s, plan, nil, func(r *impact.AccountRow) error {
			require.GreaterOrEqual(t, r.AccountID, last)
			last = r.AccountID
			if rows[r.Rule] == nil {
				rows[r.Rule] = map[impact.Class]int64{}
			}
			rows[r.Rule][r.Class]++
			newly[r.Rule+" "+r.Change]++
			require.Equal(t, r.Class == impact.Blocked, len(r.Blocked) > 0)
			return nil
		}))
		for _, r := range preview.Rules {
			if !r.InForce {
				continue
			}
			for _, class := range impact.Classes()[1:] {
				require.Equal(t, r.Counts.Of(class), rows[r.Rule][class], "%s %s", r.Rule, class)
			}
			require.Equal(t, r.NewlyBlocked, newly[r.Rule+" newly_blocked"])
		}
		only := rapid.SampledFrom(impact.Classes()).Draw(t, "only")
		require.NoError(t, impact.Rows(t.Context(), s, plan, []impact.Class{only}, func(r *impact.AccountRow) error {
			require.Equal(t, only, r.Class)
			rows[r.Rule][only]--
			return nil
		}))
		for rule := range rows {
			if only != impact.NotCovered {
				require.Zero(t, rows[rule][only], rule)
			}
		}
	})
}

// crowd is a population in which every account has an extension of its own end.
func crowd(n int) people {
	var p people
	for i := range n {
		id := fmt.Sprintf("a%05d", i)
		p.facts = append(p.facts, store.Facts{
			Account:    policy.Account{ID: id, Kind: policy.KindIndividual, Region: "CN", RegisteredAt: start},
			Standing:   lifecycle.Standing{State: lifecycle.Unverified},
			Extensions: []policy.Extension{{ID: id, AccountID: id, GrantedAt: start, Until: start.Add(time.Duration(n-i) * time.Minute)}},
		})
	}
	return p
}

const enforced = `{name: a, version: 1, zone: Asia/Shanghai, actions: [login, create_label], rules: [{id: a-r0, cohort: {}, require: verified,
  mode: enforce, phases: [{from: "2020-11-01T00:00:00Z", stage: enforced, effects: {create_label: block}}]}]}`

// TestTheEarliestChangesAreToldOfAnyNumber: what is dropped on the way is never one of those.
func TestTheEarliestChangesAreToldOfAnyNumber(t *testing.T) {
	t.Parallel()
	p := crowd(9000)
	proposed, err := policyfile.Parse([]byte(enforced))
	require.NoError(t, err)
	plan, err := impact.NewPlan(p.snapshot(t), impact.Question{From: start, At: start, Proposed: proposed})
	require.NoError(t, err)
	for _, workers := range []int{1, 4} {
		got, err := impact.Run(t.Context(), &p, plan, workers)
		require.NoError(t, err)
		require.Equal(t, int64(9000), got.Total.Extended)
		require.Len(t, got.Changes, impact.MaxChanges)
		for i, c := range got.Changes {
			require.True(t, c.At.Equal(start.Add(time.Duration(i+1)*time.Minute)), "%d: %s", i, c.At)
			require.Equal(t, int64(1), c.Accounts)
			require.Equal(t, impact.Extended, c.From)
			require.Equal(t, impact.Blocked, c.To)
		}
	}
}

// failing is a population that cannot be read after its first page.
type failing struct{ people }

func (f *failing) FactsAfter(ctx context.Context, after, last string, limit int) ([]store.Facts, error) {
	if after != "" {
		return nil, store.ErrUnavailable
	}
	return f.people.FactsAfter(ctx, after, last, limit)
}

func TestWhatGoesWrong(t *testing.T) {
	t.Parallel()
	f := failing{crowd(5000)}
	plan, err := impact.NewPlan(f.snapshot(t), impact.Question{From: start, At: start})
	require.NoError(t, err)
	_, err = impact.Run(t.Context(), &f, plan, 1)
	require.ErrorIs(t, err, store.ErrUnavailable, "a part of the population is no answer")
	stop := errors.New("stop")
	other, err := policyfile.Parse([]byte(enforced))
	require.NoError(t, err)
	covering, err := impact.NewPlan(f.snapshot(t), impact.Question{From: start, At: start, Proposed: other})
	require.NoError(t, err)
	require.ErrorIs(t, impact.Rows(t.Context(), &f.people, covering, nil, func(*impact.AccountRow) error { return stop }), stop)

	for name, q := range map[string]impact.Question{
		"no instants":   {},
		"backwards":     {From: start, At: start.Add(-1)},
		"too many days": {From: start, At: start, Days: impact.MaxDays + 1},
	} {
		_, err := impact.NewPlan(f.snapshot(t), q)
		require.ErrorIs(t, err, impact.ErrQuestion, name)
	}
	f.published = []store.PublishedPolicy{{Name: "a", Version: 1, Text: []byte(enforced), EffectiveFrom: start, RecordedAt: start}}
	clash := *other
	clash.Name, clash.Rules = "b", slices.Clone(other.Rules) // its rule has the same id
	_, err = impact.NewPlan(f.snapshot(t), impact.Question{From: start, At: start, Proposed: &clash})
	require.ErrorIs(t, err, impact.ErrProposed)
	require.ErrorIs(t, err, policy.ErrRuleTwice)
}
