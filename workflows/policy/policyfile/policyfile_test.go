package policyfile_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policyfile"
)

const dir = "../../../testdata/policies/"

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(dir + name)
	require.NoError(t, err)
	return string(data)
}

func TestParseFoundingPolicy(t *testing.T) {
	t.Parallel()
	got, err := policyfile.Parse([]byte(read(t, "wishpost-2020.yaml")))
	require.NoError(t, err)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	day := func(month time.Month, day int) time.Time { return time.Date(2020, month, day, 0, 0, 0, 0, zone) }
	require.Equal(t, "wishpost-face-verification", got.Name)
	require.Equal(t, 1, got.Version)
	require.Equal(t, "Asia/Shanghai", got.Zone.String())
	require.Equal(t, []string{"login", "create_label", "print_label", "void_label"}, got.Actions)
	require.Len(t, got.Rules, 1)
	r := got.Rules[0]
	require.Equal(t, "existing-individuals", r.ID)
	require.Equal(t, []policy.Kind{policy.KindIndividual}, r.Cohort.Kinds)
	require.Equal(t, []string{"CN"}, r.Cohort.Regions)
	require.Zero(t, r.Cohort.Registered.From)
	require.True(t, r.Cohort.Registered.Before.Equal(day(11, 17)))
	require.Equal(t, policy.ModeEnforce, r.Mode)
	require.Equal(t, policy.RequireVerified, r.Require)
	require.Nil(t, r.Grace)
	require.Zero(t, r.ValidFor)
	require.Equal(t, &policy.Reminders{
		Before: []time.Duration{14 * 24 * time.Hour, 7 * 24 * time.Hour, 72 * time.Hour, 24 * time.Hour},
		After:  policy.Repeat{Every: 7 * 24 * time.Hour, Times: 4},
		Quiet:  policy.Quiet{From: 21 * 60, Until: 9 * 60}, Jitter: 30 * time.Minute, PerSecond: 50,
	}, r.Reminders)
	require.Len(t, r.Phases, 3)
	for i, want := range []policy.Phase{
		{From: day(10, 29), Stage: policy.StageOptional, Effects: map[string]policy.Effect{}},
		{From: day(11, 17), Stage: policy.StageAnnounced, Effects: map[string]policy.Effect{"login": "prompt"}},
		{From: day(12, 4), Stage: policy.StageEnforced, Effects: map[string]policy.Effect{"login": "prompt", "create_label": "block"}},
	} {
		require.True(t, want.From.Equal(r.Phases[i].From))
		require.Equal(t, want.Stage, r.Phases[i].Stage)
		require.Equal(t, want.Effects, r.Phases[i].Effects)
	}
	require.Equal(t, policy.CorrectionOnce, got.Correction.Mode)
	require.True(t, got.Correction.From.Equal(day(10, 29)))
	require.True(t, got.Correction.Before.Equal(day(11, 12)))
	require.Equal(t, policy.Review{Approve: "automatic", MinimumAge: 18, DuplicateNumber: "reviewer"}, got.Review)
}

// small is a valid file without anything that may be left out. The tests change one line of it.
const small = `name: small
version: 3
zone: UTC
actions: [login, pay]
rules:
  - id: everybody
    cohort: {}
    require: verified
    phases:
      - from: 2020-11-17T00:00:00+08:00
        stage: announced
        effects: {login: prompt}
      - from: 2020-12-04T00:00:00+08:00
        stage: enforced
        effects: {login: prompt, pay: block}
    mode: observe
`

func TestParseDefaults(t *testing.T) {
	t.Parallel()
	p, err := policyfile.Parse([]byte(small))
	require.NoError(t, err)
	require.Equal(t, policy.Correction{Mode: policy.CorrectionSupport}, p.Correction)
	require.Equal(t, policy.Review{Approve: policy.ApproveReviewer, MinimumAge: 18, DuplicateNumber: policy.DuplicateReviewer}, p.Review)
	require.Equal(t, policy.ModeObserve, p.Rules[0].Mode)
	require.Equal(t, policy.Cohort{}, p.Rules[0].Cohort)
}

