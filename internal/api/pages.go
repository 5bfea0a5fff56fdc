package api

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed pages/*.html pages/*.css
var pageFiles embed.FS

// pages are the few pages of this package, rendered once: none holds anything of a merchant.
type pages struct {
	templates *template.Template
	style     template.CSS
	policy    string // Content-Security-Policy

	ended, unknown, returned, preview []byte
}

// note is the content of a small page, in both languages: the phone that opens it has chosen none.
type note struct {
	Style          template.CSS
	TitleZh, Title string
	TextZh, Text   string
}

func newPages() (*pages, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("api: pages: %w", err)
	}
	templates, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("api: pages: %w", err)
	}
	sum := sha256.Sum256(style)
	p := &pages{templates: templates, style: template.CSS(style)} //nolint:gosec // our own embedded file
	p.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, page := range []struct {
		into *[]byte
		note
	}{
		{&p.ended, note{TitleZh: "二维码已失效", Title: "This code has ended",
			TextZh: "请回到显示二维码的页面，在那里获取新的二维码。", Text: "Go back to the page that showed it and get a new code there."}},
		{&p.unknown, note{TitleZh: "链接无效", Title: "This link is not valid",
			TextZh: "请回到显示二维码的页面，重新扫描二维码。", Text: "Go back to the page that shows the code and scan it again."}},
		{&p.returned, note{TitleZh: "请返回认证页面", Title: "Go back to the verification page",
			TextZh: "认证页面会自动显示结果。如果它在另一台设备（例如电脑）上打开，请查看那台设备；如果就在这部手机上打开，请切换回原来的页面。",
			Text: "It shows the result by itself. If it is open on another device, such as a computer, look there. " +
				"If it is open on this phone, switch back to where you came from."}},
		{&p.preview, note{TitleZh: "身份认证", Title: "Identity verification",
			TextZh: "请在手机上打开此链接继续。", Text: "Open this link on your phone to go on."}},
	} {
		page.Style = p.style
		if *page.into, err = p.render("note.html", page.note); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *pages) render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("api: page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// page writes a page that may run nothing and load nothing.
func (s *Server) page(w http.ResponseWriter, status int, content []byte) {
	w.Header().Set("Content-Security-Policy", s.pages.policy)
	w.Header().Set("X-Frame-Options", "DENY")
	s.write(w, status, "text/html; charset=utf-8", content)
}

// docs is what the documentation page shows.
type docs struct {
	Style       template.CSS
	Title       string
	Version     string
	Description string
	Groups      []docGroup
	Scopes      []Scope
	Problems    []docProblem
}

type docGroup struct {
	Name, Words string
	Operations  []docOperation
}

type docOperation struct {
	*huma.Operation
	Scopes    []string
	Paragraph []string
	Fields    []docField
	Answers   []docAnswer
}

type docField struct{ Name, Type, Words string }

type docAnswer struct{ Status, Words string }

type docProblem struct {
	Code              Code
	Status            int
	Title, Detail     string
	TitleZh, DetailZh string
}

// renderDocs draws the OpenAPI document as one plain page: it needs no script, and no other host.
func (s *Server) renderDocs() ([]byte, error) {
	d := docs{
		Style: s.pages.style, Title: s.openapi.Info.Title, Version: s.openapi.Info.Version, Description: s.openapi.Info.Description,
		Scopes: Scopes(),
	}
	byTag := s.operations()
	for _, tag := range s.openapi.Tags {
		g := docGroup{Name: tag.Name, Words: tag.Description}
		for _, op := range byTag[tag.Name] {
			g.Operations = append(g.Operations, s.docOperation(op))
		}
		d.Groups = append(d.Groups, g)
	}
	for code, e := range codes() {
		d.Problems = append(d.Problems, docProblem{code, e.status, e.title.en, e.detail.en, e.title.zh, e.detail.zh})
	}
	slices.SortFunc(d.Problems, func(a, b docProblem) int {
		return cmp.Or(a.Status-b.Status, strings.Compare(string(a.Code), string(b.Code)))
	})
	return s.pages.render("docs.html", d)
}

func (s *Server) docOperation(op *huma.Operation) docOperation {
	d := docOperation{Operation: op, Paragraph: strings.Split(op.Description, "\n\n")}
	if names, ok := op.Extensions["x-scopes"].([]string); ok {
		d.Scopes = names
	}
	if op.RequestBody != nil {
		for _, m := range op.RequestBody.Content {
			d.Fields = s.fields("", m.Schema)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		d.Answers = append(d.Answers, docAnswer{status, strings.ReplaceAll(op.Responses[status].Description, "`", "")})
	}
	return d
}

// fields lists the members of a request, those of objects inside it with their path.
func (s *Server) fields(prefix string, schema *huma.Schema) []docField {
	if schema != nil && schema.Ref != "" {
		schema = s.openapi.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	if schema == nil || schema.Type != huma.TypeObject {
		return nil
	}
	var list []docField
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		p := schema.Properties[name]
		words := p.Description
		for i, v := range p.Enum {
			if i == 0 {
				words = strings.TrimSpace(words + " One of:")
			}
			words += fmt.Sprintf(" %v", v)
		}
		kind := p.Type
		if p.Ref != "" {
			kind = huma.TypeObject
		}
		if !slices.Contains(schema.Required, name) {
			kind += ", optional"
		}
		list = append(list, docField{prefix + name, kind, words})
		list = append(list, s.fields(prefix+name+".", p)...)
	}
	return list
}
