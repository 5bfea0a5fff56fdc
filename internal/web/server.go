package web

import (
	"context"
	"embed"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/page"
	"github.com/verigate/verigate/internal/routes"
	"github.com/verigate/verigate/internal/tasks"
)

//go:embed assets
var assets embed.FS

// Server is the merchant pages as an http.Handler, for /m/ and /embed/. Close it before the HTTP server is shut down,
// or its streams keep that waiting.
type Server struct {
	cfg          Config
	handler      http.Handler
	languages    *page.Catalogues
	templates    *page.Templates
	files, embed *page.Files
	mux          *routes.Mux
	asks         *askers
	evidence     *evidence.Cabinet
	texts        *consent.Library

	streams chan struct{} // one value per open stream
	tasks   *tasks.Group  // the streams
}

// New returns the pages.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, asks: newAskers(cfg.RefreshEvery), streams: make(chan struct{}, cfg.MaxStreams), tasks: tasks.New(),
	}
	var err error
	if s.texts, err = consent.Load(); err != nil {
		return nil, err
	}
	if err = s.load(); err != nil {
		return nil, err
	}
	s.evidence, err = evidence.New(evidence.Config{Store: cfg.Store, Vault: cfg.Vault, Now: cfg.Now, Logger: cfg.Logger, Rules: cfg.Evidence})
	if err != nil {
		return nil, err
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(s.foreign))
	s.handler = protection.Handler(s.routes())
	return s, nil
}

// load reads what the pages are made of.
func (s *Server) load() (err error) {
	if s.languages, err = page.NewCatalogues(assets, "assets/messages", "/m/", s.cfg.HTTPS); err != nil {
		return err
	}
	if s.files, err = page.NewFiles(assets, "assets/static", "/m/assets/"); err != nil {
		return err
	}
	if s.embed, err = page.NewFiles(assets, "assets/embed", "/embed/"); err != nil {
		return err
	}
	s.templates, err = page.NewTemplates(assets, "assets/pages", template.FuncMap{"asset": s.files.Address})
	return err
}

func (s *Server) routes() http.Handler {
	mux := &routes.Mux{}
	s.mux = mux
	mux.HandleFunc("GET /m/l/{token}", s.landing)
	mux.HandleFunc("POST /m/l/{token}", s.open)
	mux.HandleFunc("POST /m/lang", func(w http.ResponseWriter, r *http.Request) { s.languages.Switch(w, r, pageStatus.path()) })
	mux.HandleFunc("GET /m/assets/{file}", s.files.Serve)
	mux.HandleFunc("GET /embed/{file}", s.embed.ServeAnywhere)
	mux.HandleFunc("GET /m/bye", s.bye)
	for p, build := range s.builders() {
		mux.HandleFunc("GET "+p.pattern(), s.within(func(v *visit) error { return s.show(v, p, build) }))
	}
	for pattern, command := range map[string]func(*visit) error{
		"/m/update": s.confirm, "/m/form": s.save, "/m/terms": s.agree, "/m/qr": s.renew, "/m/failed": s.retry,
		"/m/decline": s.decline, "/m/pictures": s.agreePictures, "/m/refresh": s.refresh, "/m/alternative": s.chooseManual, "/m/manual": s.cancelManual, "/m/withdraw": s.withdraw,
		"/m/leave": s.leave, pageEvidence.path(): s.giveEvidence, "/m/evidence/remove": s.removeEvidence,
	} {
		mux.HandleFunc("POST "+pattern, s.within(command))
	}
	mux.HandleFunc("GET /m/state", s.within(s.state))
	mux.HandleFunc("GET /m/events", s.within(s.events))
	mux.HandleFunc("GET /m", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, pageStatus.path(), http.StatusSeeOther)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.plain(w, r, http.StatusNotFound, "lost") })
	return mux
}

// Close ends the event streams and waits for them within ctx.
func (s *Server) Close(ctx context.Context) error { return s.tasks.Close(ctx) }

// maxForm bounds a posted form in bytes; the longest real one is a hundredth of it.
const maxForm = 64 << 10

// formWait is how long a form without pictures may take to arrive.
const formWait = 30 * time.Second

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page.Secure(w.Header())
	defer page.Recover(r, s.cfg.Logger, func() { s.plain(w, r, http.StatusInternalServerError, "broken") })
	if r.Body != nil {
		most, wait := int64(maxForm), formWait
		if r.URL.Path == pageEvidence.path() {
			most, wait = maxUpload, uploadWait
		}
		defer page.Patience(w, r, wait)()
		r.Body = http.MaxBytesReader(w, r.Body, most)
	}
	s.handler.ServeHTTP(w, r)
}

// foreign answers a post that another site's page sent.
func (s *Server) foreign(w http.ResponseWriter, r *http.Request) {
	s.plain(w, r, http.StatusForbidden, "foreign")
}

func (s *Server) retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", seconds(wait))
}

func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
