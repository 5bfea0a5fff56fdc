package admin

import (
	"embed"
	"html/template"
	"net/http"
	"time"

	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/internal/routes"
)

//go:embed assets
var assets embed.FS

// Server is the admin pages as an http.Handler, for /admin and what is below it.
type Server struct {
	cfg       Config
	handler   http.Handler
	mux       *routes.Mux
	languages *page.Catalogues
	templates *page.Templates
	files     *page.Files
	rules     []rule
}

// rule is one row of the table of who may open what.
type rule struct {
	pattern string // of http.ServeMux
	needs   []api.Scope
}

// New returns the pages.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, mux: &routes.Mux{}}
	if err := s.load(); err != nil {
		return nil, err
	}
	s.routes()
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.plain(w, r, http.StatusForbidden, "foreign") }))
	s.handler = protection.Handler(s.mux)
	return s, nil
}

// load reads what the pages are made of.
func (s *Server) load() (err error) {
	if s.languages, err = page.NewCatalogues(assets, "assets/messages", home, s.cfg.HTTPS); err != nil {
		return err
	}
	if s.files, err = page.NewFiles(assets, "assets/static", "/admin/assets/"); err != nil {
		return err
	}
	s.templates, err = page.NewTemplates(assets, "assets/pages", template.FuncMap{
		"asset": s.files.Address, "dict": dict, "deref": deref, "join": joined, "whole": whole,
	})
	return err
}

// home is the address of the first page.
const home = "/admin/"

func (s *Server) routes() {
	s.overviewRoutes()
	s.policyRoutes()
	s.sweepRoutes()
	s.reminderRoutes()
	s.extensionRoutes()
	s.webhookRoutes()
	s.auditRoutes()
	s.receiptRoutes()
	s.signInRoutes()
	s.accountListRoutes()
	s.reviewRoutes()
	s.passwordRoutes()
	s.operatorsRoutes()
	s.keysRoutes()
	s.accountRoutes()
	s.evidenceRoutes()
	s.mux.HandleFunc("GET /admin/assets/{file}", s.files.Serve)
	s.mux.HandleFunc("POST /admin/lang", func(w http.ResponseWriter, r *http.Request) { s.languages.Switch(w, r, home) })
	s.mux.HandleFunc("GET /admin", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, home, http.StatusSeeOther) })
	s.mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) { s.plain(w, r, http.StatusNotFound, "lost") })
}

// page registers a page, or a command that a page sends, for persons whose role opens any of the scopes.
func (s *Server) page(pattern string, h func(*visit) error, needs ...api.Scope) {
	s.rules = append(s.rules, rule{pattern, needs})
	s.mux.HandleFunc(pattern, s.within(h, needs))
}

// Bounds of a posted form in bytes: a policy's text is the longest, but for files.
const (
	maxForm = 1 << 20
	maxFile = 17 << 20 // the API bounds what is in it
)

// How long a form, and a form with a file, may take to arrive.
const (
	formWait = 30 * time.Second
	fileWait = 3 * time.Minute
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page.Secure(w.Header())
	defer page.Recover(r, s.cfg.Logger, func() { s.plain(w, r, http.StatusInternalServerError, "broken") })
	if r.Body != nil {
		bound, wait := int64(maxForm), formWait
		if r.URL.Path == importPath {
			bound, wait = maxFile, fileWait
		}
		defer page.Patience(w, r, wait)()
		r.Body = http.MaxBytesReader(w, r.Body, bound)
	}
	s.handler.ServeHTTP(w, r)
}
