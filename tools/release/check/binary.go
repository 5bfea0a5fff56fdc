package main

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

// static fails if the binary asks for a loader or for libraries.
func static(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			return fmt.Errorf("%s is not static: it has a %v segment (CGO_ENABLED=0 makes it so)", path, p.Type)
		}
	}
	return nil
}

// versioned fails if a version says nothing, or something that nobody can get again.
func versioned(version string) error {
	switch {
	case version == "" || version == "(devel)":
		return errors.New("has no version: build in a clone (a linked worktree is none to the go command) with its history")
	case strings.Contains(version, "dirty"):
		return fmt.Errorf("is of %s: commit first", version)
	}
	return nil
}

// built reads how the binary was made, and fails if it was not made as a release is.
func built(path, arch string) (*debug.BuildInfo, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	var faults []error
	for _, want := range [][2]string{{"GOOS", "linux"}, {"GOARCH", arch}, {"CGO_ENABLED", "0"}, {"-trimpath", "true"}} {
		if got := settings[want[0]]; got != want[1] {
			faults = append(faults, fmt.Errorf("%s was built with %s=%s, not %s", path, want[0], got, want[1]))
		}
	}
	if err := versioned(info.Main.Version); err != nil {
		faults = append(faults, fmt.Errorf("%s %w", path, err))
	}
	if len(info.Deps) == 0 {
		faults = append(faults, fmt.Errorf("%s names no modules", path))
	}
	return info, errors.Join(faults...)
}
