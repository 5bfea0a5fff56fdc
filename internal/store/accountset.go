package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/verigate/verigate/workflows/contract"
)

// AccountSet is the accounts that somebody may reach: ids, and beginnings of ids that end in *. An empty set bounds
// nothing.
type AccountSet []string

// MaxAccountSet bounds the entries of a set. Each one is a condition of every list that is read under it.
const MaxAccountSet = 100

// Bound reports whether the set bounds anything.
func (s AccountSet) Bound() bool { return len(s) > 0 }

// Has reports whether an account may be reached.
func (s AccountSet) Has(accountID string) bool {
	return len(s) == 0 || slices.ContainsFunc(s, func(entry string) bool {
		if prefix, ok := strings.CutSuffix(entry, "*"); ok {
			return strings.HasPrefix(accountID, prefix)
		}
		return accountID == entry
	})
}

// Check returns ErrInvalid for a set with too many entries, with one twice, or with one that is neither an id nor the
// beginning of one. The entry is not repeated.
func (s AccountSet) Check() error {
	if len(s) > MaxAccountSet {
		return fmt.Errorf("%w: accounts must have at most %d entries; use the beginnings of ids, as shop-*", ErrInvalid, MaxAccountSet)
	}
	for i, entry := range s {
		if contract.CheckAccountID(strings.TrimSuffix(entry, "*")) != nil {
			return fmt.Errorf("%w: accounts must be ids, or beginnings of ids with * behind them, as shop-*", ErrInvalid)
		}
		if slices.Contains(s[:i], entry) {
			return fmt.Errorf("%w: accounts must name each entry once", ErrInvalid)
		}
	}
	return nil
}
