package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/verigate/verigate/internal/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const docsPath = "../../docs/configuration.md"

// TestDocumentation generates the reference from the comments, tags and defaults of the code. Run it with -update
// after a change.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	got := reference(t)
	if *update {
		require.NoError(t, os.WriteFile(docsPath, []byte(got), 0o644))
	}
	want, err := os.ReadFile(docsPath)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test ./internal/config -run TestDocumentation -update")
}

func reference(t *testing.T) string {
	t.Helper()
	types, fields := comments(t)
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Generated from internal/config/config.go by: go test ./internal/config -run TestDocumentation -update -->

Settings come from a YAML file (` + "`--config FILE`" + `), then from the environment, then from ` + "`--set path=value`" + `; the
later one wins. ` + "`verigate serve --check`" + ` shows every fault at once, with its line, its bound and what to do, and starts
nothing. Durations are written with their unit (` + "`90s`, `10m`" + `).

A secret is never written into the file: the setting says where it lies, as ` + "`file:PATH` or `env:NAME`" + `. In its own
environment variable the value itself may stand. ` + "`verigate secrets new`" + ` makes keys.
`)
	c := config.Default()
	section := ""
	for f := range c.Fields() {
		if name := f.Path[:strings.LastIndex(f.Path, ".")]; name != section {
			section = name
			fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n| setting | default | takes | what it is for |\n|---|---|---|---|\n", section, sentence(t, types, f.Owner))
		}
		value := "none"
		if f.Text() != "" {
			value = "`" + f.Text() + "`"
		}
		fmt.Fprintf(&b, "| `%s`<br>`%s` | %s | %s | %s |\n", f.Path, f.Env(), value, f.Bounds(), sentence(t, fields, f.Owner+"."+f.Name))
	}
	return b.String()
}

// sentence is a comment without the name that Go comments of types begin with.
func sentence(t *testing.T, comments map[string]string, name string) string {
	t.Helper()
	text := strings.Join(strings.Fields(comments[name]), " ")
	require.NotEmpty(t, text, "%s has no comment", name)
	require.True(t, strings.HasSuffix(text, "."), "the comment of %s is no sentence", name)
	if _, rest, ok := strings.Cut(text, name+" is "); ok {
		text = strings.ToUpper(rest[:1]) + rest[1:]
	}
	if _, rest, ok := strings.Cut(text, name+" are "); ok {
		text = strings.ToUpper(rest[:1]) + rest[1:]
	}
	return text
}

// comments reads the comments of types and of fields from the source.
func comments(t *testing.T) (types, fields map[string]string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	require.NoError(t, err)
	types, fields = map[string]string{}, map[string]string{}
	var printer comment.Printer
	var p comment.Parser
	plain := func(g *ast.CommentGroup) string { return string(printer.Text(p.Parse(g.Text()))) }
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.TypeSpec)
			types[spec.Name.Name] = plain(gen.Doc)
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range structure.Fields.List {
				if f.Doc != nil {
					fields[spec.Name.Name+"."+f.Names[0].Name] = plain(f.Doc)
				}
			}
		}
	}
	return types, fields
}
