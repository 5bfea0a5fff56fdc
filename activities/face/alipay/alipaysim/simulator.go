package alipaysim

import (
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Config configures a simulator.
type Config struct {
	AppID        string          // the one application it knows; required
	AppPublicKey *rsa.PublicKey  // verifies calls; required
	GatewayKey   *rsa.PrivateKey // signs answers; required
	// Now is the clock of lifetimes and timestamps; required. Give it the clock of
	// the adapter, or a shifted demo clock makes the two disagree.
	Now func() time.Time

	// StateFile keeps the attempts over a restart, as JSON without names and
	// numbers. Default "": memory only.
	StateFile string
	// CertSN, if set, is sent as alipay_cert_sn: certificate mode.
	CertSN string
	// AppCertSN and RootCertSN, if set, are demanded of each call: certificate mode.
	AppCertSN, RootCertSN string

	// TimestampTolerance refuses API calls whose timestamp is further off. The
	// real bound is not known. Default 0: only the form is checked.
	TimestampTolerance time.Duration
	// RequireCharsetInURL refuses a body with Chinese text unless charset is in
	// the URL, as a gateway that falls back to GBK would. Default false.
	RequireCharsetInURL bool
	// RepeatOrder answers a repeated outer_order_no with the first certify_id.
	// What the real gateway does is not known. Default false: refused.
	RepeatOrder bool
	// Delay of the fault "delay" when it names none. Default 3 s.
	Delay time.Duration

	// Logger gets state changes and used faults. Nil is silence.
	Logger *slog.Logger
}

// Simulator is the gateway, the phone and the control door. It is safe for
// concurrent use.
type Simulator struct {
	cfg     Config
	log     *slog.Logger
	handler http.Handler
	file    *stateFile // nil without StateFile

	mu       sync.Mutex
	attempts map[string]*attempt // by certify_id
	orders   map[string]*attempt // by outer_order_no
	sequence []*attempt          // in order of creation
	version  uint64              // counts changes, for the state file
	faults   []Fault

	closeOnce sync.Once
	closed    chan struct{}
}

var _ http.Handler = (*Simulator)(nil)

// New returns a simulator that has read its state file, if it has one.
func New(cfg Config) (*Simulator, error) {
	var faults []error
	need := func(ok bool, what string) {
		if !ok {
			faults = append(faults, errors.New("alipaysim: "+what))
		}
	}
	need(cfg.AppID != "", "AppID is required")
	need(cfg.AppPublicKey != nil, "AppPublicKey is required")
	need(cfg.GatewayKey != nil, "GatewayKey is required")
	need(cfg.Now != nil, "Now is required")
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if cfg.Delay <= 0 {
		cfg.Delay = 3 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Simulator{
		cfg: cfg, log: cfg.Logger.With("component", "alipaysim"),
		attempts: map[string]*attempt{}, orders: map[string]*attempt{}, closed: make(chan struct{}),
	}
	if cfg.StateFile != "" {
		s.file = &stateFile{path: cfg.StateFile}
		kept, err := s.file.read()
		if err != nil {
			return nil, err
		}
		for _, a := range kept {
			s.put(&a)
		}
	}
	s.handler = s.routes()
	return s, nil
}

// Close releases requests that a fault holds back, so that a server can shut
// down. Requests after it are served as before, but nothing is held any more.
func (s *Simulator) Close() { s.closeOnce.Do(func() { close(s.closed) }) }

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /gateway.do", s.serveAPI)
	mux.HandleFunc("GET /gateway.do", s.serveCertify)

	mux.HandleFunc("GET /{$}", s.serveIndex)
	mux.HandleFunc("GET /assets/phone.css", serveCSS)
	mux.HandleFunc("GET /phone/{certify_id}", s.servePhone)
	mux.HandleFunc("POST /phone/{certify_id}/agree", s.serveAgree)
	mux.HandleFunc("POST /phone/{certify_id}/result", s.serveResult)

	mux.HandleFunc("GET /control/attempts", s.listAttempts)
	mux.HandleFunc("POST /control/attempts/{certify_id}", s.decideAttempt)
	mux.HandleFunc("GET /control/faults", s.listFaults)
	mux.HandleFunc("POST /control/faults", s.armFault)
	mux.HandleFunc("DELETE /control/faults", s.disarmFaults)

	// A page of another origin must not be able to pass somebody's attempt.
	return http.NewCrossOriginProtection().Handler(mux)
}
