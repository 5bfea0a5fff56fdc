package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document returns the root of the one YAML document in data, or why there is none to read.
func document(data []byte) (*yaml.Node, Faults) {
	if len(data) > MaxSize {
		return nil, Faults{{Line: 1, Message: fmt.Sprintf("the file has %d bytes, at most %d are read; split the policy", len(data), MaxSize)}}
	}
	if at := invalidUTF8(data); at >= 0 {
		return nil, Faults{{Line: 1 + bytes.Count(data[:at], []byte("\n")), Message: "is not UTF-8; save the file as UTF-8"}}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	if err := decoder.Decode(&first); errors.Is(err, io.EOF) {
		return nil, Faults{{Line: 1, Message: "the file is empty; write a policy"}}
	} else if err != nil {
		return nil, Faults{syntaxFault(err)}
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, Faults{{Line: second.Line, Message: "begins a second document; one file holds one policy"}}
	} else if !errors.Is(err, io.EOF) {
		return nil, Faults{syntaxFault(err)}
	}
	root := first.Content[0]
	return root, refused(root, nil)
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return -1
}

var errorLine = regexp.MustCompile(`line (\d+)`)

// syntaxFault keeps the line of a YAML error and drops its text, which may quote the file.
func syntaxFault(err error) Fault {
	f := Fault{Line: 1, Message: "is not YAML; check indentation, tabs, colons and quotes here and in the lines beside"}
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			f.Line = n
		}
	}
	return f
}

// refused finds what a policy file may not use, wherever it stands.
func refused(n *yaml.Node, faults Faults) Faults {
	add := func(message string) { faults = append(faults, Fault{Line: n.Line, Message: message}) }
	switch {
	case n.Kind == yaml.AliasNode:
		add("uses an alias (*); write the value out")
		return faults
	case n.Anchor != "":
		add("sets an anchor (&); write each value where it is used")
	case n.Style&yaml.TaggedStyle != 0:
		add("has a tag (!); remove it")
	}
	for _, child := range n.Content {
		faults = refused(child, faults)
	}
	return faults
}
