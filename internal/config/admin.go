package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func (a Admin) validate(need func(ok bool, field, message string), public string) {
	need(a.SessionIdle <= a.SessionLife, "admin.session_idle", "must not be above admin.session_life")
	for _, origin := range a.PayloadOrigins {
		u, err := url.Parse(origin)
		need(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && origin == u.Scheme+"://"+strings.ToLower(u.Host),
			"admin.payload_origins", "must be a list of origins: scheme and host, and the port if it is not the scheme's own, such as https://temporal.example.com")
	}
	o := a.OIDC
	if o.Issuer == "" {
		return
	}
	need(o.ClientID != "", "admin.oidc.client_id", "must be what the provider calls this program")
	need(public != "", "http.public_url", "must be set for admin.oidc: the provider leads browsers back there")
	need(slices.Contains(o.Scopes, "openid"), "admin.oidc.scopes", "must contain openid")
	need(o.Claim != "", "admin.oidc.claim", "must name the claim that lists a person's groups")
	need(len(o.Roles) > 0, "admin.oidc.roles", "must give at least one group a role, or nobody gets in")
	if _, err := o.Groups(); err != nil {
		need(false, "admin.oidc.roles", err.Error())
	}
}

// GroupRole is the role of a group at the identity provider.
type GroupRole struct{ Group, Role string }

// Groups are the groups that have a role, in order.
func (o OIDC) Groups() ([]GroupRole, error) {
	roles := []string{"viewer", "reviewer", "operator", "auditor", "admin"}
	var all []GroupRole
	for _, text := range o.Roles {
		i := strings.LastIndex(text, "=") // a group may be a distinguished name, with signs of equality of its own
		if i < 1 {
			return nil, errors.New("must be a list of GROUP=ROLE")
		}
		g := GroupRole{strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:])}
		if !slices.Contains(roles, g.Role) {
			return nil, fmt.Errorf("must end in one of %s: %q does not", strings.Join(roles, ", "), text)
		}
		all = append(all, g)
	}
	return all, nil
}

// DisplayName is what the button calls the provider.
func (o OIDC) DisplayName() string {
	if o.Name != "" {
		return o.Name
	}
	if u, err := url.Parse(o.Issuer); err == nil {
		return u.Hostname()
	}
	return o.Issuer
}
