package policytest_test

import (
	"os"
	"runtime"
	"testing"
	"testing/fstest"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/workflows/policy"
	"github.com/verigate/verigate/workflows/policy/policytest"
)

const policies = "../../../testdata/policies"

func TestBoundaries(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"boundary.yaml", "registration-boundary.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policytest.Run(t, os.DirFS(policies), name)
		})
	}
}

func TestCases(t *testing.T) {
	t.Parallel()
	cases, err := policytest.Cases(os.DirFS(policies), "boundary.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), 14, "the table of the product has 14 rows")
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	founding, err := os.ReadFile(policies + "/wishpost-2020.yaml")
	require.NoError(t, err)
	tests := map[string]string{
		"an unknown key":            "policies: [p.yaml]\ncases: [{name: a, at: 2020-12-04T00:00:00Z, action: login, effect: allow, reason: verified, reson: x}]",
		"an instant without offset": "policies: [p.yaml]\ncases: [{name: a, at: 2020-12-04T00:00:00, action: login, effect: allow, reason: verified}]",
		"no expectation":            "policies: [p.yaml]\ncases: [{name: a, at: 2020-12-04T00:00:00Z, action: login, effect: allow}]",
		"no case":                   "policies: [p.yaml]",
		"no such policy":            "policies: [q.yaml]\ncases: []",
		"a broken policy":           "policies: [broken.yaml]\ncases: []",
		"one policy twice":          "policies: [p.yaml, p.yaml]\ncases: []",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := policytest.Cases(fstest.MapFS{
				"cases.yaml": {Data: []byte(text)}, "p.yaml": {Data: founding}, "broken.yaml": {Data: []byte("name: a")},
			}, "cases.yaml")
			require.Error(t, err)
		})
	}
	_, err = policytest.Cases(fstest.MapFS{}, "cases.yaml")
	require.Error(t, err)
}

// recorder stands in for the test that runs a case, to see whether the case fails it.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) FailNow()              { runtime.Goexit() }

func TestCheckNoticesEachDifference(t *testing.T) {
	t.Parallel()
	s, err := policytest.Load(os.DirFS(policies), "boundary.yaml")
	require.NoError(t, err)
	c := s.Cases[0]
	require.NotNil(t, c.Since)
	require.NotNil(t, c.Deadline)
	require.NotNil(t, c.NextChangeAt)
	right := policy.Decide(s.Set, c.Account, c.Standing, c.Extensions, c.Action, c.At)
	fails := func(change func(*policy.Decision)) bool {
		d, r, done := right, &recorder{TB: t}, make(chan struct{})
		change(&d)
		go func() { // FailNow ends the goroutine that it is called on
			defer close(done)
			c.Check(r, d)
		}()
		<-done
		return r.failed
	}
	require.False(t, fails(func(*policy.Decision) {}))
	require.True(t, fails(func(d *policy.Decision) { d.Effect = policy.Block }))
	require.True(t, fails(func(d *policy.Decision) { d.Reason = policy.ReasonVerified }))
	require.True(t, fails(func(d *policy.Decision) { d.Since = d.Since.Add(1) }))
	require.True(t, fails(func(d *policy.Decision) { d.Deadline = d.Deadline.Add(1) }))
	require.True(t, fails(func(d *policy.Decision) { d.NextChangeAt = d.NextChangeAt.Add(1) }))
}