func TestParseEverything(t *testing.T) {
	t.Parallel()
	text := strings.Replace(small, "    cohort: {}\n", "    cohort: {kind: [individual, enterprise], region: [CN, NO], registered: {from: \"2020-01-01T00:00:00.5Z\"}}\n", 1) +
		"    grace: {bound: 7d, lead: 36h}\n    valid_for: 365d\nreview: {minimum_age: 0}\n"
	p, err := policyfile.Parse([]byte(text))
	require.NoError(t, err)
	r := p.Rules[0]
	require.Equal(t, policy.Kinds(), r.Cohort.Kinds)
	require.Equal(t, []string{"CN", "NO"}, r.Cohort.Regions, "NO is Norway and no refusal")
	require.Equal(t, time.Date(2020, 1, 1, 0, 0, 0, 5e8, time.UTC), r.Cohort.Registered.From.UTC())
	require.Equal(t, &policy.Grace{Bound: 7 * 24 * time.Hour, Lead: 36 * time.Hour}, r.Grace)
	require.Equal(t, 365*24*time.Hour, r.ValidFor)
	require.Zero(t, p.Review.MinimumAge)
	require.Equal(t, policy.ApproveReviewer, p.Review.Approve)
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, old, new string
		line           int
		path, says     string
	}{
		{"unknown key", "zone: UTC", "zone: UTC\ncolour: red", 4, "colour", "name, version, zone"},
		{"unknown key of a rule", "    mode: observe", "    mode: observe\n    until: x", 17, "rules[0].until", "id, cohort"},
		{"unreadable key", "zone: UTC", "zone: UTC\n张三 1: red", 4, "(unreadable key)", "not a key"},
		{"duplicate key", "zone: UTC", "zone: UTC\nname: other", 4, "name", "twice, first in line 1"},
		{"duplicate effect", "{login: prompt}", "{login: prompt, login: prompt}", 12, "rules[0].phases[0].effects.login", "twice"},
		{"key that is a list", "zone: UTC", "zone: UTC\n[a]: b", 4, "(no key)", "plain key"},
		{"name missing", "name: small\n", "", 1, "name", "missing"},
		{"stage missing", "        stage: announced\n", "", 10, "rules[0].phases[0].stage", "missing"},
		{"mode missing", "    mode: observe\n", "", 6, "rules[0].mode", "missing"},
		{"empty value", "zone: UTC", "zone:", 3, "zone", "not empty"},
		{"version in quotes", "version: 3", "version: '3'", 2, "version", "whole number"},
		{"version with a point", "version: 3", "version: 3.5", 2, "version", "whole number"},
		{"version zero", "version: 3", "version: 0", 2, "version", "from 1"},
		{"name is a list", "name: small", "name: [small]", 1, "name", "text"},
		{"no such zone", "zone: UTC", "zone: Mars/Olympus", 3, "zone", "IANA"},
		{"zone of the machine", "zone: UTC", "zone: Local", 3, "zone", "IANA"},
		{"zone outside the database", "zone: UTC", "zone: ../../etc/passwd", 3, "zone", "IANA"},
		{"actions not a list", "[login, pay]", "login", 4, "actions", "list"},
		{"rules not a list", "actions: [login, pay]\nrules:\n  - id", "actions: [login, pay]\nrules:\n    id", 6, "rules", "list"},
		{"rule not a mapping", "rules:\n", "rules:\n  - everybody\n", 6, "rules[0]", "mapping"},
		{"unknown effect", "{login: prompt}", "{login: nag}", 12, "rules[0].phases[0].effects.login", `"allow", "prompt" or "block"`},
		{"unknown action", "{login: prompt}", "{login: prompt, fly: prompt}", 12, "rules[0].phases[0].effects.fly", "declared"},
		{"unknown stage", "stage: announced", "stage: soon", 11, "rules[0].phases[0].stage", "enforced"},
		{"effects not a mapping", "{login: prompt}", "[login]", 12, "rules[0].phases[0].effects", "mapping"},
		{"instant without offset", "2020-12-04T00:00:00+08:00", "2020-12-04T00:00:00", 13, "rules[0].phases[1].from", "offset"},
		{"instant with a space", "2020-12-04T00:00:00+08:00", "2020-12-04 00:00:00+08:00", 13, "rules[0].phases[1].from", "offset"},
		{"date only", "2020-12-04T00:00:00+08:00", "2020-12-04", 13, "rules[0].phases[1].from", "offset"},
		{"day that does not exist", "2020-12-04T", "2020-11-31T", 13, "rules[0].phases[1].from", "offset"},
		{"offset that does not exist", "2020-12-04T00:00:00+08:00", "2020-12-04T00:00:00+18:00", 13, "rules[0].phases[1].from", "offset"},
		{"phases not ascending", "2020-12-04T", "2020-11-04T", 13, "rules[0].phases[1].from", "later"},
		{"effect weakens", "{login: prompt, pay: block}", "{login: allow, pay: block}", 15, "rules[0].phases[1].effects.login", "weakens"},
		{"effect weakens by silence", "{login: prompt, pay: block}", "{pay: block}", 15, "rules[0].phases[1].effects.login", "weakens"},
		{"empty cohort", "cohort: {}", "cohort: {registered: {from: 2020-01-01T00:00:00Z, before: 2020-01-01T08:00:00+08:00}}", 7, "rules[0].cohort.registered.before", "nobody"},
		{"empty list of kinds", "cohort: {}", "cohort: {kind: []}", 7, "rules[0].cohort.kind", "leave the key out"},
		{"unknown kind", "cohort: {}", "cohort: {kind: person}", 7, "rules[0].cohort.kind[0]", "individual"},
		{"region that is a number", "cohort: {}", "cohort: {region: [156]}", 7, "rules[0].cohort.region[0]", "text"},
		{"bad grace", "    mode: observe", "    mode: observe\n    grace: {bound: a week}", 17, "rules[0].grace.bound", "7d"},
		{"grace without bound", "    mode: observe", "    mode: observe\n    grace: {lead: 1h}", 17, "rules[0].grace.bound", "missing"},
		{"grace too long", "    mode: observe", "    mode: observe\n    grace: {bound: 91d}", 17, "rules[0].grace.bound", "90d"},
		{"days beyond reason", "    mode: observe", "    mode: observe\n    valid_for: 999999d", 17, "rules[0].valid_for", "100000d"},
		{"validity of nothing", "    mode: observe", "    mode: observe\n    valid_for: 0h", 17, "rules[0].valid_for", "leave it out"},
		{"correction without mode", "zone: UTC", "zone: UTC\ncorrection: {}", 4, "correction.mode", "missing"},
		{"unknown review", "zone: UTC", "zone: UTC\nreview: {approve: maybe}", 4, "review.approve", "automatic"},
		{"anchor", "name: small", "name: &n small", 1, "", "anchor"},
		{"merge key", "    cohort: {}", "    cohort: {<<: {region: CN}}", 7, "rules[0].cohort.(unreadable key)", "not a key"},
		{"tag", "name: small", "name: !!str small", 1, "", "tag"},
		{"second document", "    mode: observe\n", "    mode: observe\n---\nname: b\n", 17, "", "second document"},
		{"broken second document", "    mode: observe\n", "    mode: observe\n---\n\"\n", 18, "", "not YAML"},
		{"not YAML", "zone: UTC", "zone: UTC: UTC", 3, "", "not YAML"},
		{"tab", "    cohort", "\tcohort", 6, "", "not YAML"},
		{"not UTF-8", "name: small", "name: sm\xff\xfel", 1, "", "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, small, tt.old)
			p, err := policyfile.Parse([]byte(strings.Replace(small, tt.old, tt.new, 1)))
			require.Nil(t, p)
			var faults policyfile.Faults
			require.ErrorAs(t, err, &faults)
			require.Len(t, faults, 1, "one fault each: %v", err)
			require.Equal(t, tt.path, faults[0].Path)
			require.Contains(t, faults[0].Message, tt.says)
			require.Equal(t, tt.line, faults[0].Line, "%v", err)
			require.NotContains(t, err.Error(), "张三")
		})
	}
}

