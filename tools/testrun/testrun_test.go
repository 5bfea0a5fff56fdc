package main

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	const m = "example.com/m"
	module := &struct{ Path string }{m}
	server := []string{"fmt", "go.temporal.io/server/temporal"}
	groups, err := split([]listed{
		{ImportPath: m, Module: module},
		{ImportPath: m + "/light", Deps: []string{"go.temporal.io/serverless", "go.temporal.io/sdk/client"}},
		{ImportPath: m + "/light.test", Deps: []string{m + "/light [" + m + "/light.test]"}},
		{ImportPath: m + "/heavy", Deps: server},
		{ImportPath: m + "/bytest"},
		{ImportPath: m + "/bytest.test", Deps: server},
		{ImportPath: m + "/byxtest"},
		{ImportPath: m + "/byxtest_test [" + m + "/byxtest.test]", ForTest: m + "/byxtest", Deps: server},
		{ImportPath: m + "/test/e2e", Deps: server},
		{ImportPath: m + "/test/browser"},
		{ImportPath: m + "/tested"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, g := range groups {
		got[g.name] = strings.Join(g.packages, " ")
	}
	for name, want := range map[string]string{
		"race":    ". ./light ./tested",
		"engine":  "./bytest ./byxtest ./heavy",
		"e2e":     "./test/e2e",
		"cluster": "./test/e2e",
		"browser": "./test/browser",
		"tools":   "./testrun",
		"release": "./...",
		"deploy":  "./...",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	race := groups[0].flags
	if !slices.Contains(race, "-race") || !slices.Contains(race, "-gcflags=modernc.org/...=-race=false") {
		t.Errorf("race: %q must watch all but SQLite", race)
	}
	if _, err := split(nil); err == nil {
		t.Error("an empty module must be an error")
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	groups := []group{{name: "race"}, {name: "e2e"}}
	if all, err := choose(groups, nil); err != nil || len(all) != 2 {
		t.Errorf("all: %v, %v", all, err)
	}
	if one, err := choose(groups, []string{"e2e"}); err != nil || len(one) != 1 || one[0].name != "e2e" {
		t.Errorf("e2e: %v, %v", one, err)
	}
	if _, err := choose(groups, []string{"e3e"}); err == nil {
		t.Error("an unknown group must be an error")
	}
}

// Streams as go test -json writes them.
const (
	mixed = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/sub"}
{"Action":"pass","Package":"p","Test":"TestA/sub"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"why it failed\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"run","Package":"p","Test":"TestC"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p","Elapsed":0.1}
`
	leak = `{"Action":"run","Package":"q","Test":"TestA"}
{"Action":"pass","Package":"q","Test":"TestA"}
{"Action":"output","Package":"q","Output":"goleak: found unexpected goroutines\n"}
{"Action":"fail","Package":"q","Elapsed":0.1}
`
	broken = `{"ImportPath":"r","Action":"build-output","Output":"r.go:1: undefined: x\n"}
{"ImportPath":"r","Action":"build-fail"}
{"Action":"start","Package":"r"}
{"Action":"output","Package":"r","Output":"FAIL\tr [build failed]\n"}
{"Action":"fail","Package":"r","Elapsed":0,"FailedBuild":"r"}
`
	died = `{"Action":"run","Package":"s","Test":"TestA"}
{"Action":"output","Package":"s","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"s","Elapsed":0.1}
`
)

func TestCount(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		events string
		want   totals
		shows  string
	}{
		"mixed":            {mixed, totals{2, 1, 1}, "why it failed"},
		"a leak":           {leak, totals{1, 1, 0}, "goleak: found unexpected goroutines"},
		"does not build":   {broken, totals{0, 1, 0}, "undefined: x"},
		"died":             {died, totals{0, 1, 0}, "panic: test timed out"},
		"all together":     {mixed + leak + broken, totals{3, 3, 1}, "FAIL  q"},
		"no test anywhere": {`{"Action":"skip","Package":"t","Elapsed":0}` + "\n", totals{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var shown bytes.Buffer
			got, err := count(strings.NewReader(tc.events), strings.NewReader(""), &shown, &shown)
			if err != nil || got != tc.want {
				t.Errorf("got %v, %v, want %v", got, err, tc.want)
			}
			if !strings.Contains(shown.String(), tc.shows) {
				t.Errorf("shows %q, without %q", shown.String(), tc.shows)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	exit := &exec.ExitError{}
	other := errors.New("pipe")
	for name, tc := range map[string]struct {
		sum         totals
		count, exit error
		bad         bool
	}{
		"all well":                {totals{passed: 1}, nil, nil, false},
		"explained":               {totals{failed: 1}, nil, exit, false},
		"unexplained":             {totals{passed: 1}, nil, exit, true},
		"killed":                  {totals{failed: 1}, nil, other, true},
		"cannot be read":          {totals{failed: 1}, other, nil, true},
		"cannot be read and exit": {totals{failed: 1}, other, exit, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := verdict(tc.sum, tc.count, tc.exit); (got != nil) != tc.bad {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	if got := (totals{1, 2, 3}).plus(totals{10, 20, 30}).String(); got != "11 passed, 22 failed, 33 skipped" {
		t.Error(got)
	}
}

func TestPreparedNamesWhatIsMissing(t *testing.T) {
	err := prepared(t.Context(), group{env: []string{"VERIGATE_TESTRUN_NEVER_SET"}})
	if err == nil || !strings.Contains(err.Error(), "VERIGATE_TESTRUN_NEVER_SET") {
		t.Errorf("got %v", err)
	}
}
