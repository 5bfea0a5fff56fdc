package store

import (
	"context"
	"time"

	"github.com/verigate/verigate/workflows/lifecycle"
	"github.com/verigate/verigate/workflows/policy"
)

// AccountSort is the order of a list of accounts. Accounts of one instant are by account id, backwards where the order is.
type AccountSort string

const (
	// SortAccountID is by account id, ascending.
	SortAccountID AccountSort = "account_id"
	// SortChanged is by the last change, the newest first.
	SortChanged AccountSort = "changed"
	// SortRegistered is by registration, the newest first.
	SortRegistered AccountSort = "registered"
)

// AccountSorts lists every order.
func AccountSorts() []AccountSort { return []AccountSort{SortAccountID, SortChanged, SortRegistered} }

// ListExtension says which extension an account of a list has.
type ListExtension string

const (
	// ExtensionRunning: one is approved and has not ended.
	ExtensionRunning ListExtension = "running"
	// ExtensionAsked: one is requested and has not lapsed.
	ExtensionAsked ListExtension = "requested"
)

// ListExtensions lists every value.
func ListExtensions() []ListExtension { return []ListExtension{ExtensionRunning, ExtensionAsked} }

// AccountFilter selects accounts for a list; empty fields do not filter.
type AccountFilter struct {
	States     []lifecycle.State // any of them
	Turn       lifecycle.Turn
	Cohorts    []policy.Cohort // all of them cover the account
	Restricted *bool           // has an open restriction, or none
	Rule       string          // with Restricted true: of this rule
	Extension  ListExtension
	EndsBefore time.Time       // with Extension: the last of its extensions of that kind ends before
	Changed    policy.Interval // when it last changed
	Closed     *bool
	Prefix     string // that its id begins with
	Within     AccountSet
	Now        time.Time // the clock; required with Extension and Closed

	Sort  AccountSort // empty is SortAccountID
	After ListPlace   // of the last row of the page before
	Limit int         // 1 to 500
}

// ListPlace is where an account stands in a list.
type ListPlace struct {
	At time.Time // of the order; zero by account id
	ID string
}

// ListedAccount is an account in a list.
type ListedAccount struct {
	Facts
	Verification   lifecycle.Verification
	ChangedAt      time.Time // recording of the last entry of its log, or of its last version if that is later
	RestrictedBy   []string  // rules with an open restriction
	ExtendedUntil  time.Time // latest end of its approved extensions, which may have passed; zero if it has none
	RequestedUntil time.Time // the same of the requested ones
}

// Place is where the account stands in a list of that order.
func (a ListedAccount) Place(s AccountSort) ListPlace {
	switch s {
	case SortChanged:
		return ListPlace{At: a.ChangedAt, ID: a.Account.ID}
	case SortRegistered:
		return ListPlace{At: a.Account.RegisteredAt, ID: a.Account.ID}
	case SortAccountID:
		return ListPlace{ID: a.Account.ID}
	default:
		return ListPlace{ID: a.Account.ID}
	}
}

// Lists reads accounts page by page. Whoever walks through all pages sees every account that matches all the while
// exactly once, whatever changes meanwhile; with one exception: by the last change, an account that changes during the
// walk moves to the front, and is not met again behind it.
type Lists interface {
	ListAccounts(ctx context.Context, f AccountFilter) ([]ListedAccount, error)
}