func TestParseReturnsAllFaultsInOrder(t *testing.T) {
	t.Parallel()
	_, err := policyfile.Parse([]byte(`version: one
zone: Nowhere
colour: red
actions: [login, login]
rules:
  - id: A
    cohort: {kind: person}
    require: verified
    phases:
      - {from: 2020-11-17, stage: soon, effects: {login: nag}}
    mode: enforce
`))
	var faults policyfile.Faults
	require.ErrorAs(t, err, &faults)
	var got []string
	for _, f := range faults {
		got = append(got, fmt.Sprint(f.Line, " ", f.Path))
	}
	require.ElementsMatch(t, []string{
		"1 name", "1 version", "2 zone", "3 colour", "4 actions[1]", "6 rules[0].id", "7 rules[0].cohort.kind[0]",
		"10 rules[0].phases[0].from", "10 rules[0].phases[0].stage", "10 rules[0].phases[0].effects.login",
	}, got)
	for i := 1; i < len(faults); i++ {
		require.LessOrEqual(t, faults[i-1].Line, faults[i].Line)
	}
	require.Contains(t, err.Error(), "line 2: zone: ")
}

func TestParseWholeFile(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c]\n", c, c, c-1)
	}
	tests := map[string]struct{ text, says string }{
		"empty":         {"", "empty"},
		"only comments": {"# nothing\n", "empty"},
		"a scalar":      {"hello", "mapping"},
		"a list":        {"- a\n", "mapping"},
		"null":          {"~", "mapping"},
		"bomb":          {bomb, "anchor"},
		"alias":         {"name: &n small\nversion: *n\n", "line 2: uses an alias"},
		"lone alias":    {"name: *n\n", "not YAML"},
		"deep":          {strings.Repeat("[", 20_000), "not YAML"},
		"too large":     {small + "#" + strings.Repeat("x", policyfile.MaxSize-len(small)), "1048577 bytes, at most 1048576"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := policyfile.Parse([]byte(tt.text))
			var faults policyfile.Faults
			require.ErrorAs(t, err, &faults)
			require.Contains(t, err.Error(), tt.says)
			require.Less(t, len(err.Error()), 5000)
		})
	}
	_, err := policyfile.Parse([]byte(small + "#" + strings.Repeat("x", policyfile.MaxSize-len(small)-1)))
	require.NoError(t, err, "the bound itself is allowed")
}

