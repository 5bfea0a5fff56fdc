package api

import "slices"

// Scope is what an API key may do.
type Scope string

const (
	AccountsWrite      Scope = "accounts:write"      // register accounts
	AccountsCorrect    Scope = "accounts:correct"    // change facts of known accounts, correct by support: both can lift a block
	DecisionsRead      Scope = "decisions:read"      // ask the gate
	VerificationsWrite Scope = "verifications:write" // report logins, send merchants' commands
	VerificationsRead  Scope = "verifications:read"
	ReviewsWrite       Scope = "reviews:write"    // decide reviews, unlock, revoke
	PoliciesWrite      Scope = "policies:write"   // propose, withdraw and brake policies
	PoliciesApprove    Scope = "policies:approve" // approve and reject what others proposed, and extensions
	ExtensionsWrite    Scope = "extensions:write" // ask for extensions
	SweepsWrite        Scope = "sweeps:write"
	WebhooksWrite      Scope = "webhooks:write"   // add, change and try out webhooks, deliver again
	IdentitiesRead     Scope = "identities:read"  // see names, numbers and evidence as they are; every look is audited
	IdentitiesErase    Scope = "identities:erase" // erase personal data, for good
	AuditRead          Scope = "audit:read"
	WorkflowsRead      Scope = "workflows:read" // see payloads of workflows in clear
	Admin              Scope = "admin"          // everything
)

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{
		AccountsWrite, AccountsCorrect, DecisionsRead, VerificationsWrite, VerificationsRead, ReviewsWrite,
		PoliciesWrite, PoliciesApprove, ExtensionsWrite, SweepsWrite, WebhooksWrite, IdentitiesRead, IdentitiesErase, AuditRead, WorkflowsRead, Admin,
	}
}

// Valid reports whether s is one of Scopes.
func (s Scope) Valid() bool { return slices.Contains(Scopes(), s) }

// allows reports whether a key with the scopes it has may do what needs any of those.
func allows(has []string, needs ...Scope) bool {
	return slices.Contains(has, string(Admin)) ||
		slices.ContainsFunc(needs, func(s Scope) bool { return slices.Contains(has, string(s)) })
}
