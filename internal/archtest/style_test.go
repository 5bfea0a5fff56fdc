package archtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/archtest"
)

func TestPackageComments(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		bad   bool
	}{
		"in one of two files":      {map[string]string{"p/a.go": "package p", "p/doc.go": "// Package p is.\npackage p"}, false},
		"none":                     {map[string]string{"p/a.go": "package p"}, true},
		"apart from the clause":    {map[string]string{"p/a.go": "// Package p is.\n\npackage p"}, true},
		"of another name":          {map[string]string{"p/a.go": "// Package q is.\npackage p"}, true},
		"of a longer name":         {map[string]string{"p/a.go": "// Package pq is.\npackage p"}, true},
		"in a test only":           {map[string]string{"p/a.go": "package p", "p/a_test.go": "// Package p is.\npackage p"}, true},
		"a package of tests":       {map[string]string{"p/a_test.go": "// Package p_test is.\npackage p_test"}, false},
		"a command":                {map[string]string{"p/a.go": "// Verigate does.\npackage main"}, false},
		"a command that is silent": {map[string]string{"p/a.go": "package main"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.bad, len(archtest.PackageComments(invented(t, tc.files))) > 0)
		})
	}
}

func TestInitFunctions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file, src string
		want      []string
	}{
		"init":           {"p/a.go", "package p\n\nfunc init() {}", []string{"p/a.go:3: func init: build it in internal/app, or where it is used"}},
		"init in a test": {"p/a_test.go", "package p\nfunc init() {}", []string{"p/a_test.go:2: func init: build it in internal/app, or where it is used"}},
		"a method":       {"p/a.go", "package p\ntype t int\nfunc (t) init() {}", nil},
		"another name":   {"p/a.go", "package p\nfunc initialise() {}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, texts(archtest.InitFunctions(invented(t, map[string]string{tc.file: tc.src}))))
		})
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	allowed := map[string]string{"root": "it is the root"}
	for name, tc := range map[string]struct {
		file, src string
		bad       int
	}{
		"called":                       {"p/a.go", `package p; import "time"; var _ = time.Now()`, 1},
		"passed on":                    {"p/a.go", `package p; import "time"; var _ = time.Now`, 1},
		"since and until":              {"p/a.go", `package p; import "time"; func f(t time.Time) { _ = time.Since(t); _ = time.Until(t) }`, 2},
		"under another name":           {"p/a.go", `package p; import clock "time"; var _ = clock.Now()`, 1},
		"allowed":                      {"root/a.go", `package p; import "time"; var _ = time.Now()`, 0},
		"below an allowed":             {"root/sub/a.go", `package p; import "time"; var _ = time.Now()`, 1},
		"in a test":                    {"p/a_test.go", `package p; import "time"; var _ = time.Now()`, 0},
		"in a conformance suite":       {"p/ptest/a.go", `package p; import "time"; var _ = time.Now()`, 0},
		"sleep in a conformance suite": {"p/ptest/a.go", `package p; import "time"; func f() { time.Sleep(1) }`, 1},
		"a variable named time":        {"p/a.go", `package p; import _ "time"; func f(time interface{ Now() int }) { time.Now() }`, 0},
		"a timer":                      {"p/a.go", `package p; import "time"; var _ = time.NewTimer(time.Second)`, 0},
		"sleep":                        {"p/a.go", `package p; import "time"; func f() { time.Sleep(1) }`, 1},
		"sleep in an allowed":          {"root/a.go", `package p; import "time"; func f() { time.Sleep(1) }`, 1},
		"sleep in a test":              {"p/a_test.go", `package p; import "time"; func f() { time.Sleep(1) }`, 1},
		"sleep in a bubble":            {"p/a_test.go", `package p; import ("testing/synctest"; "time"); func f() { synctest.Test(nil, func() { time.Sleep(1) }) }`, 0},
		"sleep beside a bubble":        {"p/a_test.go", `package p; import ("testing/synctest"; "time"); func f() { synctest.Test(nil, func() {}); time.Sleep(1) }`, 1},
		"bubble of another package":    {"p/a_test.go", `package p; import ("example.com/synctest"; "time"); func f() { synctest.Test(nil, func() { time.Sleep(1) }) }`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, archtest.Clock(invented(t, map[string]string{tc.file: tc.src}), allowed), tc.bad)
		})
	}
}

