package policytest_test

import (
	"os"
	"testing"
	"testing/fstest"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

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
