package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

func day(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// reminding is the founding policy with the reminders of its sample, without jitter.
func reminding(t testing.TB) *policy.Policy {
	t.Helper()
	p := founding(t)
	p.Rules[0].Reminders = &policy.Reminders{
		Before: []time.Duration{day(14), day(7), day(3), day(1)}, After: policy.Repeat{Every: day(7), Times: 4},
		Quiet: policy.Quiet{From: 21 * 60, Until: 9 * 60}, PerSecond: 50,
	}
	return p
}

func compile(t testing.TB, p *policy.Policy) *policy.Set {
	t.Helper()
	set, err := policy.NewSet(p)
	require.NoError(t, err)
	return set
}

func old(t testing.TB) policy.Account {
	t.Helper()
	return policy.Account{ID: "a1", Kind: policy.KindIndividual, Region: "CN", RegisteredAt: at(t, "11-01 00:00")}
}

var waiting = lifecycle.Standing{State: lifecycle.Unverified}

func due(set *policy.Set, a policy.Account, s lifecycle.Standing, e []policy.Extension, now time.Time) string {
	var ids []string
	for _, r := range policy.DueReminders(set, a, s, e, now) {
		ids = append(ids, r.Milestone.ID)
	}
	return strings.Join(ids, " ")
}

func TestRemindersOfTheFoundingRule(t *testing.T) {
	t.Parallel()
	set := compile(t, reminding(t))
	for _, c := range []struct{ now, want, why string }{
		{"11-16 12:00", "", "before the rule asks anything"},
		{"11-19 23:59", "", "before the first milestone"},
		{"11-20 00:00", "", "the milestone comes in quiet hours"},
		{"11-20 08:59", "", "still quiet"},
		{"11-20 09:00", "P14D", "the quiet hours are over"},
		{"11-26 20:59", "P14D", "late, and still true"},
		{"11-26 21:00", "", "quiet again"},
		{"11-27 09:00", "P7D", "the next one has come: only that"},
		{"12-01 09:00", "P3D", ""},
		{"12-03 20:59", "P1D", ""},
		{"12-03 21:00", "", "and after midnight it is no longer true"},
		{"12-04 09:00", "", "the deadline has passed, the first reminder after it is a week away"},
		{"12-11 09:00", "+P7D", ""},
		{"12-25 09:00", "+P21D", ""},
		{"12-31 20:59", "+P21D", ""},
	} {
		require.Equal(t, c.want, due(set, old(t), waiting, nil, at(t, c.now)), "%s %s", c.now, c.why)
	}
	january := at(t, "12-31 09:00").AddDate(0, 0, 2)
	require.Equal(t, "+P28D", due(set, old(t), waiting, nil, january))
	require.Empty(t, due(set, old(t), waiting, nil, january.AddDate(0, 0, 7)), "four times and no more")

	require.Empty(t, policy.OpenReminders(set, old(t), waiting, nil, at(t, "12-04 00:00")), "a day before is over at the deadline")

	got := policy.DueReminders(set, old(t), waiting, nil, at(t, "11-20 09:30").UTC())
	require.Len(t, got, 1)
	require.Equal(t, "2020-12-04T00:00:00+08:00", got[0].Deadline.Format(time.RFC3339))
	require.Equal(t, "2020-11-20T00:00:00+08:00", got[0].At.Format(time.RFC3339))
	require.Equal(t, "2020-11-20T09:30:00+08:00", got[0].From.Format(time.RFC3339))
	require.Equal(t, "2020-11-27T00:00:00+08:00", got[0].Until.Format(time.RFC3339))
	require.Equal(t, []any{"wishpost-face-verification", 1, "existing-individuals", 50},
		[]any{got[0].PolicyName, got[0].PolicyVersion, got[0].RuleID, got[0].PerSecond})
}

func TestNobodyIsRemindedInVain(t *testing.T) {
	t.Parallel()
	now := at(t, "11-27 12:00")
	remind := func(change func(p *policy.Policy, a *policy.Account, s *lifecycle.Standing)) string {
		p, a, s := reminding(t), old(t), waiting
		change(p, &a, &s)
		return due(compile(t, p), a, s, nil, now)
	}
	type (
		pp = *policy.Policy
		aa = *policy.Account
		ss = *lifecycle.Standing
	)
	require.Equal(t, "P7D", remind(func(pp, aa, ss) {}))
	require.Empty(t, remind(func(_ pp, a aa, _ ss) { a.Kind = policy.KindEnterprise }), "not covered")
	require.Empty(t, remind(func(_ pp, a aa, _ ss) { a.RegisteredAt = at(t, "11-17 00:00") }), "not covered")
	require.Empty(t, remind(func(_ pp, a aa, _ ss) { a.ClosedAt = at(t, "11-27 12:00") }), "closed")
	require.Equal(t, "P7D", remind(func(_ pp, a aa, _ ss) { a.ClosedAt = at(t, "11-27 12:01") }))
	require.Empty(t, remind(func(p pp, _ aa, _ ss) { p.Rules[0].Mode = policy.ModeObserve }), "an observing rule")
	require.Empty(t, remind(func(p pp, _ aa, _ ss) { p.Rules[0].Reminders = nil }))
	want := map[lifecycle.State]string{
		lifecycle.Unverified: "P7D", lifecycle.Rejected: "P7D", lifecycle.Approved: "P7D", lifecycle.FaceFailed: "P7D", lifecycle.QRIssued: "P7D",
	}
	for _, state := range lifecycle.States() {
		got := remind(func(_ pp, _ aa, s ss) {
			*s = lifecycle.Standing{State: state, Since: at(t, "11-20 00:00")}
			if state == lifecycle.Verified {
				s.VerifiedAt = s.Since
			}
		})
		require.Equal(t, want[state], got, "%s", state)
	}
	p := reminding(t)
	p.Rules[0].Cohort.Registered.Before = time.Time{}
	late := old(t)
	late.RegisteredAt = at(t, "11-27 00:01")
	require.Empty(t, due(compile(t, p), late, waiting, nil, now), "the milestone was before there was an account")
	require.Empty(t, policy.DueReminders(nil, old(t), waiting, nil, now))
}

func TestReminderCountsFromTheAccountsOwnDeadline(t *testing.T) {
	t.Parallel()
	set := compile(t, reminding(t))
	granted := []policy.Extension{{ID: "e", AccountID: "a1", GrantedAt: at(t, "12-02 12:00"), Until: at(t, "12-18 12:00")}}
	for now, want := range map[string]string{
		"12-02 11:59": "P3D", "12-02 12:00": "", "12-04 11:59": "", "12-04 12:00": "P14D", "12-11 12:00": "P7D", "12-17 12:00": "P1D",
	} {
		require.Equal(t, want, due(set, old(t), waiting, granted, at(t, now)), now)
	}
	other := []policy.Extension{{ID: "e", AccountID: "a2", GrantedAt: at(t, "12-02 12:00"), Until: at(t, "12-18 12:00")}}
	require.Equal(t, "P1D", due(set, old(t), waiting, other, at(t, "12-03 12:00")))
}

func TestJitterIsEachAccountsOwn(t *testing.T) {
	t.Parallel()
	p := reminding(t)
	p.Rules[0].Reminders.Jitter = 30 * time.Minute
	set := compile(t, p)
	quarter := map[int]int{}
	for i := range 4000 {
		a := old(t)
		a.ID = fmt.Sprintf("account-%d", i)
		open := policy.OpenReminders(set, a, waiting, nil, at(t, "11-27 01:00"))
		require.Len(t, open, 1)
		require.Equal(t, open, policy.OpenReminders(set, a, waiting, nil, at(t, "11-27 01:00")))
		after := open[0].From.Sub(at(t, "11-27 09:00"))
		require.True(t, after >= 0 && after < 30*time.Minute, "%s", after)
		quarter[int(after/(7*time.Minute+30*time.Second))]++
		require.Equal(t, after == 0, open[0].Due(at(t, "11-27 09:00")))
		require.True(t, policy.OpenReminders(set, a, waiting, nil, open[0].From)[0].Due(open[0].From))
	}
	require.Len(t, quarter, 4)
	for _, n := range quarter {
		require.InDelta(t, 1000, n, 150, "evenly spread")
	}
}

// TestRemindersAgreeWithTheCalendar walks hour by hour through the weeks around a deadline and compares with a model
// that knows a calendar, a clock and nothing else.
func TestRemindersAgreeWithTheCalendar(t *testing.T) {
	t.Parallel()
	newYork, err := time.LoadLocation("America/New_York") // its clocks change within the weeks
	require.NoError(t, err)
	zones := []*time.Location{beijing(t), newYork, time.UTC}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		p := &policy.Policy{Name: "p", Version: 1, Zone: zone, Actions: []string{"pay"}}
		deadline := time.Date(2020, 11, 4, rapid.SampledFrom([]int{0, 1, 12, 20}).Draw(t, "hour"), 0, 0, 0, zone)
		r := &policy.Reminders{PerSecond: 1, Quiet: policy.Quiet{
			From:  policy.TimeOfDay(rapid.IntRange(0, 23).Draw(t, "quiet from") * 60),
			Until: policy.TimeOfDay(rapid.IntRange(0, 23).Draw(t, "quiet until") * 60),
		}}
		for _, d := range rapid.SliceOfNDistinct(rapid.SampledFrom([]int{1, 5, 24, 30, 48, 72, 168, 240}), 1, 4, rapid.ID[int]).Draw(t, "before") {
			r.Before = append(r.Before, time.Duration(d)*time.Hour)
		}
		if rapid.Bool().Draw(t, "after") {
			r.After = policy.Repeat{Every: time.Duration(rapid.SampledFrom([]int{5, 24, 72}).Draw(t, "every")) * time.Hour, Times: rapid.IntRange(1, 3).Draw(t, "times")}
		}
		p.Rules = []policy.Rule{{
			ID: "r", Require: policy.RequireVerified, Mode: policy.ModeEnforce, Reminders: r, Phases: []policy.Phase{
				{From: deadline.AddDate(0, -1, 0), Stage: policy.StageAnnounced},
				{From: deadline, Stage: policy.StageEnforced, Effects: map[string]policy.Effect{"pay": policy.Block}},
			},
		}}
		set, err := policy.NewSet(p)
		if err != nil {
			t.Fatal(err)
		}
		account := policy.Account{ID: "a1", RegisteredAt: deadline.AddDate(-1, 0, 0)}
		var extensions []policy.Extension
		if rapid.Bool().Draw(t, "extended") {
			until := deadline.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "by")) * time.Hour)
			extensions = append(extensions, policy.Extension{ID: "e", AccountID: "a1", Until: until})
			deadline = until
		}
		for now := deadline.AddDate(0, 0, -12); now.Before(deadline.AddDate(0, 0, 15)); now = now.Add(time.Hour) {
			want := calendar(r, deadline, now)
			if got := due(set, account, waiting, extensions, now); got != want {
				t.Fatalf("at %s: got %q, want %q (deadline %s)", now, got, want, deadline)
			}
		}
	})
}

