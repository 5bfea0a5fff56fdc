package policy

import "time"

// Kind is what sort of holder an account has.
type Kind string

const (
	KindIndividual Kind = "individual"
	KindEnterprise Kind = "enterprise"
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{KindIndividual, KindEnterprise} }

// Valid reports whether k is one of Kinds.
func (k Kind) Valid() bool { return k == KindIndividual || k == KindEnterprise }

// Account is what the rules need to know of a merchant account.
type Account struct {
	ID           string
	Kind         Kind
	Region       string // ISO 3166-1 alpha-2 in capitals; CN is mainland China
	RegisteredAt time.Time
	ClosedAt     time.Time // zero while the account is open
}

// Closed reports whether the account is closed at the instant. Decide does not ask: see the package essay.
func (a Account) Closed(at time.Time) bool {
	return !a.ClosedAt.IsZero() && !at.Before(a.ClosedAt)
}

// Extension is a later enforcement instant for one account. It counts from GrantedAt (included) to Until
// (excluded); one that ends no later than it was granted never counts.
type Extension struct {
	ID        string
	AccountID string
	RuleID    string // "" extends every rule
	Until     time.Time
	GrantedAt time.Time // zero counts from always
}

// moves reports whether e has been granted by the instant and postpones the rule for the account at all.
func (e *Extension) moves(account, rule string, at moment) bool {
	return e.concerns(account, rule) && !at.before(momentOf(e.GrantedAt))
}

func (e *Extension) concerns(account, rule string) bool {
	return (e.RuleID == "" || e.RuleID == rule) && e.AccountID == account && e.GrantedAt.Before(e.Until)
}
