package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryControlIsStillThere: the list does not rot. That each is guarded is what the command itself tries.
func TestEveryControlIsStillThere(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-C", "../..", "-check"}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), " good, 0 bad") {
		t.Fatal(out.String())
	}
}

// TestVerdicts: caught, survived, and not tried, on an invented module.
func TestVerdicts(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module invented\n\ngo 1.26\n",
		"p/p.go": "package p\n\nfunc Allowed(key string) bool { return key == \"right\" }\n",
		"p/p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestWrong(t *testing.T) {\n\tif Allowed(\"wrong\") {\n\t\tt.Fatal(\"let in\")\n\t}\n}\n\n" +
			"func TestRight(t *testing.T) {\n\tif !Allowed(\"right\") {\n\t\tt.Fatal(\"kept out\")\n\t}\n}\n\nfunc TestBroken(t *testing.T) { t.Fatal(\"always\") }\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const old = `return key == "right"`
	for name, c := range map[string]struct {
		text, test, want string
	}{
		"caught":          {"return true", "TestWrong", ""},
		"survived":        {"return true", "TestRight", "SURVIVED"},
		"does not build":  {"return 1", "TestWrong", "NOT TRIED"},
		"no such test":    {"return true", "TestNothing", "SURVIVED"},
		"fails by itself": {"return true", "TestBroken", "NOT TRIED"},
	} {
		m := mutant{Control: name, File: "p/p.go", Old: old, New: c.text, Package: "p", Test: c.test}
		if err := m.stands(dir); err != nil {
			t.Fatal(err)
		}
		verdict := ""
		if err := m.try(t.Context(), dir); err != nil {
			verdict = err.Error()
		}
		if !strings.HasPrefix(verdict, c.want) || c.want == "" && verdict != "" {
			t.Errorf("%s: %q", name, verdict)
		}
	}
	stale := mutant{File: "p/p.go", Old: "nothing of this", Package: "p", Test: "TestWrong"}
	if err := stale.stands(dir); err == nil {
		t.Error("a text that is not there stands")
	}
}
