package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/verigate/verigate/internal/store"
)

// Role is what a person of the operator may do: a name for a set of scopes.
type Role string

const (
	RoleViewer   Role = "viewer"   // looks, and sees nobody's number
	RoleReviewer Role = "reviewer" // decides reviews
	RoleOperator Role = "operator" // rules: policies, sweeps, extensions, webhooks
	RoleAuditor  Role = "auditor"  // reads the logs
	RoleAdmin    Role = "admin"    // everything, operators and keys among it
)

// Roles lists every role, the least first.
func Roles() []Role { return []Role{RoleViewer, RoleReviewer, RoleOperator, RoleAuditor, RoleAdmin} }

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Scopes are what a role opens, the same for the admin pages and for the API behind them. An unknown role opens nothing.
func (r Role) Scopes() []Scope {
	look := []Scope{VerificationsRead, DecisionsRead}
	switch r {
	case RoleViewer:
		return look
	case RoleReviewer:
		return append(look, ReviewsWrite, IdentitiesRead)
	case RoleOperator:
		return append(look, PoliciesWrite, PoliciesApprove, ExtensionsWrite, SweepsWrite, WebhooksWrite, AccountsCorrect, WorkflowsRead)
	case RoleAuditor:
		return append(look, AuditRead, WorkflowsRead)
	case RoleAdmin:
		return []Scope{Admin}
	default:
		return nil
	}
}

// Allows reports whether a role opens what needs any of the scopes.
func (r Role) Allows(needs ...Scope) bool { return allows(texts(r.Scopes()), needs...) }

func texts(scopes []Scope) []string {
	all := make([]string, len(scopes))
	for i, s := range scopes {
		all[i] = string(s)
	}
	return all
}

// Principal is a person of the operator who was signed in elsewhere in this process.
type Principal struct {
	ID   string // opaque and lasting: it stands in logs as the actor, and two persons never share one
	Role Role
}

type principalKey struct{}

// As returns a request that is sent by a person instead of a key. Only code of this process can make one: no header of
// a request from outside does it.
func As(r *http.Request, p Principal) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
}

// person is the key of a request that As made.
func person(r *http.Request) (store.Key, bool, error) {
	p, ok := r.Context().Value(principalKey{}).(Principal)
	if !ok {
		return store.Key{}, false, nil
	}
	if p.ID == "" || !p.Role.Valid() {
		return store.Key{}, false, fmt.Errorf("api: principal without an id, or of the unknown role %q", p.Role)
	}
	return store.Key{ID: p.ID, Scopes: texts(p.Role.Scopes())}, true, nil
}
