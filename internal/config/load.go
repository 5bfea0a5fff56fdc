package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Sources are what Load reads, from weakest to strongest.
type Sources struct {
	Base  *Config // what to begin with; nil: Default
	File  []byte  // YAML; empty: none
	Env   func(name string) (value string, ok bool)
	Flags map[string]string // by path, as http.listen; a secret's may be file:PATH or env:NAME
	// ReadFile reads the files that secrets lie in.
	ReadFile func(path string) ([]byte, error)
	// Profile reads Temporal's own configuration, which is weaker than File and stronger than Base. nil: it does not count.
	Profile ProfileReader
}

// Load returns the configuration, or Faults: everything that is wrong, including what Validate finds.
//
// Variables of the environment that no field has are ignored: some platforms set their own with our prefix.
func Load(s Sources) (Config, error) {
	c := Default()
	if s.Base != nil {
		c = *s.Base
	}
	l := loader{Sources: s, fields: map[string]Field{}, from: map[string]string{}}
	for f := range c.Fields() {
		l.fields[f.Path] = f
	}
	l.file()
	if s.Env != nil {
		for f := range c.Fields() {
			if text, ok := s.Env(f.Env()); ok {
				l.set(f, text, f.Env(), true)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.Flags)) {
		f, ok := l.fields[path]
		if !ok {
			l.add(Fault{Field: path, Source: "flag", Message: "is no setting; docs/configuration.md lists them"})
			continue
		}
		l.set(f, s.Flags[path], "flag", false)
	}
	l.byProfile(&c.Temporal)
	failed := map[string]bool{}
	for _, f := range l.faults {
		failed[f.Field] = true
	}
	for _, f := range c.Validate() {
		if !failed[f.Field] { // one fault a field is enough
			f.Source = l.from[f.Field]
			l.add(f)
		}
	}
	if len(l.faults) > 0 {
		return Config{}, l.faults
	}
	return c, nil
}

type loader struct {
	Sources
	fields map[string]Field
	from   map[string]string // where a field's value comes from
	faults Faults
}

func (l *loader) add(f Fault) { l.faults = append(l.faults, f) }

// set writes one value. literal says that a secret may be given itself instead of where it lies.
func (l *loader) set(f Field, text, source string, literal bool) {
	l.from[f.Path] = source
	var err error
	if p, ok := f.value.Addr().Interface().(*Secret); ok {
		*p, err = l.secret(text, literal)
	} else {
		err = f.set(text)
	}
	if err != nil {
		l.add(Fault{Field: f.Path, Source: source, Message: err.Error()})
	}
}

var errSecretForm = errors.New("must say where the secret is: file:PATH or env:NAME; the secret itself does not belong here")

// secret finds a secret. Its errors name the place and nothing of the value.
func (l *loader) secret(text string, literal bool) (Secret, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "":
		return Secret{}, nil
	case kind == "file":
		if l.ReadFile == nil {
			return Secret{}, errors.New("cannot be read from a file here")
		}
		value, err := l.ReadFile(rest)
		if err != nil {
			return Secret{}, fmt.Errorf("the file that it names cannot be read: %w", err)
		}
		return nonEmpty(string(value), "the file that it names is empty")
	case kind == "env":
		if l.Env != nil {
			if value, ok := l.Env(rest); ok {
				return nonEmpty(value, "the environment variable that it names is empty")
			}
		}
		return Secret{}, errors.New("the environment variable that it names is not set")
	case literal:
		return Secret{text}, nil
	default:
		return Secret{}, errSecretForm
	}
}

func nonEmpty(value, fault string) (Secret, error) {
	if value = strings.TrimSpace(value); value == "" {
		return Secret{}, errors.New(fault)
	}
	return Secret{value}, nil
}

// file reads the YAML by its nodes, so that each fault has its line.
func (l *loader) file() {
	if len(bytes.TrimSpace(l.File)) == 0 {
		return
	}
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(l.File))
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF): // only comments
		return
	case err != nil:
		l.add(Fault{Source: "file", Message: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")})
		return
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		l.add(Fault{Source: "file", Message: "must hold one document"})
	}
	if len(doc.Content) == 1 {
		l.mapping(doc.Content[0], "")
	}
}

func (l *loader) mapping(n *yaml.Node, prefix string) {
	if n.Tag == "!!null" { // a section with nothing, or nothing but comments, in it
		return
	}
	if n.Kind != yaml.MappingNode {
		l.add(Fault{Field: strings.TrimSuffix(prefix, "."), Source: line(n), Message: "must be a mapping of settings"})
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		path := prefix + key.Value
		field, known := l.fields[path]
		switch {
		case seen[path]:
			l.add(Fault{Field: path, Source: line(key), Message: "is given twice; remove one"})
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			l.add(Fault{Field: path, Source: line(value), Message: "must be written out, without anchors and aliases"})
		case known:
			l.scalar(field, value)
		case l.isSection(path):
			l.mapping(value, path+".")
		default:
			l.add(Fault{Field: path, Source: line(key), Message: "is no setting; docs/configuration.md lists them"})
		}
		seen[path] = true
	}
}

func (l *loader) scalar(f Field, n *yaml.Node) {
	_, list := f.value.Interface().([]string)
	switch {
	case list && n.Kind == yaml.SequenceNode:
		var items []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				l.add(Fault{Field: f.Path, Source: line(item), Message: "must be a list of texts"})
				return
			}
			items = append(items, item.Value)
		}
		l.set(f, strings.Join(items, ","), line(n), false)
	case n.Kind == yaml.ScalarNode:
		l.set(f, n.Value, line(n), false)
	default:
		l.add(Fault{Field: f.Path, Source: line(n), Message: "must be a single value, " + f.Bounds()})
	}
}

func (l *loader) isSection(path string) bool {
	for p := range l.fields {
		if strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

func line(n *yaml.Node) string { return fmt.Sprintf("line %d", n.Line) }
