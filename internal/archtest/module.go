package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the parsed source of one Go module.
type Module struct {
	Path     string // as in go.mod
	Fset     *token.FileSet
	Packages []*Package // sorted by Path
}

// Package is one directory of Go files, its external tests included.
type Package struct {
	Path  string // relative to the module, slash-separated; "." for the root
	Files []*File
}

// File is one parsed Go file.
type File struct {
	Path    string // relative to the module, slash-separated
	Test    bool   // its name ends in _test.go
	Imports []string
	AST     *ast.File
}

// Finding is one breach of a rule.
type Finding struct {
	Where string // file:line, or the package's path
	What  string
}

func (f Finding) String() string { return f.Where + ": " + f.What }

// Load parses the module whose root is fsys. Directories that the go command does not build (testdata, hidden ones,
// those that begin with an underscore) and nested modules are left out; build tags are not judged.
func Load(fsys fs.FS) (*Module, error) {
	gomod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("module root: %w", err)
	}
	m := &Module{Path: modulePath(string(gomod)), Fset: token.NewFileSet()}
	if m.Path == "" {
		return nil, fmt.Errorf("go.mod names no module")
	}
	byDir := map[string]*Package{}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(fsys, name):
			return fs.SkipDir
		case d.IsDir() || !isGoFile(path.Base(name)):
			return nil
		}
		file, err := m.parse(fsys, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byDir[dir] == nil {
			byDir[dir] = &Package{Path: dir}
			m.Packages = append(m.Packages, byDir[dir])
		}
		byDir[dir].Files = append(byDir[dir].Files, file)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(m.Packages, func(a, b *Package) int { return strings.Compare(a.Path, b.Path) })
	return m, nil
}

func (m *Module) parse(fsys fs.FS, name string) (*File, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseFile(m.Fset, name, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	file := &File{Path: name, Test: strings.HasSuffix(name, "_test.go"), AST: tree}
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		file.Imports = append(file.Imports, m.relative(imported))
	}
	return file, nil
}

// relative names a package of this module by its folder, marked with localPrefix, and leaves all others as they are.
func (m *Module) relative(imported string) string {
	if imported == m.Path {
		return localPrefix + "."
	}
	if rest, ok := strings.CutPrefix(imported, m.Path+"/"); ok {
		return localPrefix + rest
	}
	return imported
}

func (m *Module) at(pos token.Pos) string {
	p := m.Fset.Position(pos)
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

func skipped(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if dir == "." {
		return false
	}
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

func isGoFile(base string) bool {
	return strings.HasSuffix(base, ".go") && !strings.HasPrefix(base, ".") && !strings.HasPrefix(base, "_")
}

func modulePath(gomod string) string {
	for line := range strings.Lines(gomod) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1]
		}
	}
	return ""
}
