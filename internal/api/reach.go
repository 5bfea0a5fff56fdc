package api

import (
	"strings"

	"github.com/verigate/verigate/internal/store"
)

// Reach is what an operation touches of accounts, and so what a key that is bound to some of them may do with it.
type Reach string

const (
	// ReachAccount: the one that the path names. To a bound key every other one is one that is not there.
	ReachAccount Reach = "account"
	// ReachOwn: many, or one that only the operation finds out. It sees to it that a bound key meets none but its own.
	ReachOwn Reach = "own"
	// ReachNone: nothing of any account.
	ReachNone Reach = "none"
	// ReachAll: all of them, or the deployment. Closed to bound keys; so is every operation that does not say what it
	// touches.
	ReachAll Reach = "all"
)

// reaches is the reach of an operation as it is served.
func (op *operation) reaches() Reach {
	switch {
	case op.reach != "":
		return op.reach
	case strings.Contains(op.path, "{account_id}"):
		return ReachAccount
	case len(op.scopes) == 0:
		return ReachNone // a token is the right, or there is nothing to see
	default:
		return ReachAll
	}
}

// CodeKeyBound refuses what a key that is bound to accounts may not do.
const CodeKeyBound Code = "key_bound"

// within lets a bound key no further than to its accounts. A foreign account is answered like one that is not there,
// before anything is read of it, so that neither words nor time tell the two apart.
func (c *call) within() error {
	set := c.key.Accounts
	if !set.Bound() {
		return nil
	}
	switch c.op.reaches() {
	case ReachAccount:
		if !set.Has(c.account) {
			return store.ErrNotFound
		}
		return nil
	case ReachOwn, ReachNone:
		return nil
	case ReachAll:
		return problem(CodeKeyBound)
	default:
		return problem(CodeKeyBound)
	}
}