// calendar names the milestone that is due, jitter apart.
func calendar(r *policy.Reminders, deadline, now time.Time) string {
	type mark struct {
		id string
		at time.Time
	}
	step := func(t time.Time, hours, sign int) time.Time {
		if hours%24 != 0 {
			return t.Add(time.Duration(sign*hours) * time.Hour)
		}
		for range hours / 24 { // to the same time of the next day, or of the day before
			t = time.Date(t.Year(), t.Month(), t.Day()+sign, deadline.Hour(), deadline.Minute(), 0, 0, deadline.Location())
		}
		return t
	}
	name := func(hours int) string {
		if hours%24 == 0 {
			return fmt.Sprintf("P%dD", hours/24)
		}
		return fmt.Sprintf("PT%dH", hours)
	}
	marks := []mark{{"", deadline}}
	for _, d := range r.Before {
		marks = append(marks, mark{name(int(d.Hours())), step(deadline, int(d.Hours()), -1)})
	}
	for i := 1; i <= r.After.Times+1; i++ {
		hours, id := i*int(r.After.Every.Hours()), ""
		if i <= r.After.Times {
			id = "+" + name(hours)
		}
		marks = append(marks, mark{id, step(deadline, hours, +1)})
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return a.at.Compare(b.at) })
	last := ""
	for _, m := range marks {
		if !m.at.After(now) {
			last = m.id
		}
	}
	hour := policy.TimeOfDay(now.Hour()*60 + now.Minute())
	for t := r.Quiet.From; t != r.Quiet.Until; t = (t + 1) % (24 * 60) {
		if t == hour {
			return ""
		}
	}
	return last
}

func TestReminderFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(r *policy.Rule)
		path   string
	}{
		"no deadline":      {func(r *policy.Rule) { r.Phases = r.Phases[:2] }, ""},
		"nothing named":    {func(r *policy.Rule) { r.Reminders.Before, r.Reminders.After = nil, policy.Repeat{} }, ""},
		"too many":         {func(r *policy.Rule) { r.Reminders.Before = make([]time.Duration, policy.MaxReminders+1) }, ".before"},
		"zero":             {func(r *policy.Rule) { r.Reminders.Before[1] = 0 }, ".before[1]"},
		"too early":        {func(r *policy.Rule) { r.Reminders.Before[0] = day(367) }, ".before[0]"},
		"seconds":          {func(r *policy.Rule) { r.Reminders.Before[0] += time.Second }, ".before[0]"},
		"twice":            {func(r *policy.Rule) { r.Reminders.Before[2] = day(7) }, ".before[2]"},
		"too often":        {func(r *policy.Rule) { r.Reminders.After.Every = time.Minute }, ".after.every"},
		"no times":         {func(r *policy.Rule) { r.Reminders.After.Times = 0 }, ".after.times"},
		"too many times":   {func(r *policy.Rule) { r.Reminders.After.Times = policy.MaxReminders + 1 }, ".after.times"},
		"no such hour":     {func(r *policy.Rule) { r.Reminders.Quiet.From = 24 * 60 }, ".quiet.from"},
		"negative hour":    {func(r *policy.Rule) { r.Reminders.Quiet.Until = -1 }, ".quiet.until"},
		"jitter negative":  {func(r *policy.Rule) { r.Reminders.Jitter = -1 }, ".jitter"},
		"jitter long":      {func(r *policy.Rule) { r.Reminders.Jitter = 13 * time.Hour }, ".jitter"},
		"jitter over gaps": {func(r *policy.Rule) { r.Reminders.Before[3], r.Reminders.Jitter = 2*time.Hour, 3*time.Hour }, ".jitter"},
		"no rate":          {func(r *policy.Rule) { r.Reminders.PerSecond = 0 }, ".per_second"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := reminding(t)
			c.change(&p.Rules[0])
			var paths []string
			for _, f := range p.Validate() {
				paths = append(paths, f.Path)
			}
			require.Contains(t, paths, "rules[0].reminders"+c.path)
		})
	}
	require.Empty(t, reminding(t).Validate())
}

func TestUrgency(t *testing.T) {
	t.Parallel()
	deadline := at(t, "12-04 00:00")
	for _, c := range []struct {
		left  time.Duration
		level string
		days  int
	}{
		{8 * day(1), policy.LevelNotice, 8}, {day(7) + 1, policy.LevelNotice, 8}, {day(7), policy.LevelWarning, 7},
		{day(1) + 1, policy.LevelWarning, 2}, {day(1), policy.LevelFinal, 1}, {1, policy.LevelFinal, 1},
		{0, policy.LevelEnforced, 0}, {-day(3), policy.LevelEnforced, 0},
	} {
		level, days := policy.Urgency(deadline, deadline.Add(-c.left))
		require.Equal(t, []any{c.level, c.days}, []any{level, days}, "%s", c.left)
	}
	level, days := policy.Urgency(time.Time{}, deadline)
	require.Equal(t, []any{policy.LevelNotice, 0}, []any{level, days})
}
