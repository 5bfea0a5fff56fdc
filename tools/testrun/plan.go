package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// engineModule is what makes a package too heavy for the race detector.
const engineModule = "go.temporal.io/server"

// uninstrumented keeps the race detector out of SQLite, which is C made into Go and no code of ours: the tests of the
// store took four times as long with it. Its callers, database/sql among them, are watched as before, and so are
// channels and mutexes everywhere.
const uninstrumented = "-gcflags=modernc.org/...=-race=false"

// group is a set of packages that are tested by one go test.
type group struct {
	name, about string
	dir         string   // relative to the root of the module
	packages    []string // patterns for the go command, relative to dir
	flags       []string
	env         []string // variables that must be set, as the tests read them
	set         []string // variables that are set for it, as NAME=VALUE
}

// listed is what go list tells about a package, or about the variant of it that a test binary is built of.
type listed struct {
	ImportPath string
	ForTest    string
	Deps       []string
	Module     *struct{ Path string }
}

// plan asks the go command for all packages and puts each into its group.
func plan(ctx context.Context, dir string) ([]group, error) {
	// -test adds what only the tests import. -e: a package that does not load is for go test to report, by name.
	cmd := exec.CommandContext(ctx, "go", "list", "-e", "-test", "-json=ImportPath,ForTest,Deps,Module", "./...")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
	return split(all)
}

// split is plan without the go command.
func split(all []listed) ([]group, error) {
	heavy := map[string]bool{}
	var module string
	for _, p := range all {
		if p.Module != nil {
			module = p.Module.Path
		}
		heavy[p.tested()] = heavy[p.tested()] || slices.ContainsFunc(p.Deps, isEngine)
	}
	if module == "" {
		return nil, errors.New("no package found")
	}
	race := group{name: "race", about: "unit tests under the race detector", dir: ".", flags: []string{"-race", "-timeout=20m"}}
	engine := group{name: "engine", about: "packages with the embedded engine, without the race detector", dir: "."}
	// -count=1: the test cache does not notice that a binary changed which a test only starts.
	e2e := group{name: "e2e", about: "end to end, on the finished binaries", dir: ".",
		flags: []string{"-count=1", "-timeout=15m"}, env: []string{"VERIGATE_BIN", "VERIGATE_FAILPOINT_BIN", "VERIGATE_TEMPORAL_SERVER", "VERIGATE_TEMPORAL_SQL_TOOL"}}
	// Those that can run on either once more, on what a fleet uses.
	cluster := group{name: "cluster", about: "end to end, on PostgreSQL and a Temporal cluster", dir: ".",
		flags: append(slices.Clone(e2e.flags), "-skip=^(TestFleet|TestServeOnPostgreSQL$|TestRoles)"), // these bring what they run on
		env:   e2e.env, set: []string{"VERIGATE_E2E_ON=cluster"}}
	browser := group{name: "browser", about: "the pages in a real browser, on the finished binary", dir: ".",
		flags: []string{"-count=1", "-timeout=20m"}, env: []string{"VERIGATE_BIN", "VERIGATE_AXE"}}
	for path, isHeavy := range heavy {
		relative := "." + strings.TrimPrefix(path, module)
		switch {
		case relative == "./test/browser":
			browser.packages = append(browser.packages, relative)
		case strings.HasPrefix(relative+"/", "./test/"):
			e2e.packages = append(e2e.packages, relative)
			if relative == "./test/e2e" || relative == "./test/engine" {
				cluster.packages = append(cluster.packages, relative)
			}
		case isHeavy:
			engine.packages = append(engine.packages, relative)
		default:
			race.packages = append(race.packages, relative)
		}
	}
	race.flags = append(race.flags, uninstrumented)
	slices.Sort(race.packages)
	slices.Sort(engine.packages)
	slices.Sort(e2e.packages)
	tools := group{name: "tools", about: "this program", dir: "tools", packages: []string{"./testrun"}}
	release := group{name: "release", about: "what looks at a release", dir: "tools/release", packages: []string{"./..."}}
	deploy := group{name: "deploy", about: "the Helm chart and the compose file", dir: "tools/deploy", packages: []string{"./..."},
		flags: []string{"-count=1"}, env: []string{"VERIGATE_BIN"}}
	return []group{race, engine, e2e, cluster, browser, tools, release, deploy}, nil
}

// tested is the import path of the package that p belongs to: p itself, "p [p.test]", "p_test [p.test]" and "p.test".
func (p listed) tested() string {
	if p.ForTest != "" {
		return p.ForTest
	}
	return strings.TrimSuffix(p.ImportPath, ".test")
}

func isEngine(dep string) bool {
	return dep == engineModule || strings.HasPrefix(dep, engineModule+"/")
}
