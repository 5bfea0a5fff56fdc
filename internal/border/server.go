package border

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Config is what a Server is made of.
type Config struct {
	Handler     http.Handler
	Certificate *Certificate // nil: no TLS
	// Strict tells browsers for how long to come by TLS only; zero: it is not said. Only for an address that they reach
	// by TLS.
	Strict     time.Duration
	Subdomains bool // the same for every name below it

	ReadHeaderTimeout, WriteTimeout, IdleTimeout time.Duration
	// BodyWait is how long the next part of a body may take to arrive; default 30 s.
	BodyWait       time.Duration
	MaxHeaderBytes int
	ErrorLog       slog.Handler // gets what net/http complains of, at level debug; required
}

// Server is an http.Server with these bounds.
type Server struct{ *http.Server }

// New returns a server.
func New(c Config) *Server {
	if c.BodyWait == 0 {
		c.BodyWait = 30 * time.Second
	}
	s := &http.Server{
		Handler:           strict(bodies(c.Handler, c.BodyWait), c.Strict, c.Subdomains),
		ReadHeaderTimeout: c.ReadHeaderTimeout, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout,
		MaxHeaderBytes: c.MaxHeaderBytes, ErrorLog: slog.NewLogLogger(c.ErrorLog, slog.LevelDebug),
	}
	if c.Certificate != nil {
		// 1.3 where the client has it. Suites and curves are Go's, which change with what is known of them; whoever pins
		// them here keeps them too long.
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.Certificate.get}
	}
	return &Server{s}
}

// Serve accepts connections until the server is shut down. With TLS it speaks HTTP/2 as well.
func (s *Server) Serve(l net.Listener) error {
	if s.TLSConfig == nil {
		return s.Server.Serve(l)
	}
	return s.ServeTLS(l, "", "")
}
