package page

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
)

// contentPolicy lets a page load our own style, script and pictures, send forms to us, and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

// Secure sets the headers that keep a page to itself: nothing of others is loaded, nobody frames it, no cache keeps it,
// no address of it is told to others.
func Secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// Recover is deferred by a handler: a panic is logged without what was thrown, which may hold anything, and answered
// by broken.
func Recover(r *http.Request, log *slog.Logger, broken func()) {
	thrown := recover()
	switch {
	case thrown == nil:
	case thrown == http.ErrAbortHandler: //nolint:errorlint // compared as net/http does
		panic(thrown)
	default:
		log.ErrorContext(r.Context(), "panic", "stack", string(debug.Stack()))
		broken()
	}
}

// Write answers a page that was drawn.
func Write(w http.ResponseWriter, status int, lang *Catalogue, content []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang.Tag())
	h.Add("Vary", "Accept-Language, Cookie")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	_, _ = w.Write(content) // the reader is gone; there is nobody to tell
}
