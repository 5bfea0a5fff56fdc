package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// allowed are the licences that a binary under Apache-2.0 can be shipped with: they ask for their text beside it, and
// MPL-2.0 for the source of its own files, which the Go module proxy has.
func allowed() []string {
	return []string{"Apache-2.0", "BSD-2-Clause", "BSD-2-Clause-Views", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unlicense"}
}

// exceptions are modules, each at one version, that bring no licence file, with what is known of them.
func exceptions() map[string]string {
	return map[string]string{
		"github.com/cactus/go-statsd-client/statsd@v0.0.0-20200423205355-cb0885a1018c": "its files say \"MIT-style\" and name a file that lies outside of the module",
		"github.com/nexus-rpc/nexus-proto-annotations@v0.1.0":                          "**none is named**: ask its makers before you pass binaries on; the API of Temporal (MIT) needs it",
	}
}

// judge refuses modules without a licence that is recognised and allowed. It returns all faults.
func judge(modules []module) error {
	var faults []error
	for _, m := range modules {
		if len(m.names) == 0 && m.exception() == "" {
			faults = append(faults, fmt.Errorf("%s %s: no licence was recognised in %s", m.Path, m.Version, m.Dir))
		}
		for _, name := range m.names {
			if !slices.Contains(allowed(), name) {
				faults = append(faults, fmt.Errorf("%s %s: %s is none of %s", m.Path, m.Version, name, strings.Join(allowed(), ", ")))
			}
		}
	}
	return errors.Join(faults...)
}

// exception is what is known of a module without a licence file, empty if nobody looked at it.
func (m module) exception() string { return exceptions()[m.Path+"@"+m.Version] }
