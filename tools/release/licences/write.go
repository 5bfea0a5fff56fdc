package main

import (
	"bytes"
	"fmt"
	"strings"
)

// table is the page of documentation.
func table(modules []module) []byte {
	var b bytes.Buffer
	b.WriteString("# Licences of what is shipped\n\n")
	fmt.Fprintf(&b, "Written by `make licences`; `make verify` fails if it is not so. The binary is built of %d modules of others.\n", len(modules))
	fmt.Fprintf(&b, "Allowed are %s. The texts go with every release (`make release`).\n\n", strings.Join(allowed(), ", "))
	b.WriteString("| module | version | licences |\n|---|---|---|\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, m.Version, m.words())
	}
	return b.Bytes()
}

// words are the names of the licences, or what stands for them.
func (m module) words() string {
	if len(m.names) == 0 {
		return m.exception()
	}
	return strings.Join(m.names, ", ")
}

// notices are the texts, as the licences ask for.
func notices(modules []module) []byte {
	var b bytes.Buffer
	b.WriteString("Verigate is built of the modules below. Each stands here with its licence and its notices.\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "\n%s\n%s %s (%s)\n", strings.Repeat("=", 80), m.Path, m.Version, m.words())
		for _, f := range m.files {
			fmt.Fprintf(&b, "\n--- %s\n\n%s\n", f.name, bytes.TrimSpace(f.text))
		}
	}
	return b.Bytes()
}
