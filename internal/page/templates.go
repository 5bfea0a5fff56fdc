package page

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Templates are the pages of a folder, one set for each around its layout.html and parts.html.
type Templates struct{ byName map[string]*template.Template }

// NewTemplates reads a folder. Every page fills the blocks of the template "layout". Files named *.part.html belong to
// all pages, as parts.html does.
func NewTemplates(files fs.FS, dir string, functions template.FuncMap) (*Templates, error) {
	names, err := fs.Glob(files, path.Join(dir, "*.html"))
	if err != nil {
		return nil, fmt.Errorf("page: templates: %w", err)
	}
	var common, pages []string
	for _, name := range names {
		switch base := path.Base(name); {
		case base == "layout.html", base == "parts.html", strings.HasSuffix(base, ".part.html"):
			common = append(common, name)
		default:
			pages = append(pages, name)
		}
	}
	layout, err := template.New("layout").Funcs(functions).ParseFS(files, common...)
	if err != nil {
		return nil, fmt.Errorf("page: templates: %w", err)
	}
	t := &Templates{byName: map[string]*template.Template{}}
	for _, name := range pages {
		own, err := layout.Clone()
		if err == nil {
			own, err = own.ParseFS(files, name)
		}
		if err != nil {
			return nil, fmt.Errorf("page: template %s: %w", name, err)
		}
		t.byName[strings.TrimSuffix(path.Base(name), ".html")] = own
	}
	return t, nil
}

// Names are the pages, sorted.
func (t *Templates) Names() []string {
	names := make([]string, 0, len(t.byName))
	for name := range t.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Draw renders a page whole, so that a fault never leaves half a page.
func (t *Templates) Draw(name string, data any) ([]byte, error) {
	own, ok := t.byName[name]
	if !ok {
		return nil, fmt.Errorf("page: no page %q", name)
	}
	var b bytes.Buffer
	if err := own.ExecuteTemplate(&b, "layout", data); err != nil {
		return nil, fmt.Errorf("page: %s: %w", name, err)
	}
	return b.Bytes(), nil
}
