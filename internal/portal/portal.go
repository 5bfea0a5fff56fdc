package portal

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// Config is what a Portal is made of. All fields are required.
type Config struct {
	Client   *Client
	URL      string   // under which browsers reach the portal, without a slash at the end
	Accounts []Sample // to choose from when signing in
	Now      func() time.Time
	Logger   *slog.Logger
}

// Sample is an account to sign in as.
type Sample struct {
	ID   string
	Show Message // what is to be seen with it
}

// Portal is the site as an http.Handler.
type Portal struct {
	cfg      Config
	secure   bool // the site is reached by https
	policy   string
	pages    *pages
	sessions *sessions
	made     atomic.Int64 // labels
	handler  http.Handler
}

// New returns the site.
func New(cfg Config) (*Portal, error) {
	if cfg.Client == nil || cfg.Client.HTTP == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("portal: Client, Client.HTTP, Now and Logger are required")
	}
	own, err := url.Parse(cfg.URL)
	if err != nil || own.Host == "" {
		return nil, errors.New("portal: URL must be an absolute http or https address")
	}
	service, err := url.Parse(cfg.Client.BaseURL)
	if err != nil || service.Host == "" {
		return nil, errors.New("portal: Client.BaseURL must be an absolute http or https address")
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	p := &Portal{
		cfg: cfg, secure: own.Scheme == "https", pages: pages, sessions: newSessions(cfg.Now),
		policy: contentPolicy(service.Scheme + "://" + service.Host),
	}
	p.handler = p.routes()
	return p, nil
}

// contentPolicy allows what a portal with the login prompt needs: the prompt's script and style from the service, its
// word to the portal of what became of the prompt, and forms that lead to the service by a redirect. Nothing inline, and nothing of anybody else.
func contentPolicy(service string) string {
	return "default-src 'none'; script-src " + service + "; style-src 'self' " + service +
		"; connect-src 'self'; form-action 'self' " + service + "; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
}

func (p *Portal) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.showSignIn)
	mux.HandleFunc("POST /login", p.login)
	mux.HandleFunc("POST /logout", p.logout)
	mux.HandleFunc("POST /language", p.setLanguage)
	mux.HandleFunc("GET /dashboard", p.showDashboard)
	mux.HandleFunc("POST /labels", p.createLabel)
	mux.HandleFunc("POST /verify", p.verify)
	mux.HandleFunc("POST /prompts", p.reportPrompt)
	mux.HandleFunc("GET /assets/portal.css", serveCSS)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { p.message(w, r, http.StatusNotFound, "not_found") })
	// A form of another site must not be able to press the portal's buttons.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.message(w, r, http.StatusForbidden, "cross_origin")
	}))
	return protection.Handler(mux)
}

// maxForm bounds a form in bytes.
const maxForm = 16 << 10

// ServeHTTP implements http.Handler.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers send the origin "null" with a form
	h.Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.handler.ServeHTTP(w, r)
}

// signedIn returns the account of the session, or sends the browser to sign in.
func (p *Portal) signedIn(w http.ResponseWriter, r *http.Request) (account string, ok bool) {
	account = p.sessions.account(sessionID(r))
	if account == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	return account, account != ""
}
