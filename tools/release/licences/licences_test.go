package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mit = `MIT License

Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

// TestRead: a licence is recognised by its text and not by its name; a notice names none and is kept.
func TestRead(t *testing.T) {
	t.Parallel()
	m := module{Path: "a", Version: "v1.0.0", Dir: t.TempDir()}
	for name, text := range map[string]string{"COPYING": mit, "NOTICE.txt": mit, "LICENSE-other": "All rights reserved.", "main.go": mit} {
		if err := os.WriteFile(filepath.Join(m.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.read(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.names, " "); got != "MIT" {
		t.Errorf("recognised %q, want MIT", got)
	}
	if len(m.files) != 3 {
		t.Errorf("%d files are kept, want 3", len(m.files))
	}
	if text := string(notices([]module{m})); !strings.Contains(text, "--- NOTICE.txt") || !strings.Contains(text, "All rights reserved.") {
		t.Errorf("texts are missing in:\n%s", text)
	}
}

// TestJudge: whatever is not allowed is refused, and so is a module of which nobody knows the licence.
func TestJudge(t *testing.T) {
	t.Parallel()
	none := module{Path: "github.com/nexus-rpc/nexus-proto-annotations", Version: "v0.1.0"}
	newer := module{Path: none.Path, Version: "v0.2.0"}
	for _, c := range []struct {
		about, fault string
		m            module
	}{
		{"allowed", "", module{Path: "a", names: []string{"MIT", "Apache-2.0"}}},
		{"one of two is not", "AGPL-3.0", module{Path: "a", names: []string{"AGPL-3.0", "MIT"}}},
		{"none", "no licence was recognised", module{Path: "a"}},
		{"none, and looked at", "", none},
		{"none, and looked at for another version", "no licence was recognised", newer},
	} {
		err := judge([]module{c.m})
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: got %v", c.about, err)
		}
	}
}

// TestCollect: the module itself and the standard library are not shipped modules; a replacement is.
func TestCollect(t *testing.T) {
	t.Parallel()
	found := map[string]module{}
	text := `{}{"Module":{"Path":"own","Main":true}}{"Module":{"Path":"a","Version":"v1"}}{"Module":{"Path":"b","Version":"v1","Replace":{"Path":"c","Version":"v2"}}}`
	if err := collect(strings.NewReader(text), found); err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found["a"].Version != "v1" || found["c"].Version != "v2" {
		t.Errorf("found %v", found)
	}
}
