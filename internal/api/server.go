package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/consent"
	"github.com/verigate/verigate/internal/erasure"
	"github.com/verigate/verigate/internal/evidence"
	"github.com/verigate/verigate/internal/limit"
	"github.com/verigate/verigate/internal/requestid"
	"github.com/verigate/verigate/internal/routes"
	"github.com/verigate/verigate/internal/rulebook"
	"github.com/verigate/verigate/internal/tasks"
)

// Server is the API as an http.Handler. Close it before the HTTP server is shut down, or its streams keep that waiting.
type Server struct {
	cfg       Config
	mux       *routes.Mux
	adapter   huma.Adapter
	openapi   *huma.OpenAPI
	pages     *pages
	languages languages
	desk      *rulebook.Desk
	evidence  *evidence.Cabinet
	erasure   *erasure.Eraser
	texts     *consent.Library

	keys                    *keyCache
	uses                    *keyUses
	passwords               *password.Hasher
	perKey, failures, links *limit.Limiter
	reveals                 *limit.Limiter // of names and numbers in clear

	streams   chan struct{} // one value per open stream
	refreshes chan struct{} // one value per refresh under way
	tasks     *tasks.Group  // streams, and what goes on after its request was answered
}

// New returns the API.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	texts, err := consent.Load()
	if err != nil {
		return nil, err
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	mux := &routes.Mux{}
	s := &Server{
		cfg: cfg, mux: mux, adapter: humago.NewAdapter(mux, ""), openapi: newOpenAPI(cfg.Version), pages: pages, texts: texts,
		desk:      rulebook.NewDesk(cfg.Store, cfg.Now, cfg.PublishAlone),
		languages: newLanguages(), keys: newKeyCache(cfg.Store.Key, cfg.Now, cfg.KeyAge),
		perKey: limit.New(cfg.KeyRate, cfg.Now), failures: limit.New(cfg.FailureRate, cfg.Now),
		links:   limit.New(cfg.LinkRate, cfg.Now),
		reveals: limit.New(cfg.Reviews.Reveals, cfg.Now),
		streams: make(chan struct{}, cfg.MaxStreams), refreshes: make(chan struct{}, cfg.MaxRefreshes),
		tasks: tasks.New(), uses: &keyUses{noted: map[string]time.Time{}}, passwords: password.NewHasher(password.Standard()),
	}
	s.evidence, err = evidence.New(evidence.Config{Store: cfg.Store, Vault: cfg.Vault, Now: cfg.Now, Logger: cfg.Logger, Rules: cfg.Evidence})
	if err != nil {
		return nil, err
	}
	s.erasure, err = erasure.New(erasure.Config{
		Store: cfg.Store, Vault: cfg.Vault, Engine: cfg.Engine, Seals: cfg.Gate, Now: cfg.Now, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	s.routes()
	return s, s.publish()
}

func (s *Server) routes() {
	s.accountRoutes()
	s.decisionRoutes()
	s.verificationRoutes()
	s.consentRoutes()
	s.reviewRoutes()
	s.operatorRoutes()
	s.liveRoute()
	s.accountDetailRoutes()
	s.manualRoutes()
	s.extensionRoutes()
	s.closingRoutes()
	s.policyRoutes()
	s.policyWrites()
	s.brakeRoutes()
	s.contactRoutes()
	s.promptRoutes()
	s.reminderRoutes()
	s.sweepRoutes()
	s.scheduleRoutes()
	s.populationRoutes(make(chan struct{}, passesAtOnce))
	s.figureRoutes()
	s.linkRoutes()
	s.webhookRoutes()
	s.pageLinkRoutes()
	s.accessRoutes()
	s.evidenceRoutes()
	s.accountExportRoutes()
	s.erasureRoutes()
	s.auditRoutes()
	s.receiptRoutes()
	s.payloadRoutes()
	s.healthRoutes()
	s.fallbacks()
}

// Close ends the event streams and waits, within ctx, for what goes on in the background.
func (s *Server) Close(ctx context.Context) error { return s.tasks.Close(ctx) }

// everyAnswer is the headers that every answer begins with. Their values are shared, and replaced rather than changed.
var everyAnswer = http.Header{
	"X-Content-Type-Options": {"nosniff"},
	"Cache-Control":          {"no-store"},
	"Referrer-Policy":        {"no-referrer"},
	// What an answer is is said by its type; a browser that is led to it shows and runs nothing of it.
	"Content-Security-Policy":      {"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"},
	"X-Frame-Options":              {"DENY"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	maps.Copy(h, everyAnswer)
	id := requestid.Of(r.Context())
	if id == "" { // nobody in front named it
		id = requestid.New()
		r = r.WithContext(requestid.With(r.Context(), id))
	}
	h.Set(requestid.Header, id)
	defer func() {
		if thrown := recover(); thrown != nil {
			if thrown == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
				panic(thrown)
			}
			// What was thrown may hold anything; where it was thrown does not.
			s.cfg.Logger.ErrorContext(r.Context(), "panic", "stack", string(debug.Stack()))
			s.refuse(w, r, problem(CodeInternal))
		}
	}()
	if path.Clean(r.URL.Path) != r.URL.Path {
		s.refuse(w, r, problem(CodeNotFound)) // the mux would redirect, which an API client never means
		return
	}
	s.mux.ServeHTTP(w, r)
}

// fallbacks answers what no operation does: the mux's own answers are plain text.
func (s *Server) fallbacks() {
	allow := map[string][]string{"/openapi.json": {http.MethodGet}, "/docs": {http.MethodGet}}
	for pattern, item := range s.openapi.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPut: item.Put, http.MethodPost: item.Post, http.MethodDelete: item.Delete} {
			if op != nil {
				allow[pattern] = append(allow[pattern], method)
			}
		}
	}
	for pattern, methods := range allow {
		slices.Sort(methods)
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			s.refuse(w, r, problem(CodeMethodNotAllowed))
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, problem(CodeNotFound)) })
}

// huma makes a handler of this package one of huma's adapter.
func (s *Server) huma(h http.HandlerFunc) func(huma.Context) {
	return func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		h(w, r)
	}
}

// fail renders an error of an operation.
func (s *Server) fail(c *call, err error) {
	p := problemOf(err).localised(c.lang)
	s.log(c, p, err)
	s.problem(c.w, p, c.lang)
}

func (s *Server) log(c *call, p *Problem, err error) {
	if p.Status < 500 {
		return
	}
	ctx := c.r.Context()
	if ctx.Err() != nil {
		s.cfg.Logger.InfoContext(ctx, "caller left", "operation", c.op.id)
		return
	}
	s.cfg.Logger.WarnContext(ctx, "request failed", "operation", c.op.id, "code", p.Code, "error", err)
}

// refuse answers outside any operation.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *Problem) {
	l := s.languages.of(r)
	s.problem(w, p.localised(l), l)
}

func (s *Server) problem(w http.ResponseWriter, p *Problem, l lang) {
	h := w.Header()
	h.Set("Content-Language", l.tag())
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	if p.Code == CodeUnauthenticated {
		h.Set("WWW-Authenticate", `Bearer realm="verigate"`)
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"code":"internal"}`)
	}
	s.write(w, p.Status, problemType, body)
}

// reply writes an answer as JSON.
func (s *Server) reply(c *call, status int, out any) error {
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	s.write(c.w, status, "application/json", body)
	return nil
}

func (s *Server) write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone; there is nobody to tell
}
