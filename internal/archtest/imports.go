package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// localPrefix marks an import of this module in File.Imports.
const localPrefix = "./"

// Words that stand for a whole class of imports in a rule.
const (
	std        = "std"         // the standard library
	thirdParty = "third-party" // any module but this one and the standard library
	// testSupport is any package that exists for tests: its last element ends in "test" (as httptest does), or it lies
	// below the folder test.
	testSupport = "test-support"
)

// Closed says that production code of Packages imports directly nothing but May.
type Closed struct {
	Packages []string
	May      []string
	Why      string
}

// Unreachable says that production code of Packages does not import Never, neither directly nor through other packages
// of this module.
type Unreachable struct {
	Packages []string
	Never    []string
	Why      string
}

// Held says that Imports are imported directly by the packages or files of By alone. Tests are free unless TestsToo.
type Held struct {
	Imports  []string
	By       []string
	TestsToo bool
	Why      string
}

// Check returns the imports that break the rule.
func (r Closed) Check(m *Module) []Finding {
	var found []Finding
	m.eachImport(func(p *Package, f *File, imported string) {
		if f.Test || !anyMatches(r.Packages, localPrefix+p.Path) || anyMatches(r.May, imported) {
			return
		}
		found = append(found, Finding{f.Path, fmt.Sprintf("imports %s; %s", imported, r.Why)})
	})
	return found
}

// Check returns each forbidden import that is reached, with the way to it.
func (r Unreachable) Check(m *Module) []Finding {
	graph := m.graph()
	var found []Finding
	for _, p := range m.Packages {
		start := localPrefix + p.Path
		if !anyMatches(r.Packages, start) {
			continue
		}
		for _, way := range ways(graph, start, func(imported string) bool { return anyMatches(r.Never, imported) }) {
			found = append(found, Finding{p.Path, fmt.Sprintf("reaches %s; %s", strings.Join(way[1:], " -> "), r.Why)})
		}
	}
	return found
}

// Check returns the imports by others than the holders.
func (r Held) Check(m *Module) []Finding {
	var found []Finding
	m.eachImport(func(p *Package, f *File, imported string) {
		switch {
		case f.Test && !r.TestsToo, !anyMatches(r.Imports, imported):
			return
		case anyMatches(r.By, localPrefix+p.Path), slices.Contains(r.By, f.Path):
			return
		}
		found = append(found, Finding{f.Path, fmt.Sprintf("imports %s; %s", imported, r.Why)})
	})
	return found
}

func (m *Module) eachImport(visit func(*Package, *File, string)) {
	for _, p := range m.Packages {
		for _, f := range p.Files {
			for _, imported := range f.Imports {
				visit(p, f, imported)
			}
		}
	}
}

// graph maps each package of the module to what its production code imports directly, sorted.
func (m *Module) graph() map[string][]string {
	graph := map[string][]string{}
	m.eachImport(func(p *Package, f *File, imported string) {
		if !f.Test {
			graph[localPrefix+p.Path] = append(graph[localPrefix+p.Path], imported)
		}
	})
	for p, imports := range graph {
		slices.Sort(imports)
		graph[p] = slices.Compact(imports)
	}
	return graph
}

// ways returns, breadth first, one shortest way from start to each import that is the goal of the search.
func ways(graph map[string][]string, start string, goal func(string) bool) [][]string {
	var found [][]string
	seen := map[string]bool{start: true}
	for queue := [][]string{{start}}; len(queue) > 0; queue = queue[1:] {
		way := queue[0]
		for _, next := range graph[way[len(way)-1]] {
			if seen[next] {
				continue
			}
			seen[next] = true
			longer := append(slices.Clone(way), next)
			if goal(next) {
				found = append(found, longer)
			} else {
				queue = append(queue, longer)
			}
		}
	}
	return found
}

func anyMatches(patterns []string, imported string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, imported) })
}

// matches tells whether an import falls under a pattern: a class word, a path, or a path and all below it ("a/...").
// In a pattern a package of this module is written by its folder, and one of the standard library with std: before it,
// since the two may share a name.
func matches(pattern, imported string) bool {
	local, isLocal := strings.CutPrefix(imported, localPrefix)
	switch {
	case pattern == std:
		return !isLocal && isStd(imported)
	case pattern == thirdParty:
		return !isLocal && !isStd(imported)
	case pattern == testSupport:
		return isLocal && (strings.HasSuffix(local, "test") || strings.HasPrefix(local, "test/"))
	case isLocal:
		imported = local
	case isStd(imported):
		imported = std + ":" + imported
	}
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return imported == root || strings.HasPrefix(imported, root+"/")
	}
	return imported == pattern
}

// isStd follows the go command: only the standard library has a first element without a dot.
func isStd(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}
