package impact_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/internal/impact"
	"github.com/verigate/verigate/internal/store"
	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// model answers by asking Decide about every account, rule and action, at every hour.
type model struct {
	*scene
	from time.Time
}

// inForce is the versions in force, found from the list.
func (m model) inForce(at time.Time, proposing bool) []*policy.Policy {
	newest := map[string]*policy.Policy{}
	for i, v := range m.published {
		if p := newest[v.Name]; !at.Before(v.EffectiveFrom) && (p == nil || p.Version < v.Version) {
			newest[v.Name] = m.parsed[i]
		}
	}
	if proposing && m.proposed != nil {
		newest[m.proposed.Name] = m.proposed
	}
	var all []*policy.Policy
	for _, name := range []string{"a", "b"} {
		if newest[name] != nil {
			all = append(all, newest[name])
		}
	}
	return all
}

// rulesOf are sets of one rule each, by "policy/rule".
func rulesOf(t require.TestingT, policies []*policy.Policy) map[string]*policy.Set {
	sets := map[string]*policy.Set{}
	for _, p := range policies {
		for _, r := range p.Rules {
			alone := *p
			alone.Rules = []policy.Rule{r}
			set, err := policy.NewSet(&alone)
			require.NoError(t, err)
			sets[p.Name+"/"+r.ID] = set
		}
	}
	return sets
}

func classAt(set *policy.Set, f store.Facts, at time.Time) impact.Class {
	if set == nil {
		return impact.NotCovered
	}
	r := set.Policies()[0].Rules[0]
	if !r.Cohort.Covers(f.Account) {
		return impact.NotCovered
	}
	if v := f.Standing.VerifiedAt; f.Standing.State == lifecycle.Verified && !at.Before(v) && (r.ValidFor == 0 || at.Before(v.Add(r.ValidFor))) {
		return impact.Verified
	}
	class := impact.Waiting
	for _, action := range actions {
		d := policy.Decide(set, f.Account, f.Standing, f.Extensions, action, at)
		says := impact.Waiting
		switch {
		case d.Effect == policy.Block:
			says = impact.Blocked
		case d.WouldBe == policy.Block:
			says = impact.WouldBlock
		case d.Reason == policy.ReasonExtended:
			says = impact.Extended
		case d.Reason == policy.ReasonGrace:
			says = impact.Grace
		case d.Effect == policy.Prompt:
			says = impact.Prompted
		case d.WouldBe == policy.Prompt:
			says = impact.WouldPrompt
		}
		class = worse(class, says)
	}
	return class
}

func worse(a, b impact.Class) impact.Class {
	if slices.Index(impact.Classes(), b) > slices.Index(impact.Classes(), a) {
		return b
	}
	return a
}

// count is the whole preview of one instant.
func (m model) count(t require.TestingT, at time.Time) (closed int64, total map[impact.Class]int64, rules map[string]map[impact.Class]int64) {
	total, rules = map[impact.Class]int64{}, map[string]map[impact.Class]int64{}
	sets := rulesOf(t, m.inForce(at, true))
	for key := range sets {
		rules[key] = map[impact.Class]int64{}
	}
	for _, f := range m.facts {
		if f.Account.Closed(at) {
			closed++
			continue
		}
		worst := impact.NotCovered
		for key, set := range sets {
			class := classAt(set, f, at)
			rules[key][class]++
			worst = worse(worst, class)
		}
		total[worst]++
	}
	return closed, total, rules
}

func requireCounts(t require.TestingT, want map[impact.Class]int64, got impact.ClassCounts, words string) {
	for _, class := range impact.Classes() {
		require.Equal(t, want[class], got.Of(class), "%s: %s", words, class)
	}
}

func sum(c impact.ClassCounts) (n int64) {
	for _, class := range impact.Classes() {
		n += c.Of(class)
	}
	return n
}

func TestPreviewIsDecideForEveryAccountAndDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		from := hour(t, "from")
		q := impact.Question{
			From: from, At: from.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "until")) * time.Hour),
			Proposed: s.proposed, Days: rapid.IntRange(0, 12).Draw(t, "days"),
		}
		plan, err := impact.NewPlan(s.snapshot(t), q)
		require.NoError(t, err)
		got, err := impact.Run(t.Context(), s, plan, rapid.IntRange(1, 3).Draw(t, "workers"))
		require.NoError(t, err)
		m := model{s, from}

		closed, total, rules := m.count(t, q.At)
		require.Equal(t, closed, got.Closed)
		require.Equal(t, int64(len(s.facts)), got.Open+got.Closed)
		require.Equal(t, got.Open, sum(got.Total))
		requireCounts(t, total, got.Total, "total")
		m.requireRules(t, q, rules, got)
		m.requireDays(t, q, got)
		m.requireChanges(t, got)
	})
}

