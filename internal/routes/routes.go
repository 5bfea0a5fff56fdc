package routes

import (
	"net/http"
	"slices"
	"strings"
)

// Who says who may send a request.
type Who string

const (
	// Everybody: there is nothing of anybody to see or to do.
	Everybody Who = "everybody"
	// Holder: whoever has the token in the address. It says what it is for and is bound to one link, lease or attempt.
	Holder Who = "holder of the token"
	// Merchant: a browser with a session of the account, from a one-time link.
	Merchant Who = "merchant's session"
	// Key: an API key, or a person of the operator, with any of the scopes.
	Key Who = "API key"
	// Person: somebody of the operator who is signed in and whose role opens any of the scopes.
	Person Who = "signed-in person"
	// Network: whoever reaches the address, which is to be kept from the outside.
	Network Who = "inner network"
)

// Route is a row.
type Route struct {
	Method, Path string
	Who          Who
	Scopes       []string // any of them
	Roles        []string // of a person
	Reach        string   // of a key that is bound to accounts
	Audited      bool
}

// Mux is an http.ServeMux that knows what was registered.
type Mux struct {
	mux      http.ServeMux
	patterns []string
}

// HandleFunc registers a handler, as http.ServeMux does.
func (m *Mux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	m.patterns = append(m.patterns, pattern)
	m.mux.HandleFunc(pattern, handler)
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// Routes are the rows of what was registered, by path. What has no method answers that there is nothing, or another
// method, and is left out. rule fills in the rest of a row.
func (m *Mux) Routes(rule func(*Route)) []Route {
	var all []Route
	for _, pattern := range m.patterns {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			continue
		}
		r := Route{Method: method, Path: path}
		rule(&r)
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Route) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return all
}
