package archtest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/archtest"
)

// invented builds a module example.com/m of the given files.
func invented(t *testing.T, files map[string]string) *archtest.Module {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.com/m\n\ngo 1.26\n")}}
	for name, src := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(src)}
	}
	m, err := archtest.Load(fsys)
	require.NoError(t, err)
	return m
}

// importing is the source of a file with these imports.
func importing(imports ...string) string {
	return "package p\n\nimport (\n\t_ \"" + strings.Join(imports, "\"\n\t_ \"") + "\"\n)\n"
}

func texts(found []archtest.Finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, f.String())
	}
	return all
}

func TestLoadLeavesOutWhatGoDoesNotBuild(t *testing.T) {
	t.Parallel()
	m := invented(t, map[string]string{
		"a.go":              "package m",
		"a/a.go":            "//go:build never\n\npackage a",
		"a/_draft.go":       "not Go",
		"a/testdata/x.go":   "not Go",
		".hidden/x.go":      "not Go",
		"_old/x.go":         "not Go",
		"vendor/x.go":       "not Go",
		"nested/go.mod":     "module other",
		"nested/sub/x.go":   "not Go",
		"b/only_test.go":    "package b",
		"docs/not-go.go.md": "not Go",
	})
	var paths []string
	for _, p := range m.Packages {
		paths = append(paths, p.Path)
	}
	require.Equal(t, []string{".", "a", "b"}, paths)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, fsys := range map[string]fstest.MapFS{
		"no go.mod":      {"a.go": {Data: []byte("package a")}},
		"nameless":       {"go.mod": {Data: []byte("go 1.26\n")}},
		"a broken file":  {"go.mod": {Data: []byte("module m\n")}, "a.go": {Data: []byte("package")}},
		"a broken quote": {"go.mod": {Data: []byte("module m\n")}, "a.go": {Data: []byte("package a; import x")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := archtest.Load(fsys)
			require.Error(t, err)
		})
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	rule := archtest.Closed{Packages: []string{"pure"}, May: []string{"std", "vocabulary", "lib.com/ok"}, Why: "because"}
	for name, tc := range map[string]struct {
		file string
		src  string
		want []string
	}{
		"all allowed":         {"pure/p.go", importing("fmt", "net/http", "example.com/m/vocabulary", "lib.com/ok"), nil},
		"foreign module":      {"pure/p.go", importing("lib.com/other"), []string{"pure/p.go: imports lib.com/other; because"}},
		"below an allowed":    {"pure/p.go", importing("lib.com/ok/sub"), []string{"pure/p.go: imports lib.com/ok/sub; because"}},
		"package of ours":     {"pure/p.go", importing("example.com/m/x"), []string{"pure/p.go: imports ./x; because"}},
		"the root package":    {"pure/p.go", importing("example.com/m"), []string{"pure/p.go: imports ./.; because"}},
		"behind a build tag":  {"pure/p.go", "//go:build x\n\n" + importing("lib.com/other"), []string{"pure/p.go: imports lib.com/other; because"}},
		"a test is free":      {"pure/p_test.go", importing("lib.com/other"), nil},
		"another package":     {"pure/sub/p.go", importing("lib.com/other"), nil},
		"same name, not ours": {"other/p.go", importing("lib.com/other"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, texts(rule.Check(invented(t, map[string]string{tc.file: tc.src}))))
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	rule := archtest.Unreachable{Packages: []string{"api/..."}, Never: []string{"engine.io/...", "std:database/sql"}, Why: "because"}
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"free": {map[string]string{"api/a.go": importing("fmt", "example.com/m/b"), "b/b.go": importing("os")}, nil},
		"direct": {map[string]string{"api/v1/a.go": importing("engine.io/sdk")},
			[]string{"api/v1: reaches engine.io/sdk; because"}},
		"through two": {map[string]string{"api/a.go": importing("example.com/m/b"), "b/b.go": importing("example.com/m/c"), "c/c.go": importing("database/sql", "engine.io")},
			[]string{"api: reaches ./b -> ./c -> database/sql; because", "api: reaches ./b -> ./c -> engine.io; because"}},
		"through a test of another": {map[string]string{"api/a.go": importing("example.com/m/b"), "b/b_test.go": importing("engine.io")}, nil},
		"in a circle":               {map[string]string{"api/a.go": importing("example.com/m/b"), "b/b.go": importing("example.com/m/api")}, nil},
		"similar name":              {map[string]string{"api/a.go": importing("engine.ion/sdk")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, texts(rule.Check(invented(t, tc.files))))
		})
	}
}

func TestHeld(t *testing.T) {
	t.Parallel()
	held := archtest.Held{Imports: []string{"engine.io/server/..."}, By: []string{"dev", "lib/client.go", "test-support"}, Why: "because"}
	strict := held
	strict.TestsToo = true
	for name, tc := range map[string]struct {
		rule archtest.Held
		file string
		want []string
	}{
		"the holder":           {held, "dev/d.go", nil},
		"below the holder":     {held, "dev/sub/d.go", []string{"dev/sub/d.go: imports engine.io/server/x; because"}},
		"the named file":       {held, "lib/client.go", nil},
		"another file of it":   {held, "lib/other.go", []string{"lib/other.go: imports engine.io/server/x; because"}},
		"a test":               {held, "lib/other_test.go", nil},
		"a test, tests too":    {strict, "lib/other_test.go", []string{"lib/other_test.go: imports engine.io/server/x; because"}},
		"the holder's test":    {strict, "dev/d_test.go", nil},
		"a conformance suite":  {held, "store/storetest/s.go", nil},
		"below test":           {held, "test/e2e/helper.go", nil},
		"latest is not a test": {held, "lib/tested/t.go", []string{"lib/tested/t.go: imports engine.io/server/x; because"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := invented(t, map[string]string{tc.file: importing("engine.io/server/x", "fmt")})
			require.Equal(t, tc.want, texts(tc.rule.Check(m)))
		})
	}
}