func TestErrorIsBounded(t *testing.T) {
	t.Parallel()
	faults := make(policyfile.Faults, 25)
	require.Contains(t, faults.Error(), "and 5 more")
	require.Equal(t, 22, strings.Count(faults.Error(), "\n")+1)
}

func TestDigest(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", policyfile.Digest([]byte("abc")))
}

// FuzzParse: any text gives a valid policy or faults with a line, never both, never a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(read(f, "wishpost-2020.yaml")))
	f.Add([]byte(read(f, "registration-2020.yaml")))
	f.Add([]byte(small))
	f.Add([]byte("a: &a [*a]\n<<: *a\n"))
	f.Add([]byte("? [x]\n: !!binary eA==\n---\n- - -"))
	f.Add([]byte("rules: [{phases: [{effects: {x: 1}}, 3]}]\ncorrection: 1\nreview: []\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policyfile.Parse(data)
		if err == nil {
			require.Empty(t, p.Validate())
			_, err := policy.NewSet(p)
			require.NoError(t, err)
			return
		}
		require.Nil(t, p)
		var faults policyfile.Faults
		require.ErrorAs(t, err, &faults)
		require.NotEmpty(t, faults)
		for _, fault := range faults {
			require.Positive(t, fault.Line)
			require.NotEmpty(t, fault.Message)
		}
	})
}
