package app

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/verigate/verigate/internal/access"
	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/admin"
)

// newAdmin makes the admin pages over the API, nil if they are turned off.
func (a *App) newAdmin(behind http.Handler) (http.Handler, error) {
	c := a.config.Admin
	if !c.Enabled {
		return nil, nil //nolint:nilnil // no pages and no fault: the setting says so
	}
	https := strings.HasPrefix(a.config.HTTP.PublicURL, "https://")
	entrance, err := access.New(access.Config{
		Store: a.store, Hasher: password.NewHasher(password.Standard()), Now: a.clock.Now, Logger: a.log,
		Idle: c.SessionIdle, Life: c.SessionLife, HTTPS: https, Passwords: c.Passwords,
	})
	if err != nil {
		return nil, err
	}
	pages, err := admin.New(admin.Config{
		API: behind, Sessions: entrance, Entrance: entrance, Title: c.SignInTitle, Now: a.clock.Now, Logger: a.log, HTTPS: https,
		TemporalUI: a.workflowsAt(),
	})
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	a.Admin = a.API + "/admin/"
	return pages, nil
}

// workflowsAt is where Temporal's web UI shows the workflows of the namespace, empty if there is none.
func (a *App) workflowsAt() string {
	base := a.config.Admin.TemporalUI
	if base == "" {
		base = a.TemporalUI
	}
	if base == "" {
		return ""
	}
	return strings.TrimSuffix(base, "/") + "/namespaces/" + url.PathEscape(a.config.Temporal.Namespace)
}

// withAdmin divides the addresses of the one server; without pages everything is the rest's.
func withAdmin(pages, rest http.Handler) http.Handler {
	if pages == nil {
		return rest
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/admin" || strings.HasPrefix(r.URL.Path, "/admin/") {
			pages.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}
