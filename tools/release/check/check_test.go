package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// TestCovers: a module that the bill leaves out, or has at another version, is told; a replaced one counts as what
// replaced it.
func TestCovers(t *testing.T) {
	t.Parallel()
	bill := func(format string, parts ...string) []byte {
		type component struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			PURL    string `json:"purl"`
		}
		var all []component
		for _, p := range parts {
			name, version, _ := strings.Cut(p, "@")
			all = append(all, component{name, version, "pkg:golang/" + p})
		}
		out, err := json.Marshal(map[string]any{"bomFormat": format, "components": all})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	modules := []*debug.Module{
		{Path: "a", Version: "v1.0.0"},
		{Path: "b", Version: "v1.0.0", Replace: &debug.Module{Path: "c", Version: "v2.0.0"}},
	}
	for _, c := range []struct {
		about, fault string
		bill         []byte
	}{
		{"whole", "", bill("CycloneDX", "a@v1.0.0", "c@v2.0.0", "std@go1.26.8")},
		{"missing", "c@v2.0.0 is in the binary", bill("CycloneDX", "a@v1.0.0", "b@v1.0.0")},
		{"other version", "a@v1.0.0 is in the binary", bill("CycloneDX", "a@v1.0.1", "c@v2.0.0")},
		{"other format", "not CycloneDX", bill("SPDX", "a@v1.0.0", "c@v2.0.0")},
		{"no JSON", "unexpected end", []byte("{")},
	} {
		err := covers(c.bill, modules)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: got %v", c.about, err)
		}
	}
}

// TestVersioned: a release says what it was built of.
func TestVersioned(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{
		"v1.2.3": true, "v0.0.0-20261128100248-461c338e3e05": true, "": false, "(devel)": false, "v1.2.3+dirty": false,
	} {
		if err := versioned(version); (err == nil) != good {
			t.Errorf("%q: got %v", version, err)
		}
	}
}

// TestStatic builds a small program both ways.
func TestStatic(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("a release is for linux")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module hello\n\ngo 1.26\n")
	write("main.go", "package main\n\nfunc main() { println(\"verigate of a test\") }\n")
	build := func(out string, env []string, args ...string) string {
		path := filepath.Join(dir, out)
		cmd := exec.Command("go", append(append([]string{"build", "-o", path}, args...), ".")...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return path
	}
	good := build("good", []string{"CGO_ENABLED=0"}, "-trimpath")
	if err := static(good); err != nil {
		t.Error(err)
	}
	if _, err := built(good, runtime.GOARCH); err == nil || !strings.Contains(err.Error(), "names no modules") {
		t.Errorf("a program of no modules: got %v", err)
	}
	if _, err := built(good, "riscv64"); err == nil || !strings.Contains(err.Error(), "not riscv64") {
		t.Errorf("for another machine: got %v", err)
	}
	if os.Geteuid() == 0 {
		if said, err := alone(good); err != nil || said != "verigate of a test" {
			t.Errorf("alone: got %q, %v", said, err)
		}
	}
	loaded := build("pie", []string{"CGO_ENABLED=0"}, "-buildmode=pie")
	if err := static(loaded); err == nil || !strings.Contains(err.Error(), "is not static") {
		t.Errorf("a program with a loader: got %v", err)
	}
	if _, err := built(loaded, runtime.GOARCH); err == nil || !strings.Contains(err.Error(), "-trimpath=") {
		t.Errorf("paths of the machine: got %v", err)
	}
}
