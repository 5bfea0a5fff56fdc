package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/verigate/verigate/internal/api"
)

// ProviderConfig describes an identity provider that speaks OpenID Connect. All fields without a default are required.
type ProviderConfig struct {
	Issuer       string // as the provider's discovery document names it
	ClientID     string
	ClientSecret string // empty for a public client
	ReturnURL    string // to which the provider leads browsers back
	Name         string // of the button
	Scopes       []string
	Claim        string      // of the ID token, with dots between the names of nested objects
	Roles        []GroupRole // of several that fit, the first counts
	Now          func() time.Time
	Client       *http.Client // default: one that waits ten seconds
}

// GroupRole is the role of a group at the provider.
type GroupRole struct {
	Group string
	Role  api.Role
}

// Provider is an identity provider. It is asked for its addresses when somebody first signs in, so that this program
// starts, and people with passwords get in, while it is away.
type Provider struct {
	cfg ProviderConfig

	mu    sync.Mutex
	known *oidc.Provider
}

// patience is how long the provider may take for one answer.
const patience = 10 * time.Second

// NewProvider returns a provider; it asks nothing yet.
func NewProvider(cfg ProviderConfig) (*Provider, error) {
	for name, missing := range map[string]bool{
		"Issuer": cfg.Issuer == "", "ClientID": cfg.ClientID == "", "ReturnURL": cfg.ReturnURL == "", "Name": cfg.Name == "",
		"Claim": cfg.Claim == "", "Roles": len(cfg.Roles) == 0, "Now": cfg.Now == nil,
	} {
		if missing {
			return nil, errors.New("access: " + name + " of the identity provider is required")
		}
	}
	for _, g := range cfg.Roles {
		if !g.Role.Valid() {
			return nil, fmt.Errorf("access: role %q of group %q is not one of %v", g.Role, g.Group, api.Roles())
		}
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: patience}
	}
	return &Provider{cfg: cfg}, nil
}

// discover returns the provider's addresses and keys, asked for once.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		known, err := oidc.NewProvider(p.reach(ctx), p.cfg.Issuer)
		if err != nil {
			return nil, fmt.Errorf("access: identity provider: %w", err)
		}
		p.known = known
	}
	return p.known, nil
}

// reach is a context in which the provider is asked by our client.
func (p *Provider) reach(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.cfg.Client)
}

func (p *Provider) client(known *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, RedirectURL: p.cfg.ReturnURL, Endpoint: known.Endpoint(), Scopes: p.cfg.Scopes,
	}
}

// way is a sign-in that is under way: what binds the provider's answer to the browser that asked.
type way struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE
	Back     string `json:"b,omitempty"`
	Ends     int64  `json:"e"` // seconds since 1970
}

// begin returns where to send the browser.
func (p *Provider) begin(ctx context.Context, w way) (string, error) {
	known, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return p.client(known).AuthCodeURL(w.State, oidc.Nonce(w.Nonce), oauth2.S256ChallengeOption(w.Verifier)), nil
}

// identity is who the provider says somebody is.
type identity struct {
	Issuer, Subject, Name string
	Role                  api.Role // empty: none of the groups has a role
}

// errProof means that what the provider sent proves nobody's identity.
var errProof = errors.New("access: the identity provider's answer proves nothing")

// redeem exchanges the code for an ID token and checks it: signature, issuer, audience and expiry by the library, the
// nonce here.
func (p *Provider) redeem(ctx context.Context, w way, code string) (identity, error) {
	known, err := p.discover(ctx)
	if err != nil {
		return identity{}, err
	}
	ctx = p.reach(ctx)
	token, err := p.client(known).Exchange(ctx, code, oauth2.VerifierOption(w.Verifier))
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError {
		return identity{}, fmt.Errorf("%w: the code was refused", errProof)
	}
	if err != nil {
		return identity{}, errors.New("access: the identity provider does not answer") // the cause may quote tokens
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return identity{}, fmt.Errorf("%w: there is no ID token", errProof)
	}
	checked, err := known.VerifierContext(ctx, &oidc.Config{ClientID: p.cfg.ClientID, Now: p.cfg.Now}).Verify(ctx, raw)
	switch {
	case err != nil:
		return identity{}, fmt.Errorf("%w: the ID token is not valid", errProof)
	case w.Nonce == "" || checked.Nonce != w.Nonce:
		return identity{}, fmt.Errorf("%w: the ID token was made for another sign-in", errProof)
	}
	return p.identity(checked)
}

// identity reads the claims of a checked token. Who it is says the subject alone: names and addresses can be changed by
// their owners.
func (p *Provider) identity(token *oidc.IDToken) (identity, error) {
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil || token.Subject == "" {
		return identity{}, fmt.Errorf("%w: its claims cannot be read", errProof)
	}
	return identity{Issuer: token.Issuer, Subject: token.Subject, Name: nameIn(claims), Role: p.roleOf(groupsIn(claims, p.cfg.Claim))}, nil
}

func (p *Provider) roleOf(groups []string) api.Role {
	for _, g := range p.cfg.Roles {
		if slices.Contains(groups, g.Group) {
			return g.Role
		}
	}
	return ""
}

// groupsIn are the texts of a claim: a list, or one alone. The claim may be named as a whole, dots and all (some
// providers name theirs by an address), or lie in objects.
func groupsIn(claims map[string]any, path string) []string {
	value, ok := claims[path]
	if !ok {
		value = within(claims, strings.Split(path, "."))
	}
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, entry := range v {
			if text, ok := entry.(string); ok {
				all = append(all, text)
			}
		}
		return all
	default:
		return nil
	}
}

func within(claims map[string]any, path []string) any {
	value, ok := claims[path[0]]
	if !ok || len(path) == 1 {
		return value
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	return within(object, path[1:])
}

// nameIn is what to greet somebody with, as far as the provider vouches for it.
func nameIn(claims map[string]any) string {
	text := func(claim string) string {
		value, _ := claims[claim].(string)
		return plainName(value)
	}
	name := text("name")
	if name == "" {
		name = text("preferred_username")
	}
	if verified, _ := claims["email_verified"].(bool); name == "" && verified {
		name = text("email")
	}
	if name == "" {
		name = text("sub")
	}
	return name
}