func TestPackageVariables(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		src  string
		more string // another file of the package
		bad  bool
	}{
		"a sentinel":                      {`var ErrX = errors.New("x")`, ``, false},
		"a typed sentinel":                {`var errX error = &fault{}`, ``, false},
		"a sentinel that is replaced":     {`var ErrX = errors.New("x")`, `func f() { ErrX = nil }`, true},
		"a pattern":                       {`var pattern = regexp.MustCompile("x")`, ``, false},
		"an exported pattern":             {`var Pattern = regexp.MustCompile("x")`, ``, true},
		"an assertion":                    {`var _ fmt.Stringer = (*T)(nil)`, ``, false},
		"an embedded file":                {"//go:embed x.css\nvar css []byte", ``, false},
		"embedded files in a block":       {"var (\n\t//go:embed x.css\n\tcss []byte\n)", ``, false},
		"beside an embedded file":         {"var (\n\t//go:embed x.css\n\tcss []byte\n\tn int\n)", ``, true},
		"an embedded file, changed":       {"//go:embed x.css\nvar css []byte", `func f() { css[0] = 1 }`, true},
		"a table":                         {`var table = map[string]int{"a": 1}`, ``, false},
		"a table, read":                   {`var table = map[string]int{"a": 1}`, `func f() int { return table["a"] }`, false},
		"a table, written":                {`var table = map[string]int{}`, `func f() { table["a"] = 1 }`, true},
		"a table, field written":          {`var table = struct{ a int }{}`, `func f() { table.a++ }`, true},
		"a table, deleted from":           {`var table = map[string]int{}`, `func f() { delete(table, "a") }`, true},
		"a table, cleared":                {`var table = []int{1}`, `func f() { clear(table) }`, true},
		"a table, ranged into":            {`var table = []int{1}`, `func f() { for table[0] = range 3 {} }`, true},
		"a table, address taken":          {`var table = [2]int{}`, `func f() { g(&table) }`, true},
		"a table, replaced here":          {"var table = []int{1}\nfunc f() { table = nil }", ``, true},
		"a local of the same name":        {`var table = []int{1}`, `func f() { table := []int{}; table[0] = 1 }`, false},
		"a local of that name, same file": {"var table = []int{1}\nfunc f() { table := []int{}; table[0] = 1 }", ``, false},
		"an exported table":               {`var Table = []int{1}`, ``, true},
		"bytes":                           {`var magic = []byte("x")`, ``, false},
		"a mutex":                         {`var mu sync.Mutex`, ``, true},
		"a pool":                          {`var pool = sync.Pool{}`, ``, true},
		"a counter":                       {`var n int`, ``, true},
		"a pointer":                       {`var cache = &lru{}`, ``, true},
		"a constructor":                   {`var client = http.NewClient()`, ``, true},
		"a seam":                          {`var now = time.Now`, ``, true},
		"a constant":                      {`var name = "x"`, ``, true},
		"a function":                      {`var f = func() {}`, ``, true},
		"a value worked out once":         {`var load = sync.OnceValue(f)`, ``, false},
		"a generic instance":              {`var typ = reflect.TypeFor[int]()`, ``, false},
		"two names, one state":            {`var a, b = []int{1}, 2`, ``, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"p/a.go": "package p\n" + tc.src, "p/b_test.go": "package p\n" + tc.more}
			require.Equal(t, tc.bad, len(archtest.PackageVariables(invented(t, files))) > 0)
		})
	}
}
