package telemetry

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Routes turns the path of a request into the route that it took. Only words of known routes are kept, so an account
// id, a token or whatever a scanner tries never reaches a log or a metric.
type Routes struct{ words map[string]bool }

// NewRoutes knows routes such as /v1/accounts/{account_id}/decisions.
func NewRoutes(patterns ...string) Routes {
	r := Routes{map[string]bool{}}
	r.Learn(patterns...)
	return r
}

// Learn adds the words of routes, also to copies of r. It must be done before the first request.
func (r Routes) Learn(patterns ...string) {
	for _, p := range patterns {
		for part := range strings.SplitSeq(p, "/") {
			if !strings.ContainsAny(part, "{}") {
				r.words[part] = true
			}
		}
	}
}

// maxParts bounds the length of a route.
const maxParts = 8

// Of returns the route of a path, with {} for every part that no route has.
func (r Routes) Of(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) > maxParts {
		return "/{}…"
	}
	for i, part := range parts {
		if !r.words[part] {
			parts[i] = "{}"
		}
	}
	return "/" + strings.Join(parts, "/")
}

// LogRequests writes one line a request after it was answered: method, route, status, size, duration. Answers that
// are the server's fault are warnings; the rest is for debugging, because the gate answers thousands a second.
func LogRequests(next http.Handler, log *slog.Logger, routes Routes, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !log.Enabled(r.Context(), slog.LevelWarn) {
			next.ServeHTTP(w, r)
			return
		}
		begun := now()
		seen := &observed{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			level := slog.LevelDebug
			if seen.status >= http.StatusInternalServerError {
				level = slog.LevelWarn
			}
			log.LogAttrs(r.Context(), level, "request",
				slog.String("method", method(r.Method)), slog.String("route", routes.Of(r.URL.Path)),
				slog.Int("status", seen.status), slog.Int64("bytes", seen.bytes), slog.Duration("took", now().Sub(begun)))
		}()
		next.ServeHTTP(seen, r)
	})
}

// method keeps what a client may write into that place from the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	default:
		return "other"
	}
}

// observed sees status and size of an answer and lets everything else through.
type observed struct {
	http.ResponseWriter
	status  int
	bytes   int64
	written bool
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *observed) WriteHeader(status int) {
	if !o.written && status >= http.StatusOK { // an informational answer is not the answer
		o.status, o.written = status, true
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(b []byte) (int, error) {
	o.written = true
	n, err := o.ResponseWriter.Write(b)
	o.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (o *observed) Flush() { _ = http.NewResponseController(o.ResponseWriter).Flush() }