func (m model) requireRules(t *rapid.T, q impact.Question, want map[string]map[impact.Class]int64, got *impact.Preview) {
	before := rulesOf(t, m.inForce(m.from, false))
	now := rulesOf(t, m.inForce(q.At, true))
	seen := 0
	for _, r := range got.Rules {
		key := r.Policy + "/" + r.Rule
		if want[key] == nil {
			require.False(t, r.InForce)
			require.Contains(t, before, key)
		} else {
			seen++
			require.True(t, r.InForce)
			requireCounts(t, want[key], r.Counts, key)
		}
		require.Equal(t, got.Open, sum(r.Counts))
		m.requireRule(t, q, r, now[key], before[key])
	}
	require.Len(t, want, seen)
	var blocked, released int64
	for _, f := range m.facts {
		if f.Account.Closed(q.At) {
			continue
		}
		is, was := impact.NotCovered, impact.NotCovered
		for _, set := range now {
			is = worse(is, classAt(set, f, q.At))
		}
		for _, set := range before {
			was = worse(was, classAt(set, f, q.At))
		}
		blocked += count(is == impact.Blocked && was != impact.Blocked)
		released += count(is != impact.Blocked && was == impact.Blocked)
	}
	require.Equal(t, blocked, got.NewlyBlocked)
	require.Equal(t, released, got.NewlyFree)
}

func (m model) requireRule(t *rapid.T, q impact.Question, r impact.RulePreview, now, before *policy.Set) {
	states := map[string]map[impact.Class]int64{}
	prompts, blocks := map[string]int64{}, map[string]int64{}
	var blocked, released int64
	for _, f := range m.facts {
		if f.Account.Closed(q.At) {
			continue
		}
		is, was, state := classAt(now, f, q.At), classAt(before, f, q.At), string(f.Standing.State)
		if states[state] == nil {
			states[state] = map[impact.Class]int64{}
		}
		states[state][is]++
		blocked += count(is == impact.Blocked && was != impact.Blocked)
		released += count(is != impact.Blocked && was == impact.Blocked)
		for _, action := range actions {
			if now == nil {
				continue
			}
			d := policy.Decide(now, f.Account, f.Standing, f.Extensions, action, q.At)
			prompts[action] += count(d.Effect == policy.Prompt)
			blocks[action] += count(d.Effect == policy.Block)
		}
	}
	require.Equal(t, blocked, r.NewlyBlocked)
	require.Equal(t, released, r.NewlyFree)
	require.Len(t, r.States, len(states))
	for _, s := range r.States {
		requireCounts(t, states[s.State], s.Counts, s.State)
	}
	for _, a := range r.Actions {
		require.Equal(t, prompts[a.Action], a.Prompted, a.Action)
		require.Equal(t, blocks[a.Action], a.Blocked, a.Action)
		delete(prompts, a.Action)
		delete(blocks, a.Action)
	}
	for _, left := range []map[string]int64{prompts, blocks} {
		for action, n := range left {
			require.Zero(t, n, action)
		}
	}
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

func (m model) requireDays(t *rapid.T, q impact.Question, got *impact.Preview) {
	zone := got.At.Location()
	var want []time.Time
	for at := m.from; !at.After(q.At); at = at.Add(time.Hour) {
		if h, minute, _ := at.In(zone).Clock(); h == 0 && minute == 0 {
			want = append(want, at)
		}
	}
	if len(want) > q.Days {
		want = want[len(want)-q.Days:]
	}
	require.Len(t, got.Days, len(want))
	for i, day := range got.Days {
		require.True(t, want[i].Equal(day.At), "%s, want %s", day.At, want[i])
		closed, total, rules := m.count(t, day.At)
		require.Equal(t, closed, day.Closed)
		requireCounts(t, total, day.Total, day.At.String())
		require.Len(t, day.Rules, len(rules))
		for _, r := range day.Rules {
			requireCounts(t, rules[r.Policy+"/"+r.Rule], r.Counts, r.Rule)
		}
	}
}

// requireChanges looks at every account every hour.
func (m model) requireChanges(t *rapid.T, got *impact.Preview) {
	var want []impact.ChangeCounts
	was := map[string]impact.Class{}
	for at, end := m.from, start.Add(3*hoursOfScene*time.Hour); at.Before(end); at = at.Add(time.Hour) {
		sums := map[impact.ChangeCounts]int64{}
		sets := rulesOf(t, m.inForce(at, true))
		for _, key := range []string{"a/a-r0", "a/a-r1", "b/b-r0", "b/b-r1"} {
			for _, f := range m.facts {
				if f.Account.Closed(at) {
					continue
				}
				is := classAt(sets[key], f, at)
				if last, ok := was[key+f.Account.ID]; ok && last != is {
					sums[impact.ChangeCounts{Policy: key[:1], Rule: key[2:], From: last, To: is}]++
				}
				was[key+f.Account.ID] = is
			}
		}
		for c, n := range sums {
			c.At, c.Accounts = at.In(got.At.Location()), n
			want = append(want, c)
		}
	}
	require.Less(t, len(want), impact.MaxChanges, "the scene has more changes than are told")
	require.ElementsMatch(t, want, got.Changes)
	require.True(t, slices.IsSortedFunc(got.Changes, func(a, b impact.ChangeCounts) int { return a.At.Compare(b.At) }))
}
