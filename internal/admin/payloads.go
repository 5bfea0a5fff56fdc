package admin

import (
	"errors"
	"net/http"
	"slices"

	"github.com/verigate/verigate/internal/api"
)

// payloadHeaders are what Temporal's web UI sends to its codec server.
const payloadHeaders = "Content-Type, X-Namespace"

// Payloads lets Temporal's web UI, which knows nobody, show payloads in clear to whoever is signed in here in the same
// browser and may see them. It is the one place that another origin may speak to with the session's cookie: only
// origins that are named, only to decrypt, and what it answers to any other origin no page there can read. Programs
// send no origin and bring a key; they are the API's.
func (s *Server) Payloads() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		switch {
		case origin == "":
			s.cfg.API.ServeHTTP(w, r)
		case len(r.Header.Values("Origin")) > 1 || !slices.Contains(s.cfg.PayloadOrigins, origin):
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusForbidden)
		default:
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Vary", "Origin")
			h.Set("Cache-Control", "no-store")
			s.payloadsFor(w, r)
		}
	})
}

// payloadsFor answers a page of the web UI.
func (s *Server) payloadsFor(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", payloadHeaders)
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	// The UI asks for itself whatever its reader does, so asking keeps no session alive.
	person, err := s.cfg.Sessions.Person(r.Context(), r, true)
	switch {
	case errors.Is(err, ErrSignedOut):
		w.WriteHeader(http.StatusUnauthorized)
	case err != nil:
		s.cfg.Logger.WarnContext(r.Context(), "payloads: nobody knows who asks", "error", err)
		w.WriteHeader(http.StatusServiceUnavailable)
	case !person.Role.Allows(api.WorkflowsRead):
		w.WriteHeader(http.StatusForbidden)
	default:
		s.cfg.API.ServeHTTP(w, api.As(r, api.Principal{ID: person.ID, Role: person.Role}))
	}
}
