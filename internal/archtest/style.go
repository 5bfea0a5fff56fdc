package archtest

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// PackageComments finds packages that do not say what they are: a comment before the package clause that begins, but
// for commands, with "Package <name>". A package of tests alone may say it in a test file.
func PackageComments(m *Module) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		onlyTests := !slices.ContainsFunc(p.Files, func(f *File) bool { return !f.Test })
		described := slices.ContainsFunc(p.Files, func(f *File) bool {
			return (onlyTests || !f.Test) && isPackageComment(f.AST)
		})
		if !described {
			found = append(found, Finding{p.Path, `has no package comment ("Package name …", in doc.go if it is an essay)`})
		}
	}
	return found
}

func isPackageComment(f *ast.File) bool {
	if f.Name.Name == "main" {
		return f.Doc.Text() != ""
	}
	return strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" ")
}

// InitFunctions finds functions named init: work before main that no test can leave out and no caller can see.
func InitFunctions(m *Module) []Finding {
	var found []Finding
	for _, f := range m.files() {
		for _, decl := range f.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, Finding{m.at(fn.Pos()), "func init: build it in internal/app, or where it is used"})
			}
		}
	}
	return found
}

// ClockAllowed are the packages that may read the real clock, with the reason for each.
func ClockAllowed() map[string]string {
	return map[string]string{
		"internal/app": "makes the one business clock (real time + offset) and hands it to everybody",
		"cmd/verigate": "shows progress of long commands to a person",
	}
}

// Clock finds readings of the real clock (time.Now, time.Since, time.Until, called or passed on) in production code,
// which test support is not, outside the packages of allowed, and time.Sleep anywhere: also in tests, but for the bubble of a synctest.Test,
// where sleeping is how the fake clock is moved.
func Clock(m *Module, allowed map[string]string) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		free := allowed[p.Path] != "" || matches(testSupport, localPrefix+p.Path)
		for _, f := range p.Files {
			name := importName(f, "time")
			if name == "" {
				continue
			}
			bubbles := synctestBubbles(f)
			for sel := range selectors(f.AST, name) {
				what := sel.Sel.Name
				switch {
				case what == "Sleep" && !within(bubbles, sel):
					found = append(found, Finding{m.at(sel.Pos()),
						"time.Sleep: wait for the thing itself (channel, synctest, injected timer)"})
				case slices.Contains([]string{"Now", "Since", "Until"}, what) && !free && !f.Test:
					found = append(found, Finding{m.at(sel.Pos()),
						fmt.Sprintf("time.%s: take an instant, or now func() time.Time", what)})
				}
			}
		}
	}
	return found
}

func (m *Module) files() []*File {
	var all []*File
	for _, p := range m.Packages {
		all = append(all, p.Files...)
	}
	return all
}

// importName is the name under which a file uses the package imported by the path, or "".
func importName(f *File, imported string) string {
	for i, spec := range f.AST.Imports {
		switch {
		case f.Imports[i] != imported:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return imported[strings.LastIndex(imported, "/")+1:]
		}
	}
	return ""
}

// selectors yields name.X, where name is not a variable of the file.
func selectors(root ast.Node, name string) func(yield func(*ast.SelectorExpr) bool) {
	return func(yield func(*ast.SelectorExpr) bool) {
		for n := range ast.Preorder(root) {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			// A name that the parser could resolve is declared in this file; a package name never is.
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == name && id.Obj == nil && !yield(sel) {
				return
			}
		}
	}
}

// synctestBubbles returns the function literals that are passed to synctest.Test.
func synctestBubbles(f *File) []ast.Node {
	name := importName(f, "testing/synctest")
	var bubbles []ast.Node
	for n := range ast.Preorder(f.AST) {
		call, ok := n.(*ast.CallExpr)
		if !ok || name == "" || !isSelector(call.Fun, name, "Test") {
			continue
		}
		bubbles = append(bubbles, call)
	}
	return bubbles
}

func isSelector(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}

func within(nodes []ast.Node, n ast.Node) bool {
	return slices.ContainsFunc(nodes, func(outer ast.Node) bool { return outer.Pos() <= n.Pos() && n.End() <= outer.End() })
}
