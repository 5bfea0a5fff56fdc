// Package requestid names each request, so that what a caller saw is found again in logs, traces and the audit log.
package requestid

import (
	"context"
	"net/http"
	"regexp"

	"github.com/google/uuid"
)

// Header carries the name, in requests of trusted proxies and in every answer.
const Header = "X-Request-Id"

// form is what a proxy may call a request: enough for the ids of all usual proxies, and nothing that breaks a log line.
var form = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

type key struct{}

// With returns a context of the request of that name.
func With(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) }

// Of returns the name of the request that a context belongs to, "" for none.
func Of(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// New makes a name.
func New() string { return uuid.NewString() }

// Handler names the requests that next answers, and says the name in the answer. A name that comes with a request counts
// only if trusted says so of who sent it: anybody else could write another's name into the audit log.
func Handler(next http.Handler, trusted func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ""
		if sent := r.Header.Values(Header); len(sent) == 1 && form.MatchString(sent[0]) && trusted(r) {
			id = sent[0]
		}
		if id == "" {
			id = New()
		}
		w.Header().Set(Header, id)
		next.ServeHTTP(w, r.WithContext(With(r.Context(), id)))
	})
}
