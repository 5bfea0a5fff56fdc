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

// module is one module that is shipped.
type module struct {
	Path, Version string
	Dir           string // in the module cache
	files         []file
	names         []string // SPDX identifiers, sorted; empty if none was recognised
}

// shipped lists the modules of the packages that the binary is built of, sorted, without our own.
func shipped(ctx context.Context, root string) ([]module, error) {
	found := map[string]module{}
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Module", "./cmd/verigate")
		cmd.Dir, cmd.Stderr = root, os.Stderr
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0", "GOWORK=off")
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if err := collect(strings.NewReader(string(out)), found); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, errors.New("go list names no module")
	}
	var all []module
	for _, m := range found {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// collect reads the output of go list.
func collect(from io.Reader, found map[string]module) error {
	for dec := json.NewDecoder(from); ; {
		var p struct {
			Module *struct {
				Path, Version, Dir string
				Main               bool
				Replace            *struct{ Path, Version, Dir string }
			}
		}
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("go list: %w", err)
		case p.Module == nil || p.Module.Main:
			continue
		}
		m := module{Path: p.Module.Path, Version: p.Module.Version, Dir: p.Module.Dir}
		if r := p.Module.Replace; r != nil { // what is shipped is the replacement
			m.Path, m.Version, m.Dir = r.Path, r.Version, r.Dir
		}
		found[m.Path] = m
	}
}
