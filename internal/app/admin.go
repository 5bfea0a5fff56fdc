package app

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/verigate/verigate/internal/access"
	"github.com/verigate/verigate/internal/access/password"
	"github.com/verigate/verigate/internal/admin"
	"github.com/verigate/verigate/internal/api"
	"github.com/verigate/verigate/internal/border"
)

// newAdmin makes the admin pages over the API, nil if they are turned off.
func (a *App) newAdmin(behind http.Handler) (*admin.Server, error) {
	c := a.config.Admin
	if !c.Enabled {
		return nil, nil //nolint:nilnil // no pages and no fault: the setting says so
	}
	https := a.https()
	provider, err := a.identityProvider()
	if err != nil {
		return nil, err
	}
	entrance, err := access.New(access.Config{
		Store: a.store, Hasher: password.NewHasher(password.Standard()), Now: a.clock.Now, Logger: a.log,
		Idle: c.SessionIdle, Life: c.SessionLife, HTTPS: https, Passwords: c.Passwords, Provider: provider,
		Address: a.caller(), Audit: a.store,
	})
	if err != nil {
		return nil, err
	}
	pages, err := admin.New(admin.Config{
		API: behind, Sessions: entrance, Entrance: entrance, Title: c.SignInTitle, Now: a.clock.Now, Logger: a.log, HTTPS: https,
		TemporalUI: a.workflowsAt(), PayloadOrigins: a.payloadOrigins(),
	})
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	a.Admin = a.API + "/admin/"
	return pages, nil
}

// caller tells the address of who sent a request.
func (a *App) caller() func(*http.Request) string {
	proxies, _ := a.config.HTTP.Proxies() // validated with the configuration
	return border.CallerBehind(proxies)
}

// identityProvider is where people may sign in, nil if no provider is configured.
func (a *App) identityProvider() (*access.Provider, error) {
	o := a.config.Admin.OIDC
	if o.Issuer == "" {
		return nil, nil //nolint:nilnil // no provider and no fault: the setting says so
	}
	groups, err := o.Groups()
	if err != nil {
		return nil, fmt.Errorf("admin.oidc.roles: %w", err)
	}
	roles := make([]access.GroupRole, len(groups))
	for i, g := range groups {
		roles[i] = access.GroupRole{Group: g.Group, Role: api.Role(g.Role)}
	}
	return access.NewProvider(access.ProviderConfig{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Name: o.DisplayName(), Scopes: o.Scopes, Claim: o.Claim,
		Roles: roles, Now: a.clock.Now, ReturnURL: strings.TrimSuffix(a.config.HTTP.PublicURL, "/") + "/admin/sign-in/return",
	})
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

// payloadOrigins are the web UIs that may have payloads opened.
func (a *App) payloadOrigins() []string {
	origins := slices.Clone(a.config.Admin.PayloadOrigins)
	for _, base := range []string{a.config.Admin.TemporalUI, a.TemporalUI} {
		if u, err := url.Parse(base); err == nil && u.Host != "" {
			origins = append(origins, u.Scheme+"://"+strings.ToLower(u.Host))
		}
	}
	return origins
}

// withAdmin divides the addresses of the one server; without pages everything is the rest's.
func withAdmin(pages *admin.Server, rest http.Handler) http.Handler {
	if pages == nil {
		return rest
	}
	payloads := pages.Payloads()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.PayloadsPath {
			payloads.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/admin" || strings.HasPrefix(r.URL.Path, "/admin/") {
			pages.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}
