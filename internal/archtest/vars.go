package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// PackageVariables finds package-level variables that are, or could become, state. What may stand at package level in
// production code is what nobody can change:
//
//   - sentinel errors (Err…, err…),
//   - //go:embed files,
//   - var _ Interface = …, the assertion of the compiler,
//   - unexported values of immutable types, made by the functions of immutableMakers,
//   - unexported tables (composite literals, conversions) that no statement of the package, its tests included,
//     assigns to, takes the address of, deletes from or clears. (A table handed to a function that changes it is not
//     seen; that is left to the reader.)
//
// Everything else belongs into a struct that internal/app builds, or into a function that returns it.
func PackageVariables(m *Module) []Finding {
	var found []Finding
	for _, p := range m.Packages {
		written := writtenNames(p)
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for _, v := range variables(f.AST) {
				if why := v.fault(written); why != "" {
					found = append(found, Finding{m.at(v.name.Pos()), "var " + v.name.Name + ": " + why})
				}
			}
		}
	}
	return found
}

// immutableMakers return values that have no method to change them.
func immutableMakers() []string {
	return []string{
		"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer",
		"time.FixedZone", "time.Date", "netip.MustParseAddr", "netip.MustParsePrefix",
		"language.MustParse", "language.NewMatcher", "reflect.TypeFor",
		"sync.OnceFunc", "sync.OnceValue", "sync.OnceValues", // a value worked out at first use is still one value
		"temporal.NewSearchAttributeKeyKeyword",
	}
}

type variable struct {
	name  *ast.Ident
	value ast.Expr // nil if none
	embed bool
}

func variables(f *ast.File) []variable {
	var all []variable
	for _, decl := range f.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.ValueSpec)
			embed := isEmbed(spec.Doc) || (!gen.Lparen.IsValid() && isEmbed(gen.Doc))
			for i, name := range spec.Names {
				v := variable{name: name, embed: embed}
				if i < len(spec.Values) {
					v.value = spec.Values[i]
				}
				all = append(all, v)
			}
		}
	}
	return all
}

func isEmbed(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// fault says why the variable may not stand at package level, or nothing.
func (v variable) fault(written map[string]bool) string {
	name := v.name.Name
	switch {
	case name == "_":
		return ""
	case written[name]:
		return "is changed; state belongs into a struct"
	case v.embed:
		return ""
	case v.value == nil:
		return "has no value, so it can only be state"
	case strings.HasPrefix(name, "Err"), strings.HasPrefix(name, "err"):
		return ""
	case v.name.IsExported():
		return "other packages can change it; make it a function"
	}
	return valueFault(v.value)
}

func valueFault(value ast.Expr) string {
	switch value := value.(type) {
	case *ast.CompositeLit:
		if root := selectorRoot(value.Type); root == "sync" || root == "atomic" {
			return "is state; it belongs into a struct"
		}
		return ""
	case *ast.CallExpr:
		fun := value.Fun
		if instance, ok := fun.(*ast.IndexExpr); ok {
			fun = instance.X
		}
		if _, conversion := fun.(*ast.ArrayType); conversion {
			return ""
		}
		if sel, ok := fun.(*ast.SelectorExpr); ok && slices.Contains(immutableMakers(), selectorRoot(sel)+"."+sel.Sel.Name) {
			return ""
		}
		return "is made by a call not known to give an immutable value; make it a function"
	case *ast.BasicLit:
		return "is a constant; say const"
	default:
		return "is neither a table nor an immutable value; make it a const or a function"
	}
}

func selectorRoot(e ast.Expr) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return id.Name
}

// writtenNames are the package-level names of p that some statement changes or hands out by address. The parser
// resolves what is declared within a function, so a local variable of the same name is not mistaken for it.
func writtenNames(p *Package) map[string]bool {
	written := map[string]bool{}
	for _, f := range p.Files {
		mark := func(e ast.Expr) {
			if id := root(e); id != nil && packageLevel(f.AST, id) {
				written[id.Name] = true
			}
		}
		for n := range ast.Preorder(f.AST) {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					mark(left)
				}
			case *ast.IncDecStmt:
				mark(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					mark(n.Key)
					mark(n.Value)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					mark(n.X)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear" || id.Name == "copy") && len(n.Args) > 0 {
					mark(n.Args[0])
				}
			}
		}
	}
	return written
}

// root is the variable at the left end of x, x.f, x[i], *x.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// packageLevel is true of names that the parser could not resolve within the file (declared in another file of the
// package) and of those that it resolved to the file's own top level.
func packageLevel(f *ast.File, id *ast.Ident) bool {
	return id.Obj == nil || f.Scope.Lookup(id.Name) == id.Obj
}
