package web

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/verigate/verigate/internal/tasks"
)

// Server is the merchant pages as an http.Handler, for /m/ and /embed/. Close it before the HTTP server is shut down,
// or its streams keep that waiting.
type Server struct {
	cfg     Config
	handler http.Handler
	pages   *pages
	files   *files
	asks    *askers

	streams chan struct{} // one value per open stream
	tasks   *tasks.Group  // the streams
}

// New returns the pages.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	files, err := newFiles()
	if err != nil {
		return nil, err
	}
	pages, err := newPages(files)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, pages: pages, files: files, asks: newAskers(cfg.RefreshEvery), streams: make(chan struct{}, cfg.MaxStreams),
		tasks: tasks.New(),
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(s.foreign))
	s.handler = protection.Handler(s.routes())
	return s, nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /m/l/{token}", s.landing)
	mux.HandleFunc("POST /m/l/{token}", s.open)
	mux.HandleFunc("POST /m/lang", s.switchLanguage)
	mux.HandleFunc("GET /m/assets/{file}", s.files.serve)
	mux.HandleFunc("GET /embed/{file}", s.files.embedded)
	mux.HandleFunc("GET /m/bye", s.bye)
	for p, build := range s.builders() {
		mux.HandleFunc("GET "+p.pattern(), s.within(func(v *visit) error { return s.show(v, p, build) }))
	}
	for pattern, command := range map[string]func(*visit) error{
		"/m/update": s.confirm, "/m/form": s.save, "/m/terms": s.agree, "/m/qr": s.renew, "/m/failed": s.retry,
		"/m/refresh": s.refresh, "/m/alternative": s.chooseManual, "/m/manual": s.cancelManual, "/m/withdraw": s.withdraw,
		"/m/leave": s.leave,
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

// contentPolicy lets a page load our own style, script and pictures, send forms to us, and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// maxForm bounds a posted form in bytes; the longest real one is a hundredth of it.
const maxForm = 64 << 10

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	defer func() {
		if thrown := recover(); thrown != nil {
			if thrown == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
				panic(thrown)
			}
			// What was thrown may hold anything; where it was thrown does not.
			s.cfg.Logger.ErrorContext(r.Context(), "panic", "stack", string(debug.Stack()))
			s.plain(w, r, http.StatusInternalServerError, "broken")
		}
	}()
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
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
